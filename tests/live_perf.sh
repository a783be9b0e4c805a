#!/bin/sh
# SPDX-License-Identifier: MIT
# live_perf: the same traffic recorded at one time through tracefs and through perf: the same drops, frames and findings; and perf
# where no tracing instance can be made.
. tests/lib.sh
live || { skip live_perf "$LIVE_WHY"; exit 0; }
"$RECORD" --doctor | grep -q '^perf  *allowed' || { skip live_perf "no perf_event_open here"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
N=${N:-5000}

net_up || { no live_perf "no namespaces"; exit 1; }
in_b nft -f - <<RULES
table inet filter {
	chain input {
		type filter hook input priority 0; policy accept;
		udp dport 9003 counter drop
	}
}
RULES
start_record "$TMP/perf.log" --backend perf -b 16M -o "$TMP/perf.skbtape" || { no live_perf "recorder did not start"; exit 1; }
PERFPID=$RECPID
start_record "$TMP/tracefs.log" --backend tracefs -b 16M -o "$TMP/tracefs.skbtape" || { no live_perf "recorder did not start"; kill "$PERFPID"; exit 1; }
grep -q Seccomp:.2 "/proc/$PERFPID/status" && ok "perf's recorder is confined" || no "perf's recorder is confined" "$(grep Seccomp "/proc/$PERFPID/status")"
eq "it kept no CAP_PERFMON" $((0x$(sed -n 's/^CapPrm:[[:space:]]*//p' "/proc/$PERFPID/status") >> 38 & 1)) 0
for port in 9001 9003; do
	in_a "$TRAFFIC" send 10.77.0.2 $port "$N" 200 20000 >"$TMP/sent.$port"
	eq "sent to $port" "$(cat "$TMP/sent.$port")" "sent $N"
done
sleep 0.5
kill -INT "$RECPID" "$PERFPID"
wait "$RECPID"
eq "tracefs: record ends with 0" $? 0
wait "$PERFPID"
eq "perf: record ends with 0" $? 0
for b in tracefs perf; do
	"$SKBTAPE" analyze -q "$TMP/$b.skbtape" -o "$TMP/$b.db"
	eq "$b: analyze ends with 0" $? 0
	db=$TMP/$b.db
	eq "$b: decoded = on the tape" "$(q "$db" "SELECT value FROM tape WHERE key='events_decoded'")" "$(q "$db" "SELECT value FROM tape WHERE key='end.events.read'")"
	eq "$b: closed port" "$(q "$db" "SELECT count(*) FROM packet_drop d JOIN flow f ON f.id=d.flow_id WHERE d.reason='NO_SOCKET' AND f.dport=9001")" "$N"
	eq "$b: nft rule" "$(q "$db" "SELECT count(*) FROM packet_drop WHERE reason='NETFILTER_DROP' AND function IN ('nft_do_chain','nf_hook_slow','nft_do_chain_inet')")" "$N"
	for cause in udp-no-listener netfilter-drop; do
		eq "$b: finding $cause" "$(q "$db" "SELECT count(*) FROM finding WHERE cause='$cause' AND severity!='info' AND netns='$NB'")" 1
	done
	# what was lost lowers the confidence, and rings lose where pages do not
	sqlite3 "$db" "SELECT cause, severity, confidence FROM finding WHERE severity != 'info' ORDER BY 1, 2" >"$TMP/$b.findings"
	q "$db" "SELECT CAST(value AS INT) FROM tape WHERE key = 'events_lost'" >"$db.lost"
	# the frames of both directions, by how surely they are tied to a packet
	sqlite3 "$db" "SELECT f.dport, count(*), count(DISTINCT fr.packet_id) FROM frame fr JOIN flow f ON f.id=fr.flow_id WHERE f.dport IN (9001,9003) GROUP BY 1 ORDER BY 1" >"$TMP/$b.ties"
	sqlite3 "$db" "SELECT f.dport, h.stage, count(*) FROM hop h JOIN packet p ON p.id=h.packet_id JOIN flow f ON f.id=p.flow_id WHERE f.dport IN (9001,9003) GROUP BY 1, 2 ORDER BY 1, 2" >"$TMP/$b.stages"
done
lost=$(cat "$TMP"/*.db.lost | paste -sd' ')
if [ "$lost" = "0 0" ]; then
	eq "the same findings" "$(cat "$TMP/perf.findings")" "$(cat "$TMP/tracefs.findings")"
else
	eq "the same findings but for what $lost lost events take from the confidence" "$(cut -d'|' -f1,2 "$TMP/perf.findings")" "$(cut -d'|' -f1,2 "$TMP/tracefs.findings")"
fi
eq "the same frames, the same ties" "$(cat "$TMP/perf.ties")" "$(cat "$TMP/tracefs.ties")"
[ "$(wc -l <"$TMP/perf.ties")" = 2 ] && ok "frames of both ports" || no "frames of both ports" "$(cat "$TMP/perf.ties")"
eq "the same stages of packets" "$(cat "$TMP/perf.stages")" "$(cat "$TMP/tracefs.stages")"
[ "$(wc -l <"$TMP/perf.stages")" -ge 8 ] && ok "stages of both ports" || no "stages of both ports" "$(cat "$TMP/perf.stages")"
eq "perf: lost by full rings" "$(q "$TMP/perf.db" "SELECT value FROM tape WHERE key='end.events.overrun'")" 0

# formats from a folder; those of another boot are refused
mkdir "$TMP/formats"
unshare -m sh -c "mount -t tracefs none /sys/kernel/tracing; cp -r /sys/kernel/tracing/events '$TMP/formats/'" 2>"$TMP/cp.log"
cp /proc/sys/kernel/random/boot_id "$TMP/formats/"
"$RECORD" -q --backend perf --formats "$TMP/formats" -d 0.3 -o "$TMP/f.skbtape" 2>"$TMP/log"
eq "--formats: record ends with 0" $? 0
echo other >"$TMP/formats/boot_id"
"$RECORD" -q --backend perf --formats "$TMP/formats" -d 0.3 -o "$TMP/g.skbtape" 2>"$TMP/log"
eq "--formats of another boot: status" $? 3
grep -q 'another boot' "$TMP/log" && ok "--formats of another boot: said" || no "--formats of another boot: said" "$(cat "$TMP/log")"

# as in a container: namespaces of its own, no tracefs, another user with nothing but these capabilities
cp /proc/sys/kernel/random/boot_id "$TMP/formats/"
cp "$RECORD" "$TMP/rec" # the build may be below a folder that others cannot enter
chmod -R a+rX "$TMP"
mkdir -m 777 "$TMP/out"
contained() { # CAPABILITIES PROGRAM...
	_caps=-all,$1
	shift
	unshare -m -p -n -f --mount-proc sh -c 'umount -l /sys/kernel/tracing /sys/kernel/debug 2>/dev/null; exec "$@"' sh setpriv --reuid 65534 --regid 65534 \
		--clear-groups --bounding-set "$_caps" --inh-caps "$_caps" --ambient-caps "$_caps" "$@"
}
if command -v setpriv >/dev/null; then
	contained +perfmon,+net_raw "$TMP/rec" --doctor >"$TMP/doctor"
	eq "container: the doctor asks for formats" "$(grep -c -e '^backend  *none' -e '^perf  *perf_event_open is allowed, but: .*--formats' -e 'then --formats DIR' "$TMP/doctor")" 3
	contained +perfmon,+net_raw "$TMP/rec" --doctor --formats "$TMP/formats" >"$TMP/doctor"
	eq "container: the doctor takes perf with formats" "$(grep -c -e '^backend  *perf:' -e "^perf  *allowed, formats from $TMP/formats" "$TMP/doctor")" 2
	contained +net_raw "$TMP/rec" --doctor --formats "$TMP/formats" >"$TMP/doctor"
	eq "container: the doctor names the capability that is missing" "$(grep -c -e '^backend  *none' -e '^perf  *no: .*CAP_PERFMON is missing' "$TMP/doctor")" 2
	contained +net_raw "$TMP/rec" -q --backend perf --formats "$TMP/formats" -d 0.2 -o "$TMP/out/n.skbtape" 2>"$TMP/log"
	eq "container without CAP_PERFMON: status, and it is named" "$? $(grep -c 'CAP_PERFMON is missing' "$TMP/log")" "3 1"
	contained +perfmon,+net_raw "$TMP/rec" --formats "$TMP/formats" -b 1M -d 3 -o "$TMP/out/u.skbtape" 2>"$TMP/log" &
	PERFPID=$!
	i=0
	until grep -q '^recording' "$TMP/log" || [ $i = 100 ]; do sleep 0.1; i=$((i + 1)); done
	in_a "$TRAFFIC" send 10.77.0.2 9001 200 200 1000 >/dev/null
	wait "$PERFPID"
	eq "container: status, for the kernel log" "$? $(grep -c kmsg "$TMP/log")" "3 1"
	grep -q 'events come through perf' "$TMP/log" && ok "container: auto takes perf" || no "container: auto takes perf" "$(head -5 "$TMP/log")"
	"$SKBTAPE" analyze -q "$TMP/out/u.skbtape" -o "$TMP/u.db"
	n=$(q "$TMP/u.db" "SELECT count(*) FROM packet_drop WHERE reason = 'NO_SOCKET'") # no frames of theirs, and so no port
	[ "$n" -ge 200 ] && ok "container: drops of the host's other namespaces" || no "container: drops of the host's other namespaces" "$n"
	eq "container: its own namespace is not taken for the host's first" "$(q "$TMP/u.db" "SELECT count(*) FROM netns WHERE seen AND name <> 'init'")" 1
else
	skip "container" "no setpriv"
fi
eq "no instance left" "$(instances)" ""
rm -rf "$TMP"
