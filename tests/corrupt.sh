#!/bin/sh
# SPDX-License-Identifier: MIT
# corrupt: tapes with random damage, from a byte to a page: bits turned, rubbish, zeros, blocks swapped, doubled, removed (tests/corrupt.c).
# The reader gives just the members of the frames that were left as they were, byte for byte. For each set of frames that is
# left: status 3 (or 1 where the first one is hit), no hang; no event beyond the broken frames' own is lost; what is called
# certain, each drop and each finding are so in the whole tape, too.
# CORRUPT=N: damages of each tape (30); TAPES: which; FULL=1: the program reads each one of them. make corrupt: 1000 of three.
. tests/lib.sh
n=${CORRUPT:-30}
tapes=${TAPES:-a07-nft-input-drop}

# the claims of database $1 that $2, of the whole tape, does not make: "KIND WHAT" a line
astray() {
	{ echo "ATTACH '$2' AS w;"; cat tests/corrupt.sql; } | sqlite3 -batch "$1" 2>&1
}
decoded() { q "$1" "SELECT value FROM tape WHERE key = 'events_decoded'"; }

for name in $tapes; do
	tape=$(ls fixtures/*/"$name.skbtape" | head -1)
	d=$TMP/$name
	mkdir "$d"
	"$BUILD/tests/corrupt" "$tape" "$d" "$n" >"$TMP/list" 2>"$TMP/err"
	eq "$name: $n damages: the members of the frames left, no others" "$?$(head -3 "$TMP/err")" 0
	eq "$name: $n damages were made" "$(wc -l <"$TMP/list")" "$n"
	"$SKBTAPE" analyze -q "$d/whole.skbtape" -o "$d/whole.db" 2>"$TMP/err"
	eq "$name: the whole tape" $? 0
	whole=$(decoded "$d/whole.db")
	# what each frame's loss alone costs
	i=0
	: >"$TMP/cost"
	while [ -e "$d/lose-$i.skbtape" ]; do
		"$SKBTAPE" analyze -q "$d/lose-$i.skbtape" -o "$d/l.db" 2>/dev/null
		rc=$?
		left=0
		[ $rc != 3 ] || left=$(decoded "$d/l.db")
		echo "$i $((whole - left))" >>"$TMP/cost"
		i=$((i + 1))
	done
	frames=$i runs=0 status=0 lost=0 wrong=0 kept=0
	[ -z "${FULL:-}" ] && cut -d' ' -f5 "$TMP/list" | sort -u >"$TMP/keys" || cut -d' ' -f1 "$TMP/list" >"$TMP/keys"
	while read -r key; do
		runs=$((runs + 1))
		set=$key
		[ -z "${FULL:-}" ] || set=$(sed -n "s/^$key [^ ]* [^ ]* [^ ]* //p" "$TMP/list")
		rm -f "$d/d.db"
		timeout 60 "$SKBTAPE" analyze -q "$d/$key.skbtape" -o "$d/d.db" 2>"$TMP/err"
		rc=$?
		bits=$((0x${set%%-*}))
		case $set in
		*-same) want=0 ;;
		*-moved) want=3 ;;
		*) want=3 && [ $((bits & 1)) = 1 ] || want=1 ;;
		esac
		[ $rc = $want ] || { [ $rc = 1 ] && [ "$set" != "${set%-moved}" ]; } || { status=$((status + 1)); echo "$name $key: status $rc, not $want: $(cat "$TMP/err")" >&2; }
		[ $rc = 3 ] || continue
		# at least what is left when each broken frame takes its own
		floor=$(awk -v bits="$bits" -v whole="$whole" 'function has(k,   b) { b = bits; while (k--) b = int(b / 2); return b % 2 }
			{ if (!has($1)) whole -= $2 } END { print whole < 0 ? 0 : whole }' "$TMP/cost")
		got=$(decoded "$d/d.db")
		[ "${got:-0}" -ge "$floor" ] || [ "$set" != "${set%-moved}" ] || { lost=$((lost + 1)); echo "$name $key: $got events, expected $floor or more" >&2; }
		astray "$d/d.db" "$d/whole.db" >"$TMP/astray" 2>&1
		[ ! -s "$TMP/astray" ] || { wrong=$((wrong + 1)); echo "$name $key: $(wc -l <"$TMP/astray") lines: $(cut -d"|" -f1 "$TMP/astray" | sort | uniq -c | tr "\n" " ") $(head -3 "$TMP/astray")" >&2; }
		kept=$((kept + $(q "$d/d.db" 'SELECT count(*) FROM finding')))
	done <"$TMP/keys"
	eq "$name: $runs tapes of $frames frames, $n damages: statuses" $status 0
	eq "$name: nothing beside the damage is lost" $lost 0
	eq "$name: what is certain, dropped or found is so in the whole tape" $wrong 0
	[ $kept -gt 0 ] && ok "$name: claims beside the damage are made ($kept findings)" || no "$name: claims beside the damage are made" none
done
