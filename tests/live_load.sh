#!/bin/sh
# SPDX-License-Identifier: MIT
# live_load: what the kernel says it recorded, minus what it says it lost, is what was decoded: on an idle host, under
# load, and with a buffer so small that it must overrun.
. tests/lib.sh
live || { skip live_load "$LIVE_WHY"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
net_up || { no live_load "no namespaces"; exit 1; }
bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0
bg_wait sink || { no live_load "sink"; exit 1; }

fact() { q "$TMP/t.db" "SELECT value FROM tape WHERE key='$1'"; }
check() { # NAME
	"$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db"
	eq "$1: analyze" $? 0
	r=$(fact events_recorded) l=$(fact events_lost) d=$(fact events_decoded)
	eq "$1: decoded = recorded - lost ($r - $l)" "$d" $((r - l))
	eq "$1: nothing undecoded or damaged" "$(q "$TMP/t.db" "SELECT count(*) FROM quality WHERE kind IN ('undecoded','tape-damaged')")" 0
	rm -f "$TMP/t.skbtape"
}

"$RECORD" -q -o "$TMP/t.skbtape" -d 2 2>"$TMP/log"
check "idle host"

"$RECORD" -q -o "$TMP/t.skbtape" -- ip netns exec "$NA" "$TRAFFIC" flood 10.77.0.2 9000 4 100 >"$TMP/sent" 2>"$TMP/log"
sent=$(sed -n 's/sent //p' "$TMP/sent")
check "load of $((sent / 4)) packets/s"
if [ "$(fact events_lost)" = 0 ]; then
	eq "load: transmitted packets = sent" "$(q "$TMP/t.db" "SELECT count(*) FROM packet p WHERE p.dev_out='va' AND p.kind IN ('tx','local')")" "$sent"
else
	eq "load: loss is a quality row" "$(q "$TMP/t.db" "SELECT count(*)>0 FROM quality WHERE kind='events-lost'")" 1
fi

"$RECORD" -q -b 64K -o "$TMP/t.skbtape" -- ip netns exec "$NA" "$TRAFFIC" flood 10.77.0.2 9000 2 100 >"$TMP/sent" 2>"$TMP/log"
eq "small buffer: record ends with 0" $? 0
check "small buffer"
eq "small buffer: lost and said" "$(q "$TMP/t.db" "SELECT (SELECT CAST(value AS INT) FROM tape WHERE key='events_lost')>0 AND count(*)>0 FROM quality WHERE kind='events-lost'")" 1
eq "small buffer: finding capture-overflow" "$(q "$TMP/t.db" "SELECT count(*) FROM finding WHERE cause='capture-overflow' AND severity='info'")" 1
eq "no instance left" "$(instances)" ""
rm -rf "$TMP"
