-- SPDX-License-Identifier: MIT
-- cause: unhandled-ethertype
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 10 untagged frames of one type, sent to this host's own MAC address, that nobody took: dropped with reason
--   UNHANDLED_PROTO where a packet is handed to its protocol (IPv6 uses it for options too), or, while a capture runs (whose tap is then the last to get them, so no drop event and no counter tells of
--   them), consumed right behind their arrival without waking a socket or being sent on. Broadcast and multicast of foreign types (LLDP, STP
--   and the like) is ordinary and left out, and so is a member of a bond or bridge.
-- title: Nobody takes frames of type {v_type}[[ at {dev}]]
-- summary: {packets} frames of type {v_type}, addressed to {dev}[[ in {netns}]] itself, were thrown away: no protocol handler is
--   loaded for that type.
WITH seen AS (
	SELECT f.netns, f.dev, f.ethertype, f.packet_id, f.ts_ns, d.function, d.reason
	FROM frame f
	JOIN packet p ON p.id = f.packet_id
	LEFT JOIN packet_drop d ON d.packet_id = f.packet_id
	WHERE f.direction = 'in' AND f.dst_kind = 1 AND f.vlan IS NULL AND f.ethertype >= 1536
		AND f.ethertype NOT IN (2048, 2054, 33024, 34984) -- IPv4, ARP, VLAN tags
		AND ((d.reason = 'UNHANDLED_PROTO' AND d.function IN ('__netif_receive_skb_core', '__netif_receive_skb_one_core', '__netif_receive_skb_list_core', '?')) OR (d.reason IS NULL AND d.function IN ('__netif_receive_skb_core', '__netif_receive_skb_one_core'))
			OR (d.id IS NULL AND f.ethertype <> 34525 AND p.outcome = 'consumed'
				AND EXISTS (SELECT 1 FROM hop h WHERE h.packet_id = p.id AND h.stage IN ('netif_receive_skb', 'napi_gro_receive_entry') AND h.dev = f.dev)
				AND NOT EXISTS (SELECT 1 FROM hop h WHERE h.packet_id = p.id AND h.ts_ns >= f.ts_ns AND h.stage IN ('sk_data_ready', 'net_dev_queue', 'skb_copy_datagram_iovec'))))
)
SELECT
	CASE WHEN max(s.reason) IS NOT NULL THEN 0.95 WHEN max(s.function) IS NOT NULL THEN 0.8 ELSE 0.85 END AS confidence,
	s.netns,
	s.dev,
	max(s.function) AS function,
	max(s.reason) AS reason,
	min(s.ts_ns) AS from_ns,
	max(s.ts_ns) AS to_ns,
	count(DISTINCT s.packet_id) AS packets,
	s.ethertype AS v_ethertype,
	printf('0x%04x', s.ethertype) AS v_number,
	printf('0x%04x', s.ethertype) || CASE s.ethertype WHEN 34525 THEN ' (IPv6)' WHEN 34887 THEN ' (MPLS)' WHEN 34888 THEN ' (MPLS multicast)'
		WHEN 34915 THEN ' (PPPoE discovery)' WHEN 34916 THEN ' (PPPoE session)' WHEN 35045 THEN ' (MACsec)' WHEN 35093 THEN ' (RoCE)'
		WHEN 35078 THEN ' (FCoE)' WHEN 34978 THEN ' (ATA over Ethernet)' WHEN 34958 THEN ' (802.1X)' ELSE '' END AS v_type
FROM seen s
LEFT JOIN netdev n ON n.netns = s.netns AND n.name = s.dev
WHERE n.master_ifindex IS NULL
GROUP BY s.netns, s.dev, s.ethertype
HAVING count(DISTINCT s.packet_id) >= 10
ORDER BY packets DESC, s.netns, s.dev, s.ethertype;

-- evidence: {result} frames of type {v_type} were captured coming in at {dev}, addressed to its own MAC address.
SELECT count(*) FROM frame WHERE netns IS {netns} AND dev = {dev} AND direction = 'in' AND dst_kind = 1 AND ethertype = {v_ethertype};
-- evidence?: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_group WHERE function = {function} AND reason IS {reason} AND netns IS {netns} AND dev IS {dev} AND protocol = {v_ethertype};
-- evidence?: No drop event tells of them: the recording's own tap was the last one that got them, and let go of them.
SELECT {function} IS NULL;
-- evidence?: rx_dropped and rx_nohandler of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name IN ('rx_dropped', 'rx_nohandler') AND netns IS {netns} AND dev = {dev} AND delta > 0;
-- packets:
SELECT packet_id FROM frame WHERE netns IS {netns} AND dev = {dev} AND direction = 'in' AND dst_kind = 1 AND ethertype = {v_ethertype} AND packet_id IS NOT NULL ORDER BY no LIMIT 20;
-- advice: See who takes which type; load the module or set up the device that takes this one, or stop the sender.
-- command: {ns}cat /proc/net/ptype
-- advice: MPLS needs its module, and input switched on for each device.
-- command: modprobe mpls_router && {ns}sysctl -w net/mpls/conf/{dev}/input=1
-- undo: {ns}sysctl -w net/mpls/conf/{dev}/input=0
-- when: SELECT {v_ethertype} IN (34887, 34888)
-- ruled-out: Not flooding and not a neighbour protocol: the frames carry this device's own MAC address.
-- ruled-out: Not a missing VLAN: the frames are untagged.
