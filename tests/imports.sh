#!/bin/sh
# SPDX-License-Identifier: MIT
# imports: files of other programs (fixtures/make/import.py made these, of known content): all events are found, with their reasons
# and places; what such a file lacks is said and is no failure; a cut one gives status 3. Where trace-cmd is installed, it counts
# the same events.
. tests/lib.sh
dir=fixtures/import

drops() { sqlite3 -batch "$1" "SELECT group_concat(x, ' ') FROM (SELECT reason || '/' || function || '=' || count(*) AS x FROM packet_drop GROUP BY reason, function ORDER BY 1)"; }

for f in v6-le64 v6-be32 v7-zstd-le64 v7-zlib-be64 v7-none-le32; do
	"$SKBTAPE" analyze -q "$dir/$f.dat" -o "$TMP/$f.db" 2>"$TMP/err"
	eq "$f: status" "$? $(cat "$TMP/err")" "0 "
	eq "$f: drops" "$(drops "$TMP/$f.db")" "NETFILTER_DROP/nft_do_chain=100 SOCKET_RCVBUFF/udp_queue_rcv_one_skb=300"
	eq "$f: decoded, lost, host, kernel" "$(sqlite3 -batch "$TMP/$f.db" "SELECT group_concat(value, ' ') FROM (SELECT value FROM tape WHERE key IN ('events_decoded', 'events_lost', 'host', 'kernel') ORDER BY key)")" "400 10 host.example 6.1.0-made"
	eq "$f: real time by --date" "$(q "$TMP/$f.db" "SELECT min(ts_ns) FROM packet_drop")" 1700000001000000000
	eq "$f: says what is missing" "$(sqlite3 -batch "$TMP/$f.db" "SELECT group_concat(source, ' ') FROM (SELECT source FROM quality WHERE kind = 'source-missing' ORDER BY source)")" "frames namespaces snapshots"
	eq "$f: nothing above what the events prove" "$(q "$TMP/$f.db" "SELECT count(*) FROM finding WHERE cause NOT IN ('netfilter-drop', 'udp-rcvbuf-overflow', 'capture-overflow')")" 0
	if command -v trace-cmd >/dev/null; then
		# v6-be32 has a second buffer, with 50 events of the first one; not every trace-cmd can unpack zlib
		n=$(trace-cmd report "$dir/$f.dat" 2>/dev/null | grep -c ' kfree_skb:')
		case $f in v6-be32) n=$((n - 50)) ;; v7-zlib*) [ "$n" -gt 0 ] || { skip "$f: as trace-cmd counts" "it cannot unpack zlib"; continue; } ;; esac
		eq "$f: as trace-cmd counts" "$(q "$TMP/$f.db" "SELECT count(*) FROM packet_drop")" "$n"
	else
		skip "$f: as trace-cmd counts" "no trace-cmd"
	fi
done
eq "the second buffer is named" "$(q "$TMP/v6-be32.db" "SELECT count(*) FROM quality WHERE note LIKE 'the buffer ''other''%'")" 1
# a second buffer with events of another kind alone is read, too: none of them can be in both
"$SKBTAPE" analyze -q "$dir/v6-apart.dat" -o "$TMP/a.db" 2>"$TMP/err"
eq "buffers without a kind of event in common: all are read" "$? $(cat "$TMP/err") $(sqlite3 -batch "$TMP/a.db" "SELECT group_concat(name || '=' || count, ' ') FROM (SELECT name, count FROM event_type ORDER BY name)") $(q "$TMP/a.db" "SELECT count(*) FROM quality WHERE source = 'ring buffer' AND kind = 'note'")" "0  kfree_skb=400 print=50 0"
command -v trace-cmd >/dev/null && eq "buffers without a kind of event in common: as trace-cmd counts" "$(q "$TMP/a.db" "SELECT sum(count) FROM event_type")" "$(trace-cmd report "$dir/v6-apart.dat" 2>/dev/null | grep -c -e ' kfree_skb:' -e ' print:')"
"$SKBTAPE" info "$dir/v7-zstd-le64.dat" >"$TMP/out"
eq "info" "$? $(grep -c -e '^kind *a trace.dat of trace-cmd' -e '^complete *yes' -e '^host *host.example' "$TMP/out")" "0 3"
for f in html md json; do
	"$SKBTAPE" report "$dir/v6-le64.dat" --format $f -o "$TMP/r.$f"
	eq "report as $f" "$? $([ -s "$TMP/r.$f" ] && echo written)" "0 written"
