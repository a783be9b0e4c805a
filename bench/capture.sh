#!/bin/sh
# SPDX-License-Identifier: MIT
# capture.sh [BUILD]: what recording costs the host, beside what one would use instead; part of `make bench`. Needs root and
# two CPUs. Traffic between two namespaces of its own over veth, sent by CPU 0 and read by CPU 1, without a recorder and with
# each, in turns and back (A B C C B A ...), so that what else the machine does hits all of them:
#   udp       64-byte datagrams as fast as they go     udp_rps   the same, received on the other CPU (rps_cpus)
#   tcp       one connection, as much as it takes      crr       connect, 64 bytes there and back, close
# Recorders: trace-cmd with 16 events and large buffers, with and without tcpdump on the receiving device; perf with the same
# events; ours with each profile, frames of the receiving device. What is not installed is left out.
# ROUNDS (5), SECONDS_EACH (2), LOADS and RECORDERS can be set; KEEP=DIR keeps the last tapes of udp; LOCK=FILE is held for each
# run; CAPTURE_OUT=FILE gets the rows. The recorder's CPU time has a fixed part (about 0.16 s: snapshots, symbols).
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${1:-build}" && pwd) || exit 1
ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-2} LOADS=${LOADS:-udp udp_rps tcp crr}
[ "$(id -u)" = 0 ] || { echo "bench: needs root: it makes network namespaces and records" >&2; exit 1; }
for p in ip zstd tar awk taskset /usr/bin/time cc; do
	command -v $p >/dev/null || { echo "bench: $p is not installed (make deps)" >&2; exit 1; }
done
TMP=$(mktemp -d)
A=skbt-$$-a B=skbt-$$-b TRACING=/sys/kernel/tracing
gone() {
	[ -z "${rec:-}" ] || kill -INT "-$rec" 2>/dev/null
	ip netns del $A 2>/dev/null
	ip netns del $B 2>/dev/null
	rm -rf "$TMP"
}
trap gone EXIT
trap 'exit 130' INT TERM
cc -O2 -D_GNU_SOURCE -o "$TMP/loadgen" bench/loadgen.c || exit 1

has() { command -v "$1" >/dev/null; }
EVENTS="skb:kfree_skb skb:consume_skb skb:skb_copy_datagram_iovec net:net_dev_queue net:net_dev_start_xmit net:net_dev_xmit
net:netif_receive_skb net:netif_receive_skb_entry net:netif_rx net:napi_gro_receive_entry napi:napi_poll irq:softirq_raise
irq:softirq_entry irq:softirq_exit irq:irq_handler_entry irq:irq_handler_exit"
E=
for p in $EVENTS; do E="$E -e $p"; done
peers=
if has trace-cmd; then peers="trace-cmd"; else echo "# trace-cmd is not installed: left out"; fi
if has trace-cmd && has tcpdump; then peers="trace-cmd+tcpdump $peers"; else echo "# no trace-cmd with tcpdump"; fi
if has perf; then peers="$peers perf"; else echo "# perf is not installed: left out"; fi
RECORDERS=${RECORDERS:-$peers drops path standard}

