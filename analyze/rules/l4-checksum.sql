-- SPDX-License-Identifier: MIT
-- cause: l4-checksum
-- severity: warning
-- tested: live
-- uses: events, frames, counters
-- symptom-of: tunnel-checksum/dev
-- how: Drops with reason UDP_CSUM, TCP_CSUM or ICMP_CSUM (UDP's may come late, in the reader's recvmsg()), or the counters InCsumErrors of UDP
--   and TCP where events do not tell, at least 3 in a namespace. What the kernel finds wrong counts, not what a capture shows:
--   outgoing frames are captured before the checksum is filled in.
-- title: Wrong {v_kinds} checksums[[ at {dev}]][[ from {flow_src}]]
-- summary: {packets} packets[[ from {flow_src} to {flow_dst}]][[ port {flow_dport}]] were dropped[[ in {netns}]] because their {v_kinds} checksum was
--   wrong ({v_udp} UDP, {v_tcp} TCP, {v_icmp} ICMP): they were damaged on their way, or sent with a checksum that was never filled in.
WITH hit AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns ORDER BY t.drops DESC, t.id) AS nth,
		sum(t.drops) OVER (PARTITION BY t.netns) AS all_drops,
		sum(t.flows) OVER (PARTITION BY t.netns) AS all_flows,
		sum(t.drops) FILTER (WHERE t.why = 'UDP_CSUM') OVER (PARTITION BY t.netns) AS udp,
		sum(t.drops) FILTER (WHERE t.why = 'TCP_CSUM') OVER (PARTITION BY t.netns) AS tcp,
		sum(t.drops) FILTER (WHERE t.why = 'ICMP_CSUM') OVER (PARTITION BY t.netns) AS icmp
	FROM _drop_target t
	WHERE t.why IN ('UDP_CSUM', 'TCP_CSUM', 'ICMP_CSUM')
), counted AS (
	SELECT netns,
		CAST(total(CASE WHEN name IN ('Udp.InCsumErrors', 'Udp6InCsumErrors') THEN delta END) AS INTEGER) AS udp,
		CAST(total(CASE WHEN name = 'Tcp.InCsumErrors' THEN delta END) AS INTEGER) AS tcp,
		CAST(total(CASE WHEN name IN ('Icmp.InCsumErrors', 'Icmp6InCsumErrors') THEN delta END) AS INTEGER) AS icmp
	FROM _moved
	WHERE name IN ('Udp.InCsumErrors', 'Udp6InCsumErrors', 'Tcp.InCsumErrors', 'Icmp.InCsumErrors', 'Icmp6InCsumErrors') AND delta > 0
	GROUP BY netns
), place AS (
	SELECT netns, netns_by, dev, function, reason, why_by, flow_id, proto, src, sport, dst, dport, from_ns, to_ns, all_drops AS drops, all_flows AS flows,
		coalesce(udp, 0) AS udp, coalesce(tcp, 0) AS tcp, coalesce(icmp, 0) AS icmp
	FROM hit WHERE nth = 1
	UNION ALL
	SELECT c.netns, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, c.udp + c.tcp + c.icmp, 0, c.udp, c.tcp, c.icmp
	FROM counted c
	WHERE NOT EXISTS (SELECT 1 FROM hit h WHERE h.netns IS c.netns OR h.netns IS NULL)
)
SELECT
	CASE WHEN p.drops >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN p.function IS NOT NULL AND c.netns IS NOT NULL AND p.netns_by IS NULL AND p.why_by IS NULL THEN 0.98 WHEN p.function IS NOT NULL THEN 0.9 ELSE 0.85 END AS confidence,
	p.netns,
	p.dev,
	p.function,
	p.reason,
	p.flow_id,
	p.proto AS flow_proto,
	p.src AS flow_src,
	p.sport AS flow_sport,
	p.dst AS flow_dst,
	p.dport AS flow_dport,
	p.from_ns,
	p.to_ns,
	p.drops AS packets,
	nullif(p.flows, 0) AS flows,
	p.udp AS v_udp,
	p.tcp AS v_tcp,
	p.icmp AS v_icmp,
	substr(CASE WHEN p.udp > 0 THEN ', UDP' ELSE '' END || CASE WHEN p.tcp > 0 THEN ', TCP' ELSE '' END || CASE WHEN p.icmp > 0 THEN ', ICMP' ELSE '' END, 3) AS v_kinds,
	p.netns_by AS v_placed
FROM place p
LEFT JOIN counted c ON c.netns IS p.netns
WHERE p.drops >= 3
ORDER BY p.drops DESC, p.netns;

-- evidence?: {result} packets were freed with reason {reasons} ({functions}).
SELECT sum(drops), group_concat(DISTINCT reason) AS reasons, group_concat(DISTINCT function) AS functions FROM _drop_target WHERE reason IN ('UDP_CSUM', 'TCP_CSUM', 'ICMP_CSUM') AND netns IS {netns};
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.netns IS {netns} AND t.why IN ('UDP_CSUM', 'TCP_CSUM', 'ICMP_CSUM');
-- evidence?: The counters InCsumErrors of UDP, TCP and ICMP grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('Udp.InCsumErrors', 'Udp6InCsumErrors', 'Tcp.InCsumErrors', 'Icmp.InCsumErrors', 'Icmp6InCsumErrors') AND netns IS {netns} AND delta > 0;
-- evidence?: The drop events name no namespace; they belong to {netns}, because these counters grew nowhere else.
SELECT {v_placed} = 'counter';
-- evidence?: Beside them, {result} datagrams and segments were accepted there: not all traffic is hit.
SELECT sum(delta) FROM _moved WHERE name IN ('Udp.InDatagrams', 'Tcp.InSegs') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop WHERE (reason IN ('UDP_CSUM', 'TCP_CSUM', 'ICMP_CSUM') OR (function = {function} AND reason IS {reason})) AND (netns IS {netns} OR netns IS NULL) AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Find the hop that damages them: compare captures before and after it; switch checksum offload off at the sender and at
--   hops that rewrite packets (virtual NICs, tunnels, load balancers) for a test.
-- advice: For a test, let the kernel itself compute what arrives at {dev}: if that ends it, the device computes wrong.
-- command: {ns}ethtool -K {dev} rx off
-- undo: {ns}ethtool -K {dev} rx on
-- when: SELECT 1 FROM dev_feature WHERE netns IS {netns} AND dev = {dev} AND kind = 'feature' AND name = 'rx-checksum' AND value = 'on'
-- ruled-out: Not a full buffer and not a missing listener: those drops have reasons of their own.
-- ruled-out: Not the usual artefact of captures: the kernel itself found these checksums wrong.