done

# drops alone are something to judge by, and no reason to call all well
cp "$TMP/v6-le64.db" "$TMP/v.db"
sqlite3 "$TMP/v.db" "DELETE FROM finding" && "$SKBTAPE" report "$TMP/v.db" --format md >"$TMP/r.md"
eq "drops alone, and no rule that names a cause" "$(grep -c '^\*\*No cause could be named.\*\* 400 packets were dropped' "$TMP/r.md")" 1

# cut at many places: never another end than a result that says so, or a refusal
cuts() { # FILE
	size=$(stat -c %s "$1")
	bad=0 some=0 at=1
	while [ $at -lt "$size" ]; do
		head -c $at "$1" >"$TMP/cut.dat"
		"$SKBTAPE" analyze -q "$TMP/cut.dat" -o "$TMP/cut.db" 2>"$TMP/err"
		case $? in
		3) n=$(q "$TMP/cut.db" "SELECT value FROM tape WHERE key = 'events_decoded'"); [ "$n" = 0 ] || some=$((some + 1)) ;;
		1) ;;
		*) bad=$((bad + 1)); echo "$1 cut at $at: $(cat "$TMP/err")" >&2 ;;
		esac
		at=$((at + $2))
	done
	eq "$(basename "$1") cut at many places: status 3 or 1" $bad 0
	[ $some -gt 0 ] && ok "$(basename "$1") cut: what is there is used" || no "$(basename "$1") cut: what is there is used" "no events"
}
cuts $dir/v6-le64.dat 1500

# a trace without counters, of a clock that nothing ties to real time
"$SKBTAPE" report $dir/veth.dat -f md >"$TMP/r.md" && "$SKBTAPE" report $dir/veth.dat -f html -o "$TMP/r.html" 2>"$TMP/err"
eq "a trace alone: the verdict says what was looked at and what was not" "$? $(grep -c '^\*\*Nothing wrong was seen, but not everything was\.\*\* Looked at 400 packets, 0 drops and 0 frames in .*No counters' "$TMP/r.md")" "0 1"
eq "a trace alone: no date is made up" "$(grep -c '19[67][0-9]-' "$TMP/r.html" "$TMP/r.md" | tr '\n' ' ')" "$TMP/r.html:0 $TMP/r.md:0 "

