#!/bin/sh
# SPDX-License-Identifier: MIT
# truth.sh [BUILD]: how true packet stories are; `make bench-truth`. Needs root. Traffic that knows what became of it, over
# each kind of path (tests/truth_paths.sh), ROUNDS (1) times with N (4000) datagrams of each sender, and the tapes held against
# what really happened; then recordings of an idle and of a healthy busy host, where no drop may be called a loss.
# Prints a table, then "ok" or "not ok" for each target; status 1 when one is missed. Further: CASES="veth nat" only these,
# TRUTH=FILE a copy of it all with date, machine and versions, LOCK=FILE held while recording,
# TARGET_CERTAIN=0 without the share of packets that are certain.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${1:-build}" && pwd) || exit 1
want=${CASES:-}
. tests/lib.sh
N=${N:-4000} ROUNDS=${ROUNDS:-1} BUF=${BUF:-128M} TARGET_CERTAIN=${TARGET_CERTAIN:-1}
. tests/truth_paths.sh
truth_up || { echo "bench: $TRUTH_WHY" >&2; exit 1; }

: >"$ROWS"
mkdir "$TMP/tapes"
# All of a round is recorded, then judged: the lock is held, and the host kept from other things, no longer than need be.
_lock=${LOCK:-}
LOCK=
locked() { [ -z "$_lock" ] || { exec 8>"$_lock" && flock 8; }; }
round=0
while [ $round -lt "$ROUNDS" ]; do
	round=$((round + 1))
	locked
	for path in ${want:-$CASES}; do
		record_case "$path"
		case $? in
		0) mv "$TMP/t.skbtape" "$TMP/tapes/$path.skbtape" && mv "$TMP/truth" "$TMP/tapes/$path.truth" ;;
		2) [ $round != 1 ] || echo "skip $path: $WHY" >>"$TMP/notes" ;;
		*) echo "not ok $path: $WHY" >>"$TMP/notes" ;;
		esac
	done
	exec 8>&-
	for path in ${want:-$CASES}; do
		mv "$TMP/tapes/$path.skbtape" "$TMP/t.skbtape" 2>/dev/null && mv "$TMP/tapes/$path.truth" "$TMP/truth" || continue
		judge_case "$path" "skbt-$$-" && sed "s/^/# round $round: $path: /" "$TMP/id.err" >&2 || echo "not ok $path: $WHY" >>"$TMP/notes"
	done
done

# drops NAME CMD...: the drops that a recording of CMD calls a loss
drops() {
	_name=$1
	shift
	rm -f "$TMP"/t.*
	locked
	BUF=32M SNAP=128 rec "$@"
	_rc=$?
	exec 8>&-
	[ $_rc = 0 ] && load || { echo "not ok $_name: $WHY"; return; }
	echo "# $_name: $(q "$TMP/t.db" "SELECT (SELECT count(*) FROM packet) || ' packets, ' || count(*) || ' drops; by class: ' || coalesce((SELECT group_concat(class || ' ' || n, ', ') FROM (SELECT class, count(*) AS n FROM packet_drop GROUP BY class ORDER BY class)), 'none') FROM packet_drop")"
	eq "$_name: no drop is a loss" "$(q "$TMP/t.db" "SELECT coalesce(group_concat(n || ' ' || coalesce(reason, '-') || ' in ' || function, ', '), 'none') FROM (SELECT reason, function, count(*) AS n FROM packet_drop WHERE class = 'loss' GROUP BY reason, function)")" none
}
healthy() { # opened and closed as programs do
	: >"$TMP/run"
	_says=0
	tcp "$NA" bulk 10.77.0.2 7000 20000000
	tcp "$NA" dial 10.77.0.2 7000 300 300
	tcp "$NA" ask 10.77.0.2 7000 300 200 200
	tcp "$NA" send 10.77.0.2 9000 10000 200 4000
	tcp "$NB" dial 10.77.0.1 7001 300 300
	echo wait >>"$TMP/run"
	play
	sleep 1
	bg_stop sink
	bg_stop serve7000
	bg_stop serve7001
}

