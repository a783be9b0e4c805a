#!/bin/sh
# SPDX-License-Identifier: MIT
# live_identity: ties and lives against what the payload says (tests/identity.c): over each kind of path, frames tied to
# one packet carry one identity, each packet ends as its receiver says, and there are as many as were sent. A line
# "# PATH: ..." tells the shares. PATHS="veth nat" runs only these.
. tests/lib.sh
live || { skip live_identity "$LIVE_WHY"; exit 0; }
command -v ethtool >/dev/null || { skip live_identity "needs ethtool(8)"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
IDENTITY=$BUILD/tests/identity
N=${N:-3000}
PATHS=${PATHS:-veth napi routed bridge vxlan loopback rps two tcp tcp-nogso v6 nat tbf fragments full loss ping}
NC=skbt-$$-c
in_c() { ip netns exec "$NC" "$@"; }

net_up || { no live_identity "no namespaces"; exit 1; }
trap 'ip netns del "$NC" 2>/dev/null; rm -rf "$TMP"; net_down' EXIT

# known PATH NS DEV ADDR NS2 DEV2: ADDR is at DEV2
known() { ip -n "$1" neigh replace "$3" lladdr "$(ip netns exec "$4" cat "/sys/class/net/$5/address")" dev "$2" nud permanent; }

# rec CMD...: record while CMD runs, then analyze and export
rec() {
	: >"$TMP/rec.log" # "recording" of the one before would be taken for this one's
	start_record "$TMP/rec.log" -s "${SNAP:-0}" -b "${BUF:-32M}" -o "$TMP/t.skbtape" || return 1
	"$@"
	sleep 0.3
	kill -INT $RECPID
	wait $RECPID
	"$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db" 2>"$TMP/err" || return 1
	rm -f "$TMP/t.pcapng"
	"$SKBTAPE" export "$TMP/t.skbtape" --pcapng "$TMP/t.pcapng"
}

# judge PATH [LIST]: holds the tape against the payload; its counts become variables
judge() {
	_p=$1
	shift
	"$IDENTITY" "$TMP/t.pcapng" "$TMP/t.db" "skbt-$$-" "$@" >"$TMP/id" 2>"$TMP/id.err" || { no "$_p" "$(cat "$TMP/id.err")"; return 1; }
	eval "$(cat "$TMP/id")"
	lost=$(q "$TMP/t.db" "SELECT sum(CAST(value AS INT)) FROM tape WHERE key IN ('events_lost','frames_lost')")
	awk -v p="$_p" -v n=$frames -v u=$unique -v o=$ordered -v a=$ambiguous -v t=$untied -v w=$((wrong_unique + wrong_ordered)) -v wa=$wrong_ambiguous -v l="$lost" 'BEGIN {
		if (n) printf "# %s: %d frames: %.2f %% unique, %.2f %% ordered, %.2f %% ambiguous, %.2f %% untied; wrong: %d sure, %d ambiguous; lost %d\n",
			p, n, 100*u/n, 100*o/n, 100*a/n, 100*t/n, w, wa, l }'
	[ "$frames" -gt 0 ] || { no "$_p: frames with an identity" 0; return 1; }
	[ "$wrong_unique" = 0 ] && [ "$wrong_ordered" = 0 ] && ok "$_p: no sure tie is wrong" || no "$_p: no sure tie is wrong" "$(cat "$TMP/id.err")"
	[ "$lost" = 0 ] || { [ "$_p" = loss ] || skip "$_p: counts" "$lost events or frames were lost"; return 1; }
	[ "$untied" -le $((frames / 1000)) ] && ok "$_p: frames are tied" || no "$_p: frames are tied" "$untied of $frames are not"
	eq "$_p: each identity is in one packet" "$torn" 0
}

# datagrams PATH TO COUNT SIZE SENDER...: from namespaces (a or b) to port 9000 of TO, whose receiver "list" runs; what it got must be right
# shellcheck disable=SC2086
datagrams() {
	_path=$1 _to=$2 _count=$3 _size=$4 _pids=
	shift 4
	rec sending "$@" || { no "$_path" "no recording: $(cat "$TMP/rec.log" "$TMP/err" 2>/dev/null)"; return 1; }
	bg_stop list
	grep -v ready "$NETTMP/list" >"$TMP/list"
	judge "$_path" "$TMP/list" || return 1
	eq "$_path: packets are as many as were sent" "$miscounted" 0
	[ "$wrong_outcome" = 0 ] && ok "$_path: outcomes ($(wc -l <"$TMP/list") received)" ||
		no "$_path: outcomes" "$wrong_outcome of $packets; $(grep outcome "$TMP/id.err")"
	eq "$_path: no read has the wrong packet ($reads have one)" "$wrong_reads" 0
}
sending() {
	for _s; do
		"in_${_s%[0-9]}" taskset -c "${_s#?}" "$TRAFFIC" send "$_to" 9000 "$_count" "$_size" "${PPS:-20000}" >>"$TMP/sent" &
		_pids="$_pids $!"
	done
	wait $_pids
}
receiver() { # NS ADDR [RCVBUF USEC]
	bg list "$1" taskset -c 1 "$TRAFFIC" list "$2" 9000 "${3:-8000000}" "${4:-0}"
	bg_wait list || no "$path" "no receiver"
}
# on_dev PATH DEV: the packets that left by DEV are as many as its own counter says
dev_tx() { ip netns exec "$1" cat "/sys/class/net/$2/statistics/tx_packets"; }

