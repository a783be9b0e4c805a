#!/bin/sh
# SPDX-License-Identifier: MIT
# compare.sh TAPE TRUTH: what skbtape says of a tape of counts.sh against what really happened. Runs anywhere, without root:
#   BUILD=build sh tests/vm/compare.sh all.skbtape all.tsv
# Where the kernel gives drops no reason (before 5.17), causes are told by the function alone.
tape=$(readlink -f "$1") truth=$(readlink -f "$2")
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
DB=$TMP/tape.db

t() { awk -F '\t' -v k="$1" '$1 == k { print $2 }' "$truth"; }
has() { [ -n "$(t "$1")" ]; }
a() { "$SKBTAPE" query --csv -- "$DB" "$1" | sed -n 2p; }
# drops BY WHERE: by reason, or by function on a kernel without reasons
drops() { a "SELECT count(*) FROM packet_drop WHERE (reason IN ($1) OR (reason IS NULL AND function IN ($2))) AND $3"; }
to() { echo "flow_id IN (SELECT id FROM flow WHERE proto = 'udp' AND dport = $1)"; }
finding() { # NAME CAUSE PACKETS WHERE
	eq "$1: one finding" "$(a "SELECT count(*) FROM finding WHERE cause = '$2'")" 1
	eq "$1: its packets" "$(a "SELECT packets FROM finding WHERE cause = '$2' AND $4")" "$3"
}

"$SKBTAPE" analyze -q "$tape" -o "$DB" || { no "analyze" "status $?"; exit 1; }
eq "kernel" "$(a "SELECT value FROM tape WHERE key = 'kernel'")" "$(t kernel)"
eq "events decoded = recorded - lost" "$(a "SELECT value FROM tape WHERE key = 'events_decoded'")" \
	"$(a "SELECT (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'events_recorded') - (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'events_lost')")"
lost=$(a "SELECT (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'events_lost') + (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'frames_lost')")
[ "$lost" = 0 ] || { skip "counts" "$lost events or frames were lost while recording"; exit 0; }
eq "nothing undecoded" "$(a "SELECT count(*) FROM quality WHERE kind IN ('undecoded', 'format', 'rule-failed', 'tape-damaged')")" 0

# closed port
n=$(t closed_sent)
eq "closed port: truth agrees with itself" "$(t udp_no_ports)" "$n"
eq "closed port: drops by cause" "$(drops "'NO_SOCKET'" "'__udp4_lib_rcv', 'udp_rcv'" "layer = 'transport'")" "$n"
eq "closed port: drops of the flow" "$(drops "'NO_SOCKET'" "'__udp4_lib_rcv', 'udp_rcv'" "$(to 9001)")" "$n"
finding "closed port" udp-no-listener "$n" "flow_dport = 9001"
# a socket that nobody reads
n=$(($(t full_sent) - $(t full_queued)))
eq "full socket: truth agrees with itself" "$(t udp_rcvbuf_errors)" "$n"
eq "full socket: drops by cause" "$(drops "'SOCKET_RCVBUFF'" "'udp_queue_rcv_one_skb', 'udp_queue_rcv_skb', '__udp_queue_rcv_skb', '__udp_enqueue_schedule_skb'" "layer IN ('socket', 'transport')")" "$n"
eq "full socket: no other drop of the flow" "$(a "SELECT count(*) FROM packet_drop WHERE $(to 9002)")" "$n"
finding "full socket" udp-rcvbuf-overflow "$n" "flow_dport = 9002"
if has rule_sent; then
	n=$(t rule_sent)
	eq "firewall: truth agrees with itself" "$(t rule_dropped)" "$n"
	eq "firewall: drops by cause" "$(drops "'NETFILTER_DROP'" "'nf_hook_slow', 'nft_do_chain'" "layer = 'netfilter'")" "$n"
	eq "firewall: no other drop of the flow" "$(a "SELECT count(*) FROM packet_drop WHERE $(to 9003)")" "$n"
	finding "firewall" netfilter-drop "$n" "netns = 'skbt-vm-b'"
	eq "firewall: its rule counted them" "$(a "SELECT packets_delta FROM nft_rule WHERE text LIKE '%9003%'")" "$n"
