-- SPDX-License-Identifier: MIT
-- cause: conntrack-idle-expired
-- severity: warning
-- tested: live
-- uses: frames, events, counters, config
-- how: In a namespace with connection tracking, TCP connections that had worked in both directions were silent for longer than
--   nf_conntrack_tcp_timeout_established, and what came after that was dropped by netfilter or answered with a reset, at least 3 packets. A
--   recording shorter than the timeout cannot show it.
-- title: Idle connections to {flow_dst} port {flow_dport} fell out of connection tracking
-- summary: {flows:n connection} to {flow_dst} port {flow_dport} had been silent for up to {v_gap:time}, longer than connection tracking[[ in {netns}]]
--   keeps an idle one ({v_timeout} s); of what came then, {packets} packets were dropped or reset.
WITH limits AS (
	SELECT netns_id, netns, CAST(coalesce(value_end, value) AS INTEGER) AS seconds
	FROM sysctl
	WHERE name = 'net.netfilter.nf_conntrack_tcp_timeout_established' AND CAST(coalesce(value_end, value) AS INTEGER) > 0
		AND EXISTS (SELECT 1 FROM flow w WHERE w.netns_id = sysctl.netns_id AND w.proto = 'tcp'
			AND w.last_ns - w.first_ns > 1000000000 * CAST(coalesce(value_end, value) AS INTEGER))
), long AS (
	SELECT l.netns, l.seconds, w.id, w.reverse_id
	FROM limits l
	JOIN flow w ON w.netns_id = l.netns_id AND w.proto = 'tcp' AND w.last_ns - w.first_ns > 1000000000 * l.seconds AND w.reverse_id IS NOT NULL
), member AS (
	SELECT netns, seconds, id, min(id, reverse_id) AS pair FROM long
	UNION
	SELECT netns, seconds, reverse_id, min(id, reverse_id) FROM long
), step AS (
	-- frames in and out: with NAT the answers belong to this flow only where they leave
	SELECT m.netns, m.seconds, m.pair, m.id AS flow_id, f.ts_ns, f.tcp_flags, f.packet_id,
		f.ts_ns - lag(f.ts_ns) OVER (PARTITION BY m.pair ORDER BY f.ts_ns) AS gap
	FROM member m
	JOIN _frame f ON f.flow_id = m.id
), woke AS (
	SELECT netns, seconds, pair, flow_id, min(ts_ns) AS at_ns, gap
	FROM step
	WHERE gap > 1000000000 * seconds AND tcp_flags & 2 = 0
	GROUP BY netns, pair
), hurt AS (
	SELECT k.*, w.src, w.dst, w.dport,
		(SELECT count(DISTINCT s.packet_id) FROM step s JOIN packet_drop d ON d.packet_id = s.packet_id
			WHERE s.netns = k.netns AND s.pair = k.pair AND s.ts_ns >= k.at_ns AND (d.reason = 'NETFILTER_DROP' OR (d.reason IS NULL AND d.function IN ('nf_hook_slow', 'nft_do_chain')))) AS dropped,
		(SELECT count(DISTINCT coalesce(s.packet_id, -s.ts_ns)) FROM step s WHERE s.netns = k.netns AND s.pair = k.pair AND s.ts_ns >= k.at_ns AND s.tcp_flags & 4) AS resets,
		(SELECT count(DISTINCT s.flow_id) FROM step s WHERE s.netns = k.netns AND s.pair = k.pair AND s.ts_ns < k.at_ns) AS directions
	FROM woke k
	JOIN flow w ON w.id = k.flow_id
)
SELECT
	CASE WHEN count(*) >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN sum(h.dropped) > 0 THEN 0.93 ELSE 0.85 END AS confidence,
	h.netns,
	CASE WHEN sum(h.dropped) > 0 THEN 'NETFILTER_DROP' END AS reason,
	max(h.flow_id) AS flow_id,
	'tcp' AS flow_proto,
	CASE WHEN min(h.src) = max(h.src) THEN min(h.src) END AS flow_src,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	min(h.at_ns) AS from_ns,
	sum(h.dropped) + sum(h.resets) AS packets,
	count(*) AS flows,
	max(h.gap) AS v_gap,
	h.seconds AS v_timeout,
	sum(h.resets) AS v_resets,
	sum(h.dropped) AS v_dropped,
	max(432000, 2 * h.seconds) AS v_longer
FROM hurt h
WHERE h.directions = 2 AND h.dropped + h.resets > 0
GROUP BY h.netns, h.dst, h.dport
HAVING sum(h.dropped) + sum(h.resets) >= 3
ORDER BY packets DESC, h.netns, h.dst, h.dport;

-- evidence: net.netfilter.nf_conntrack_tcp_timeout_established is {result} s in {netns}.
SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE netns IS {netns} AND name = 'net.netfilter.nf_conntrack_tcp_timeout_established';
-- evidence: {flows:n connection} went on after a silence of up to {v_gap:time}; of what came then, {result} packets were dropped by netfilter and {v_resets} were resets.
SELECT {v_dropped};
-- evidence?: Connection tracking's counter invalid grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'invalid' AND netns IS {netns} AND delta > 0;
-- advice: Let idle connections stay longer than their owners leave them idle (the kernel's default is five days).
-- command: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established={v_longer}
-- undo: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established={v_timeout}
-- advice: Or let the applications send keepalives more often than that; see how long those of this host wait.
-- command: {ns}sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_intvl
-- ruled-out: Not a full table: connection tracking's counter drop did not move.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE source = 'conntrack' AND name = 'drop' AND delta > 0 AND netns IS {netns})
