#!/bin/sh
# SPDX-License-Identifier: MIT
# exports: what leaves the database for other programs: pcapng with comments, Perfetto traces, CSV folders, filtered
# databases and reports; and that what is documented about commands is what they say.
. tests/lib.sh
tape=fixtures/udp-loss/udp-loss.skbtape
"$SKBTAPE" analyze -q "$tape" -o "$TMP/t.db" || { no "exports: analyze" "status $?"; exit; }
x() { "$SKBTAPE" export "$@" 2>"$TMP/err"; }
same() { cmp -s "$2" "$3" && ok "$1" || no "$1" "the bytes differ"; }
have() { command -v "$1" >/dev/null; }

# --- pcapng ---
x "$tape" --pcapng "$TMP/a.pcapng"
eq "pcapng: status" $? 0
x "$TMP/t.db" --pcapng "$TMP/b.pcapng"
same "pcapng: tape and database give the same bytes" "$TMP/a.pcapng" "$TMP/b.pcapng"
x "$tape" --pcapng "$TMP/plain.pcapng" --no-comments
frames=$(q "$TMP/t.db" "SELECT count(*) FROM frame")
eq "pcapng: a comment for each frame" "$(grep -a -o 'skbtape: frame [0-9]*, ' "$TMP/a.pcapng" | sort -u | wc -l)" "$frames"
eq "pcapng: drops are in the comments" "$(grep -a -c -o 'dropped: NO_SOCKET in __udp4_lib_rcv+' "$TMP/a.pcapng")" \
	"$(grep -a -c -o 'dropped: NO_SOCKET' "$TMP/a.pcapng")"
grep -a -q 'va in netns skbt-[0-9]*-a (veth)' "$TMP/a.pcapng" && ok "pcapng: devices are described" || no "pcapng: devices are described" "not found"
if have tcpdump; then
	tcpdump -nn -e -x -tt -r "$TMP/plain.pcapng" >"$TMP/1" 2>/dev/null
	tcpdump -nn -e -x -tt -r "$TMP/a.pcapng" >"$TMP/2" 2>/dev/null
	same "pcapng: frames are as recorded" "$TMP/1" "$TMP/2"
else
	skip "pcapng: frames are as recorded" "no tcpdump"
fi
if have tshark; then
	tshark -r "$TMP/a.pcapng" -T fields -e frame.number -e frame.comment >"$TMP/ts" 2>/dev/null
	eq "pcapng: tshark reads a comment for each frame, in order" \
		"$(awk -F'\t' '$2 ~ "^skbtape: frame " $1 ","' "$TMP/ts" | wc -l)" "$frames"
	want=$(q "$TMP/t.db" "SELECT count(*) FROM frame f JOIN packet p ON p.id = f.packet_id JOIN packet_drop d ON d.id = p.drop_id WHERE d.reason = 'SOCKET_RCVBUFF'")
	eq "pcapng: frames of drops, by display filter" \
		"$(tshark -r "$TMP/a.pcapng" -Y 'frame.comment contains "dropped: SOCKET_RCVBUFF"' 2>/dev/null | wc -l)" "$want"
else
	skip "pcapng: tshark" "not installed"
fi

