-- SPDX-License-Identifier: MIT
-- cause: neighbour-queue-full
-- severity: warning
-- tested: live
-- uses: events, counters, config
-- symptom-of: neighbour-failed/any, link-down/any
-- how: At least 5 drops with reason NEIGH_QUEUEFULL: more packets waited for one unresolved neighbour than its queue holds. A
--   symptom where that neighbour never resolves.
-- title: Too many packets wait for an unresolved neighbour
-- summary: {packets} packets [[to {flow_dst} ]]were pushed out of the queue of a neighbour[[ on {dev}]][[ in {netns}]] that was still being resolved[[ (unres_qlen_bytes
--   = {v_qlen})]].
WITH hit AS (
	SELECT
		t.netns, max(t.function) AS function, t.reason, min(t.from_ns) AS from_ns, max(t.to_ns) AS to_ns, sum(t.drops) AS packets,
		CASE WHEN min(t.src) = max(t.src) AND count(t.src) = count(*) THEN min(t.src) END AS src,
		CASE WHEN min(t.dst) = max(t.dst) AND count(t.dst) = count(*) THEN min(t.dst) END AS dst,
		CASE WHEN min(t.proto) = max(t.proto) AND count(t.proto) = count(*) THEN min(t.proto) END AS proto,
		CASE WHEN min(t.dport) = max(t.dport) AND count(t.dport) = count(*) THEN min(t.dport) END AS dport,
		max(t.flow_id) AS flow_id
	FROM _drop_target t
	WHERE t.why = 'NEIGH_QUEUEFULL'
	GROUP BY t.netns, t.reason
	HAVING sum(t.drops) >= 5
), resolved AS (
	-- what a sender's own call drops has no place; a neighbour that became known in or right behind that time, and no other, was the one waited for
	SELECT h.netns, h.reason, max(n.netns) AS in_ns, max(n.dev) AS dev, max(n.address) AS address
	FROM hit h
	JOIN event e ON e.name = 'neigh_update' AND e.ts_ns BETWEEN h.from_ns AND h.to_ns + 1000000000 AND json_extract(e.fields, '$.nud_state') = 'incomplete'
	JOIN neigh n ON n.dev = json_extract(e.fields, '$.dev')
		AND n.address = CASE json_extract(e.fields, '$.family') WHEN 2 THEN json_extract(e.fields, '$.primary_key4') ELSE json_extract(e.fields, '$.primary_key6') END
	WHERE h.netns IS NULL
	GROUP BY h.netns, h.reason
	HAVING count(DISTINCT n.netns || ' ' || n.dev || ' ' || n.address) = 1
), placed AS (
	-- a destination that is a neighbour itself names the device; behind a gateway it does not
	SELECT coalesce(h.netns, r.in_ns) AS netns, h.netns AS own_ns, h.function, h.reason, h.from_ns, h.to_ns, h.packets, h.src, coalesce(h.dst, r.address) AS dst, h.proto, h.dport, h.flow_id,
		r.address AS learned, coalesce((SELECT max(n.dev) FROM neigh n WHERE n.netns = h.netns AND n.address = h.dst HAVING count(DISTINCT n.dev) = 1), r.dev) AS dev
	FROM hit h LEFT JOIN resolved r ON r.netns IS h.netns AND r.reason IS h.reason
)
SELECT
	p.netns, p.dev, p.function, p.reason, p.flow_id, p.proto AS flow_proto, p.src AS flow_src, p.dst AS flow_dst, p.dport AS flow_dport, p.from_ns, p.to_ns, p.packets,
	CASE WHEN p.learned IS NULL THEN 0.9 ELSE 0.8 END AS confidence,
	p.own_ns AS v_own,
	p.learned AS v_learned,
	CASE WHEN p.dst LIKE '%:%' THEN 'net.ipv6' ELSE 'net.ipv4' END || '.neigh.' || coalesce(replace(p.dev, '.', '/'), 'default') || '.unres_qlen_bytes' AS v_key,
	coalesce((SELECT CAST(max(coalesce(s.value_end, s.value)) AS INTEGER) FROM sysctl s WHERE s.netns = p.netns
		AND s.name = CASE WHEN p.dst LIKE '%:%' THEN 'net.ipv6' ELSE 'net.ipv4' END || '.neigh.' || coalesce(replace(p.dev, '.', '/'), 'default') || '.unres_qlen_bytes'),
		(SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.ipv4.neigh.default.unres_qlen_bytes' ORDER BY netns_id LIMIT 1)) AS v_qlen,
	q.n AS v_qlen_set,
	4 * q.n AS v_qlen_new
FROM placed p
LEFT JOIN (SELECT netns, name, CAST(coalesce(value_end, value) AS INTEGER) AS n FROM sysctl WHERE name LIKE 'net.ipv_.neigh.%.unres_qlen_bytes') q ON q.netns = p.netns
	AND q.name = CASE WHEN p.dst LIKE '%:%' THEN 'net.ipv6' ELSE 'net.ipv4' END || '.neigh.' || replace(p.dev, '.', '/') || '.unres_qlen_bytes'
ORDER BY p.packets DESC, p.netns;

-- evidence?: {result} packets were freed with reason NEIGH_QUEUEFULL.
SELECT sum(drops) FROM _drop_target WHERE reason = 'NEIGH_QUEUEFULL' AND netns IS {v_own};
-- evidence?: The drop events name no place; {result} on {dev} is the only neighbour that became known then.
SELECT {v_learned};
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.netns IS {v_own} AND t.why = 'NEIGH_QUEUEFULL';
-- evidence?: The kernel counted {result} such discards (arp_cache, unresolved_discards; of the machine).
SELECT sum(delta) FROM _moved WHERE source IN ('arp_cache', 'ndisc_cache') AND name = 'unresolved_discards' AND delta > 0;
-- advice: If the neighbour does resolve in the end, let more packets wait for it.
-- command: {ns}sysctl -w {v_key}={v_qlen_new}
-- undo: {ns}sysctl -w {v_key}={v_qlen_set}
-- when: SELECT {dev} IS NOT NULL AND {v_qlen_set} IS NOT NULL
