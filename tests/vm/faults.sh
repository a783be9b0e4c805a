# SPDX-License-Identifier: MIT
# faults.sh: guest script for a virtual machine with two CPUs, run as root with ./skbtape-record and ./traffic beside it.
# A CPU goes away and comes back, the clock jumps ahead and back, while packets go over a veth pair. Two tapes are left in
# /out (or $OUT), with what was sent; tests/vm/faults_judge.sh looks at them.
OUT=${OUT:-/out}
exec 2>&1
uname -r
ip link set lo up
ip netns add A
ip link add va type veth peer name vb netns A
ip addr add 10.78.0.1/24 dev va
ip link set va up
ip -n A addr add 10.78.0.2/24 dev vb
ip -n A link set vb up
ip neigh replace 10.78.0.2 lladdr "$(ip netns exec A cat /sys/class/net/vb/address)" dev va nud permanent
ip netns exec A ./traffic list 10.78.0.2 9000 8000000 0 >"$OUT/list" &
sleep 1

during() { # NAME CMD: while 3000 datagrams go out in about 6 s
	./skbtape-record -q -o "$OUT/$1.skbtape" -- sh -c "./traffic send 10.78.0.2 9000 3000 100 500 & sleep 2; $2; sleep 2; $3; wait"
	echo "$1: recorder ended with $?"
}
during cpu 'echo 0 >/sys/devices/system/cpu/cpu1/online; echo "CPU 1 off: $?"' 'echo 1 >/sys/devices/system/cpu/cpu1/online; echo "CPU 1 on: $?"'
during clock 'date -s @$(($(date +%s) + 3600)) >/dev/null; echo "clock ahead: $?"' 'date -s @$(($(date +%s) - 3600)) >/dev/null; echo "clock back: $?"'
for i in /sys/kernel/tracing/instances/skbtape-* /sys/kernel/debug/tracing/instances/skbtape-*; do [ -d "$i" ] && echo "not ok left $i"; done
dmesg | grep -e 'WARNING: CPU' -e 'BUG:' -e 'ring_buffer' && echo "not ok kernel log"
echo end
