#!/bin/sh
# SPDX-License-Identifier: MIT
# instructions: how many instructions the analysis of fixed tapes takes, by callgrind, against tests/instructions.tsv: a guard
# of speed that no other load disturbs. The figure depends on compiler and libraries, so it stands beside these; where there is
# none for what is here, that is said. KEEP=1 writes what was counted in place of the old figures of the same tools; FULL=1:
# with ledger and findings, too.
. tests/lib.sh
limit=5 # percent
table=tests/instructions.tsv
if ! command -v valgrind >/dev/null; then
	skip instructions "valgrind is not installed"
	exit 0
fi
lib() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null | tr ' \t' '__'; }
tools="$(uname -m) gcc-$(gcc -dumpversion 2>/dev/null) sqlite-$(lib libsqlite3-0) zstd-$(lib libzstd1) libc-$(lib libc6)"

# count FIXTURE [VARIABLE=VALUE]: instructions, in thousands
count() {
	fixture=$1
	shift
	rm -f "$TMP/cg" "$TMP/x.db"
	env "$@" valgrind --tool=callgrind --callgrind-out-file="$TMP/cg" "$BUILD/tests/skbtape-count" analyze -q "$fixture" -o "$TMP/x.db" \
		>"$TMP/log" 2>&1
	sed -n 's/^\(summary\|totals\): \([0-9]*\)[0-9][0-9][0-9]$/\2/p' "$TMP/cg" 2>/dev/null | head -1
}

for what in "fixtures/udp-loss/udp-loss.skbtape READ_ONLY=1" "fixtures/incidents/a07-nft-input-drop.skbtape READ_ONLY=1" \
	${FULL:+"fixtures/incidents/a07-nft-input-drop.skbtape FULL=1"}; do
	# shellcheck disable=SC2086
	set -- $what
	name="$(basename "$1" .skbtape) $2"
	n=$(count "$@")
	if [ -z "$n" ]; then
		no "instructions: $name" "callgrind gave no figure: $(tail -3 "$TMP/log")"
		continue
	fi
	if [ -n "${KEEP:-}" ]; then
		grep -v -F "$tools	$name	" "$table" >"$TMP/table" 2>/dev/null || true
		printf '%s\t%s\t%s\n' "$tools" "$name" "$n" >>"$TMP/table"
		sort "$TMP/table" >"$table"
	fi
	want=$(grep -F "$tools	$name	" "$table" | cut -f 3)
	if [ -z "$want" ]; then
		skip "instructions: $name" "no figure for $tools in $table (here: $n thousand; KEEP=1 keeps it)"
	elif [ $((n * 100)) -gt $((want * (100 + limit))) ]; then
		no "instructions: $name" "$n thousand, more than $limit % above the $want recorded: slower, or KEEP=1 with a reason"
	else
		ok "instructions: $name: $n thousand of $want"
	fi
done