for t in fixtures/bad/*.tape; do
	rm -f "$TMP/bad.pcapng"
	x "$t" --pcapng "$TMP/bad.pcapng"
	rc=$?
	n=$(basename "$t")
	case $rc in
	0 | 3) if have capinfos; then capinfos -c "$TMP/bad.pcapng" >/dev/null 2>&1 && ok "pcapng of $n" || no "pcapng of $n" "capinfos refuses it"; else skip "pcapng of $n" "no capinfos"; fi ;;
	1) [ ! -e "$TMP/bad.pcapng" ] && ok "pcapng of $n" || no "pcapng of $n" "failed, and left a file" ;;
	*) no "pcapng of $n" "status $rc: $(cat "$TMP/err")" ;;
	esac
done

# --- a database finds its tape ---
mkdir "$TMP/far"
cp "$TMP/t.db" "$TMP/far/t.db"
sqlite3 "$TMP/far/t.db" "UPDATE tape SET value = '/nowhere/udp-loss.skbtape' WHERE key = 'tape_path'"
x "$TMP/far/t.db" --pcapng "$TMP/c.pcapng"
rc=$?
grep -q '/nowhere/udp-loss.skbtape' "$TMP/err"
eq "tape that is gone: status, named, nothing written" "$rc $? $(ls "$TMP" | grep -c '^c.pcapng')" "1 0 0"
x "$TMP/far/t.db" --tape "$tape" --pcapng "$TMP/c.pcapng"
same "--tape" "$TMP/a.pcapng" "$TMP/c.pcapng"
x "$TMP/far/t.db" --tape fixtures/healthy/healthy.skbtape --pcapng "$TMP/d.pcapng"
rc=$?
grep -q 'is not the tape' "$TMP/err"
eq "another tape is refused by its hash" "$rc $?" "1 0"
cp "$tape" "$TMP/far/"
x "$TMP/far/t.db" --pcapng "$TMP/d.pcapng"
same "a tape beside its database is found" "$TMP/a.pcapng" "$TMP/d.pcapng"
eq "tape_sha256 is what sha256sum says" "$(q "$TMP/t.db" "SELECT value FROM tape WHERE key = 'tape_sha256'")" "$(sha256sum "$tape" | cut -d' ' -f1)"

# --- filter ---
for f in 'udp port 9001' 'host 10.77.0.2 and tcp' 'src port 7000' 'tcp[tcpflags] & tcp-syn != 0' 'udp and greater 200' 'ip[8] = 64' 'not ip'; do
	x "$tape" --pcapng "$TMP/f.pcapng" --filter "$f"
	rc=$?
	if have tcpdump; then
		want=$(tcpdump -nn -r "$TMP/plain.pcapng" "$f" 2>/dev/null | wc -l)
		got=$([ $rc = 0 ] && tcpdump -nn -r "$TMP/f.pcapng" 2>/dev/null | wc -l || echo 0)
		eq "filter '$f': frames as tcpdump chooses them" "$got" "$want"
	else
		skip "filter '$f'" "no tcpdump"
	fi
done
f='udp port 9002'
"$SKBTAPE" analyze -q "$tape" --filter "$f" -o "$TMP/f.db" 2>/dev/null
eq "analyze --filter: frames, packets, drops, flows" \
	"$(q "$TMP/f.db" "SELECT (SELECT count(*) FROM frame) || ' ' || (SELECT count(*) FROM packet) || ' ' || (SELECT count(*) FROM packet_drop) || ' ' || (SELECT count(*) FROM flow)")" \
	"$(q "$TMP/t.db" "WITH p AS (SELECT * FROM packet WHERE flow_id IN (SELECT id FROM flow WHERE dport = 9002)) SELECT (SELECT count(*) FROM frame WHERE flow_id IN (SELECT id FROM flow WHERE dport = 9002)) || ' ' || (SELECT count(*) FROM p) || ' ' || (SELECT count(*) FROM packet_drop WHERE packet_id IN (SELECT id FROM p)) || ' ' || (SELECT count(*) FROM flow WHERE dport = 9002)")"
eq "analyze --filter: hops of these packets alone" "$(q "$TMP/f.db" "SELECT count(*) FROM hop WHERE packet_id NOT IN (SELECT id FROM packet)")" 0
eq "analyze --filter: the finding of this flow alone" "$(sqlite3 "$TMP/f.db" "SELECT cause FROM finding")" udp-rcvbuf-overflow
eq "analyze --filter: a whole database" "$(q "$TMP/f.db" 'PRAGMA integrity_check')" ok
eq "analyze --filter: says so" "$(q "$TMP/f.db" "SELECT count(*) FROM quality WHERE kind = 'filter' AND note LIKE '%$f%'")" 1
for form in md json html; do
	"$SKBTAPE" report "$TMP/f.db" --format $form -o "$TMP/r1" 2>/dev/null
	"$SKBTAPE" report "$TMP/t.db" --filter "$f" --format $form -o "$TMP/r2" 2>/dev/null
	"$SKBTAPE" report "$tape" --filter "$f" --format $form -o "$TMP/r3" 2>/dev/null
	same "report --filter: $form of tape and database" "$TMP/r2" "$TMP/r3"
	grep -q SOCKET_RCVBUFF "$TMP/r2" && ! grep -q -e NETFILTER_DROP -e :9003 -e 'port":9003' "$TMP/r2" && ok "report --filter: $form names no other flow" || no "report --filter: $form names no other flow" "it does, or not this one"
done
"$SKBTAPE" why "$TMP/t.db" --filter "$f" 10.77.0.2 >"$TMP/out" 2>/dev/null
eq "why --filter" "$? $(grep -c '9002' "$TMP/out" | sed 's/[1-9][0-9]*/some/') $(sed '/^SOCKETS/,$d' "$TMP/out" | grep -c 9001)" "0 some 0"
# sums made anew: those of everything are those of the database
"$SKBTAPE" analyze -q "$tape" --filter 'ip or not ip' -o "$TMP/all.db" 2>/dev/null
for sql in "SELECT count(*) FROM packet" "SELECT count(*) FROM packet_drop" "SELECT count(*) FROM finding" \
	"SELECT group_concat(from_cpu || ' ' || to_cpu || ' ' || kind || ' ' || n) FROM (SELECT from_cpu, to_cpu, kind, sum(count) AS n FROM cpu_hop GROUP BY 1, 2, 3)" \
	"SELECT group_concat(stage_from || ' ' || stage_to || ' ' || count || ' ' || max_ns) FROM (SELECT * FROM latency WHERE stage_from NOT IN ('softirq_raise', 'sched_waking') AND stage_to <> 'consume_skb' ORDER BY 1, 2)"; do
	eq "filter for all: $(echo "$sql" | cut -c1-40)" "$(q "$TMP/all.db" "$sql")" "$(q "$TMP/t.db" "$sql")"
