#!/bin/sh
# SPDX-License-Identifier: MIT
# cli: wrong usage gives status 2 and one line; files that are no tapes are named for what they are; nothing half-written
# is left; --help everywhere.
. tests/lib.sh
tape=fixtures/udp-loss/udp-loss.skbtape

usage() { # NAME ARGS...
	name=$1
	shift
	"$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	eq "usage: $name: status, lines on stderr, bytes on stdout" "$? $(wc -l <"$TMP/err") $(wc -c <"$TMP/out")" "2 1 0"
}
usage "unknown command" "$SKBTAPE" frobnicate
usage "analyze without tape" "$SKBTAPE" analyze
usage "analyze unknown option" "$SKBTAPE" analyze --nope x
usage "report without tape" "$SKBTAPE" report
usage "report unknown format" "$SKBTAPE" report "$tape" --format pdf
usage "info without tape" "$SKBTAPE" info
usage "query without sql" "$SKBTAPE" query "$tape"
usage "why without flow" "$SKBTAPE" why "$tape"
usage "export without target" "$SKBTAPE" export "$tape"
for p in "$SKBTAPE record" "$RECORD"; do
	usage "$p unknown option" $p --nope
	usage "$p bad duration" $p -d abc
	usage "$p bad size" $p --max-size 12Q
	usage "$p bad CPU limit" $p --max-cpu much
	usage "$p bad profile" $p -e nothing
	usage "$p bad filter" $p -o "$TMP/f.skbtape" udp prot 53
	usage "$p -- without command" $p --
done
[ -e "$TMP/f.skbtape" ] && no "bad filter leaves no file" "it does" || ok "bad filter leaves no file"

for c in record doctor info analyze report why query rules export; do
	"$SKBTAPE" $c --help >"$TMP/out" 2>"$TMP/err" </dev/null
	eq "$c --help" "$? $(wc -c <"$TMP/err") $([ -s "$TMP/out" ] && echo text)" "0 0 text"
done
"$RECORD" --help >"$TMP/out" && grep -q -- --max-size "$TMP/out" && ok "skbtape-record --help" || no "skbtape-record --help" "status $?"
"$SKBTAPE" --version | grep -q '^skbtape [0-9]' && ok "--version" || no "--version" "no version"

foreign() { # NAME FILE WORD
	"$SKBTAPE" analyze -q "$2" -o "$TMP/f.db" 2>"$TMP/err"
	rc=$?
	{ [ $rc = 1 ] && [ "$(wc -l <"$TMP/err")" = 1 ] && grep -qi -- "$3" "$TMP/err" && [ ! -e "$TMP/f.db" ]; } &&
		ok "foreign file: $1" || no "foreign file: $1" "status $rc: $(cat "$TMP/err")"
}
: >"$TMP/empty"
printf '\324\303\262\241\002\000\004\000\000\000\000\000' >"$TMP/cut.pcap"
printf '\012\015\015\012\034\000\000\000\115\074' >"$TMP/cut.pcapng"
printf '\027\010\104tracing6\000' >"$TMP/trace.dat"
echo "some text" >"$TMP/text"
gzip -c "$TMP/text" >"$TMP/x.gz"
zstd -q "$TMP/text" -o "$TMP/x.zst"
sqlite3 "$TMP/other.db" 'CREATE TABLE t(x)'
foreign empty "$TMP/empty" empty
foreign "cut pcap" "$TMP/cut.pcap" cut.pcap
foreign "cut pcapng" "$TMP/cut.pcapng" cut.pcapng
foreign trace.dat "$TMP/trace.dat" trace
foreign text "$TMP/text" text
foreign gzip "$TMP/x.gz" gzip
foreign zstd "$TMP/x.zst" zst
foreign sqlite "$TMP/other.db" sqlite
foreign missing "$TMP/nothing" 'no such file'
foreign directory "$TMP" directory

"$SKBTAPE" query "$TMP/other.db" 'SELECT 1' >"$TMP/out" 2>"$TMP/err"
eq "query of a foreign database" $? 1
"$SKBTAPE" analyze -q "$tape" -o "$TMP/t.db"
eq "query --csv" "$("$SKBTAPE" query --csv "$TMP/t.db" "SELECT 1 AS a, 'x,\"y' AS b")" 'a,b
1,"x,""y"'
eq "query --json" "$("$SKBTAPE" query --json "$TMP/t.db" "SELECT 1 AS a, NULL AS b" | tr -d ' \n')" '[{"a":1,"b":null}]'
for sql in "DELETE FROM tape" "CREATE TABLE x(y)" "ATTACH '$TMP/evil.db' AS e" "SELECT load_extension('x')" "PRAGMA writable_schema=1" "SELECT nonsense"; do
	"$SKBTAPE" query "$TMP/t.db" "$sql" >"$TMP/out" 2>"$TMP/err"
	eq "query is read only: $sql" $? 1
done
"$SKBTAPE" export "$tape" --pcapng "$TMP/x.pcapng" && eq "export: frames" "$(tcpdump -n -r "$TMP/x.pcapng" 2>/dev/null | wc -l)" "$(q "$TMP/t.db" "SELECT value FROM tape WHERE key='frames'")"
"$SKBTAPE" rules >"$TMP/out"
eq "rules" "$? $(grep -q udp-rcvbuf-overflow "$TMP/out" && echo named)" "0 named"
for f in html md json; do
	"$SKBTAPE" report "$tape" --format $f -o "$TMP/r.$f"
	eq "report --format $f" "$? $([ -s "$TMP/r.$f" ] && echo written)" "0 written"
done
eq "report of a tape leaves no database" "$(ls fixtures/udp-loss | grep -c '\.db')" 0
