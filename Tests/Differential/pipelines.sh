# Pipelines, command substitution, subshells, traps, background jobs, process substitution.
set -e
f() { for i in $(seq 1 20); do echo "line $i"; done; }
f | grep 1 | sort -r | head -5
x=$(f | wc -l)
echo "x=$x"
(cd /tmp; pwd; umask 077; touch a; stat -c %a a)
pwd
trap 'echo "trapped $?"' EXIT
{ sleep 0.05; echo background; } &
wait $!
cat <<E | tr a-z A-Z
here document
E
echo $(($(echo 4) + $(echo 5)))
diff <(echo a) <(echo b) || true
while read -r a b; do echo "$b-$a"; done < <(printf '1 2\n3 4\n')
exec 3< <(echo three)
cat <&3
coproc cat
echo hi >&"${COPROC[1]}"
read -r y <&"${COPROC[0]}"
echo "coprocess $y"
eval 'exec '"${COPROC[1]}"'>&-'
wait
(exit 3) || echo "subshell $?"
trap 'echo terminated' TERM
(kill -TERM $$)
echo after
printf '%s\n' a b c | xargs -n1 echo x
find /etc -maxdepth 1 -name 'host*' -exec echo {} \; | sort
echo 'BEGIN { "date +%Y" | getline y; print (y > 2000); system("echo from awk") }' > /tmp/a.awk
awk -f /tmp/a.awk
for i in 1 2 3; do (
  v=$i
  [ $i = 2 ] && sleep 0.02
  echo "subshell $v"
) & wait; done
seq 1 200000 | md5sum
yes | head -3
set -o pipefail
false | true || echo "pipefail $?"
/does/not/exist 2>/dev/null || echo "missing $?"
/etc/passwd 2>/dev/null || echo "not executable $?"
{ bash -c 'kill -9 $$' || echo "killed $?"; } 2>/dev/null
rm -f /tmp/fifo
mkfifo /tmp/fifo
for i in 1 2 3 4 5 6 7 8; do
  echo "through $i" >/tmp/fifo &
  cat /tmp/fifo
  wait
done
rm /tmp/fifo /tmp/a.awk /tmp/a
