-- SPDX-License-Identifier: MIT
-- cause: ttl-expired
-- severity: warning
-- tested: live
-- uses: events, frames, counters
-- symptom-of: routing-loop/any
-- how: At least 10 drops in ip_forward or ip6_forward with reason IP_INHDR of packets to one destination and port that were captured
--   coming in with TTL 1, and no packet that comes by repeatedly. Traceroute sends a few packets to each of many ports and
--   is left out; echo requests, and packets that come to one port with several small TTLs, are probes of the way as mtr(8) sends them: an info.
-- title: TTL expires here for packets to {flow_dst}
-- summary: {packets} packets to {flow_dst}[[ port {flow_dport}]] came[[ to {netns}]] with a TTL of 1 and could not be forwarded: their sender's TTL
--   is too small for the way (or it is meant to be so).
WITH low AS (
	-- by the addresses: the drop's flow may be the one that the sender's namespace saw
	SELECT w.netns, w.proto, w.dst, w.dport, sum(f.ttl = 1) AS n, max(w.id) AS flow_id, count(DISTINCT f.ttl) AS ttls
	FROM flow w JOIN _frame f ON f.flow_id = w.id
	WHERE f.ttl <= 30 AND f.direction = 0
		AND w.dst IN (SELECT dst FROM _drop_group WHERE why = 'IP_INHDR' AND function IN ('ip_forward', 'ip6_forward', '?'))
	GROUP BY w.netns, w.proto, w.dst, w.dport
	HAVING n > 0
)
SELECT
	CASE WHEN t.function = '?' THEN 0.75 WHEN t.why_by IS NOT NULL THEN 0.85 ELSE 0.9 END AS confidence,
	CASE WHEN t.proto IN ('icmp', 'icmpv6') OR l.ttls > 1 THEN 'info' ELSE 'warning' END AS severity,
	t.netns,
	t.dev,
	t.function,
	t.reason,
	l.flow_id,
	t.proto AS flow_proto,
	t.src AS flow_src,
	t.sport AS flow_sport,
	t.dst AS flow_dst,
	t.dport AS flow_dport,
	t.from_ns,
	t.to_ns,
	t.drops AS packets,
	l.n AS v_low
FROM _drop_target t
JOIN low l ON l.netns IS t.netns AND l.proto = t.proto AND l.dst = t.dst AND l.dport IS t.dport
WHERE t.why = 'IP_INHDR' AND t.function IN ('ip_forward', 'ip6_forward', '?') AND t.drops >= 10
	AND NOT EXISTS (SELECT 1 FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.dst = t.dst AND f.direction = 0 AND f.ip_id <> 0
		GROUP BY f.netns_id, f.dev_id, f.flow_id, f.ip_id HAVING count(DISTINCT f.ttl) >= 3)
GROUP BY t.id
ORDER BY t.drops DESC, t.id;

-- evidence?: {result} packets to {flow_dst} were freed[[ in {function}]] with reason IP_INHDR.
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason = 'IP_INHDR' AND dst = {flow_dst} AND dport IS {flow_dport};
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.function = {function} AND t.why = 'IP_INHDR' AND t.dst = {flow_dst} AND t.dport IS {flow_dport};
-- evidence: {result} frames of this flow came in with TTL 1.
SELECT count(*) FROM _frame WHERE flow_id = {flow_id} AND ttl = 1 AND direction = 0;
-- advice: Look at the sender: its TTL (IP_TTL, IP_MULTICAST_TTL, net.ipv4.ip_default_ttl), or a hop that lowers it.
-- ruled-out: Not a routing loop: no packet came by more than once.
-- ruled-out: Not a malformed header: the frames are well formed, their TTL is 1.
