-- SPDX-License-Identifier: MIT
-- cause: snat-ports-exhausted
-- severity: critical
-- tested: live
-- uses: events, counters, config
-- how: Connection tracking could not insert entries (insert_failed and at least 3 drops at nf_hook_slow), and its table shows why: to one destination and
--   port, at least 10 entries leave by one source address, the ports they were given have no gap, and most were changed by NAT.
--   A range without gap has no free port; ports that clients chose themselves would not have been changed.
-- title: Source NAT has no free port left for {flow_dst} port {flow_dport}
-- summary: All {v_ports} ports from {v_low} to {v_high} of {v_nat} are taken for {flow_dst} port {flow_dport}; {packets:n packet} of new
--   connections were dropped, because NAT found no free one.
WITH pool AS (
	SELECT c.netns, c.proto, c.dst, c.dport, c.reply_dst AS nat, count(DISTINCT c.reply_dport) AS ports, min(c.reply_dport) AS low, max(c.reply_dport) AS high
	FROM conntrack c
	WHERE c.reply_dst <> c.src AND c.reply_dport IS NOT NULL AND c.dport IS NOT NULL
	GROUP BY c.netns, c.proto, c.dst, c.dport, c.reply_dst
	HAVING count(DISTINCT c.reply_dport) >= 10 AND count(DISTINCT c.reply_dport) = max(c.reply_dport) - min(c.reply_dport) + 1
		AND sum(c.reply_dport <> c.sport) * 2 >= count(*)
)
SELECT
	0.9 AS confidence,
	p.netns,
	'nf_hook_slow' AS function,
	p.proto AS flow_proto,
	p.dst AS flow_dst,
	p.dport AS flow_dport,
	(SELECT sum(m.delta) FROM _moved m WHERE m.source = 'conntrack' AND m.name = 'insert_failed' AND m.netns = p.netns AND m.delta > 0) AS packets,
	p.nat AS v_nat,
	p.ports AS v_ports,
	p.low AS v_low,
	p.high AS v_high
FROM pool p
WHERE EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'conntrack' AND m.name = 'insert_failed' AND m.netns = p.netns AND m.delta > 0)
	AND (SELECT coalesce(sum(t.drops), 0) FROM _drop_target t WHERE t.function = 'nf_hook_slow' AND (t.netns IS p.netns OR t.netns IS NULL)) >= 3
ORDER BY p.ports DESC, p.netns, p.proto, p.dst, p.dport, p.nat
LIMIT 5;

-- evidence: Connection tracking has {result} entries to {flow_dst} port {flow_dport} that leave as {v_nat}, on the ports {v_low} to {v_high} without a gap.
SELECT count(*) FROM conntrack WHERE netns IS {netns} AND proto = {flow_proto} AND dst = {flow_dst} AND dport = {flow_dport} AND reply_dst = {v_nat};
-- evidence: Its counter insert_failed grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'insert_failed' AND netns IS {netns} AND delta > 0;
-- evidence: {result} packets were freed at nf_hook_slow.
SELECT sum(drops) FROM _drop_target WHERE function = 'nf_hook_slow' AND (netns IS {netns} OR netns IS NULL);
-- evidence?: The rule is "{result}".
SELECT text FROM nft_rule WHERE netns IS {netns} AND (text LIKE '%masquerade%' OR text LIKE '%snat%') ORDER BY packets_delta DESC, id;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = 'nf_hook_slow' AND packet_id IS NOT NULL AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Widen the range of ports of the NAT rule, or give it more source addresses.
-- command: {ns}nft -a list ruleset
-- advice: Let idle entries end earlier, and clients keep and share their connections.
-- command: {ns}sysctl net.netfilter.nf_conntrack_tcp_timeout_time_wait net.netfilter.nf_conntrack_udp_timeout
-- ruled-out: Not a full table: the entries could not be inserted for a clash of addresses and ports.
