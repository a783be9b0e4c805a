#!/bin/sh
# SPDX-License-Identifier: MIT
# confine: what a command that reads tapes can still do, and that all of them still work.
. tests/lib.sh
try=$BUILD/tests/confine_try
mkdir "$TMP/in" "$TMP/out" "$TMP/other"
tape=$TMP/in/a.skbtape
cp fixtures/healthy/healthy.skbtape "$tape"
echo secret >"$TMP/other/secret"
echo x >"$TMP/out/old"

# a forbidden call ends as a crash does
[ "$(sh -c "'$try' socket - info x" 2>/dev/null)" = done ] && seccomp=no || seccomp=yes
for a in socket unix exec fork ptrace mount kill code; do
	if [ $seccomp = no ]; then
		skip "confined: $a" "no seccomp here"
		continue
	fi
	out=$("$try" $a - info "$tape" 2>"$TMP/err")
	eq "confined: $a is status 4" "$?$out" 4
	grep -q 'a bug in this program' "$TMP/err" && ok "confined: $a says so" || no "confined: $a says so" "$(cat "$TMP/err")"
done
"$try" nothing - info "$tape" >/dev/null
eq "confined: an ordinary end" $? 0
eq "confined: a thread" "$("$try" thread - info "$tape")" done
[ $seccomp = no ] || eq "confined: limits are read only" "$("$try" limit - info "$tape")" ENOSYS

# files: the named ones to read, the result's folder to write
t() { # NAME WANT ACTION FILE COMMAND...
	_name=$1 _want=$2
	shift 2
	eq "confined: $_name" "$("$try" "$@" 2>/dev/null)" "$_want"
}
# /dev/null is allowed always, so that the test can tell landlock from a read-only world
if [ "$("$try" read "$TMP/other/secret" info "$tape")" = done ]; then
	skip "confined: files" "no landlock here"
else
	t "the tape is read" done read "$tape" info "$tape"
	t "no other file is" EACCES read "$TMP/other/secret" info "$tape"
	t "no system file is" EACCES read /etc/passwd info "$tape"
	t "info writes nothing" EACCES write "$TMP/in/new" info "$tape"
	t "analyze writes beside the tape" done write "$TMP/in/new" analyze "$tape"
	t "analyze -o writes where it goes" done write "$TMP/out/new" analyze "$tape" -o "$TMP/out/a.db"
	t "and not beside the tape" EACCES write "$TMP/in/new2" analyze "$tape" -o "$TMP/out/a.db"
	t "nor over it" EACCES write "$tape" analyze "$tape" -o "$TMP/out/a.db"
	t "nor removes it" EACCES remove "$tape" analyze "$tape" -o "$TMP/out/a.db"
	t "-oFILE" done write "$TMP/out/new" report -o"$TMP/out/a.html" "$tape"
	t "-qo FILE" done write "$TMP/out/new" analyze -qo "$TMP/out/a.db" "$tape"
	t "--output=FILE" done write "$TMP/out/new" report --output="$TMP/out/a.html" "$tape"
	t "--pcap OUT, shortened" done write "$TMP/out/new" export "$tape" --pcap "$TMP/out/a.pcapng"
	t "/dev is no folder of results" EACCES write /dev/skbtape-new report -o /dev/null "$tape"
	t "an old result is replaced" done remove "$TMP/out/old" export "$tape" --pcapng "$TMP/out/old"
fi

# the commands themselves, as they are used
cd "$TMP/in" || exit 1
real() { # NAME STATUS COMMAND...
	_name=$1 _want=$2
	shift 2
	"$SKBTAPE" "$@" >"$TMP/stdout" 2>"$TMP/err"
	_rc=$?
	[ $_rc = "$_want" ] && ok "confined: $_name" || no "confined: $_name" "status $_rc: $(head -3 "$TMP/err")"
}
real "info" 0 info a.skbtape
real "analyze" 0 analyze a.skbtape
real "analyze over an old database" 0 analyze a.skbtape -o a.db
real "analyze to another folder" 0 analyze a.skbtape --output=../out/b.db
real "report of a tape" 0 report a.skbtape
real "report of a database" 0 report ../out/b.db -o ../out/b.html
real "report to stdout" 0 report a.db -o -
[ -s "$TMP/stdout" ] && ok "confined: report to stdout has text" || no "confined: report to stdout has text" "empty"
real "report to /dev/null" 0 report a.db -o /dev/null
real "query" 0 query a.db 'SELECT * FROM packet ORDER BY len_bytes LIMIT 3'
real "why" 0 why a.db --packet 1
real "export" 0 export a.skbtape --pcapng x.pcapng
real "rules" 0 rules
real "rules of a folder" 0 analyze -q a.skbtape -o ../out/c.db --rules ../other
real "rules of a folder, with =" 0 rules --rules=../other
real "a folder that is not there" 1 analyze a.skbtape -o nowhere/a.db
real "a tape that is not there" 1 info nothing.skbtape
# a result through a pipe, input through a link, from a read-only folder
ln -s a.skbtape link.skbtape
real "a tape through a link" 0 info link.skbtape
"$SKBTAPE" report a.db -o /dev/stdout 2>/dev/null | grep -q '</html>' && ok "confined: report into a pipe" || no "confined: report into a pipe" "nothing came"
# a bug in a stage: a message, status 4, nothing half-written, an old result untouched
mkdir ../crash
cp a.db ../crash/old.db
sum=$(cksum <a.db)
for how in abort null stack; do
	for out in new.db old.db; do
		CRASH=$how "$BUILD/tests/skbtape-crash" analyze -q a.skbtape -o "../crash/$out" >"$TMP/stdout" 2>"$TMP/err"
		eq "crash: $how, $out: status" $? 4
		grep -q 'a bug in this program' "$TMP/err" && ok "crash: $how, $out: says so" || no "crash: $how, $out: says so" "$(head -3 "$TMP/err")"
		eq "crash: $how, $out: nothing is left" "$(ls ../crash)" old.db
	done
	CRASH=$how "$BUILD/tests/skbtape-crash" report a.skbtape -o ../crash/r.html >/dev/null 2>&1
	eq "crash: $how in report" "$? $(ls ../crash)" "4 old.db"
done
eq "crash: an old result is as it was" "$(cksum <../crash/old.db)" "$sum"
CRASH=term "$BUILD/tests/skbtape-crash" analyze -q a.skbtape -o ../crash/new.db >/dev/null 2>&1
eq "SIGTERM in the middle: ends by it, nothing is left" "$? $(ls ../crash)" "143 old.db"
"$BUILD/tests/skbtape-crash" analyze -q a.skbtape -o ../crash/new.db
eq "crash: none without being asked" "$? $(ls ../crash | tr '\n' ' ')" "0 new.db old.db "
rm -r "$TMP/out/"* "$TMP/crash"
left=$(find "$TMP" -name '*.tmp-*' | wc -l)
eq "confined: nothing temporary is left" "$left" 0
