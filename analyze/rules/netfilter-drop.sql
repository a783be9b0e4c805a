-- SPDX-License-Identifier: MIT
-- cause: netfilter-drop
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- partial: path
-- symptom-of: conntrack-full, conntrack-time-wait, snat-ports-exhausted, conntrack-idle-expired/flow
-- how: Drops with reason NETFILTER_DROP (or at nft_do_chain, nf_hook_slow, ipt_do_table where there are no reasons), per
--   destination and port, joined with the nftables rule whose verdict and match fit and whose counter moved, or with a base
--   chain whose policy is drop. A firewall that refuses strangers does its work, so a finding needs 10 packets to one
--   destination and port, 5 to a port on which a socket of this host listens, or 3 of a flow that otherwise gets
--   through. Without frames a rule that names the port tells it; 5 packets are enough, too, where a rule counted as many, they are of 500 bytes or more
--   on average, and TCP sent at least half as many again until a second behind the last: strangers are refused at their first packet, which is small. Rejects, INVALID, fragments and connection tracking have causes of their own.
-- title: Firewall drops[[ {flow_proto}]] packets[[ to {flow_dst}]][[ port {flow_dport}]]
-- summary: {packets}[[ of {v_seen}]] packets[[ to {flow_dst}]][[ port {flow_dport}]] were dropped by netfilter[[ in {netns}]][[: the rule "{v_rule}" in {v_where}]].
WITH hit AS (
	SELECT n.*, r.text AS rule, r.packets_delta AS rule_delta, r.handle, r.family, r.table_name, r.chain, r.hook, r.verdict, r.netns AS rule_netns
	FROM _nf_drop n
	LEFT JOIN nft_rule r ON r.id = n.rule_id
	WHERE NOT (n.function IN ('nf_hook_slow', '?') AND n.conntrack_drops > 0 AND coalesce(r.packets_delta, 0) < n.drops)
		AND coalesce(r.verdict, '') NOT LIKE 'reject%'
		AND coalesce(r.text, '') NOT LIKE '%ct state%invalid%'
		AND coalesce(r.text, '') NOT LIKE '%frag%'
		AND NOT (r.id IS NULL AND n.state_chain IS NOT NULL) -- conntrack-invalid
		-- of what no rule explains, those that netfilter-fragment-drop tells
		AND CASE WHEN r.id IS NOT NULL OR n.flow_id IS NULL OR EXISTS (SELECT 1 FROM nft_chain c WHERE (c.netns = n.place OR n.place IS NULL) AND c.policy = 'drop') THEN 1
			WHEN (SELECT count(*) = 0 OR count(f.frag) < count(*) FROM _frame f CROSS JOIN _drop d ON d.packet_id = f.packet_id WHERE f.flow_id = n.flow_id AND f.packet_id IS NOT NULL) THEN 1
			ELSE NOT EXISTS (SELECT 1 FROM flow w JOIN flow o ON o.netns IS w.netns AND o.proto = w.proto AND o.src = w.src AND o.dst = w.dst
				JOIN _frame f ON f.flow_id = o.id AND f.frag > 1 JOIN _drop d ON d.packet_id = f.packet_id WHERE w.id = n.flow_id) END
), chosen AS (
	SELECT h.*,
		(SELECT c.family || ' ' || c.table_name || ' ' || c.chain || ' (hook ' || c.hook || ')' FROM nft_chain c
			WHERE c.netns = h.place AND c.policy = 'drop' AND c.hook IS NOT NULL AND h.rule IS NULL
			ORDER BY c.hook, c.family, c.table_name, c.chain LIMIT 1) AS policy_chain,
		CASE WHEN h.flows = 0 AND h.bytes >= 500 * h.drops AND abs(h.rule_delta - h.drops) * 10 <= h.drops
			THEN (SELECT count(*) FROM event_type e JOIN _event r ON r.type_id = e.id
				WHERE e.name = 'tcp_retransmit_skb' AND r.ts_ns BETWEEN h.from_ns AND h.to_ns + 1000000000) END AS again
	FROM hit h
)
SELECT
	CASE WHEN h.seen > h.drops AND h.drops >= 3 THEN 'warning' WHEN h.drops >= 50 AND h.seen IS NOT NULL THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.flows = 0 AND h.drops < 10 AND h.again IS NOT NULL THEN 0.75
		WHEN h.rule IS NOT NULL AND abs(h.rule_delta - h.drops) * 10 <= h.drops THEN 0.97
		WHEN h.rule IS NOT NULL THEN 0.85
		WHEN h.policy_chain IS NOT NULL THEN 0.8 ELSE 0.75 END AS confidence,
	coalesce(h.place, h.rule_netns) AS netns,
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
	h.drops AS packets,
	nullif(h.bytes, 0) AS bytes,
	nullif(h.flows, 0) AS flows,
	h.seen AS v_seen,
	coalesce(h.rule, CASE WHEN h.policy_chain IS NOT NULL THEN 'policy drop' END) AS v_rule,
	coalesce(h.family || ' ' || h.table_name || ' ' || h.chain || coalesce(' (hook ' || h.hook || ')', ''), h.policy_chain) AS v_where,
	h.rule_id AS v_rule_id,
	h.handle AS v_handle,
	h.family AS v_family,
	h.table_name AS v_table,
	h.chain AS v_chain,
	h.netns AS v_netns,
	h.policy_chain AS v_policy,
	h.again AS v_again
