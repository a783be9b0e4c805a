#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh [BUILD]: what recording costs the host and how fast a tape is analyzed; `make bench`. Needs root: it sends a UDP
# flood over a veth pair between two namespaces of its own, without a recorder and with each profile, in turns and back
# (A B C D D C B A ...), so that what else the machine does hits all of them. On a machine that does other things too, the
# sender's CPU time per packet says more than packets per second. ROUNDS (6) and SECONDS_EACH (2) can be set.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${1:-build}" && pwd) || exit 1
ROUNDS=${ROUNDS:-6} SECONDS_EACH=${SECONDS_EACH:-2}
TRAFFIC=$BUILD/tests/traffic
[ "$(id -u)" = 0 ] || { echo "bench: needs root: it makes network namespaces and records" >&2; exit 1; }
for p in ip sqlite3 zstd tar; do
	command -v $p >/dev/null || { echo "bench: $p is not installed (make deps)" >&2; exit 1; }
done
make --no-print-directory BUILD="$BUILD" "$BUILD/skbtape" "$BUILD/skbtape-record" "$TRAFFIC" || exit 1
TMP=$(mktemp -d)
. fixtures/make/net.sh
trap 'rm -rf "$TMP"; net_down' EXIT
net_up || exit 1
trap 'rm -rf "$TMP"; net_down' EXIT
bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0
bg_wait sink || exit 1

now() { date +%s%N; }
# behind "sent N" the shell's times(1p): its own, then those of its children
cat >"$TMP/flood" <<EOF
#!/bin/sh
ip netns exec "$NA" "$TRAFFIC" flood 10.77.0.2 9000 "$SECONDS_EACH" 100
times
EOF
chmod +x "$TMP/flood"
# packets/s, CPU ns of the sender per packet
sent() {
	awk -v s="$SECONDS_EACH" '
		function seconds(t,   v) { split(t, v, "m"); return v[1] * 60 + v[2] }
		/^sent / { n = $2 }
		NF == 2 && /m.*s/ { cpu = seconds($1) + seconds($2) }
		END { printf "%d\t%d", n / s, cpu * 1e9 / n }' "$TMP/out"
}

