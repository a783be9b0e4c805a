-- SPDX-License-Identifier: MIT
-- cause: mtu-blackhole
-- severity: critical
-- tested: live
-- uses: events, frames, counters, config
-- how: Packets of one flow were dropped in forwarding because they are larger than the way out and may not be fragmented
--   (reason PKT_TOO_BIG; without reasons: at ip_forward or ip6_forward while FragFails or FragCreates errors grow), at least
--   3 of them over at least 500 ms. A sender that gets the ICMP error sends smaller packets within a round trip; one
--   that still sends large ones half a second later does not get it, and its connection stands still. Without frames, which
--   tell the flow: so many in a namespace, and within 100 us before three of them and half at least netfilter dropped something on the same CPU: the ICMP
--   error, for ip_forward() sends it before it frees the packet.
-- title: MTU black hole at {v_place}[[: {flow_src} never learns that its packets are too big]]
-- summary: {packets} packets[[ from {flow_src}]][[ to {flow_dst}]][[ port {flow_dport}]] were too big for the way out[[ (MTU {v_mtu})]] and were dropped
--   at the router for {v_span:time}: the sender goes on sending them, so the ICMP error that tells it does not reach it[[; {v_icmp} ICMP
--   packets were dropped by a firewall here]].
WITH hit AS (
	SELECT g.netns, max(g.netns_by) AS placed, max(g.dev) AS dev, g.function, g.reason, g.flow_id, g.proto, g.src, g.sport, g.dst, g.dport,
		sum(g.drops) AS drops, sum(g.bytes) AS bytes, min(g.first_ns) AS from_ns, max(g.last_ns) AS to_ns
	FROM _drop_group g
	WHERE (g.function IN ('ip_forward', 'ip6_forward') OR (g.function = '?' AND g.reason IS NOT NULL)) AND g.flow_id IS NOT NULL
		AND (g.reason = 'PKT_TOO_BIG' OR (g.reason IS NULL AND EXISTS (
			SELECT 1 FROM _moved m WHERE m.name IN ('Ip.FragFails', 'Ip6InTooBigErrors') AND m.delta > 0 AND (m.netns = g.netns OR g.netns IS NULL))))
	GROUP BY g.netns, g.function, g.reason, g.flow_id
	HAVING sum(g.drops) >= 3 AND max(g.last_ns) - min(g.first_ns) >= 500000000
), blind AS (
	SELECT d.ts_ns, d.netns, d.dev, d.function, d.reason,
		EXISTS (SELECT 1 FROM packet_drop i WHERE i.cpu = d.cpu AND i.reason = 'NETFILTER_DROP' AND i.ts_ns BETWEEN d.ts_ns - 100000 AND d.ts_ns) AS mute
	FROM packet_drop d
	WHERE d.reason = 'PKT_TOO_BIG' AND d.function IN ('ip_forward', 'ip6_forward', '?') AND d.flow_id IS NULL AND d.netns IS NOT NULL
), mutes AS (
	SELECT netns, max(dev) AS dev, function, reason, count(*) AS drops, min(ts_ns) AS from_ns, max(ts_ns) AS to_ns
	FROM blind
	GROUP BY netns, function, reason
	HAVING count(*) >= 3 AND sum(mute) >= 3 AND sum(mute) * 2 >= count(*) AND max(ts_ns) - min(ts_ns) >= 500000000
), way AS ( -- the device by which smaller packets of that flow left
	SELECT h.netns, h.flow_id, f.dev, row_number() OVER (PARTITION BY h.netns, h.flow_id ORDER BY count(*) DESC, f.dev) AS nth
	FROM hit h
	JOIN flow w ON w.netns = h.netns AND w.proto = h.proto AND w.src = h.src AND w.dst = h.dst AND w.sport IS h.sport AND w.dport IS h.dport
	JOIN frame f ON f.flow_id = w.id AND f.netns = h.netns AND f.direction = 'out'
	GROUP BY h.netns, h.flow_id, f.dev
)
SELECT
	CASE WHEN h.reason IS NULL OR h.function = '?' THEN 0.8 WHEN h.placed IS NOT NULL THEN 0.9 ELSE 0.97 END AS confidence,
	h.netns,
	h.dev,
	h.function,
	h.reason,
	h.flow_id,
	h.proto AS flow_proto,
	h.src AS flow_src,
	h.sport AS flow_sport,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.from_ns,
	h.to_ns,
	h.drops AS packets,
	nullif(h.bytes, 0) AS bytes,
	1 AS flows,
	h.to_ns - h.from_ns AS delay_ns,
	h.to_ns - h.from_ns AS v_span,
	w.dev AS v_out,
	coalesce((SELECT d.mtu FROM netdev d WHERE d.netns = h.netns AND d.name = w.dev),
		(SELECT min(d.mtu) FROM netdev d WHERE d.netns = h.netns AND d.name <> 'lo' AND d.flags & 1)) AS v_mtu,
	(SELECT nullif(sum(r.packets_delta), 0) FROM nft_rule r WHERE r.netns = h.netns AND r.verdict LIKE 'drop%' AND r.text LIKE '%icmp%' AND r.packets_delta > 0) AS v_icmp,
	coalesce(w.dev, h.dev) AS v_place,
	s.netns AS v_sender,
	s.value AS v_probing