for path in $PATHS; do
	: >"$TMP/sent"
	case $path in
	veth)
		receiver in_b 10.77.0.2
		before=$(dev_tx "$NA" va)
		datagrams $path 10.77.0.2 "$N" 200 a0
		eq "$path: packets by va = its counter" "$(q "$TMP/t.db" "SELECT count(*) FROM packet WHERE dev_out='va' AND netns_out='$NA'")" $(($(dev_tx "$NA" va) - before))
		;;
	napi)
		in_b ethtool -K vb gro on >/dev/null 2>&1
		receiver in_b 10.77.0.2
		datagrams $path 10.77.0.2 "$N" 200 a0
		in_b ethtool -K vb gro off >/dev/null 2>&1
		;;
	two)
		receiver in_b 10.77.0.2
		PPS="${PPS:-40000}" datagrams $path 10.77.0.2 "$N" 200 a0 a1
		;;
	loss)
		# events are lost: what is sure must be right nevertheless
		receiver in_b 10.77.0.2
		_to=10.77.0.2 _count=$((N * 10)) _size=200 _pids=
		BUF=64K PPS=0 rec sending a0 a1 || no $path "no recording"
		bg_stop list
		judge $path
		;;
	full)
		receiver in_b 10.77.0.2 20000 300
		datagrams $path 10.77.0.2 "$N" 200 a0
		;;
	rps)
		in_b sh -c 'echo 2 >/sys/class/net/vb/queues/rx-0/rps_cpus'
		receiver in_b 10.77.0.2
		datagrams $path 10.77.0.2 "$N" 200 a0
		in_b sh -c 'echo 0 >/sys/class/net/vb/queues/rx-0/rps_cpus'
		[ "$(q "$TMP/t.db" "SELECT coalesce(sum(count),0) FROM cpu_hop WHERE kind='rps'")" -ge $((N / 2)) ] && ok "$path: hops of kind rps" ||
			no "$path: hops of kind rps" "$(q "$TMP/t.db" "SELECT group_concat(from_cpu||'-'||to_cpu||' '||kind||' '||count) FROM cpu_hop")"
		;;
	loopback)
		receiver in_a 127.0.0.1
		datagrams $path 127.0.0.1 "$N" 200 a0
		;;
	fragments)
		receiver in_b 10.77.0.2
		PPS=5000 datagrams $path 10.77.0.2 $((N / 3)) 4000 a0
		;;
	v6)
		for n in "$NA" "$NB"; do ip netns exec "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0; done
		ip -n "$NA" addr add fd77::1/64 dev va nodad
		ip -n "$NB" addr add fd77::2/64 dev vb nodad
		known "$NA" va fd77::2 "$NB" vb
		known "$NB" vb fd77::1 "$NA" va
		receiver in_b fd77::2
		datagrams $path fd77::2 "$N" 200 a0
		;;
	vxlan)
		ip -n "$NA" link add vx0 type vxlan id 7 local 10.77.0.1 remote 10.77.0.2 dstport 4789
		ip -n "$NB" link add vx0 type vxlan id 7 local 10.77.0.2 remote 10.77.0.1 dstport 4789
		ip -n "$NA" addr add 10.78.0.1/24 dev vx0
		ip -n "$NB" addr add 10.78.0.2/24 dev vx0
		for n in "$NA" "$NB"; do ip -n "$n" link set vx0 up; done
		known "$NA" vx0 10.78.0.2 "$NB" vx0
		known "$NB" vx0 10.78.0.1 "$NA" vx0
		receiver in_b 10.78.0.2
		datagrams $path 10.78.0.2 "$N" 200 a0
		for n in "$NA" "$NB"; do ip -n "$n" link del vx0; done
		;;
	routed | bridge | nat)
		# a third namespace behind B
		ip netns add "$NC"
		ip -n "$NC" link set lo up
		ip link add vd netns "$NB" type veth peer name vc netns "$NC"
		ip -n "$NB" link set vd up
		ip -n "$NC" link set vc up
		ip netns exec "$NC" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		if [ $path = bridge ]; then
			ip -n "$NB" link add br7 type bridge
			ip -n "$NB" link set vb master br7
			ip -n "$NB" link set vd master br7
			ip -n "$NB" link set br7 up
			ip -n "$NC" addr add 10.77.0.3/24 dev vc
			to=10.77.0.3
			known "$NA" va $to "$NC" vc
			ip netns exec "$NB" bridge fdb add "$(in_c cat /sys/class/net/vc/address)" dev vd master static
		else
			ip -n "$NB" addr add 10.79.0.2/24 dev vd
			ip -n "$NC" addr add 10.79.0.3/24 dev vc
			in_b sysctl -qw net.ipv4.ip_forward=1
			ip -n "$NA" route add 10.79.0.0/24 via 10.77.0.2
			ip -n "$NC" route add 10.77.0.0/24 via 10.79.0.2
			known "$NB" vd 10.79.0.3 "$NC" vc
			known "$NC" vc 10.79.0.2 "$NB" vd
			to=10.79.0.3
		fi
		[ $path = nat ] && in_b nft -f - <<RULES