# one measurement: a row round, profile, packets/s, sender's CPU ns a packet, recorder's CPU ns, events read, events lost,
# frames, frames lost
measure() {
	tape=$TMP/$2.skbtape
	if [ "$2" = none ]; then
		"$TMP/flood" >"$TMP/out" || exit 1
		printf '%s\t%s\t%s\n' "$1" "$2" "$(sent)" >>"$TMP/rows"
		return
	fi
	"$BUILD/skbtape-record" -q -e "$2" -o "$tape" -- "$TMP/flood" >"$TMP/out" 2>"$TMP/err" ||
		{ [ $? = 3 ] || { cat "$TMP/err" >&2; exit 1; }; }
	zstd -qdc "$tape" | tar -xOf - end.json >"$TMP/end.json"
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$(sent)" "$(sqlite3 -batch -separator '	' :memory: "
		WITH e(j) AS (SELECT CAST(readfile('$TMP/end.json') AS TEXT))
		SELECT json_extract(j, '\$.cpu_user_ns') + json_extract(j, '\$.cpu_system_ns'), json_extract(j, '\$.events.read'),
		       json_extract(j, '\$.events.overrun') + json_extract(j, '\$.events.commit_overrun') + json_extract(j, '\$.events.dropped'),
		       json_extract(j, '\$.frames.written'), json_extract(j, '\$.frames.lost') FROM e")" >>"$TMP/rows"
}

measure 0 none # to warm up, not counted
: >"$TMP/rows"
r=0
while [ $r -lt "$ROUNDS" ]; do
	r=$((r + 1))
	order="none drops path standard"
	[ $((r % 2)) = 1 ] || order="standard path drops none"
	for p in $order; do measure $r $p; done
done

echo "Flood of 100-byte UDP datagrams over veth, $ROUNDS rounds of $SECONDS_EACH s; medians (lowest to highest)"
echo "ns/packet is the CPU time of the sender, which on veth is that of reception too"
awk -F'\t' '
	function median(list, n,   v, i, j, t) {
		n = split(list, v, " ")
		for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] + 0 < v[j-1] + 0; j--) { t = v[j]; v[j] = v[j-1]; v[j-1] = t }
		low = v[1]; high = v[n]
		return n % 2 ? v[(n+1)/2] : (v[n/2] + v[n/2+1]) / 2
	}
	{ pps[$1, $2] = $3; all[$2] = all[$2] " " $3; cost[$1, $2] = $4; costs[$2] = costs[$2] " " $4; if ($1 > rounds) rounds = $1
	  if ($2 != "none") { cpu[$2] += $5; read[$2] += $6; lost[$2] += $7; frames[$2] += $8; flost[$2] += $9 } }
	END {
		printf "%-9s %10s %24s %10s %24s\n", "recorder", "packets/s", "of those without", "ns/packet", "of that without"
		n = split("none drops path standard", names, " ")
		for (k = 1; k <= n; k++) {
			p = names[k]; rate = ""; more = ""
			for (i = 1; i <= rounds; i++) {
				rate = rate " " pps[i, p] / pps[i, "none"]
				more = more " " cost[i, p] / cost[i, "none"]
			}
			printf "%-9s %10d", p, median(all[p])
			m = median(rate) # sets low and high
			printf " %24s %10d", sprintf("%.0f %% (%.0f to %.0f)", 100 * m, 100 * low, 100 * high), median(costs[p])
			m = median(more)
			printf " %24s\n", sprintf("%.0f %% (%.0f to %.0f)", 100 * m, 100 * low, 100 * high)
		}
		print ""
		printf "%-9s %14s %22s %12s %12s %12s\n", "recorder", "CPU share", "CPU s/million events", "events", "events lost", "frames lost"
		for (k = 2; k <= n; k++) {
			p = names[k]
			printf "%-9s %12.1f %% %22s %12d %10.2f %% %10.2f %%\n", p, 100 * cpu[p] / 1e9 / (rounds * seconds),
				read[p] < 10000 ? "-" : sprintf("%.2f", cpu[p] / 1000 / read[p]), read[p] + lost[p],
				read[p] + lost[p] ? 100 * lost[p] / (read[p] + lost[p]) : 0,
				frames[p] + flost[p] ? 100 * flost[p] / (frames[p] + flost[p]) : 0
		}
	}' seconds="$SECONDS_EACH" "$TMP/rows"

echo
echo "Reading the last of these tapes; the better of two"
printf '%-9s %9s %10s %9s %11s %11s %9s\n' tape "MB" events analyze events/s frames/s report
for p in drops path standard; do
	best= rep=
	for i in 1 2; do
		t=$(now)
		"$BUILD/skbtape" analyze -q "$TMP/$p.skbtape" -o "$TMP/$p.db" 2>"$TMP/err"
		rc=$?
		[ $rc = 0 ] || [ $rc = 3 ] || { cat "$TMP/err" >&2; exit 1; }
		t=$((($(now) - t) / 1000000))
		[ -n "$best" ] && [ "$best" -le $t ] || best=$t
		t=$(now)
		"$BUILD/skbtape" report "$TMP/$p.db" -o "$TMP/$p.html" 2>/dev/null
		t=$((($(now) - t) / 1000000))
		[ -n "$rep" ] && [ "$rep" -le $t ] || rep=$t
	done
	sqlite3 -batch -separator ' ' "$TMP/$p.db" "SELECT (SELECT value FROM tape WHERE key='events_decoded'), (SELECT count(*) FROM frame)" |
		while read -r events frames; do
			awk -v p=$p -v b="$(stat -c %s "$TMP/$p.skbtape")" -v e="$events" -v f="$frames" -v ms="$best" -v rep="$rep" 'BEGIN {
				printf "%-9s %9.1f %10d %7.2f s %11d %11d %7.2f s\n", p, b / 1e6, e, ms / 1e3, e * 1e3 / ms, f * 1e3 / ms, rep / 1e3 }'
		done
done