done
# without the tape flows decide, where they can
rm "$TMP/far/udp-loss.skbtape"
"$SKBTAPE" why "$TMP/far/t.db" --filter "$f" 10.77.0.2 >"$TMP/out2" 2>"$TMP/err"
eq "filter without the tape: the same by flows, and said" "$? $(grep -c 'flows decide' "$TMP/err")" "0 1"
same "filter without the tape: the same story" "$TMP/out" "$TMP/out2"
"$SKBTAPE" why "$TMP/far/t.db" --filter 'tcp[13] & 2 != 0' 10.77.0.2 >"$TMP/out2" 2>"$TMP/err"
rc=$?
eq "filter without the tape: of bytes is refused" "$rc $(grep -c -e --tape "$TMP/err")" "1 2"
"$SKBTAPE" report "$tape" --filter 'udp prot 53' -o "$TMP/no.html" 2>"$TMP/err"
eq "filter that is none: status, nothing written" "$? $(ls "$TMP" | grep -c '^no')" "2 0"
"$SKBTAPE" report "$tape" --filt 'udp port domain' -o - >/dev/null 2>"$TMP/err"
eq "filter with a name, shortened option" "$?" 0
"$SKBTAPE" report "$tape" --filter inbound -o "$TMP/no.html" 2>"$TMP/err"
eq "filter of the direction: status, nothing written" "$? $(ls "$TMP" | grep -c '^no')" "1 0"