table ip nat {
	chain post {
		type nat hook postrouting priority 100; policy accept;
		oifname "vd" masquerade
	}
}
RULES
		receiver "$NC" $to
		datagrams $path $to "$N" 200 a0
		[ $path != nat ] || eq "$path: both tuples in each packet's frames" \
			"$(q "$TMP/t.db" "SELECT count(*) FROM (SELECT packet_id FROM frame f JOIN flow w ON w.id=f.flow_id WHERE w.dport=9000 AND packet_id IS NOT NULL GROUP BY packet_id HAVING count(DISTINCT w.src)=2)")" "$N"
		ip netns del "$NC"
		[ $path = bridge ] && ip -n "$NB" link del br7
		[ $path = nat ] && in_b nft delete table ip nat
		ip -n "$NA" route del 10.79.0.0/24 2>/dev/null
		i=0
		while ip -n "$NB" link show vd >/dev/null 2>&1 && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.05; done
		;;
	tcp | tcp-nogso | tbf)
		[ $path = tcp-nogso ] && for d in gso tso; do in_a ethtool -K va $d off; in_b ethtool -K vb $d off; done >/dev/null 2>&1
		[ $path = tbf ] && ip netns exec "$NA" tc qdisc add dev va root tbf rate 200mbit burst 10k limit 3m
		bg serve in_b "$TRAFFIC" serve 10.77.0.2 9000
		bg_wait serve
		if SNAP=200 rec in_a "$TRAFFIC" bulk 10.77.0.2 9000 4000000 >/dev/null; then judge $path; else no $path "no recording"; fi
		bg_stop serve
		[ $path = tbf ] && {
			[ "$(q "$TMP/t.db" "SELECT count(*) FROM packet WHERE dev_out='va' AND netns_out='$NA' AND link='gso'")" -gt 1000 ] && ok "$path: segments have their parent" ||
				no "$path: segments have their parent" "$(q "$TMP/t.db" "SELECT group_concat(coalesce(link,'-')||' '||n) FROM (SELECT link, count(*) n FROM packet WHERE dev_out='va' GROUP BY link)")"
			eq "$path: the bytes of a packet are those of its segments" "$(q "$TMP/t.db" "SELECT count(*) FROM (SELECT p.len_bytes AS l, sum(c.len_bytes - 66) + 66 AS s FROM packet c JOIN packet p ON p.id=c.parent_id WHERE c.link='gso' GROUP BY p.id) WHERE l != s")" 0
			ip netns exec "$NA" tc qdisc del dev va root
		}
		[ $path = tcp-nogso ] && for d in gso tso; do in_a ethtool -K va $d on; in_b ethtool -K vb $d on; done >/dev/null 2>&1
		;;
	ping)
		rec in_a "$TRAFFIC" ping 10.77.0.2 0 20 >"$TMP/sent" || no $path "no recording"
		eq "$path: answers" "$(cat "$TMP/sent")" "answered 20"
		eq "$path: no packet is 'dropped'" "$(q "$TMP/t.db" "SELECT count(*) FROM packet p JOIN flow w ON w.id=p.flow_id WHERE w.proto='icmp' AND p.outcome='dropped'")" 0
		;;
	esac
	[ -z "${KEEP:-}" ] || cp "$TMP/t.db" "$KEEP/$path.db"
	[ -z "${KEEP:-}" ] || cp "$TMP/t.pcapng" "$KEEP/$path.pcapng"
	[ -z "${KEEP:-}" ] || cp "$TMP/t.skbtape" "$KEEP/$path.skbtape"
	rm -f "$TMP"/t.* "$TMP/list"
done
eq "no instance left" "$(instances)" ""