# captures beside a trace whose clock nothing ties: both ends of a link, 1 us before the sender's event, and the real time
"$SKBTAPE" analyze -q $dir/veth.dat $dir/veth-va.pcap $dir/veth-vb.pcap -o "$TMP/p.db" 2>"$TMP/err"
eq "trace and captures: status" "$? $(cat "$TMP/err")" "0 "
eq "trace and captures: devices, directions, ties" "$(sqlite3 -batch "$TMP/p.db" "SELECT group_concat(x, ' ') FROM (SELECT dev || '/' || direction || '/' || tie || '=' || count(*) AS x FROM frame GROUP BY dev, direction, tie ORDER BY 1)")" "va/in/unique=100 va/out/unique=300 vb/in/unique=300 vb/out/unique=100"
eq "trace and captures: offset within 2 us, and told so" "$(q "$TMP/p.db" "SELECT abs(min(ts_ns) - 1700000005000001000) <= 2000 AND (SELECT value FROM tape WHERE key = 'clock_error_ns') BETWEEN 1000 AND 4000 FROM hop")" 1
"$SKBTAPE" analyze -q $dir/veth.dat $dir/veth-vb.pcap -o "$TMP/p.db"
eq "one capture alone: the right end" "$? $(q "$TMP/p.db" "SELECT DISTINCT dev FROM frame")" "0 vb"
"$SKBTAPE" analyze -q $dir/v6-le64.dat $dir/veth-va.pcap -o "$TMP/p.db"
eq "a capture of another time: no device, no tie claimed" "$? $(q "$TMP/p.db" "SELECT count(*) FROM frame WHERE direction IS NOT NULL OR packet_id IS NOT NULL") $(q "$TMP/p.db" "SELECT count(*) FROM quality WHERE note LIKE '%which device its frames passed is not known'")" "0 0 1"
"$SKBTAPE" analyze -q $dir/veth-va.pcap -o "$TMP/p.db"
eq "a capture without a trace" "$? $(q "$TMP/p.db" "SELECT count(*) FROM frame") $(q "$TMP/p.db" "SELECT value FROM tape WHERE key = 'start_ns'")" "0 400 1700000005000000000"
"$SKBTAPE" report $dir/veth-va.pcap --format md >"$TMP/r.md"
eq "a capture without a trace: the summary says so and lists its flows" "$(grep -c -e '^\*\*Captured frames alone\.\*\* 400 frames of 2 flows' -e '^| 300 | .* | udp 10.77.0.1:7000 &#62; 10.77.0.2:7001 |' "$TMP/r.md") $(grep -c -e 'No drop of class' -e 'Nothing wrong' "$TMP/r.md")" "2 0"
"$SKBTAPE" export $dir/veth-va.pcap --pcapng "$TMP/p.pcapng" && "$SKBTAPE" analyze -q "$TMP/p.pcapng" -o "$TMP/p2.db"
eq "exported and read again: the same frames" "$(sqlite3 -batch "$TMP/p2.db" "SELECT ts_ns, len_bytes FROM frame" | cksum)" "$(sqlite3 -batch "$TMP/p.db" "SELECT ts_ns, len_bytes FROM frame" | cksum)"
head -c 5000 $dir/veth-va.pcap >"$TMP/cut.pcap"
"$SKBTAPE" analyze -q "$TMP/cut.pcap" -o "$TMP/p.db" 2>/dev/null
eq "a cut capture: status 3, what is there is used" "$? $(q "$TMP/p.db" "SELECT count(*) FROM frame")" "3 85"
# what stands behind a capture is no packet: zeros of a crashed host, another capture; and what is packed is told how to unpack
whole=$("$SKBTAPE" analyze -q $dir/veth-va.pcap -o "$TMP/p.db" && q "$TMP/p.db" "SELECT count(*) FROM frame")
{ cat $dir/veth-va.pcap && head -c 4096 /dev/zero; } >"$TMP/behind.pcap"
"$SKBTAPE" analyze -q "$TMP/behind.pcap" -o "$TMP/p.db" 2>/dev/null
eq "zeros behind a capture: status, frames, and said" "$? $(q "$TMP/p.db" "SELECT count(*) FROM frame") $(q "$TMP/p.db" "SELECT count(*) FROM quality WHERE kind = 'tape-damaged' AND note LIKE '%but zeros%'")" "3 $whole 1"
cat $dir/veth-va.pcap $dir/veth-vb.pcap >"$TMP/behind.pcap"
"$SKBTAPE" analyze -q "$TMP/behind.pcap" -o "$TMP/p.db" 2>/dev/null
eq "a capture behind a capture: status, frames, and said" "$? $(q "$TMP/p.db" "SELECT count(*) FROM frame") $(q "$TMP/p.db" "SELECT count(*) FROM quality WHERE kind = 'tape-damaged' AND note LIKE '%mergecap%'")" "3 $whole 1"

# its chunks have no sums: what a wrong bit makes of one shows by the kernel's counts alone
cp fixtures/import/v7-zstd-le64.dat "$TMP/flip.dat"
at=8207
byte=$(od -An -tu1 -j$at -N1 "$TMP/flip.dat")
# shellcheck disable=SC2059
printf "\\$(printf %03o $((byte ^ 4)))" | dd of="$TMP/flip.dat" bs=1 seek=$at conv=notrunc 2>/dev/null
"$SKBTAPE" analyze -q "$TMP/flip.dat" -o "$TMP/p.db" 2>"$TMP/err"
eq "a wrong bit in a packed chunk: status, events, and said" "$? $(q "$TMP/p.db" "SELECT value FROM tape WHERE key = 'events_decoded'") $(grep -c 'damaged: ring buffer: the kernel counted 410 recorded events and 10 lost ones; 300 were decoded' "$TMP/err")" "3 300 1"
gzip -c $dir/veth-va.pcap >"$TMP/p.pcap.gz"
"$SKBTAPE" analyze -q "$TMP/p.pcap.gz" -o "$TMP/p.db" 2>"$TMP/err"
eq "a packed capture" "$? $(grep -c 'unpack it first (gzip -d' "$TMP/err")" "1 1"
"$SKBTAPE" analyze -q $dir/veth.dat "$TMP/cut.pcap" -o "$TMP/p.db" 2>/dev/null
eq "a cut capture beside a trace: status 3" "$? $(q "$TMP/p.db" "SELECT count(*) FROM frame")" "3 85"

