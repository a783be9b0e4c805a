-- SPDX-License-Identifier: MIT
-- cause: fragment-lost
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- symptom-of: netfilter-fragment-drop/any, fragment-memory-limit
-- how: Ip.ReasmTimeout grew by at least 3 in a namespace (one for each datagram), or as many drops with reason
--   FRAG_REASM_TIMEOUT (one for each fragment that had come); the captured fragments show which part is missing. These
--   events come a timeout after the loss.
-- title: IP fragments missing, reassembly timed out[[ ({flow_src} to {flow_dst})]]
-- summary: {packets} datagrams[[ from {flow_src} to {flow_dst}]] were given up[[ in {netns}]] because not all of their fragments arrived
--   within the timeout[[ ({v_time} s)]]: at least one fragment of each was lost before this host.
WITH counted AS (
	SELECT netns, sum(delta) AS delta
	FROM _moved
	WHERE name IN ('Ip.ReasmTimeout', 'Ip6ReasmTimeout') AND delta > 0
	GROUP BY netns
), hit AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns ORDER BY t.drops DESC, t.id) AS nth, sum(t.drops) OVER (PARTITION BY t.netns) AS all_drops
	FROM _drop_target t
	WHERE t.why = 'FRAG_REASM_TIMEOUT' OR (t.reason IS NULL AND t.function IN ('ip_expire', 'inet_frag_rbtree_purge'))
), place AS (
	SELECT c.netns, c.delta AS n, 1 AS counted FROM counted c
	UNION ALL
	SELECT h.netns, h.all_drops, 0 FROM hit h WHERE h.nth = 1 AND h.netns IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counted c WHERE c.netns IS h.netns)
)
SELECT
	CASE WHEN p.n >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN p.counted AND h.id IS NOT NULL THEN 0.97 WHEN p.counted THEN 0.85 ELSE 0.8 END AS confidence,
	p.netns,
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
	p.n AS packets,
	h.netns AS v_netns,
	(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE netns IS p.netns AND name = CASE WHEN h.dst LIKE '%:%' OR h.function IN ('ip6_frag_expire', 'ip6frag_expire_frag_queue') THEN 'net.ipv6.ip6frag_time' ELSE 'net.ipv4.ipfrag_time' END) AS v_time
FROM place p
LEFT JOIN hit h ON h.nth = 1 AND (h.netns IS p.netns OR (h.netns IS NULL AND (SELECT count(*) FROM counted) = 1))
WHERE p.n >= 3
ORDER BY p.n DESC, p.netns;

-- evidence?: Ip.ReasmTimeout grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('Ip.ReasmTimeout', 'Ip6ReasmTimeout') AND netns IS {netns} AND delta > 0;
-- evidence?: {result} fragments that had arrived were freed[[ with reason {reason}]] when the timer ran out.
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND netns IS {v_netns};
-- evidence?: {result} datagrams were captured of which a first fragment came but never the last one.
SELECT count(*) FROM (SELECT f.ip_id FROM _frame f JOIN flow w ON w.id = f.flow_id WHERE f.frag IS NOT NULL AND w.netns IS {netns} AND w.src = {flow_src} AND w.dst = {flow_dst} AND f.direction = 0 GROUP BY w.src, w.dst, f.ip_id, f.dev_id HAVING min(f.frag & 1) = 1);
-- evidence?: {result} other datagrams were reassembled whole (Ip.ReasmOKs).
SELECT sum(delta) FROM _moved WHERE name IN ('Ip.ReasmOKs', 'Ip6ReasmOKs') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Find where fragments are lost: a firewall or load balancer that drops them (they carry no port), a link that loses
--   packets. Better: send datagrams that need no fragments (below the path MTU).
-- ruled-out: Not the memory limit for fragments: that refuses fragments at once, without a timeout.
-- ruled-out: Not a full receive buffer: the datagrams never became whole.
