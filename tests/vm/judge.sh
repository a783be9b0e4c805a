#!/bin/sh
# SPDX-License-Identifier: MIT
# judge.sh DIR: what skbtape says of the tapes of paths.sh in DIR against the identity in each payload. Runs anywhere, without
# root:  BUILD=build sh tests/vm/judge.sh DIR
# A line "# PATH: ..." tells how the frames are tied.
dir=$(readlink -f "$1")
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

for tape in "$dir"/*.skbtape; do
	path=$(basename "$tape" .skbtape)
	rm -f "$TMP"/t.*
	"$SKBTAPE" analyze -q "$tape" -o "$TMP/t.db" && "$SKBTAPE" export "$tape" --pcapng "$TMP/t.pcapng" || { no "$path" "not analyzed"; continue; }
	"$BUILD/tests/identity" "$TMP/t.pcapng" "$TMP/t.db" skbt-vm- "$dir/$path.list" >"$TMP/id" 2>"$TMP/id.err" || { no "$path" "$(cat "$TMP/id.err")"; continue; }
	eval "$(cat "$TMP/id")"
	# shellcheck disable=SC2154
	echo "# $path: $frames frames: $unique unique, $ordered ordered, $ambiguous ambiguous, $untied untied; wrong: $((wrong_unique + wrong_ordered)) sure, $wrong_ambiguous ambiguous; torn $torn"
	eq "$path: no sure tie is wrong" $((wrong_unique + wrong_ordered)) 0
	lost=$(q "$TMP/t.db" "SELECT sum(CAST(value AS INT)) FROM tape WHERE key IN ('events_lost','frames_lost')")
	[ "$lost" = 0 ] || { skip "$path" "$lost events or frames were lost while recording"; continue; }
	# those in tunnels, too, which the payload does not tell
	eq "$path: each datagram's frames are tied" "$(q "$TMP/t.db" "SELECT count(*) FROM frame f JOIN flow w ON w.id = f.flow_id WHERE f.netns LIKE 'skbt-vm-%' AND w.dport = 9000 AND f.packet_id IS NULL")" 0
	eq "$path: each datagram is one packet" "$torn" 0
	[ "$untied" -le $((frames / 1000)) ] && ok "$path: frames are tied" ||
		no "$path: frames are tied" "$untied of $frames are not: $(q "$TMP/t.db" "SELECT group_concat(dev || ' ' || direction || ' ' || reason || ' ' || count, ', ') FROM tie_gap WHERE what = 'frame'")"
	[ "$unique" -ge $((frames * 95 / 100)) ] && ok "$path: most are unique" || no "$path: most are unique" "$unique of $frames"
done
