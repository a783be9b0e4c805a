#!/bin/sh
# SPDX-License-Identifier: MIT
# faults.sh: what happens to a recording when its world breaks, as a table (make faults): what was done, how the recorder and its tape ended, what
# was lost of what had been written, what was left behind. Takes several minutes. FAULTS="kill eio" runs only these.
# KILLS, IFACES, NETNS, SOCKETS, TRACKED: how many. LOCK: a file to hold while one fault runs. KERNEL: of the virtual machine
# in which a CPU is unplugged and the clock stepped (tests/vm/boot.sh).
. tests/lib.sh
live || { skip faults "$LIVE_WHY"; exit 0; }
command -v python3 >/dev/null || { skip faults "needs python3"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
net_up || { no faults "no namespaces"; exit 1; }
NC=skbt-$$-c
MANY=skbt-$$-m
KILLS=${KILLS:-100} IFACES=${IFACES:-10000} NETNS=${NETNS:-1000} SOCKETS=${SOCKETS:-100000} TRACKED=${TRACKED:-100000}
ALL="kill oom int term enospc eio pipe netns overrun ifaces namespaces sockets conntrack vm"
failed=0
trap 'ip netns del $NC 2>/dev/null; for n in $(ip netns list | sed -n "s/^\($MANY[^ ]*\).*/\1/p"); do ip netns del $n; done; rm -rf "$TMP"; net_down' EXIT
bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0
bg_wait sink || { no faults "sink"; exit 1; }
flood="ip netns exec $NA $TRAFFIC flood 10.77.0.2 9000"
steady="ip netns exec $NA taskset -c 0 $TRAFFIC send 10.77.0.2 9000" # COUNT SIZE PPS

# left: what a recorder should not leave: instances, processes
left() {
	_l=$(instances)
	for _p in $(pgrep -x skbtape-record) $(pgrep -x skbtape-guard); do
		[ "$(readlink "/proc/$_p/exe")" = "$(readlink -f "$RECORD")" ] && _l="$_l process $_p"
	done
	echo "${_l:-nothing}"
}
# row FAULT HAPPENED LOST GOOD
row() {
	_left=$(left)
	[ "$_left" = nothing ] && [ "$4" = 1 ] || failed=$((failed + 1))
	printf '%-34s | %-46s | %-46s | %-8s | %s\n' "$1" "$2" "$3" "$_left" "$([ "$_left" = nothing ] && [ "$4" = 1 ] && echo ok || echo 'NOT OK')"
}
# fact TAPE KEY: of what `skbtape info --json` says; analyze: status and database in $TMP/f.db
analyzed() {
	rm -f "$TMP/f.db"
	"$SKBTAPE" analyze -q "$1" -o "$TMP/f.db" 2>"$TMP/f.err"
	echo $?
}
fact() { q "$TMP/f.db" "SELECT value FROM tape WHERE key='$1'"; }
# behind TAPE: bytes after its last whole frame
behind() {
	python3 - "$1" <<'P'
import sys
b = open(sys.argv[1], "rb").read()
at = b.rfind(b"\x5b\x2a\x4d\x18\x30\0\0\0SKBTAPE1")   # the trailer of a frame, 56 bytes
end = at + 56 if at >= 0 and at + 56 <= len(b) else 0
print(len(b) - end)
P
}
balanced() { [ "$(fact events_decoded)" = "$(($(fact events_recorded) - $(fact events_lost)))" ]; }
count() { printf '%s events, %s frames' "$(fact events_decoded)" "$(fact frames)"; }

# yield: lets others have the lock for a moment in a long row
yield() {
	[ -z "${LOCK:-}" ] || { flock -u 9; sleep 1; flock 9; }
}

f_kill() {
	good=0 most=0 fl=
	for i in $(seq "$KILLS"); do
		if [ $((i % 25)) = 1 ]; then
			[ -z "$fl" ] || { kill $fl; wait $fl 2>/dev/null; yield; }
			$steady 100000000 200 3000 >/dev/null 2>&1 &
			fl=$!
		fi
		rm -f "$TMP/k.skbtape"
		"$RECORD" -q -o "$TMP/k.skbtape" 2>/dev/null &
		pid=$!
		sleep "$(awk -v i="$i" 'BEGIN{printf "%.3f", 0.01 + (i * 137 % 2000) / 1000}')"
		kill -9 $pid
		wait $pid 2>/dev/null
		[ -s "$TMP/k.skbtape" ] || { good=$((good + 1)); continue; }
		rc=$(analyzed "$TMP/k.skbtape")
		case $rc in
		3) good=$((good + 1)) ;;
		1) grep -q 'first frame' "$TMP/f.err" && good=$((good + 1)) ;;
		esac
		n=$(behind "$TMP/k.skbtape")
		[ "$n" -gt $most ] && most=$n
	done
	kill $fl 2>/dev/null
	wait $fl 2>/dev/null
	"$RECORD" -q -d 0.1 -o "$TMP/k.skbtape" 2>/dev/null
	row "kill -9 at $KILLS moments" "$good tapes readable up to the last whole frame" "at most $most bytes behind it; nothing before it" $((good == KILLS))
}
by_signal() {
	start_record "$TMP/log" -q -o "$TMP/s.skbtape" || return 1
	$steady 3000 200 3000 >/dev/null
	kill -"$1" $RECPID
	wait $RECPID
	rc=$?
	a=$(analyzed "$TMP/s.skbtape")
	good=0
	[ "$rc $a" = "0 0" ] && balanced && good=1
	row "SIG$1" "status $rc, whole tape: $(count)" "none: decoded = recorded - lost" $good
}
f_int() { by_signal INT; }
f_term() { by_signal TERM; }
f_enospc() {
	mkdir "$TMP/small"
	unshare -m sh -c "mount -t tmpfs -o size=4m none '$TMP/small' &&
		'$RECORD' -q -o '$TMP/small/t.skbtape' -- $flood 6 60000 >'$TMP/out' 2>'$TMP/log'; echo \$? >'$TMP/rc'; cp '$TMP/small/t.skbtape' '$TMP/full.skbtape'"
	a=$(analyzed "$TMP/full.skbtape")
	good=0
	case $a in 0 | 3) [ "$(cat "$TMP/rc")" = 1 ] && grep -qi space "$TMP/log" && [ "$(fact events_decoded)" -gt 1000 ] && good=1 ;; esac
	row "disk full (4 MiB)" "status $(cat "$TMP/rc"), says so; tape status $a: $(count)" "what came after; nothing of what was written" $good
}
f_eio() {
	command -v strace >/dev/null || { echo "EIO on the output: needs strace(1)"; return; }
	# the third write to the tape and all that follow
	strace -f -q -o "$TMP/strace" -P "$TMP/e.skbtape" -e inject=write,writev,pwrite64:error=EIO:when=3+ "$RECORD" -q -d 5 -o "$TMP/e.skbtape" 2>"$TMP/log"
	rc=$?
	a=$(analyzed "$TMP/e.skbtape")
	good=0
	[ "$rc $a" = "1 3" ] && grep -q -i 'input/output' "$TMP/log" && good=1
	row "EIO on the output" "status $rc, says so; tape status $a: $(count)" "what came after; nothing of what was written" $good
}
# the OOM killer takes the recorder; its guard, which is small, removes the tracing instance. How much memory it needs depends
# on how often it gets a CPU: less and less is given until it is too little.
f_oom() {
	for g in /sys/fs/cgroup/memory /sys/fs/cgroup; do
		[ -e "$g/memory.limit_in_bytes" ] && limit=memory.limit_in_bytes && break
		grep -qs memory "$g/cgroup.subtree_control" && limit=memory.max && break
		limit=
	done
	[ -n "$limit" ] || { echo "OOM of the recorder: needs a memory cgroup"; return; }
	mkdir "$g/$NC" || return
	[ ! -e "$g/$NC/memory.swap.max" ] || echo 0 >"$g/$NC/memory.swap.max"
	for given in ${OOM:-24M 16M 12M}; do
		echo "$given" >"$g/$NC/$limit" || return
		$flood 12 0 >/dev/null &
		fl=$!
		sh -c 'echo $$ >"$1/cgroup.procs"; exec "$2" -q -d 10 -o "$3"' sh "$g/$NC" "$RECORD" "$TMP/m.skbtape" 2>"$TMP/log"
		rc=$?
		kill $fl 2>/dev/null
		wait $fl 2>/dev/null
		[ $rc = 0 ] || break
		yield
	done
	sleep 1
	a=$(analyzed "$TMP/m.skbtape")
	good=0
	[ "$rc $a" = "137 3" ] && good=1
	row "OOM of the recorder ($given)" "killed ($rc); tape status $a: $(count)" "at most $(behind "$TMP/m.skbtape") bytes behind the last whole frame" $good
	rmdir "$g/$NC"
}
f_pipe() {
	{ "$RECORD" -q -o - -d 8 2>"$TMP/log"; echo $? >"$TMP/rc"; } | head -c 1200000 >"$TMP/pipe.skbtape"
	a=$(analyzed "$TMP/pipe.skbtape")
	good=0
	[ "$(cat "$TMP/rc") $a" = "1 3" ] && good=1
	row "closed pipe" "status $(cat "$TMP/rc"); tape status $a: $(count)" "what came after; nothing of what was written" $good
}
f_netns() {
	ip netns add $NC
	ip -n $NC link set lo up
	start_record "$TMP/log" -q -o "$TMP/n.skbtape" || return 1
	ip netns exec $NC "$TRAFFIC" send 127.0.0.1 9000 2000 200 4000 >/dev/null
	ip netns del $NC
	$steady 2000 200 2000 >/dev/null
	kill -INT $RECPID
	wait $RECPID
	rc=$?
	a=$(analyzed "$TMP/n.skbtape")
	sent=2000
	got=$(q "$TMP/f.db" "SELECT count(*) FROM frame WHERE netns='$NC' AND direction='out'")
	good=0
	[ "$rc $a" = "0 0" ] && balanced && [ "${got:-0}" -ge "${sent:-1}" ] && good=1
	row "namespace removed" "status $rc, whole tape: $(count)" "none: $got frames of $sent datagrams sent there" $good
}
f_overrun() {
	start_record "$TMP/log" -b 64K -o "$TMP/o.skbtape" || return 1
	$flood 3 0 >/dev/null
	kill -INT $RECPID
	wait $RECPID
	rc=$?
	a=$(analyzed "$TMP/o.skbtape")
	good=0
	[ "$rc $a" = "0 0" ] && balanced && [ "$(fact events_lost)" -gt 0 ] &&
		[ "$(fact events_lost)" = "$(q "$TMP/f.db" "SELECT sum(count) FROM quality WHERE kind='events-lost'")" ] && good=1
	row "ring overrun (64 KiB a CPU)" "status $rc, $(count)" "$(fact events_lost) events, counted by the kernel: all said" $good
}
# timed: a recording of 3 s beside what was made; its status in rc, its tape's in a, its cost in took
timed() {
	t0=$(date +%s%N)
	"$RECORD" -d 3 -o "$TMP/t.skbtape" 2>"$TMP/log"
	rc=$?
	s=$((($(date +%s%N) - t0) / 100000000))
	cost=$(sed -n 's/^own cost *//p' "$TMP/log")
	a=$(analyzed "$TMP/t.skbtape")
	took="$((s / 10)).$((s % 10)) s; $cost"
}
# prompt: SIGINT while the first snapshot is taken: how long until the end, in late; not good above 10 s
prompt() {
	"$RECORD" -q -o "$TMP/p.skbtape" 2>"$TMP/log" &
	_pid=$!
	sleep 0.5
	t0=$(date +%s%N)
	kill -INT $_pid
	wait $_pid
	[ $? = 0 ] || good=0
	s=$((($(date +%s%N) - t0) / 100000000))
	late="$((s / 10)).$((s % 10)) s"
	[ $s -le 100 ] || good=0
}
f_ifaces() {
	ip netns add $NC
	i=0
	while [ $i -lt $((IFACES / 2)) ]; do
		echo "link add a$i type veth peer name b$i"
		i=$((i + 1))
	done | ip -n $NC -batch - 2>"$TMP/err"
	made=$(ip -n $NC -br link | wc -l)
	timed
	seen=$(q "$TMP/f.db" "SELECT count(*) FROM netdev WHERE netns='$NC'")
	good=0
	case $rc in 0 | 3) [ "$seen" = "$made" ] && good=1 ;; esac
	said=$(q "$TMP/f.db" "SELECT count(*) FROM quality WHERE kind IN ('limit','slow-source')")
	prompt
	row "$made interfaces" "-d 3 took $took; SIGINT at its start: $late" "tape status $a; $seen of them on the tape; $said notes on limits" $good
	ip netns del $NC
}
f_namespaces() {
	i=0
	while [ $i -lt "$NETNS" ]; do
		ip netns add $MANY$i
		i=$((i + 1))
	done
	made=$(ip netns list | grep -c "^$MANY")
	timed
	seen=$(q "$TMP/f.db" "SELECT count(*) FROM netns WHERE name LIKE '$MANY%'")
	said=$(q "$TMP/f.db" "SELECT count(*) FROM quality WHERE kind IN ('limit','slow-source')")
	good=0
	case $rc in 0 | 3) { [ "$seen" = "$made" ] || [ "$said" -gt 0 ]; } && good=1 ;; esac
	prompt
	row "$made namespaces" "-d 3 took $took; SIGINT at its start: $late" "tape status $a; $seen on the tape; $said notes on limits" \
		$good
	for n in $(ip netns list | sed -n "s/^\($MANY[^ ]*\).*/\1/p"); do ip netns del "$n"; done
}
f_sockets() {
	ip netns exec $NB python3 - "$SOCKETS" >"$TMP/out" 2>&1 <<'P' &
import os, resource, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
want = int(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
share = min(want, hard - 50)
kids, keep, left = [], [], want
while left > share:
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        keep = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(share)]
        for s in keep: s.bind(("127.0.0.%d" % (1 + len(kids)), 0))
        os.write(w, b"x")
        time.sleep(600)
    kids.append(pid)
    os.read(r, 1)
    os.close(r); os.close(w)
    left -= share
for i in range(left):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.1.%d" % (1 + i // 20000), 0))
    keep.append(s)
print("ready", flush=True)
try:
    time.sleep(600)
finally:
    for k in kids: os.kill(k, 9)
P
	py=$!
	i=0
	until grep -q -e ready -e Error "$TMP/out" || [ $i -gt 600 ]; do i=$((i + 1)); sleep 0.1; done
	made=$(ip netns exec $NB sed -n 's/^UDP: inuse \([0-9]*\).*/\1/p' /proc/net/sockstat)
	timed
	seen=$(q "$TMP/f.db" "SELECT count(*) FROM socket WHERE netns='$NB' AND proto='udp'")
	said=$(q "$TMP/f.db" "SELECT count(*) FROM quality WHERE kind IN ('limit','slow-source')")
	kill -TERM $py
	wait $py 2>/dev/null
	good=0
	case $rc in 0 | 3) { [ "$seen" -ge "$made" ] || [ "$said" -gt 0 ]; } && good=1 ;; esac
	row "$made sockets" "-d 3 took $took" "tape status $a; $seen rows of sockets; $said notes on limits" \
		$good
}
f_conntrack() {
	in_a nft -f - <<'R'
table ip t {
	chain out {
		type filter hook output priority 0; policy accept;
		ct state new counter
	}
}
R
	in_a python3 - "$TRACKED" <<'P'
import socket, sys
n, s = int(sys.argv[1]), None
for i in range(n):
    if i % 50000 == 0:                      # another source port
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setblocking(False)
    try:
        s.sendto(b"", ("10.77.0.2", 10001 + i % 50000))
    except OSError:
        pass
P
	made=$(in_a cat /proc/sys/net/netfilter/nf_conntrack_count)
	timed
	seen=$(q "$TMP/f.db" "SELECT count(*) FROM conntrack WHERE netns='$NA'")
	said=$(q "$TMP/f.db" "SELECT count(*) FROM quality WHERE kind IN ('limit','slow-source')")
	good=0
	case $rc in 0 | 3) { [ "$seen" -ge $((made * 9 / 10)) ] || [ "$said" -gt 0 ]; } && good=1 ;; esac
	row "$made conntrack entries" "-d 3 took $took" "tape status $a; $seen rows; $said notes on limits" \
		$good
	in_a nft delete table ip t
	in_a sh -c 'command -v conntrack >/dev/null && conntrack -F' >/dev/null 2>&1
}
# a CPU goes away and comes back, the clock is stepped by an hour, in a virtual machine
f_vm() {
	why=$(LIMIT=200 sh tests/vm/boot.sh tests/vm/faults.sh "$TMP/vm" "$RECORD" "$TRAFFIC")
	case $? in
	0) ;;
	77) echo "CPU unplugged, clock stepped: not run: $why"; return ;;
	*) row "virtual machine" "$why" "" 0; return ;;
	esac
	sh tests/vm/faults_judge.sh "$TMP/vm" >"$TMP/judged" 2>&1
	kernel=$(sed -n 1p "$TMP/vm/script.log")
	for t in cpu clock; do
		a=$(analyzed "$TMP/vm/$t.skbtape")
		good=0
		grep -q "^ok $t: " "$TMP/judged" && ! grep -e "^not ok $t: " -e 'not ok left' -e 'not ok kernel' "$TMP/judged" >&2 && good=1
		said=$(q "$TMP/f.db" "SELECT count(*) FROM quality WHERE kind='clock-step'")
		case $t in cpu) what="CPU unplugged, plugged in" ;; *) what="clock an hour ahead, and back" ;; esac
		row "$what" "status $(sed -n "s/^$t: recorder ended with //p" "$TMP/vm/script.log"), tape status $a: $(count)$([ $t = cpu ] || echo "; $said steps said")" \
			"$(fact events_lost) events; $(q "$TMP/f.db" "SELECT count(*) FROM packet p JOIN flow w ON w.id=p.flow_id WHERE w.dport=9000 AND p.outcome='delivered'") of 3000 packets followed ($kernel)" $good
	done
}

[ -z "${LOCK:-}" ] || exec 9>>"$LOCK"
printf '%-34s | %-46s | %-46s | %-8s |\n' fault 'what happened' 'lost' 'left'
for fault in ${FAULTS:-$ALL}; do
	[ -z "${LOCK:-}" ] || flock 9
	f_"$fault" || row "$fault" "did not start: $(cat "$TMP/log")" "" 0
	[ -z "${LOCK:-}" ] || flock -u 9
done
[ $failed = 0 ]
