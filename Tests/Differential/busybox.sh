# busybox is linked for a fixed address: its children of the same program take turns with it.
seq 1 5 | while read x; do echo "n $x"; done
echo $(date +%Y | cut -c1)
x=$(echo one; (echo two; exit 3))
echo "$x $?"
for i in a b c; do (echo $i; exit 4); echo $?; done
busybox seq 3 | busybox sort -r | busybox tr '\n' ' '
echo
busybox sh -c 'busybox sh -c "echo deep; exit 7"; echo $?'
trap 'echo bye' EXIT
sleep 0.05 &
wait
busybox find /etc/apt -type d | busybox sort | busybox xargs busybox echo