# In a mount namespace of its own: tracefs, and plain files over those of the function tracer, which some kernels refuse and
# at which trace-cmd then dies though only events are asked for.
trace_cmd() {
	cat <<-END
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	echo 1 >$TMP/one; : >$TMP/none
	mount --bind $TMP/one /proc/sys/kernel/ftrace_enabled 2>/dev/null
	for f in set_ftrace_pid set_ftrace_notrace_pid set_ftrace_filter set_ftrace_notrace; do
		[ ! -e $TRACING/\$f ] || mount --bind $TMP/none $TRACING/\$f
	done
	END
}
command_of() { # the shell text that records into $TMP/out until SIGINT
	case $1 in
	trace-cmd) trace_cmd; echo "exec trace-cmd record -b 65536 -o $TMP/out $E" ;;
	trace-cmd+tcpdump) trace_cmd
		echo "trace-cmd record -b 65536 -o $TMP/out $E & ip netns exec $B tcpdump -i vb -s 128 -w $TMP/out.pcap; wait" ;;
	perf) echo "mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING; exec perf record -q -a -m 16384 -o $TMP/out $E" ;;
	drops) echo "exec $BUILD/skbtape-record -q -e drops -o $TMP/out" ;;
	*) echo "exec $BUILD/skbtape-record -q -e $1 -i vb -o $TMP/out" ;;
	esac
}
up() {
	ip netns add $A && ip netns add $B && ip link add va netns $A type veth peer name vb netns $B || exit 1
	for n in $A B$B; do ip netns exec ${n#B} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null; done
	ip -n $A addr add 10.77.0.1/24 dev va
	ip -n $B addr add 10.77.0.2/24 dev vb
	for n in $A $B; do ip -n $n link set lo up; done
	ip -n $A link set va up
	ip -n $B link set vb up
	ip -n $A neigh replace 10.77.0.2 lladdr "$(ip netns exec $B cat /sys/class/net/vb/address)" dev va nud permanent
	ip -n $B neigh replace 10.77.0.1 lladdr "$(ip netns exec $A cat /sys/class/net/va/address)" dev vb nud permanent
	case $1 in
	*_rps)
		ip netns exec $A sh -c 'echo 1 >/sys/class/net/va/queues/rx-0/rps_cpus'
		ip netns exec $B sh -c 'echo 2 >/sys/class/net/vb/queues/rx-0/rps_cpus' ;;
	esac
}
# the load's own figure, how many, CPU seconds of the sender
load() {
	case $1 in udp*) _srv=udpsink _cli=udpflood ;; tcp*) _srv=tcpsink _cli=tcpflood ;; *) _srv=crrserve _cli=crr ;; esac
	ip netns exec $B taskset -c 1 "$TMP/loadgen" $_srv 10.77.0.2 9001 "$(awk "BEGIN { print $SECONDS_EACH + 0.6 }")" >"$TMP/rx" &
	_rx=$!
	sleep 0.2
	/usr/bin/time -f '%U %S' -o "$TMP/cpu" ip netns exec $A taskset -c 0 "$TMP/loadgen" $_cli 10.77.0.2 9001 "$SECONDS_EACH" >"$TMP/tx"
	wait $_rx
	if [ $_srv = tcpsink ]; then cat "$TMP/rx"; else cat "$TMP/tx"; fi | tr '\n' ' '
	awk '{ print $1 + $2 }' "$TMP/cpu"
}
number() { tr -d ' ,"' <"$TMP/end" | awk -F: -v in_="$1" -v k="$2" '/{$/ { at = $1 } at == in_ && $1 == k { print $2; exit }'; }
# events, events lost, frames, frames lost, bytes of events, bytes of frames; from what the recorder left
counts() {
	case $1 in
	trace-cmd*)
		trace-cmd report --stat "$TMP/out" 2>/dev/null | awk '/^entries:|^read events:/ { e += $NF }
			/^overrun:|^dropped events:/ { l += $NF } /data recorded/ { exit } END { printf "%d %d ", e, l }'
		awk '/packets captured/ { c = $1 } /dropped by kernel/ { d = $1 } END { printf "%d %d ", c, d }' "$TMP/log" ;;
	perf) printf '0 0 0 0 ' ;;
	*)
		zstd -qdc "$TMP/out" 2>/dev/null | tar -xOf - end.json >"$TMP/end"
		echo "$(number events read) $(($(number events overrun) + $(number events commit_overrun) + $(number events dropped)))" \
			"$(number frames written) $(number frames lost) " | tr '\n' ' ' ;;
	esac
	echo "$(stat -c %s "$TMP/out") $(stat -c %s "$TMP/out.pcap" 2>/dev/null || echo 0)"
}
# a row: load, recorder, figure, how many, sender's CPU s, recorder's CPU s, its RSS kB, then as counts()
measure() {
	[ -z "${LOCK:-}" ] || { exec 8>"$LOCK" && flock 8; }
	rm -f "$TMP"/out*
	up "$1"
	rec= _own="0 0 0" _counts="0 0 0 0 0 0"
	if [ "$2" != none ]; then
		command_of "$2" >"$TMP/command"
		# a session of its own: its group gets the signal
		setsid /usr/bin/time -f '%U %S %M' -o "$TMP/own" unshare -m sh -c "trap : INT; . $TMP/command" >"$TMP/log" 2>&1 8>&- &
		rec=$!
		sleep 1.2
	fi
	_load=$(load "$1" 8>&-)
	if [ -n "$rec" ]; then
		kill -INT "-$rec"
		wait "$rec"
		rec=
		_own=$(tail -1 "$TMP/own")
		_counts=$(counts "$2")
		[ -s "$TMP/out" ] || { echo "bench: no recording by $2:" >&2; tail -3 "$TMP/log" >&2; }
	fi
	ip netns del $A
	ip netns del $B
	exec 8>&-
	[ -z "${KEEP:-}" ] || [ "$1" != udp ] || case $2 in drops|path|standard) cp "$TMP/out" "$KEEP/$2.skbtape" ;; esac
	echo "$1 $2 $_load $_own $_counts"
}