fi
if has tbf_sent; then
	n=$(t tbf_dropped)
	eq "qdisc: truth agrees with itself" "$(t tbf_received)" "$(($(t tbf_sent) - n))"
	eq "qdisc: drops by cause" "$(drops "'QDISC_DROP', 'QDISC_OVERLIMIT', 'QDISC_FULL'" "'kfree_skb_list', '__dev_queue_xmit'" "dev = 'vc' AND layer = 'qdisc'")" "$n"
	finding "qdisc" qdisc-overflow "$n" "dev = 'vc'"
fi
if has netem_dropped; then
	n=$(t netem_dropped)
	eq "lossy link: drops by place" "$(a "SELECT count(*) FROM packet_drop WHERE dev = 'vg' AND layer = 'qdisc'")" "$n"
	# the counter counts segments, an event may be of several
	eq "lossy link: retransmissions" "$(a "SELECT count(*) BETWEEN 1 AND $(t tcp_retransmitted) FROM event WHERE name = 'tcp_retransmit_skb'")" 1
fi
# softirq-delayed is true in an emulated machine, whose CPUs stand still at times
eq "findings above info that are not true" "$(a "SELECT group_concat(cause || ' ' || coalesce(dev, ''), ', ') FROM finding
	WHERE severity <> 'info' AND cause NOT IN ('udp-no-listener', 'udp-rcvbuf-overflow', 'netfilter-drop', 'qdisc-overflow', 'softirq-delayed')")" ""
# healthy traffic beside it
eq "TCP: no loss" "$(a "SELECT count(*) FROM packet_drop WHERE class = 'loss' AND flow_id IN (SELECT id FROM flow WHERE proto = 'tcp' AND 7000 IN (sport, dport) AND '10.78.0.2' IN (src, dst))")" 0
eq "ping: requests seen" "$(a "SELECT count(*) FROM frame WHERE dev = 'vb' AND direction = 'in' AND icmp_type = 8")" "$(t ping_received)"
eq "ICMP unreachables seen" "$(a "SELECT count(*) FROM frame WHERE dev = 'vb' AND direction = 'out' AND icmp_type = 3")" "$(t icmp_unreachable_sent)"
eq "drops of loss without a cause above" "$(a "SELECT group_concat(function || ' ' || coalesce(reason, '') || ' ' || coalesce(dev, ''), ', ') FROM packet_drop WHERE class = 'loss'
	AND NOT coalesce(dev IN ('vc', 'vg') AND layer = 'qdisc', 0)
	AND NOT coalesce(flow_id IN (SELECT id FROM flow WHERE proto = 'udp' AND dport IN (9001, 9002)), 0)")" ""
# each device, packets and frames
sed -n 's/^\([tr]x\)\.\([^	]*\)	\(.*\)/\1 \2 \3/p' "$truth" | while read -r way dev n; do
	case $way in tx) dir=out ;; *) dir=in ;; esac
	eq "$dev: frames $dir" "$(a "SELECT count(*) FROM frame WHERE dev = '$dev' AND direction = '$dir'")" "$n"
	[ $way = rx ] || eq "$dev: packets given to the driver" "$(a "SELECT count(*) FROM hop WHERE dev = '$dev' AND stage = 'net_dev_start_xmit'")" "$n"
done
for k in vlan:vb.100 tunnel:tun2 bond:bond2; do
	has "${k%:*}_sent" && eq "${k%:*}: datagrams arrived" "$(a "SELECT count(*) FROM frame WHERE dev = '${k#*:}' AND direction = 'in' AND ip_proto = 17")" "$(t "${k%:*}_sent")"
done
# also those of devices above others (VLAN, bond), which receive without an event of their own
free=$(a "SELECT count(*) FROM frame WHERE packet_id IS NULL")
frames=$(a "SELECT count(*) FROM frame")
echo "# of $frames frames, $free without a packet"
[ $((free * 1000)) -le "$frames" ] && ok "frames have packets" ||
	no "frames have packets" "$free of $frames have none: $(a "SELECT group_concat(dev || ' ' || direction || ' ' || reason || ' ' || count, ', ') FROM tie_gap WHERE what = 'frame'")"
eq "each frame without a packet has a reason" "$(a "SELECT count(*) FROM frame WHERE packet_id IS NULL AND untied IS NULL")" 0
eq "frames without a packet are told" "$(a "SELECT coalesce(sum(count), 0) FROM quality WHERE source = 'ties' AND note LIKE 'of % captured frames%'")" "$free"
true