# at_most NAME WRONG OF LIMIT: WRONG of OF is not more than 1 in LIMIT; LIMIT 0: none is
at_most() {
	_most=0
	[ "$4" = 0 ] || _most=$(($3 / $4))
	[ "$3" -gt 0 ] && [ "$2" -le "$_most" ] && ok "$1 ($2 of $3)" || no "$1" "$2 of $3"
}
# What each of these has to reach by itself
paths() {
	awk -v paths="veth napi rps two tcp tcp-nogso tcp-napi tcp-routed short routed bridge vxlan loopback tun rate" -v sure="$TARGET_CERTAIN" '
		BEGIN { n = split(paths, p, " ") }
		{
			for (i = 2; i <= NF; i++) { split($i, x, "="); if (x[1] == "lost" && x[2] > 0) next }
			seen[$1] = 1
			for (i = 2; i <= NF; i++) { split($i, x, "="); v[$1, x[1]] += x[2] }
		}
		function want(good, what, of, all) { if (!good) bad = bad sprintf("%s%s %d of %d", bad == "" ? "" : ", ", what, of, all) }
		function get(k, name) { return v[k, name] + 0 }
		END {
			for (i = 1; i <= n; i++) {
				k = p[i]
				if (!(k in seen)) continue
				bad = ""
				want(get(k, "frames") && get(k, "unique") >= 0.95 * get(k, "frames"), "unique", get(k, "unique"), get(k, "frames"))
				want(get(k, "untied") <= 0.001 * get(k, "frames"), "untied", get(k, "untied"), get(k, "frames"))
				if (sure) want(get(k, "all") && get(k, "certain") >= 0.6 * get(k, "all"), "certain", get(k, "certain"), get(k, "all"))
				want(get(k, "complete") >= 0.99 * get(k, "all"), "complete", get(k, "complete"), get(k, "all"))
				want(!get(k, "wrong_sure"), "wrong certain claims", get(k, "wrong_sure"), get(k, "sure_claims"))
				want(!get(k, "wrong_unique"), "wrong unique ties", get(k, "wrong_unique"), get(k, "unique"))
				want(get(k, "wrong_claims") <= 0.001 * get(k, "claims"), "wrong claims", get(k, "wrong_claims"), get(k, "claims"))
				print bad == "" ? "ok path " k : "not ok path " k ": " bad
			}
		}' "$ROWS"
}
summary() {
	truth_table
	echo
	cat "$TMP/notes" 2>/dev/null
	at_most "certain claims: none wrong" "$(total wrong_sure)" "$(total sure_claims)" 0
	_sure=$(($(total sure_claims) + $(total sure_claims lossy)))
	[ -n "$want" ] || [ "$_sure" -lt 1000000 ] || ok "certain claims: more than 1000000 ($_sure)"
	[ -n "$want" ] || [ "$_sure" -ge 1000000 ] || no "certain claims: more than 1000000" "$_sure"
	at_most "all claims: 99.9 % right" "$(total wrong_claims)" "$(total claims)" 1000
	at_most "unique ties: none wrong" "$(total wrong_unique)" "$(total unique)" 0
	at_most "frames: 99.9 % tied" "$(total untied)" "$(total frames)" 1000
	at_most "frames: 95 % by one way" $(($(total frames) - $(total unique))) "$(total frames)" 20
	at_most "packets: 99 % complete" $(($(total all) - $(total complete))) "$(total all)" 100
	at_most "datagrams: each in a packet" "$(total nowhere)" "$(total began)" 0
	at_most "datagrams: none in several packets" $(($(total several) + $(total torn))) "$(total began)" 0
	paths
	if [ "$TARGET_CERTAIN" = 1 ]; then
		_all=$(total all) _sure=$(total certain)
		[ $((_sure * 100)) -ge $((_all * 60)) ] && [ "$_all" -gt 0 ] && ok "packets: 60 % certain ($_sure of $_all)" ||
			no "packets: 60 % certain" "$_sure of $_all"
	fi
	[ "$(total frames lossy)" = 0 ] || at_most "with loss: certain claims: none wrong" "$(total wrong_sure lossy)" "$(total sure_claims lossy)" 0
	cat "$TMP/drops"
}

if [ -z "$want" ]; then
	drops "idle host" sleep 5 >"$TMP/drops"
	serve "$NB" 10.77.0.2 7000
	serve "$NA" 10.77.0.1 7001
	bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0
	bg_wait sink
	drops "healthy busy host" healthy >>"$TMP/drops"
fi
touch "$TMP/drops"
summary >"$TMP/summary"
cat "$TMP/summary"
if [ -n "${TRUTH:-}" ]; then
	{
		echo "<!-- SPDX-License-Identifier: MIT -->"
		echo "# How true packet stories are"
		echo
		echo "$(date -u +%Y-%m-%d), $(uname -sr) $(uname -m), $(nproc) CPUs$(sed -n 's/^model name[^:]*: /, /p' /proc/cpuinfo | head -1), skbtape $("$SKBTAPE" --version | sed -n '1s/^skbtape \([^ ]*\).*/\1/p')$(git rev-parse --short HEAD 2>/dev/null | sed 's/^/ (/; s/$/)/')."
		echo "\`make bench-truth\`, ROUNDS=$ROUNDS, N=$N datagrams of each sender. What the columns count: tests/identity.c, what the cases are: tests/truth_paths.sh."
		echo
		sed 's/^/    /; s/ *$//' "$TMP/summary"
	} >"$TRUTH"
fi
! grep -q '^not ok' "$TMP/summary"
