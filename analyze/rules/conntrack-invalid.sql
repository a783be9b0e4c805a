-- SPDX-License-Identifier: MIT
-- cause: conntrack-invalid
-- severity: warning
-- tested: live
-- uses: events, counters, config
-- symptom-of: conntrack-idle-expired
-- how: A rule that matches ct state invalid dropped at least 3 packets, as its counter or the drops that fit it show, and
--   connection tracking's counter invalid grew. Or no rule that drops fits, but a chain with the policy drop accepts by ct state, or one has
--   a map of it, and at least 3 TCP packets to one destination and port were dropped, no connection attempt among them, and invalid grew as far: what is neither new nor
--   established falls through.
-- title: INVALID packets are dropped[[ ({flow_proto} {flow_dst} port {flow_dport})]]
-- summary: {packets} packets were dropped[[ in {netns}]] because connection tracking finds them INVALID: they fit no connection it
--   knows (its state was lost, the other direction goes another way, or they lie outside the window)[[, and the rule
--   "{v_rule}" drops such packets]][[, and in {v_policy} no rule accepts such packets]].
WITH hit AS (
	SELECT n.*, r.text, r.packets_delta, NULL AS policy, r.netns AS rule_netns,
		row_number() OVER (PARTITION BY n.rule_id ORDER BY n.drops DESC, n.id) AS nth,
		sum(n.drops) OVER (PARTITION BY n.rule_id) AS all_drops
	FROM _nf_drop n
	JOIN nft_rule r ON r.id = n.rule_id
	WHERE r.text LIKE '%ct state%invalid%' AND r.verdict LIKE 'drop%'
	UNION ALL
	SELECT n.*, NULL, NULL, n.state_chain, n.place, row_number() OVER (PARTITION BY n.place, n.state_chain ORDER BY n.drops DESC, n.id),
		sum(n.drops) OVER (PARTITION BY n.place, n.state_chain)
	FROM _nf_drop n
	WHERE n.rule_id IS NULL AND n.state_chain IS NOT NULL
)
SELECT
	CASE WHEN h.all_drops >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.policy IS NOT NULL THEN 0.85 WHEN i.delta > 0 AND h.packets_delta > 0 THEN 0.95 WHEN h.packets_delta > 0 THEN 0.85 ELSE 0.6 END AS confidence,
	coalesce(h.netns, h.rule_netns) AS netns,
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
	h.all_drops AS packets,
	h.text AS v_rule,
	h.policy AS v_policy,
	h.rule_id AS v_rule_id,
	(SELECT value FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_tcp_loose' AND netns = h.rule_netns) AS v_loose,
	(SELECT value FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_tcp_be_liberal' AND netns = h.rule_netns) AS v_liberal
FROM hit h
LEFT JOIN (SELECT netns, sum(delta) AS delta FROM _moved WHERE source = 'conntrack' AND name = 'invalid' GROUP BY netns) i ON i.netns IS h.rule_netns
WHERE h.nth = 1 AND (h.policy IS NOT NULL OR h.packets_delta >= 3 OR (h.packets_delta IS NULL AND i.delta >= 3))
ORDER BY h.all_drops DESC, h.id;

-- evidence?: The counter of the rule "{text}" in {family} {table_name} {chain} moved by {result} packets.
SELECT packets_delta, text, family, table_name, chain FROM nft_rule WHERE id = {v_rule_id};
-- evidence?: {result} packets were freed by netfilter where this rule fits best.
SELECT sum(drops) FROM _nf_drop WHERE rule_id = {v_rule_id};
-- evidence?: {result} packets of running connections were freed by netfilter, none of them an attempt to connect; no rule that drops fits, but {v_policy} accepts by ct state.
SELECT {packets} WHERE {v_policy} IS NOT NULL;
-- evidence?: Connection tracking's counter invalid grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'invalid' AND netns IS {netns};
-- evidence?: nf_conntrack_tcp_loose is {result}[[, nf_conntrack_tcp_be_liberal {v_liberal}]]: with loose = 0 a connection that is already running is never picked up again.
SELECT {v_loose};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND packet_id IS NOT NULL ORDER BY flow_id = {flow_id} DESC, id LIMIT 20;
-- advice: If the state was lost (failover, flush), allow running connections to be picked up again.
-- command: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_loose=1
-- undo: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_loose=0
-- when: SELECT {v_loose} = '0'
-- advice: If packets are judged out of window (offloads, another path for one direction), be liberal for a test.
-- command: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1
-- undo: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=0
-- when: SELECT {v_liberal} = '0'
-- ruled-out: Not a rule against this port or address: the rule matches the connection's state only.
-- ruled-out: Not a full table: connection tracking's counter drop did not move.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE source = 'conntrack' AND name = 'drop' AND delta > 0 AND netns IS {netns})
