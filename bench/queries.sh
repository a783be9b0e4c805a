#!/bin/sh
# SPDX-License-Identifier: MIT
# queries.sh [BUILD]: how long a question to a database takes, by the clock: each example of `skbtape query`, `why` of the flow with
# most packets and of one packet, and the report. TAPE=FILE: of this tape; else a flood is recorded for SECONDS_EACH (3), which
# needs root; LOCK=FILE is held meanwhile. REPS (3): the median is printed, slowest first.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${1:-build}" && pwd) || exit 1
REPS=${REPS:-3} SECONDS_EACH=${SECONDS_EACH:-3} TAPE=${TAPE:-}
TRAFFIC=$BUILD/tests/traffic
make --no-print-directory BUILD="$BUILD" "$BUILD/skbtape" "$BUILD/skbtape-record" "$TRAFFIC" || exit 1
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
if [ -z "$TAPE" ]; then
	[ "$(id -u)" = 0 ] || { echo "queries: needs root to record, or TAPE=FILE" >&2; exit 1; }
	. bench/flood.sh
	flood_up
	TAPE=$TMP/ours.skbtape
	"$BUILD/skbtape-record" -q -o "$TAPE" -- $flood >"$TMP/log" 2>&1 ||
		{ cat "$TMP/log"; exit 1; }
	flood_done
fi
db=$TMP/x.db
"$BUILD/skbtape" analyze -q "$TAPE" -o "$db" || [ $? = 3 ] || exit 1
sql() { sqlite3 -batch "$db" "$1"; }

# run NAME COMMAND...: a row milliseconds, name
run() {
	name=$1
	shift
	i=0
	while [ $i -lt "$REPS" ]; do
		a=$(date +%s%N)
		"$@" >/dev/null 2>"$TMP/err" || cat "$TMP/err" >&2
		b=$(date +%s%N)
		printf '%d\n' $(((b - a) / 100000))
		i=$((i + 1))
	done | sort -n | awk -v n="$name" '{ v[NR] = $1 } END { printf "| %.1f | %s |\n", v[int((NR + 1) / 2)] / 10, n }' >>"$TMP/rows"
}
"$BUILD/skbtape" query --examples |
	awk 'BEGIN { RS = "" } { q = $0; gsub(/\/\*[^*]*\*\//, "", q); gsub(/--[^\n]*/, "", q); gsub(/[\n\t]+/, " ", q); sub(/^ +/, "", q); print q }' >"$TMP/examples"
while IFS= read -r q; do
	run "$(printf %.70s "$q" | tr '|' ' ') ..." "$BUILD/skbtape" query "$db" "$q"
done <"$TMP/examples"
flow=$(sql "SELECT f.proto || ' ' || f.src || ':' || f.sport || ' > ' || f.dst || ':' || f.dport FROM flow f WHERE f.sport IS NOT NULL ORDER BY f.frames DESC, f.id LIMIT 1")
packets=$(sql "SELECT count(*) FROM packet WHERE flow_id = (SELECT id FROM flow WHERE sport IS NOT NULL ORDER BY frames DESC, id LIMIT 1)")
run "why of the largest flow ($packets packets)" "$BUILD/skbtape" why "$db" "$flow"
run "why --packet" "$BUILD/skbtape" why "$db" --packet "$(sql "SELECT max(id) FROM packet")"
run "report, HTML" "$BUILD/skbtape" report "$db" -o "$TMP/x.html"
printf '\n%s, %s, %s: %s events, %s packets, %s MB\n' "$(uname -r)" "$(date -u +%F)" "$("$BUILD/skbtape" --version)" \
	"$(sql "SELECT value FROM tape WHERE key = 'events_decoded'")" "$(sql "SELECT count(*) FROM packet")" $(($(stat -c %s "$db") / 1000000))
echo "| ms | question |"
echo "|---|---|"
sort -t '|' -k2,2nr "$TMP/rows"
