# SPDX-License-Identifier: MIT
# lib.sh: for the test scripts. Source it from tests/NAME.sh.
#   ok NAME, no NAME WHY, skip NAME WHY, eq NAME GOT WANT
#   q DB SQL      first column of the first row
#   live          whether this host can record (root, tracefs, ip)
: "${BUILD:=build}"
SKBTAPE=$BUILD/skbtape
RECORD=$BUILD/skbtape-record
TRAFFIC=$BUILD/tests/traffic
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

ok() { echo "ok $1"; }
no() { echo "not ok $1: $2"; }
skip() { echo "skip $1: $2"; }
eq() {
	if [ "$2" = "$3" ]; then ok "$1"; else no "$1" "got '$2', expected '$3'"; fi
}
q() { sqlite3 -batch "$1" "$2" | head -1; }

live() {
	[ "$(id -u)" = 0 ] || { LIVE_WHY="needs root"; return 1; }
	command -v ip >/dev/null && command -v nft >/dev/null || { LIVE_WHY="needs ip(8) and nft(8)"; return 1; }
	"$RECORD" --doctor >"$TMP/doctor" 2>&1 || { LIVE_WHY="this host cannot record all (skbtape doctor)"; return 1; }
}

# instances whose recorder is gone: there must be none
instances() { # in a mount namespace of its own, so that nothing is mounted for others
	unshare -m sh -c 'd=/sys/kernel/tracing; [ -d $d/instances ] || mount -t tracefs none $d 2>/dev/null
		for i in $(ls $d/instances 2>/dev/null | grep "^skbtape-"); do [ -d /proc/${i#skbtape-} ] || echo $i; done'
}

# start_record LOG ARGS...: in the background, until it says "recording"; its pid is in RECPID
start_record() {
	_log=$1
	shift
	: >"$_log"
	"$RECORD" "$@" 2>"$_log" &
	RECPID=$!
	_i=0
	until grep -q '^recording' "$_log"; do
		_i=$((_i + 1))
		{ [ $_i -lt 200 ] && kill -0 $RECPID 2>/dev/null; } || { cat "$_log" >&2; return 1; }
		sleep 0.05
	done
}
