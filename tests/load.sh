#!/bin/sh
# SPDX-License-Identifier: MIT
# load: the recorder under full packet rate for LENGTH seconds (make load; 300): its memory stays flat, and what was lost is what
# the kernel counted. Then PAIRS (5) of short runs in turn, without it and with it: how much the sender slows down. LENGTH=30
# analyzes the tape too. OPTIONS: of the recorder.
# Root, tracefs; some 6 MB of disk below TMPDIR for each second.
. tests/lib.sh
live || { skip load "$LIVE_WHY"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
net_up || { no load "no namespaces"; exit 1; }
trap 'rm -rf "$TMP"; net_down' EXIT
LENGTH=${LENGTH:-300}
bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0
bg_wait sink || { no load "sink"; exit 1; }
flood() { ip netns exec "$NA" "$TRAFFIC" flood 10.77.0.2 9000 "$1" 0 | sed -n 's/sent //p'; }
alone=$((LENGTH / 10 < 3 ? 3 : LENGTH / 10 > 10 ? 10 : LENGTH / 10))

# shellcheck disable=SC2086
start_record "$TMP/log" ${OPTIONS:-} -o "$TMP/t.skbtape" || { no load "did not start"; exit 1; }
flood "$LENGTH" >"$TMP/sent" &
fl=$!
: >"$TMP/rss"
while kill -0 $fl 2>/dev/null; do
	sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' /proc/$RECPID/status >>"$TMP/rss"
	sleep 1
done
wait $fl
kill -INT $RECPID
wait $RECPID
eq "status" $? 0
with=$(($(cat "$TMP/sent") / LENGTH))
sed -n '/^events\|^frames\|^own cost\|^detail\|^tape/p' "$TMP/log" | sed 's/^/# /'
echo "# packets/s $with, for $LENGTH s"

# memory: after a warm-up of three samples, the last third is no higher than the first
awk 'NR > 3 { v[++n] = $1 } END {
	for (i = 1; i <= n; i++) { if (i <= n / 3 && v[i] > a) a = v[i]; if (i > n * 2 / 3 && v[i] > b) b = v[i] }
	for (i = 1; i <= n; i++) if (v[i] > most) most = v[i]
	printf "# memory (RSS): %d kB at the start, %d at the end, %d at most; %d at most in the first third of %d samples, %d in the last\n", v[1], v[n], most, a, n, b
	exit !(n >= 3 && b <= a * 1.1 + 2048) }' "$TMP/rss" && ok "memory is flat" || no "memory is flat" "$(tr '\n' ' ' <"$TMP/rss")"

# the kernel's own counts, as they stand on the tape, against the summary
tar --zstd -xOf "$TMP/t.skbtape" end.json >"$TMP/end.json" 2>/dev/null
last=$(tar --zstd -tf "$TMP/t.skbtape" | grep '^ftrace/stats/' | sort | tail -1)
tar --zstd -xOf "$TMP/t.skbtape" "$last" >"$TMP/stats"
kernel=$(awk -F': ' '/^(overrun|commit overrun|dropped events):/ { n += $2 } END { printf "%d", n }' "$TMP/stats")
said=$(awk -F'[:,]' '/"(overrun|commit_overrun|dropped)"/ { n += $2 } END { printf "%d", n }' "$TMP/end.json")
eq "events lost: said as the kernel counted" "$said" "$kernel"
eq "events read: said as the kernel counted" "$(awk -F'[:,]' '/"read"/ { printf "%d", $2 }' "$TMP/end.json")" "$(awk -F': ' '/^read events:/ { n += $2 } END { printf "%d", n }' "$TMP/stats")"
ring=$(tar --zstd -xOf "$TMP/t.skbtape" --wildcards 'pcap/stats/*' 2>/dev/null | awk -F'\t' '{ n += $4 } END { printf "%d", n }')
eq "frames lost: said as the kernel counted" "$(awk -F'[:,]' '/"frames"/ { in_frames = 1 } in_frames && /"lost"/ { printf "%d", $2; exit }' "$TMP/end.json")" "$ring"
if [ "$LENGTH" -le 30 ]; then
	"$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db"
	eq "analyze" $? 0
	eq "rows of quality: as the kernel counted" "$(q "$TMP/t.db" "SELECT total(count) FROM quality WHERE kind='events-lost'")" "$kernel.0"
	eq "decoded = recorded - lost" "$(q "$TMP/t.db" "SELECT (SELECT CAST(value AS INT) FROM tape WHERE key='events_decoded') + (SELECT CAST(value AS INT) FROM tape WHERE key='events_lost') - (SELECT CAST(value AS INT) FROM tape WHERE key='events_recorded')")" 0
fi

# in turn, so that what else the host does meets both
: >"$TMP/pairs"
for i in $(seq "${PAIRS:-5}"); do
	without=$(flood $alone)
	# shellcheck disable=SC2086
	start_record "$TMP/log" -q ${OPTIONS:-} -o "$TMP/p.skbtape" || { no load "did not start"; exit 1; }
	beside=$(flood $alone)
	kill -INT $RECPID
	wait $RECPID
	echo "$without $beside" >>"$TMP/pairs"
done
awk -v s=$alone '{ r[NR] = $2 / $1; a += $1; b += $2 } END {
	for (i = 1; i <= NR; i++) for (k = i + 1; k <= NR; k++) if (r[k] < r[i]) { t = r[i]; r[i] = r[k]; r[k] = t }
	printf "# rate with the recorder / without, %d pairs of %d s in turn: median %.3f (%.3f to %.3f); %d packets/s without, %d with\n",
		NR, s, (r[int((NR + 1) / 2)] + r[int(NR / 2) + 1]) / 2, r[1], r[NR], a / NR / s, b / NR / s }' "$TMP/pairs"
eq "no instance left" "$(instances)" ""
