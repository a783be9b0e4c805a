# SPDX-License-Identifier: MIT
# backends.sh: guest script for a virtual machine, run as root with ./skbtape-record and ./traffic (static: cc -static -D_GNU_SOURCE
# -o traffic tests/traffic.c) beside it. The same datagrams - to a closed port, and against a rule of nftables - are recorded at
# one time through tracefs and through perf; then once more as in a container: namespaces of its own, no tracefs, formats from a
# folder, nothing but the capabilities for perf and frames (needs util-linux's unshare and setpriv in /usr/bin). Everything is left in /out (or $OUT).
# On another machine: BUILD=build sh tests/vm/backends_judge.sh DIR
OUT=${OUT:-/out}
exec 2>&1
uname -r
ip link set lo up
A=skbt-vm-a B=skbt-vm-b N=300
ip netns add $A
ip netns add $B
ip link add va netns $A type veth peer name vb netns $B
ip -n $A addr add 10.78.0.1/24 dev va
ip -n $B addr add 10.78.0.2/24 dev vb
ip -n $A link set va up
ip -n $B link set vb up
ip -n $A neigh replace 10.78.0.2 lladdr "$(ip netns exec $B cat /sys/class/net/vb/address)" dev va nud permanent
ip -n $B neigh replace 10.78.0.1 lladdr "$(ip netns exec $A cat /sys/class/net/va/address)" dev vb nud permanent
ip netns exec $B nft 'add table inet f; add chain inet f in { type filter hook input priority 0; }; add rule inet f in udp dport 9003 counter drop'

for b in perf tracefs; do ./skbtape-record -q -b 16M --backend $b -o "$OUT/$b.skbtape" 2>"/tmp/$b" & eval $b=$!; done
until grep -q recording /tmp/perf && grep -q recording /tmp/tracefs; do sleep 0.2; done
for port in 9001 9003; do ip netns exec $A ./traffic send 10.78.0.2 $port $N 200 200; done
sleep 1
kill -INT "$perf" "$tracefs"
wait "$perf"
echo "perf ended with $?"
wait "$tracefs"
echo "tracefs ended with $?"

mkdir -p /tmp/formats
T=/sys/kernel/tracing
[ -d $T/events ] || mount -t tracefs none $T || T=/sys/kernel/debug/tracing
# busybox's cp -r takes them for links to each other
(cd $T && for f in events/*/*/format; do mkdir -p "/tmp/formats/${f%/*}" && cat "$f" >"/tmp/formats/$f"; done)
cp /proc/sys/kernel/random/boot_id /tmp/formats/
chmod -R a+rX /tmp/formats .
mkdir -m 777 /tmp/c
contained() { # CAPABILITIES PROGRAM...
	caps=-all,$1
	shift
	/usr/bin/unshare -m -p -n -f --mount-proc sh -c 'umount -l /sys/kernel/tracing /sys/kernel/debug 2>/dev/null; exec "$@"' sh /usr/bin/setpriv --reuid 65534 \
		--regid 65534 --clear-groups --bounding-set "$caps" --inh-caps "$caps" --ambient-caps "$caps" "$@"
}
cat /proc/sys/kernel/perf_event_paranoid
contained +net_raw ./skbtape-record --doctor --formats /tmp/formats >"$OUT/doctor.net_raw"
for cap in +perfmon +sys_admin; do # before Linux 5.8 there is no CAP_PERFMON
	contained $cap,+net_raw true 2>/dev/null || continue
	contained $cap,+net_raw ./skbtape-record --doctor >"$OUT/doctor.3" # as the distribution sets kernel.perf_event_paranoid
	echo 2 >/proc/sys/kernel/perf_event_paranoid
	contained $cap,+net_raw ./skbtape-record --doctor >"$OUT/doctor.bare"
	contained $cap,+net_raw ./skbtape-record --doctor --formats /tmp/formats >"$OUT/doctor.formats"
	contained $cap,+net_raw ./skbtape-record --formats /tmp/formats -b 1M -o /tmp/c/c.skbtape -d 8 2>/tmp/log &
	c=$!
	until grep -q recording /tmp/log; do sleep 0.2; done
	ip netns exec $A ./traffic send 10.78.0.2 9001 $N 200 200
	wait $c
	echo "container $cap ended with $?"
	cat /tmp/log
	cp /tmp/c/c.skbtape "$OUT/container.skbtape"
	break
done
echo end