for f in pipe packed file; do
	"$SKBTAPE" analyze -q $dir/$f.perf -o "$TMP/p.db" 2>"$TMP/err"
	eq "$f.perf: status" "$? $(cat "$TMP/err")" "0 "
	eq "$f.perf: events, drops, lost, real time" "$(q "$TMP/p.db" "SELECT value FROM tape WHERE key = 'events_decoded'") $(sqlite3 -batch "$TMP/p.db" "SELECT group_concat(x, ' ') FROM (SELECT reason || '=' || count(*) AS x FROM packet_drop GROUP BY reason ORDER BY 1)") $(q "$TMP/p.db" "SELECT count FROM quality WHERE kind = 'events-lost'") $(q "$TMP/p.db" "SELECT min(ts_ns) FROM packet_drop")" "400 NETFILTER_DROP=100 SOCKET_RCVBUFF=300 3 1700000001000000000"
done
# rings that take turns, larger than what is read of them at a time
mkdir "$TMP/made"
if command -v python3 >/dev/null && command -v zstd >/dev/null; then
	python3 fixtures/make/import.py "$TMP/made" 48000
	"$SKBTAPE" analyze -q "$TMP/made/file.perf" -o "$TMP/p.db" 2>"$TMP/err"
	eq "large perf.data: status" "$? $(cat "$TMP/err")" "0 "
	eq "large perf.data: all events, each CPU's in order of time" "$(q "$TMP/p.db" "SELECT value FROM tape WHERE key = 'events_decoded'") $(q "$TMP/p.db" "SELECT count(*) FROM quality WHERE note LIKE 'events earlier%'")" "48000 0"
else
	skip "large perf.data" "no python3 or no zstd"
fi

# what analyze takes together, the others take together, too
set -- $dir/veth.dat $dir/veth-va.pcap $dir/veth-vb.pcap
"$SKBTAPE" analyze -q "$@" -o "$TMP/p.db"
"$SKBTAPE" report "$@" --format md >"$TMP/files.md" && "$SKBTAPE" report "$TMP/p.db" --format md >"$TMP/db.md"
eq "report of a trace and captures: as of their database" "$? $(cmp "$TMP/files.md" "$TMP/db.md" 2>&1)" "0 "
eq "why of a trace and captures" "$("$SKBTAPE" why "$@" --frame 5 | cksum)" "$("$SKBTAPE" why "$TMP/p.db" --frame 5 | cksum)"
eq "why: files, then the words of a flow" "$("$SKBTAPE" why "$@" udp port 7001 | cksum)" "$("$SKBTAPE" why "$TMP/p.db" udp port 7001 | cksum)"
"$SKBTAPE" why "$@" >/dev/null 2>"$TMP/err"
eq "why: no flow behind the files" "$? $(grep -c 'expected a flow' "$TMP/err")" "2 1"
"$SKBTAPE" export "$@" --pcapng "$TMP/p.pcapng" && "$SKBTAPE" analyze -q "$TMP/p.pcapng" -o "$TMP/p2.db"
eq "export of a trace and captures: all frames" "$? $(q "$TMP/p2.db" "SELECT count(*) FROM frame")" "0 800"
"$SKBTAPE" export "$TMP/p.db" --pcapng "$TMP/p.pcapng" 2>"$TMP/err"
eq "export of their database: says what to name" "$? $(grep -c 'name these files in place of the database' "$TMP/err")" "1 1"
"$SKBTAPE" analyze -q "$@" --filter 'src host 10.77.0.1' -o "$TMP/p2.db"
eq "analyze --filter of a trace and captures" "$? $(q "$TMP/p2.db" "SELECT count(*) FROM frame")" "0 600"
"$SKBTAPE" report "$TMP/p.db" $dir/veth-va.pcap --format md >/dev/null 2>"$TMP/err"
eq "a capture beside a database is refused" "$? $(grep -c 'analyze both together' "$TMP/err")" "1 1"
