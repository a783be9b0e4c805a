#!/bin/sh
# SPDX-License-Identifier: MIT
# decode.sh [BUILD]: how fast recordings are read, beside what else reads them: the same trace.dat by trace-cmd report and by
# skbtape, the same perf.data by perf script and by skbtape, and a tape with frames of the same traffic. Runs are interleaved,
# medians are printed; on a machine that does other things, CPU seconds and the ratios say more than wall seconds. Needs root,
# trace-cmd, perf and GNU time (Debian: trace-cmd linux-perf time); what is not there is left out. REPS (3),
# SECONDS_EACH (3); LOCK=FILE is held while recording.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${1:-build}" && pwd) || exit 1
REPS=${REPS:-3} SECONDS_EACH=${SECONDS_EACH:-3}
TRAFFIC=$BUILD/tests/traffic
[ "$(id -u)" = 0 ] || { echo "decode: needs root: it makes network namespaces and records" >&2; exit 1; }
command -v /usr/bin/time >/dev/null || { echo "decode: GNU time is not installed (Debian: time)" >&2; exit 1; }
make --no-print-directory BUILD="$BUILD" "$BUILD/skbtape" "$BUILD/skbtape-record" "$TRAFFIC" || exit 1
TMP=$(mktemp -d)
. bench/flood.sh
flood_up
events=
for e in skb:kfree_skb skb:consume_skb skb:skb_copy_datagram_iovec net:net_dev_queue net:net_dev_start_xmit net:net_dev_xmit \
	net:netif_receive_skb net:netif_receive_skb_entry net:netif_rx net:napi_gro_receive_entry napi:napi_poll irq:softirq_raise \
	irq:softirq_entry irq:softirq_exit irq:irq_handler_entry irq:irq_handler_exit; do
	events="$events -e $e"
done

# trace-cmd dies where the kernel refuses the function tracer's files although it needs none of them: plain files stand there
# for it, in a mount namespace of its own
cat >"$TMP/trace-cmd" <<'END'
d=$1
shift
t=/sys/kernel/tracing
[ -d $t/events ] || mount -t tracefs none $t
echo 1 >"$d/on" && : >"$d/none"
mount --bind "$d/on" /proc/sys/kernel/ftrace_enabled 2>/dev/null
for f in set_ftrace_pid set_ftrace_notrace_pid set_ftrace_filter set_ftrace_notrace; do
	[ -e $t/$f ] && mount --bind "$d/none" $t/$f
done
exec trace-cmd "$@"
END
# shellcheck disable=SC2086
{
	"$BUILD/skbtape-record" -q -o "$TMP/ours.skbtape" -- $flood >"$TMP/log" 2>&1 || { cat "$TMP/log"; exit 1; }
	if command -v trace-cmd >/dev/null; then
		unshare -m sh "$TMP/trace-cmd" "$TMP" record -b 65536 -o "$TMP/trace.dat" $events $flood >"$TMP/log" 2>&1 ||
			{ echo "decode: trace-cmd record failed: $(tail -1 "$TMP/log")" >&2; rm -f "$TMP/trace.dat"; }
	fi
	if command -v perf >/dev/null; then
		unshare -m sh -c 't=/sys/kernel/tracing; [ -d $t/events ] || mount -t tracefs none $t; exec "$@"' - \
			perf record -q -a -m 16384 -o "$TMP/perf.data" $events $flood >"$TMP/log" 2>&1 ||
			{ echo "decode: perf record failed: $(tail -1 "$TMP/log")" >&2; rm -f "$TMP/perf.data"; }
	fi
}

flood_done

# run NAME FILE COMMAND...: a row name, file, wall s, CPU s, KB
run() {
	name=$1 file=$2
	shift 2
	[ -e "$TMP/$file" ] || return 0
	/usr/bin/time -o "$TMP/time" -f '%e %U %S %M' "$@" >/dev/null 2>"$TMP/err"
	awk -v n="$name" -v f="$file" 'NF == 4 { printf "%s\t%s\t%s\t%s\t%s\n", n, f, $1, $2 + $3, $4 }' "$TMP/time" >>"$TMP/rows"
}
for f in trace.dat perf.data ours.skbtape; do
	[ -e "$TMP/$f" ] || continue
	cat "$TMP/$f" >/dev/null
	"$BUILD/skbtape" analyze -q "$TMP/$f" -o "$TMP/$f.db" 2>/dev/null
	sqlite3 -batch -separator '	' "$TMP/$f.db" "SELECT '$f', (SELECT value FROM tape WHERE key = 'events_decoded'), count(*) FROM _frame" |
		awk -v b="$(stat -c %s "$TMP/$f.db")" '{ print $0 "\t" b }' >>"$TMP/events"
done
i=0
while [ $i -lt "$REPS" ]; do
	run "trace-cmd report" trace.dat trace-cmd report -i "$TMP/trace.dat"
	run "skbtape analyze" trace.dat "$BUILD/skbtape" analyze -q "$TMP/trace.dat" -o "$TMP/x.db"
	run "perf script" perf.data perf script -i "$TMP/perf.data"
	run "skbtape analyze" perf.data "$BUILD/skbtape" analyze -q "$TMP/perf.data" -o "$TMP/x.db"
	run "skbtape analyze" ours.skbtape "$BUILD/skbtape" analyze -q "$TMP/ours.skbtape" -o "$TMP/x.db"
	i=$((i + 1))
done
printf '\n%s, %s, %s CPUs, %s\n' "$(uname -r)" "$(date -u +%F)" "$(nproc)" "$("$BUILD/skbtape" --version)"
echo "medians of $REPS; ratio: events a second of CPU and of wall, to the other reader of the same file (a tape: to trace-cmd report)"
awk -F '\t' '
	function median(key, k,   v, n, i, j, t) {
		n = split(list[key, k], v, " ")
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
		return v[int((n + 1) / 2)]
	}
	FILENAME ~ /events$/ { ev[$1] = $2; frames[$1] = $3; db[$1] = $4; next }
	{ key = $1 "\t" $2; if (!(key in seen)) { seen[key] = 1; order[++rows] = key }
	  for (k = 3; k <= 5; k++) list[key, k] = list[key, k] " " $k }
	END {
		print "| reader | file | events | frames | wall s | CPU s | k events/s | peak MB | DB bytes/event | ratio wall | ratio CPU |"
		print "|---|---|---|---|---|---|---|---|---|---|---|"
		for (r = 1; r <= rows; r++) {
			split(order[r], p, "\t"); e = ev[p[2]]; w = median(order[r], 3); c = median(order[r], 4)
			peer = p[2] == "perf.data" ? "perf script\tperf.data" : "trace-cmd report\ttrace.dat"
			split(peer, q, "\t"); ours = p[1] ~ /^skbtape/
			has = (peer in seen) && ours && e
			rw = has && w > 0 ? sprintf("%.1f", (e / w) / (ev[q[2]] / median(peer, 3))) : ""
			rc = has && c > 0 ? sprintf("%.1f", (e / c) / (ev[q[2]] / median(peer, 4))) : ""
			printf "| %s | %s | %d | %d | %.2f | %.2f | %.0f | %.0f | %s | %s | %s |\n", p[1], p[2], e, frames[p[2]], w, c,
				(w > 0 ? e / w / 1000 : 0), median(order[r], 5) / 1024, (ours && e ? sprintf("%.1f", db[p[2]] / e) : ""), rw, rc
		}
	}' "$TMP/events" "$TMP/rows"