FROM hit h
LEFT JOIN way w ON w.netns IS h.netns AND w.flow_id = h.flow_id AND w.nth = 1
LEFT JOIN (
	SELECT a.address, y.netns, coalesce(y.value_end, y.value) AS value
	FROM addr a JOIN sysctl y ON y.netns_id = a.netns_id AND y.name = 'net.ipv4.tcp_mtu_probing'
	GROUP BY a.address
	HAVING count(DISTINCT a.netns_id) = 1
) s ON s.address = h.src
UNION ALL
SELECT 0.8, m.netns, m.dev, m.function, m.reason, NULL, NULL, NULL, NULL, NULL, NULL, m.from_ns, m.to_ns, m.drops, NULL, NULL, m.to_ns - m.from_ns, m.to_ns - m.from_ns, NULL,
	(SELECT min(d.mtu) FROM netdev d WHERE d.netns = m.netns AND d.name <> 'lo' AND d.flags & 1),
	(SELECT nullif(sum(r.packets_delta), 0) FROM nft_rule r WHERE r.netns = m.netns AND r.verdict LIKE 'drop%' AND r.text LIKE '%icmp%' AND r.packets_delta > 0),
	m.dev, NULL, NULL
FROM mutes m
ORDER BY 14 DESC, 2, 6;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]] over {v_span:time}.
SELECT sum(drops) FROM _drop_group WHERE function = {function} AND reason IS {reason} AND flow_id IS {flow_id} AND netns IS {netns};
-- evidence?: Right before {result} of them, on the same CPU, netfilter dropped a packet: the ICMP error.
SELECT count(*) FROM packet_drop d WHERE d.reason = {reason} AND d.function = {function} AND d.netns IS {netns} AND EXISTS (SELECT 1 FROM packet_drop i WHERE i.cpu = d.cpu AND i.reason = 'NETFILTER_DROP' AND i.ts_ns BETWEEN d.ts_ns - 100000 AND d.ts_ns);
-- evidence?: Smaller packets of that flow left by {result} (MTU {v_mtu}).
SELECT {v_out};
-- evidence?: FragFails grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('Ip.FragFails', 'Ip6InTooBigErrors') AND netns IS {netns} AND delta > 0;
-- evidence?: The smallest MTU of the devices there is {result} ({name}).
SELECT mtu, name FROM netdev WHERE netns IS {netns} AND name <> 'lo' AND flags & 1 ORDER BY mtu, ifindex;
-- evidence?: The router made {result} ICMP "destination unreachable" or "packet too big" messages.
SELECT sum(delta) FROM _moved WHERE name IN ('Icmp.OutDestUnreachs', 'Icmp6OutPktTooBigs') AND netns IS {netns} AND delta > 0;
-- evidence?: A firewall rule there that drops ICMP counted {result}: "{text}" (chain {chain}).
SELECT packets_delta, text, chain FROM nft_rule WHERE netns IS {netns} AND verdict LIKE 'drop%' AND text LIKE '%icmp%' AND packets_delta > 0 ORDER BY packets_delta DESC, id;
-- evidence?: TCP retransmitted {result} segments in the meantime.
SELECT count(*) FROM event WHERE name = 'tcp_retransmit_skb' AND {flow_proto} = 'tcp' AND json_extract(fields, '$.sport') = {flow_sport} AND json_extract(fields, '$.dport') = {flow_dport};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND flow_id IS {flow_id} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Let ICMP type 3 code 4 (IPv6: packet too big) pass on the whole way back to the sender.
-- command: {ns}nft list ruleset
-- advice: Where that cannot be, let the sender, which is on this host ({v_sender}), probe for the size that passes (RFC 4821).
-- command: {v_sender:ns}sysctl -w net.ipv4.tcp_mtu_probing=1
-- undo: {v_sender:ns}sysctl -w net.ipv4.tcp_mtu_probing={v_probing}
-- when: SELECT {flow_proto} = 'tcp' AND {v_probing} = '0'
-- advice: Where that cannot be, let the sender probe for the size that passes (RFC 4821): net.ipv4.tcp_mtu_probing=1 there.
-- when: SELECT coalesce({flow_proto}, 'tcp') = 'tcp' AND {v_sender} IS NULL
-- ruled-out: Not a random loss: the packets that are dropped are those that are larger than the way out.
-- ruled-out: Not a normal discovery of the path's MTU, which ends within a round trip.