FROM chosen h
WHERE h.drops >= 10 OR (h.drops >= 3 AND h.seen > h.drops)
	OR (h.drops >= 5 AND EXISTS (SELECT 1 FROM _socket_span s WHERE s.netns = h.netns AND s.proto = h.proto AND s.sport = h.dport AND s.src IN (h.dst, '0.0.0.0', '::', '*')
		AND (s.state = 'LISTEN' OR s.proto = 'udp')))
	OR (h.drops >= 5 AND h.dport IS NULL AND abs(h.rule_delta - h.drops) * 10 <= h.drops AND EXISTS (SELECT 1 FROM _socket_span s WHERE s.netns = h.place
		AND ' ' || h.rule || ' ' LIKE '% ' || s.proto || ' dport ' || s.sport || ' %' AND (s.state = 'LISTEN' OR s.proto = 'udp')))
	OR (h.drops >= 5 AND h.again * 2 >= h.drops)
ORDER BY h.drops DESC, h.netns, h.dst, h.dport, h.id
LIMIT 12;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {v_netns} AND function = {function} AND reason IS {reason} AND dst IS {flow_dst} AND dport IS {flow_dport};
-- evidence?: The counter of rule handle {handle} ("{text}") in {family} {table_name} {chain} moved by {result} packets.
SELECT packets_delta, handle, text, family, table_name, chain FROM nft_rule WHERE id = {v_rule_id};
-- evidence?: The rule has no counter; it was chosen because its match fits.
SELECT packets IS NULL FROM nft_rule WHERE id = {v_rule_id};
-- evidence?: No rule's counter fits; a base chain has the policy drop: {result}.
SELECT {v_policy};
-- evidence?: All rules that dropped in this namespace moved by {result} packets together.
SELECT sum(packets_delta) FROM nft_rule WHERE netns IS {netns} AND verdict LIKE 'drop%' AND packets_delta > 0;
-- evidence?: The tape has no frames of them: whose they were is not known. They were {mean} bytes long on average, and TCP sent {result:n segment} again in that time.
SELECT {v_again}, {bytes} / {packets} AS mean;
-- evidence?: Of the flow that lost most, {frames} frames were captured and {result} packets dropped.
SELECT (SELECT max(drops_max) FROM _drop_target WHERE netns IS {v_netns} AND function = {function} AND dst IS {flow_dst} AND dport IS {flow_dport}), frames FROM _flow_seen WHERE flow_id = {flow_id};
-- evidence?: They came inside a tunnel's packets, from {src} to {dst} port {result}: the firewall sees those.
SELECT w.dport, w.src, w.dst FROM _frame a CROSS JOIN _drop d ON d.packet_id = a.packet_id CROSS JOIN _frame f ON f.packet_id = d.packet_id AND f.dev_id = d.dev_id JOIN flow w ON w.id = f.outer_flow_id WHERE a.flow_id = {flow_id} ORDER BY f.no LIMIT 1;
-- packets:
SELECT d.packet_id FROM packet_drop d LEFT JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND d.reason IS {reason} AND f.dst IS {flow_dst} AND f.dport IS {flow_dport} ORDER BY d.id LIMIT 20;
-- advice: Look at the rule in its chain; if these packets should pass, put an accept before it or correct it.
-- command: {ns}nft -a list chain {v_family} {v_table} {v_chain}
-- when: SELECT {v_handle} IS NOT NULL
-- advice: To take the rule out for a test, once the whole ruleset is kept aside and nft has found that it can be loaded again:
-- command: {ns}sh -c '(echo flush ruleset; nft list ruleset) >before.nft && nft -c -f before.nft' && {ns}nft delete rule {v_family} {v_table} {v_chain} handle {v_handle}
-- undo: {ns}nft -f before.nft
-- when: SELECT {v_handle} IS NOT NULL
-- advice: No nftables rule could be named: look for the rule whose counter grows (legacy iptables too).
-- command: {ns}nft list ruleset; {ns}iptables -nvL
-- when: SELECT {v_handle} IS NULL
-- ruled-out: Not a full connection tracking table: its counter drop did not move here.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE source = 'conntrack' AND name = 'drop' AND delta > 0 AND (netns IS {netns} OR {netns} IS NULL))
-- ruled-out: Not the receiving socket: the packets did not come that far.
