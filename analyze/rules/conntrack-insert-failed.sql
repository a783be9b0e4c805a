-- SPDX-License-Identifier: MIT
-- cause: conntrack-insert-failed
-- severity: warning
-- tested: live
-- uses: events, counters
-- symptom-of: snat-ports-exhausted/netns
-- how: Connection tracking's counter insert_failed grew by at least 3 (critical from 50), and NAT is not short of ports for one destination (fewer
--   than 20000 entries to one destination and port).
-- title: Connection tracking could not insert entries[[ for {flow_dst}]][[ port {flow_dport}]]
-- summary: {packets} packets were dropped[[ in {netns}]] because their connection tracking entry could not be inserted: two packets of
--   one flow raced (typical: two DNS questions sent at once from one socket), or NAT gave two flows the same tuple.
WITH freed AS (
	SELECT t.*, sum(t.drops) OVER (PARTITION BY t.netns) AS all_drops, row_number() OVER (PARTITION BY t.netns ORDER BY t.drops DESC, t.id) AS nth
	FROM _drop_target t
	WHERE t.function = 'nf_hook_slow' AND (t.reason = 'NETFILTER_DROP' OR t.reason IS NULL)
)
SELECT
	CASE WHEN sum(m.delta) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	m.netns,
	'nf_hook_slow' AS function,
	f.reason,
	f.flow_id,
	f.proto AS flow_proto,
	f.dst AS flow_dst,
	f.dport AS flow_dport,
	f.from_ns,
	f.to_ns,
	sum(m.delta) AS packets
FROM _moved m
-- where nearly all of them went to
LEFT JOIN freed f ON f.netns = m.netns AND f.nth = 1 AND f.drops * 10 >= f.all_drops * 9
WHERE m.source = 'conntrack' AND m.name = 'insert_failed' AND m.delta > 0
	AND NOT EXISTS (SELECT 1 FROM conntrack c WHERE c.netns IS m.netns GROUP BY c.reply_src, c.reply_sport, c.reply_dst HAVING count(*) >= 20000)
GROUP BY m.netns
HAVING sum(m.delta) >= 3
	AND (SELECT coalesce(sum(t.drops), 0) FROM _drop_target t WHERE t.function = 'nf_hook_slow' AND (t.netns IS m.netns OR t.netns IS NULL)) >= 3
ORDER BY sum(m.delta) DESC, m.netns;

-- evidence: Connection tracking's counter insert_failed grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'insert_failed' AND netns IS {netns};
-- evidence?: {result} packets were freed at nf_hook_slow.
SELECT sum(drops) FROM _drop_target WHERE function = 'nf_hook_slow' AND (netns IS {netns} OR netns IS NULL);
-- evidence?: Most of them went to {dst} port {dport} ({result}).
SELECT sum(drops), dst, dport FROM _drop_target WHERE function = 'nf_hook_slow' AND (netns IS {netns} OR netns IS NULL) AND dport IS NOT NULL GROUP BY dst, dport ORDER BY sum(drops) DESC, dst, dport;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = 'nf_hook_slow' AND packet_id IS NOT NULL AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: For DNS, let the resolver use one socket for each question (options single-request-reopen), or a local cache.
-- advice: For NAT, allow random source ports (nft: masquerade fully-random) or more source addresses.
-- command: {ns}nft -a list ruleset
-- ruled-out: Not a full table: the growth of drop is explained by insert_failed.
-- when: SELECT (SELECT total(delta) FROM _moved WHERE source = 'conntrack' AND name = 'drop' AND netns IS {netns}) <= {packets}
