-- SPDX-License-Identifier: MIT
-- cause: fragment-memory-limit
-- severity: warning
-- tested: live
-- uses: events, counters, config
-- how: Drops at ip_defrag or ipv6_frag_rcv itself (which free a fragment when no queue may be made for it) of at least 3 packets, while
--   ReasmFails of that protocol grew further than ReasmTimeout.
-- title: Memory for IP fragments is at its limit
-- summary: {packets} fragments[[ from {flow_src}]][[ to {flow_dst}]] were refused[[ in {netns}]] because reassembly may use no more memory[[ ({v_key} = {v_limit} bytes)]].
WITH hit AS (
	SELECT t.*, CASE t.function WHEN 'ip_defrag' THEN 'Ip.' ELSE 'Ip6' END AS ip,
		CASE t.function WHEN 'ip_defrag' THEN 'net.ipv4.ipfrag_high_thresh' ELSE 'net.ipv6.ip6frag_high_thresh' END AS key
	FROM _drop_target t
	WHERE t.function IN ('ip_defrag', 'ipv6_frag_rcv') AND (t.reason = 'NOT_SPECIFIED' OR t.reason IS NULL)
)
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	t.netns,
	CASE WHEN min(t.dev) = max(t.dev) AND count(t.dev) = count(*) THEN min(t.dev) END AS dev,
	t.function,
	t.reason,
	sum(t.drops) AS packets,
	CASE WHEN min(t.proto) = max(t.proto) THEN min(t.proto) END AS flow_proto,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS flow_src,
	CASE WHEN min(t.dst) = max(t.dst) THEN min(t.dst) END AS flow_dst,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	t.key AS v_key,
	t.ip AS v_ip,
	coalesce((SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = t.key AND netns IS t.netns), (SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = t.key ORDER BY netns_id LIMIT 1)) AS v_limit,
	4 * (SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = t.key AND netns IS t.netns) AS v_limit_new
FROM hit t
GROUP BY t.netns, t.function, t.reason
HAVING sum(t.drops) >= 3
	AND (SELECT total(CASE m.name WHEN t.ip || 'ReasmFails' THEN m.delta ELSE -m.delta END) FROM _moved m
		WHERE m.name IN (t.ip || 'ReasmFails', t.ip || 'ReasmTimeout') AND (m.netns = t.netns OR t.netns IS NULL)) >= 3
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence: {result} fragments were freed[[ in {function}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND netns IS {netns} AND reason IS {reason};
-- evidence?: {v_ip}ReasmFails grew by {result}.
SELECT sum(delta) FROM _moved WHERE name = {v_ip} || 'ReasmFails' AND (netns IS {netns} OR {netns} IS NULL) AND delta > 0;
-- evidence?: Fragments held up to {result} bytes (sockstat, FRAG.memory).
SELECT max(value) FROM counter WHERE source = 'sockstat' AND name = CASE {v_ip} WHEN 'Ip6' THEN 'FRAG6.memory' ELSE 'FRAG.memory' END;
-- advice: Find out who sends so many incomplete datagrams; if they are honest, allow more memory.
-- command: {ns}sysctl -w {v_key}={v_limit_new}
-- undo: {ns}sysctl -w {v_key}={v_limit}
-- when: SELECT {v_limit_new} IS NOT NULL
