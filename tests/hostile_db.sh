#!/bin/sh
# SPDX-License-Identifier: MIT
# hostile_db: databases that a stranger changed: views and tables that are not ours are refused, what only adds to ours does nothing,
# pages that are damaged are an error, and none of it hangs, crashes or writes anything.
. tests/lib.sh
"$SKBTAPE" analyze -q fixtures/udp-loss/udp-loss.skbtape -o "$TMP/good.db" || { no hostile_db "no database"; exit 1; }
db=$TMP/x.db
DAMAGED=${DAMAGED:-8}
# all DB: each command that opens a database; "STATUS..." and no crash
all() {
	statuses=
	for c in "report $1 -o $TMP/o.html" "report $1 --format md" "report $1 --format json" "why $1 --packet 1" "query $1 SELECT(1)" \
		"export $1 --csv $TMP/csv" "export $1 --perfetto $TMP/o.pf"; do
		rm -rf "$TMP/csv"
		# shellcheck disable=SC2086
		timeout 60 "$SKBTAPE" $c >"$TMP/out" 2>>"$TMP/err"
		statuses="$statuses $?"
	done
}
changed() { # SQL...: of a fresh copy
	cp "$TMP/good.db" "$db"
	: >"$TMP/err"
	{ echo 'PRAGMA writable_schema = ON;'; cat; } | sqlite3 -batch "$db" >/dev/null 2>&1
	before=$(sha256sum <"$db")
}
refused() {
	all "$db"
	eq "$1: refused by each command" "$statuses" " 1 1 1 1 1 1 1"
	grep -q "$2" "$TMP/err" && ok "$1: it says why" || no "$1: it says why" "$(tail -1 "$TMP/err")"
	eq "$1: the file is as it was" "$(sha256sum <"$db")" "$before"
}
all "$TMP/good.db"
good=$statuses
case $good in *[1245]*) no "the database as it is" "$good: $(tail -3 "$TMP/err")" ;; *) ok "the database as it is" ;; esac

changed <<'S'
DROP VIEW packet;
CREATE VIEW packet AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n;
S
refused "a view that never ends" 'view packet is not as'
changed <<'S'
DROP TABLE finding;
CREATE VIEW finding AS SELECT load_extension('/tmp/x.so');
S
refused "a view in place of a table" 'table finding is not as'
changed <<'S'
DROP TABLE quality;
CREATE VIRTUAL TABLE quality USING fts5(kind, source, cpu, dev, from_ns, to_ns, count, note);
S
refused "a virtual table" 'table quality is not as'
changed <<'S'
UPDATE sqlite_schema SET sql = replace(sql, 'value TEXT', 'value TEXT AS (hex(randomblob(1000000000)))') WHERE name = 'tape';
S
refused "a generated column" 'not'
changed <<'S'
UPDATE sqlite_schema SET sql = 'CREATE TABLE nonsense(' WHERE name = 'tape';
S
refused "a schema that is no SQL" 'not a readable'

# what is only more than ours: no trigger runs, a view of a stranger runs only where it is asked for, and is stopped
changed <<'S'
CREATE TRIGGER t AFTER INSERT ON quality BEGIN DELETE FROM finding; END;
CREATE VIEW "a/../../b" AS SELECT 1;
CREATE VIEW forever AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;
S
all "$db"
eq "a trigger, and a view of other name: as if they were not there" "$statuses" "$good"
eq "the file is as it was" "$(sha256sum <"$db")" "$before"
for sql in "SELECT load_extension('x')" "ATTACH '$TMP/good.db' AS g" "PRAGMA writable_schema=ON" "DELETE FROM finding" "CREATE TEMP TABLE x(a)"; do
	timeout 60 "$SKBTAPE" query "$db" "$sql" >"$TMP/out" 2>&1
	eq "query: $sql" $? 1
done
timeout 60 "$SKBTAPE" query "$db" "SELECT length(zeroblob(900000000))" >"$TMP/out" 2>"$TMP/err"
eq "query: a value of 900 MB" $? 1
if [ -n "${FULL:-}" ]; then
	timeout 1200 "$SKBTAPE" query "$db" "SELECT * FROM forever" >"$TMP/out" 2>"$TMP/err"
	eq "query: one that never ends is stopped" "$? $(grep -c interrupted "$TMP/err")" "1 1"
fi

# damaged pages
bad=0
for i in $(seq "$DAMAGED"); do
	cp "$TMP/good.db" "$db"
	size=$(stat -c %s "$db")
	at=$(awk -v n="$size" -v i="$i" 'BEGIN { srand(i); print int(100 + rand() * (n - 5000)) }')
	awk -v i="$i" 'BEGIN { srand(i); for (k = 0; k < 4096; k++) printf "%c", 1 + int(rand() * 126) }' | dd of="$db" bs=1 seek="$at" conv=notrunc 2>/dev/null
	: >"$TMP/err"
	all "$db"
	case $statuses in *[24-9]*) bad=$((bad + 1)); echo "damage at $at:$statuses $(tail -2 "$TMP/err")" >&2 ;; esac
done
eq "$DAMAGED databases with a page of rubbish: an error or a result, each time" $bad 0