# --- Perfetto ---
if have python3; then
	for t in $tape fixtures/healthy/healthy.skbtape fixtures/loss-5.10/loss-5.10.skbtape fixtures/qdisc-loss/qdisc-loss.skbtape fixtures/incidents/a18-frag-reasm-timeout.skbtape fixtures/incidents/a27-tcp-zero-window.skbtape; do
		n=$(basename "$t" .skbtape)
		"$SKBTAPE" analyze -q "$t" -o "$TMP/p.db" 2>/dev/null
		x "$TMP/p.db" --perfetto "$TMP/1.pftrace"
		x "$t" --perfetto "$TMP/2.pftrace"
		same "perfetto $n: tape and database give the same bytes" "$TMP/1.pftrace" "$TMP/2.pftrace"
		if python3 tests/perfetto_check.py "$TMP/1.pftrace" >"$TMP/pf" 2>&1; then
			ok "perfetto $n: a strict reader takes it"
		else
			no "perfetto $n: a strict reader takes it" "$(cat "$TMP/pf")"
		fi
		eq "perfetto $n: drops" "$(awk '$1 == "drops" {print $2}' "$TMP/pf")" "$(q "$TMP/p.db" 'SELECT count(*) FROM packet_drop')"
		eq "perfetto $n: softirqs" "$(sed -n 's/slices on softirq: //p' "$TMP/pf")" "$(q "$TMP/p.db" 'SELECT nullif(count(*), 0) FROM softirq')"
	done
	x "$TMP/t.db" --perfetto "$TMP/1.pftrace" --from 0.1 --to 0.12
	python3 tests/perfetto_check.py "$TMP/1.pftrace" >"$TMP/pf" 2>&1
	eq "perfetto --from --to: drops of that time" "$? $(awk '$1 == "drops" {print $2}' "$TMP/pf")" \
		"0 $(q "$TMP/t.db" "SELECT count(*) FROM packet_drop WHERE ts_ns - (SELECT value FROM tape WHERE key = 'start_ns') BETWEEN 100000000 AND 120000000")"
	x "$TMP/t.db" --perfetto "$TMP/1.pftrace" --filter 'udp port 9001'
	python3 tests/perfetto_check.py "$TMP/1.pftrace" >"$TMP/pf" 2>&1
	eq "perfetto --filter: drops of that flow" "$? $(grep '^drop ' "$TMP/pf")" "0 drop NO_SOCKET 200"
	# whatever a hostile tape holds, what is written is a trace
	for t in fixtures/bad/*.tape; do
		rm -f "$TMP/bad.pftrace"
		x "$t" --perfetto "$TMP/bad.pftrace"
		rc=$?
		case $rc in
		0 | 3) python3 tests/perfetto_check.py "$TMP/bad.pftrace" >"$TMP/pf" 2>&1 && ok "perfetto $(basename "$t")" || no "perfetto $(basename "$t")" "$(tail -1 "$TMP/pf")" ;;
		1) [ ! -e "$TMP/bad.pftrace" ] && ok "perfetto $(basename "$t")" || no "perfetto $(basename "$t")" "failed, and left a file" ;;
		*) no "perfetto $(basename "$t")" "status $rc: $(cat "$TMP/err")" ;;
		esac
	done
	for t in names html netlink; do
		rm -rf "$TMP/bad.csv"
		"$SKBTAPE" analyze -q fixtures/bad/$t.tape -o "$TMP/bad.db" 2>/dev/null
		x "$TMP/bad.db" --csv "$TMP/bad.csv"
		python3 tests/csv_check.py "$TMP/bad.db" "$TMP/bad.csv" >"$TMP/out" 2>&1 && ok "csv: hostile $t" || no "csv: hostile $t" "$(tail -1 "$TMP/out")"
	done
	# the checker must find mistakes: a trace that is cut, and one with a byte changed in its first packet
	x "$TMP/t.db" --perfetto "$TMP/1.pftrace"
	head -c 5000 "$TMP/1.pftrace" >"$TMP/2.pftrace"
	python3 tests/perfetto_check.py "$TMP/2.pftrace" >/dev/null 2>&1
	eq "perfetto: a cut trace is refused by the checker" $? 1
else
	skip "perfetto" "no python3"
fi

# --- CSV ---
x "$TMP/t.db" --csv "$TMP/csv"
eq "csv: status" $? 0
x "$tape" --csv "$TMP/csv2/"
diff -r "$TMP/csv" "$TMP/csv2" >"$TMP/diff" 2>&1 && ok "csv: tape and database give the same bytes" || no "csv: tape and database give the same bytes" "$(head -3 "$TMP/diff")"
if have python3; then
	python3 tests/csv_check.py "$TMP/t.db" "$TMP/csv" >"$TMP/out" 2>&1 && ok "csv: every value, by RFC 4180" || no "csv: every value, by RFC 4180" "$(cat "$TMP/out")"
fi
x "$TMP/t.db" --csv "$TMP/csv"
eq "csv: a folder that is not empty is refused" "$? $(ls "$TMP" | grep -c '^csv\.tmp')" "1 0"
mkdir "$TMP/csv3"
x "$TMP/t.db" --csv "$TMP/csv3" --filter 'udp port 9001'
eq "csv: an empty folder is filled; --filter" "$? $(grep -c . "$TMP/csv3/frame.csv") $(ls "$TMP/csv3" | wc -l)" "0 401 $(ls "$TMP/csv" | wc -l)"

# --- an interrupt leaves nothing ---
stop() { # NAME OUT ARGS...: SIGINT while something half-written is there
	_name=$1 _out=$2
	shift 2
	for _try in 1 2 3 4 5 6 7 8 9 10; do
		rm -rf "$TMP/int"
		mkdir "$TMP/int"
		"$SKBTAPE" "$@" "$TMP/int/$_out" >/dev/null 2>&1 &
		_pid=$!
		while [ -z "$(ls "$TMP/int")" ] && kill -0 $_pid 2>/dev/null; do :; done
		kill -INT $_pid 2>/dev/null
		wait $_pid
		_rc=$?
		# a whole file under its own name: it was done when the signal came
		[ $_rc = 130 ] && ! [ -f "$TMP/int/$_out" ] && break
	done
	if [ $_rc != 130 ]; then skip "interrupt: $_name" "it was always done before"; return; fi
	eq "interrupt: $_name leaves nothing" "$(ls "$TMP/int")" ""
}
stop analyze a.db analyze -q "$tape" -o
stop "analyze --filter" a.db analyze -q "$tape" --filter udp -o
stop "report" a.html report "$TMP/t.db" -o
stop "export --pcapng" a.pcapng export "$TMP/t.db" --pcapng
stop "export --perfetto" a.pftrace export "$TMP/t.db" --perfetto
stop "export --csv" csv export "$TMP/t.db" --csv

# --- progress: on a terminal alone ---
x "$tape" --perfetto "$TMP/1.pftrace"
eq "no progress without a terminal" "$(wc -c <"$TMP/err")" 0
if have script; then
	script -qec "$SKBTAPE export $TMP/t.db --perfetto - | (sleep 0.4; cat >$TMP/pipe.pftrace)" /dev/null >"$TMP/tty" 2>&1
	grep -q '[a-z].* s' "$TMP/tty" && ok "progress on a terminal" || no "progress on a terminal" "$(cat "$TMP/tty")"
	same "progress: what is written is the same" "$TMP/1.pftrace" "$TMP/pipe.pftrace"
else
	skip "progress on a terminal" "no script(1)"
fi

# --- query --examples, and what is documented ---
"$SKBTAPE" query --examples >"$TMP/ex" </dev/null
n=$(grep -c ';$' "$TMP/ex")
"$SKBTAPE" query --json "$TMP/t.db" "$(cat "$TMP/ex")" >"$TMP/out" 2>"$TMP/err"
eq "query --examples: all run" "$? $(grep -c '^\[' "$TMP/out")" "0 $(grep -c '^/\*' "$TMP/ex")"
[ "$n" -ge 10 ] && ok "query --examples: at least ten" || no "query --examples: at least ten" "$n"
man=docs/skbtape-db.7
for v in v_finding v_flow v_packet v_stage v_drop v_latency; do
	for c in $(sqlite3 "$TMP/t.db" "SELECT name FROM pragma_table_info('$v')"); do
		sed -n "/^\.SS $v\$/,/^\.S[SH]/p" $man | grep -q "^\.B[RI]* $c\b" || echo "$v.$c"
	done
done >"$TMP/missing"
eq "skbtape-db(7) describes each column of its views" "$(cat "$TMP/missing")" ""
for c in record doctor info analyze report why query rules export; do
	"$SKBTAPE" $c --help | grep -o -E '^ +(-[A-Za-z], )?-{1,2}[a-z][a-z-]*' | grep -o -E -e '--[a-z-]+|-[a-zA-Z]$' | sort -u >"$TMP/options"
	for o in $(cat "$TMP/options"); do
		case $o in --*) fish="-l ${o#--}" ;; *) fish="-s ${o#-}" ;; esac
		for other in -f:--format; do [ "$o" = "${other%%:*}" ] && fish="-l ${other#*:--}" && o=${other#*:}; done
		grep -q "^	$c) options='.*$o[ ']" docs/completion/skbtape.bash || echo "bash $c $o"
		grep -q "^	$c) _arguments .*'\*$o[:']" docs/completion/_skbtape || echo "zsh $c $o"
		grep -q -e "subcommand_from $c' $fish\( \|\$\)" docs/completion/skbtape.fish || echo "fish $c $o"
		page=docs/skbtape.1
		[ $c = record ] && page=docs/skbtape-record.1
		grep -q -e "$(echo "$o" | sed 's/-/\\\\-/g')" $page || echo "$page $c $o"
	done
done >"$TMP/missing"
eq "completion and man pages name every option of --help" "$(cat "$TMP/missing")" ""
bash -n docs/completion/skbtape.bash && ok "completion: bash parses it" || no "completion: bash parses it" "syntax"
for s in zsh fish; do
	f=docs/completion/_skbtape
	[ $s = fish ] && f=docs/completion/skbtape.fish
	if have $s; then $s -n $f && ok "completion: $s parses it" || no "completion: $s parses it" "syntax"; else skip "completion: $s parses it" "no $s"; fi
done
