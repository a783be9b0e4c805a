# SPDX-License-Identifier: MIT
# flood.sh: two namespaces with a sink for floods of datagrams; source it with BUILD, TRAFFIC and TMP set. LOCK=FILE is held from
# flood_up until flood_done. flood is the command that sends for SECONDS_EACH seconds.
flood_up() {
	. fixtures/make/net.sh
	trap 'rm -rf "$TMP"; net_down' EXIT
	[ -z "${LOCK:-}" ] || { exec 8>"$LOCK" && flock 8; }
	net_up || exit 1
	trap 'rm -rf "$TMP"; net_down' EXIT
	bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0 8>&-
	bg_wait sink || exit 1
	flood="ip netns exec $NA $TRAFFIC flood 10.77.0.2 9000 $SECONDS_EACH 100"
}
flood_done() { exec 8>&-; }
