# Sourced by Scripts/test, check and soak: runs steps one after the other and adds up what they say.
#
#   step NAME COMMAND...   runs COMMAND, which ends with a line "N passed, N failed, N skipped"
#   closing                prints the sum alone on the last line; its status says whether all went well
#
# A step that fails does not keep the others from running. What each said is in build/logs/NAME.log; what
# matters of a failure is said again at the end, where a truncated record of a run still shows it.

# A shell that was started with signals ignored, as in the background or by nohup, cannot undo that, and the programs under test
# would inherit it.
if [ -z "${SIGNALS_ARE_DEFAULT:-}" ]; then
  export SIGNALS_ARE_DEFAULT=1
  exec python3 -c 'import os, signal, sys
for number in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT: signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "Scripts/${0##*/}" "$@"
fi
set -o pipefail
passed=0 failed=0 skipped=0 failures=()
mkdir -p build/logs

step() {
  local name=$1 start=$SECONDS status=0 line
  shift
  echo "== $name"
  "$@" 2>&1 | tee "build/logs/$name.log" || status=$?
  line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "build/logs/$name.log" | tail -1) || true
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    skipped=$((skipped + BASH_REMATCH[3]))
    [ $status = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
  elif [ $status = 0 ]; then
    passed=$((passed + 1))  # a step that counts nothing counts as one
  else
    failed=$((failed + 1))
  fi
  [ $status = 0 ] || failures+=("$name")
  echo "== $name: $([ $status = 0 ] && echo ok || echo "FAILED ($status)") in $((SECONDS - start)) s"
}

closing() {
  local name
  for name in ${failures[@]+"${failures[@]}"}; do
    echo "== $name failed:"
    { grep -aE '^(FAIL|✘|error:|.*: error:|watch-tests:)' "build/logs/$name.log" || true; } | head -6 | cut -c1-300
    tail -6 "build/logs/$name.log" | cut -c1-300
  done
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ]
}
