"""subprocess as programs use it."""
import os, signal, subprocess, sys

print(subprocess.run(["echo", "one", "two words"], capture_output=True))
print(subprocess.check_output("echo $((6 * 7)); echo error >&2", shell=True, stderr=subprocess.STDOUT))
print(subprocess.run(["cat"], input=b"x" * 200000, capture_output=True).stdout.count(b"x"))
print(subprocess.run([sys.executable, "-c", "import sys; sys.exit(sum(range(10)))"]).returncode)
print(subprocess.run(["sh", "-c", "kill -SEGV $$"]).returncode)
for bad in (["/does/not/exist"], ["/etc/passwd"], ["/etc"]):
    try:
        subprocess.run(bad)
    except OSError as e:
        print(type(e).__name__, e.errno, e.filename)
try:
    subprocess.run(["sleep", "10"], timeout=0.2)
except subprocess.TimeoutExpired as e:
    print("timeout", e.cmd)
a = subprocess.Popen(["seq", "1", "1000"], stdout=subprocess.PIPE)
b = subprocess.Popen(["tail", "-2"], stdin=a.stdout, stdout=subprocess.PIPE)
a.stdout.close()
print(b.communicate()[0], a.wait())
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
for i in range(3):
    p.stdin.write("line %d\n" % i)
    print(p.stdout.readline(), end="")
p.terminate()
print(p.wait())
print(subprocess.run(["pwd"], cwd="/etc", capture_output=True, text=True).stdout.strip())
print(subprocess.run(["sh", "-c", "echo $A; ulimit -n"], env={"A": "b"}, capture_output=True, preexec_fn=lambda: __import__("resource").setrlimit(7, (99, 99))))
print(subprocess.run(["sh", "-c", "echo $(($(ps -o pid= -p $$ | wc -l)))"], start_new_session=True, capture_output=True).returncode)
r, w = os.pipe()
print(subprocess.run(["sh", "-c", "echo through >&%d" % w], pass_fds=[w]).returncode, os.read(r, 100))