: >"$TMP/rows"
for l in $LOADS; do
	measure $l none >/dev/null # to warm up
	r=0
	while [ $r -lt "$ROUNDS" ]; do
		r=$((r + 1))
		order="none $RECORDERS"
		[ $((r % 2)) = 1 ] || { o=; for p in $order; do o="$p $o"; done; order=$o; }
		for p in $order; do measure $l "$p" | sed "s/^/$r /" >>"$TMP/rows"; done
	done
done
[ -z "${CAPTURE_OUT:-}" ] || cp "$TMP/rows" "$CAPTURE_OUT"

echo "Recording: $ROUNDS rounds of $SECONDS_EACH s; medians. figure: datagrams, bytes, connections a second; of none, of trace-cmd+tcpdump:"
echo "medians of the ratios within a round (lowest to highest); us/event: the recorder's CPU time, all of it, an event; B/event: of the"
echo "file: with its frames and snapshots where it is ours"
awk '
	function median(list, n,   v, i, j, t) {
		n = split(list, v, " ")
		for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] + 0 < v[j-1] + 0; j--) { t = v[j]; v[j] = v[j-1]; v[j-1] = t }
		low = v[1]; high = v[n]
		return n % 2 ? v[(n+1)/2] : (v[n/2] + v[n/2+1]) / 2
	}
	function of(l, p, base,   i, list) {
		list = ""
		for (i = 1; i <= rounds; i++) if (fig[l, base, i] && fig[l, p, i]) list = list " " fig[l, p, i] / fig[l, base, i]
		if (list == "") return "-"
		return sprintf("%.3f", median(list)) sprintf(" (%.2f-%.2f)", low, high)
	}
	# 1 round 2 load 3 recorder 4 figure 5 n 6 sender CPU 7 8 own CPU 9 RSS 10 events 11 lost 12 frames 13 lost 14 15 bytes
	NF >= 15 {
		fig[$2, $3, $1] = $4; k = $2 SUBSEP $3
		f[k] = f[k] " " $4; if ($5) ns[k] = ns[k] " " $6 * 1e9 / $5; cpu[k] = cpu[k] " " $7 + $8; rss[k] = rss[k] " " $9 / 1024
		ev[k] += $10; lost[k] += $11; fr[k] += $12; flost[k] += $13; size[k] += $14; all[k] += $7 + $8
		if ($1 > rounds) rounds = $1
		if (!(($2) in seenl)) { seenl[$2]; loads[++nl] = $2 }
		if (!(($3) in seenp)) { seenp[$3]; names[++np] = $3 }
	}
	END {
		form = "%-8s %-18s %12s %20s %20s %8s %7s %7s %9s %9s %8s %7s %7s\n"
		printf form, "load", "recorder", "figure", "of none", "of trace-cmd+tcpdump", "ns/send", "CPU s", "RSS MB", "us/event", "B/event", "events", "lost %", "frames", "lost %"
		for (i = 1; i <= nl; i++) for (j = 1; j <= np; j++) {
			k = loads[i] SUBSEP names[j]
			if (!(k in f)) continue
			printf form, loads[i], names[j], sprintf("%d", median(f[k])), of(loads[i], names[j], "none"), of(loads[i], names[j], "trace-cmd+tcpdump"),
				(loads[i] ~ /tcp/) ? "-" : sprintf("%d", median(ns[k])), sprintf("%.2f", median(cpu[k])), sprintf("%d", median(rss[k])),
				(ev[k] > 10000) ? sprintf("%.2f", all[k] * 1e6 / ev[k]) : "-", (ev[k] > 10000) ? sprintf("%.1f", size[k] / ev[k]) : "-",
				sprintf("%d", ev[k] / rounds), sprintf("%.2f", ev[k] ? 100 * lost[k] / (ev[k] + lost[k]) : 0),
				sprintf("%d", fr[k] / rounds), sprintf("%.2f", fr[k] ? 100 * flost[k] / (fr[k] + flost[k]) : 0)
		}
	}' "$TMP/rows"
