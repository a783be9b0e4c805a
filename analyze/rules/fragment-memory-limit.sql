-- SPDX-License-Identifier: MIT
-- cause: fragment-memory-limit
-- severity: warning
-- tested: replay
-- uses: events, counters, config
-- how: Drops at ip_defrag itself (which frees a fragment when no queue may be made for it) of at least 3 packets, while
--   Ip.ReasmFails grew further than Ip.ReasmTimeout.
-- title: Memory for IP fragments is at its limit
-- summary: {packets} fragments were refused[[ in {netns}]] because reassembly may use no more memory[[ (net.ipv4.ipfrag_high_thresh = {v_limit} bytes)]].
SELECT
	t.netns,
	t.function,
	t.reason,
	sum(t.drops) AS packets,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	coalesce((SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.ipv4.ipfrag_high_thresh' AND netns IS t.netns), (SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.ipv4.ipfrag_high_thresh' ORDER BY netns_id LIMIT 1)) AS v_limit
FROM _drop_target t
WHERE t.function = 'ip_defrag' AND (t.reason = 'NOT_SPECIFIED' OR t.reason IS NULL)
GROUP BY t.netns, t.function, t.reason
HAVING sum(t.drops) >= 3
	AND (SELECT total(CASE m.name WHEN 'Ip.ReasmFails' THEN m.delta ELSE -m.delta END) FROM _moved m
		WHERE m.name IN ('Ip.ReasmFails', 'Ip.ReasmTimeout') AND (m.netns = t.netns OR t.netns IS NULL)) >= 3
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence: {result} fragments were freed in ip_defrag.
SELECT sum(drops) FROM _drop_target WHERE function = 'ip_defrag' AND netns IS {netns} AND reason IS {reason};
-- evidence?: Ip.ReasmFails grew by {result}.
SELECT sum(delta) FROM _moved WHERE name = 'Ip.ReasmFails' AND (netns IS {netns} OR {netns} IS NULL) AND delta > 0;
-- evidence?: Fragments held up to {result} bytes (sockstat, FRAG.memory).
SELECT max(value) FROM counter WHERE source = 'sockstat' AND name = 'FRAG.memory';
-- advice: Find out who sends so many incomplete datagrams; if they are honest, allow more memory.
-- command: {ns}sysctl -w net.ipv4.ipfrag_high_thresh=16777216
-- undo: {ns}sysctl -w net.ipv4.ipfrag_high_thresh={v_limit}
-- when: SELECT {v_limit} < 16777216
