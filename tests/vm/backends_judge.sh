#!/bin/sh
# SPDX-License-Identifier: MIT
# backends_judge.sh DIR: what tests/vm/backends.sh left in DIR: through tracefs and through perf the same drops, findings, frames,
# ties and stages of packets, as many as were sent; and what a container without tracefs got.
. tests/lib.sh
cat "$1/script.log"
N=300
for b in tracefs perf; do
	db=$TMP/$b.db
	"$SKBTAPE" analyze -q "$1/$b.skbtape" -o "$db"
	eq "$b: whole tape" $? 0
	eq "$b: decoded = recorded - lost" "$(q "$db" "SELECT (SELECT CAST(value AS INT) FROM tape WHERE key='events_recorded') - (SELECT CAST(value AS INT) FROM tape WHERE key='events_lost') - (SELECT CAST(value AS INT) FROM tape WHERE key='events_decoded')")" 0
	q "$db" "SELECT '# $b: ' || value || ' events lost' FROM tape WHERE key='events_lost'"
	for port in 9001 9003; do
		eq "$b: drops of port $port" "$(q "$db" "SELECT count(*) FROM packet_drop d JOIN flow f ON f.id=d.flow_id WHERE f.dport=$port AND f.proto='udp'")" $N
	done
	for cause in udp-no-listener netfilter-drop; do
		eq "$b: finding $cause" "$(q "$db" "SELECT count(*) FROM finding WHERE cause='$cause' AND severity<>'info' AND netns='skbt-vm-b'")" 1
	done
	sqlite3 "$db" "SELECT cause, severity, netns FROM finding WHERE severity <> 'info' ORDER BY 1, 2, 3" >"$TMP/$b.findings"
	sqlite3 "$db" "SELECT f.ts_ns, f.dev, f.direction, f.tie FROM frame f JOIN flow w ON w.id=f.flow_id WHERE w.dport IN (9001, 9003) AND f.tie IS NOT NULL" | sort >"$TMP/$b.ties"
	sqlite3 "$db" "SELECT w.dport, h.stage, count(*) FROM hop h JOIN packet p ON p.id=h.packet_id JOIN flow w ON w.id=p.flow_id WHERE w.dport IN (9001, 9003) GROUP BY 1, 2 ORDER BY 1, 2" >"$TMP/$b.lives"
done
# each tie hangs on a distance in time, which in a slow guest now and then is at the limit for one of them
n=$(comm -3 "$TMP/tracefs.ties" "$TMP/perf.ties" | wc -l)
[ "$(wc -l <"$TMP/perf.ties")" -ge $((N * 4 - N / 25)) ] && [ "$n" -le $((N / 25)) ] && ok "the same frames are tied (but $n)" || no "the same frames are tied" "$n of $(wc -l <"$TMP/perf.ties") are not"
for x in findings lives; do
	[ -s "$TMP/perf.$x" ] && cmp -s "$TMP/perf.$x" "$TMP/tracefs.$x" && ok "the same $x" || no "the same $x" "$(diff "$TMP/tracefs.$x" "$TMP/perf.$x")"
done
if [ -f "$1/container.skbtape" ]; then
	eq "container: the doctor without formats" "$(grep -c -e '^backend  *none' -e '^perf  *perf_event_open is allowed, but: .*--formats' "$1/doctor.bare")" 2
	eq "container: the doctor with formats" "$(grep -c -e '^backend  *perf:' -e '^perf  *allowed, formats from' "$1/doctor.formats")" 2
	eq "container: the doctor without the capability" "$(grep -c -e '^backend  *none' -e '^perf  *no: .*CAP_PERFMON is missing' "$1/doctor.net_raw")" 2
	# Debian's 5.10 asks for CAP_SYS_ADMIN then, and it is told how not to
	eq "container: the doctor while kernel.perf_event_paranoid is 3" "$(grep -c -e '^perf  *perf_event_open is allowed' -e '^perf  *no: .*perf_event_paranoid=2' "$1/doctor.3")" 1
	"$SKBTAPE" analyze -q "$1/container.skbtape" -o "$TMP/c.db"
	n=$(q "$TMP/c.db" "SELECT count(*) FROM packet_drop")
	[ "$n" -ge $N ] && ok "container: drops of another namespace" || no "container: drops of another namespace" "$n"
else
	skip container "the guest's setpriv knows no such capability"
fi
