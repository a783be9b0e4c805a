-- SPDX-License-Identifier: MIT
-- cause: tunnel-checksum
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- how: At least 5 drops with reason UDP_CSUM at a device that is no tunnel itself, of packets whose captured frame carries another packet
--   inside (VXLAN, Geneve and the like): the outer checksum is checked before the tunnel takes them. A wrong checksum of the
--   inner packet is found behind the tunnel device and left to l4-checksum. GRE: rx_crc_errors of a GRE device grew by at least 5.
-- title: Tunnel packets[[ from {flow_src}]] carry a wrong outer checksum
-- summary: {packets} tunnel packets[[ from {flow_src} to {flow_dst}]][[ port {flow_dport}]] were dropped[[ at {dev}]][[ in {netns}]] because their
--   outer checksum was wrong; nothing that this sender puts into the tunnel with a checksum gets through.
WITH hit AS (
	SELECT d.id, d.netns, d.dev, d.function, d.reason, d.ts_ns, f.flow_id, f.outer_flow_id, o.proto, o.src, o.dst, o.dport
	FROM packet_drop d
	JOIN frame f ON f.packet_id = d.packet_id AND f.direction = 'in' AND f.outer_flow_id IS NOT NULL AND f.dev = d.dev AND f.netns IS d.netns
	JOIN flow o ON o.id = f.outer_flow_id
	WHERE d.reason = 'UDP_CSUM' AND o.proto = 'udp'
		AND NOT EXISTS (SELECT 1 FROM netdev n WHERE n.netns = d.netns AND n.name = d.dev
			AND n.kind IN ('vxlan', 'geneve', 'gre', 'gretap', 'ip6gre', 'ip6gretap', 'erspan', 'ipip', 'sit', 'ip6tnl', 'gtp', 'wireguard', 'bareudp', 'fou'))
	GROUP BY d.id
)
SELECT
	CASE WHEN count(*) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	0.95 AS confidence,
	h.netns,
	h.dev,
	max(h.function) AS function,
	max(h.reason) AS reason,
	max(h.outer_flow_id) AS flow_id,
	'udp' AS flow_proto,
	CASE WHEN min(h.src) = max(h.src) THEN min(h.src) END AS flow_src,
	CASE WHEN min(h.dst) = max(h.dst) THEN min(h.dst) END AS flow_dst,
	h.dport AS flow_dport,
	min(h.ts_ns) AS from_ns,
	max(h.ts_ns) AS to_ns,
	count(*) AS packets,
	count(DISTINCT h.flow_id) AS flows,
	(SELECT min(n.name) FROM netdev n WHERE n.netns = h.netns AND n.kind IN ('vxlan', 'geneve')) AS v_tunnel
FROM hit h
GROUP BY h.netns, h.dev, h.dport
HAVING count(*) >= 5
UNION ALL
SELECT 'warning', 0.85, n.netns, n.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(m.delta), NULL, n.name
FROM netdev n
JOIN _moved m ON m.source = 'dev' AND m.name = 'rx_crc_errors' AND m.netns = n.netns AND m.dev = n.name
WHERE n.kind IN ('gre', 'gretap', 'ip6gre', 'ip6gretap', 'erspan') AND m.delta >= 5
GROUP BY n.netns, n.name
ORDER BY 14 DESC, 3, 4;

-- evidence?: {result} packets were freed[[ in {function}]] with reason {reason}.
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason = {reason} AND netns IS {netns} AND dev IS {dev};
-- evidence?: {result} captured frames there go to port {flow_dport} and carry a packet inside.
SELECT count(*) FROM frame f JOIN flow o ON o.id = f.outer_flow_id WHERE f.netns IS {netns} AND f.dev = {dev} AND f.direction = 'in' AND o.dport = {flow_dport};
-- evidence?: The counters InCsumErrors of UDP grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('Udp.InCsumErrors', 'Udp6InCsumErrors') AND netns IS {netns} AND delta > 0;
-- evidence?: rx_crc_errors of {dev}, which is where GRE counts a wrong checksum, grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'rx_crc_errors' AND netns IS {netns} AND dev = {dev} AND {function} IS NULL;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason = {reason} AND netns IS {netns} AND dev IS {dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: At the sender, for a test, let the tunnel device's checksums be made in software (ethtool -K, tx-checksum-ip-generic off): offload and NAT of
--   tunnel packets do not go together in every driver and kernel.
-- advice: Or send without an outer checksum (IPv4: noudpcsum, IPv6: udp6zerocsumtx and udp6zerocsumrx).
-- command: {ns}ip -d link show dev {v_tunnel}
-- when: SELECT {v_tunnel} IS NOT NULL
-- ruled-out: Not damage of the inner packet: the check failed before the tunnel device.
