-- SPDX-License-Identifier: MIT
-- cause: netfilter-reject
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- how: A rule with verdict reject whose counter moved, or whose match fits at least 3 netfilter drops: it answers with a
--   reset or an ICMP error and frees the packet. Without events, the rule's counter alone.
-- title: Firewall rejects[[ {flow_proto} {flow_dst}]][[ port {flow_dport}]]
-- summary: {packets} packets[[ to {flow_dst} port {flow_dport}]] were answered with a reset or an ICMP error by the firewall
--   rule "{v_rule}"[[ in {netns}]]: to the client it looks as if the service refused.
WITH hit AS (
	SELECT n.*, row_number() OVER (PARTITION BY n.rule_id ORDER BY n.drops DESC, n.id) AS nth
	FROM _nf_drop n
)
SELECT
	CASE WHEN h.id IS NOT NULL AND r.packets_delta > 0 THEN 0.97 WHEN r.packets_delta > 0 THEN 0.9 ELSE 0.7 END AS confidence,
	r.netns,
	h.dev,
	h.function,
	h.reason,
	h.flow_id,
	h.proto AS flow_proto,
	h.src AS flow_src,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.from_ns,
	h.to_ns,
	coalesce(r.packets_delta, h.drops) AS packets,
	r.text AS v_rule,
	r.id AS v_rule_id,
	r.family AS v_family,
	r.table_name AS v_table,
	r.chain AS v_chain,
	r.handle AS v_handle
FROM nft_rule r
LEFT JOIN hit h ON h.rule_id = r.id AND h.nth = 1
WHERE r.verdict LIKE 'reject%' AND (r.packets_delta >= 3 OR (r.packets_delta IS NULL AND h.drops >= 3))
ORDER BY packets DESC, r.id;

-- evidence?: The rule's counter (handle {handle}, {family} {table_name} {chain}) moved by {result} packets.
SELECT packets_delta, handle, family, table_name, chain FROM nft_rule WHERE id = {v_rule_id};
-- evidence?: {result} packets were freed by netfilter where this rule fits best.
SELECT sum(drops) FROM _nf_drop WHERE rule_id = {v_rule_id};
-- evidence?: Clients on this host gave up or failed {result} connection attempts (Tcp.AttemptFails).
SELECT sum(delta) FROM _moved WHERE name = 'Tcp.AttemptFails' AND delta > 0;
-- packets:
SELECT d.packet_id FROM packet_drop d LEFT JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND f.dst IS {flow_dst} AND f.dport IS {flow_dport} ORDER BY d.id LIMIT 20;
-- advice: Look at the rule in its chain; if these packets should pass, put an accept before it or correct it.
-- command: {ns}nft -a list chain {v_family} {v_table} {v_chain}
-- ruled-out: Not the service: the packets never reached a socket, the reset or ICMP error is the firewall's.
