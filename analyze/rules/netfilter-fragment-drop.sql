-- SPDX-License-Identifier: MIT
-- cause: netfilter-fragment-drop
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- partial: yes
-- how: A dropping rule that matches fragments (frag-off, exthdr frag, fragments) whose counter moved by at least 3; or at
--   least 3 packets of two addresses dropped by netfilter that are all fragments, and not only first ones, where no rule and no policy of
--   nftables that drops fits.
-- title: Firewall drops IP fragments
-- summary: {packets} IP fragments were dropped by netfilter[[ in {netns}]][[: the rule "{v_rule}"]]; datagrams that fit into one packet
--   pass, larger ones never arrive.
WITH by_rule AS (
	SELECT r.id, r.netns, r.text, r.packets_delta
	FROM nft_rule r
	WHERE r.verdict LIKE 'drop%' AND r.text LIKE '%frag%' AND r.packets_delta >= 3
), fragments AS (
	SELECT netns, dev, function, reason, proto, src, dst, count(*) AS n, min(from_ns) AS from_ns, max(to_ns) AS to_ns, max(flow_id) AS flow_id
	FROM (
		-- each packet once, though several devices may have shown it
		SELECT d.netns, d.dev, d.function, d.reason, w.proto, w.src, w.dst, d.ts_ns AS from_ns, d.ts_ns AS to_ns, d.flow_id,
			count(f.frag) = count(*) AS part, max(f.frag > 1) AS later
		FROM packet_drop d
		JOIN _frame f ON f.packet_id = d.packet_id
		LEFT JOIN flow w ON w.id = d.flow_id
		WHERE (d.reason = 'NETFILTER_DROP' OR (d.reason IS NULL AND d.function IN ('nf_hook_slow', 'nft_do_chain', 'ipt_do_table')))
		GROUP BY d.id
	)
	GROUP BY netns, dev, function, reason, proto, src, dst
	-- a rule against a port drops the first ones only: the others do not tell it
	HAVING count(*) >= 3 AND sum(part) = count(*) AND max(later)
)
SELECT
	0.95 AS confidence,
	r.netns,
	f.dev,
	f.function,
	f.reason,
	f.flow_id,
	f.proto AS flow_proto,
	f.src AS flow_src,
	f.dst AS flow_dst,
	f.from_ns,
	f.to_ns,
	r.packets_delta AS packets,
	r.text AS v_rule,
	r.id AS v_rule_id
FROM by_rule r
LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY netns ORDER BY n DESC, src, dst) AS nth FROM fragments) f ON f.netns IS r.netns AND f.nth = 1
UNION ALL
SELECT 0.8, f.netns, f.dev, f.function, f.reason, f.flow_id, f.proto, f.src, f.dst, f.from_ns, f.to_ns, f.n, NULL, NULL
FROM fragments f
WHERE NOT EXISTS (SELECT 1 FROM by_rule r WHERE r.netns IS f.netns OR f.netns IS NULL)
	-- a rule or a policy against the address drops them whole or in parts
	AND NOT EXISTS (SELECT 1 FROM nft_rule r WHERE (r.netns = f.netns OR f.netns IS NULL) AND r.verdict LIKE 'drop%' AND (r.packets_delta >= f.n / 2 OR r.packets IS NULL))
	AND NOT EXISTS (SELECT 1 FROM nft_chain c WHERE (c.netns = f.netns OR f.netns IS NULL) AND c.policy = 'drop')
ORDER BY 12 DESC, 2, 8, 9;

-- evidence?: The counter of the rule "{text}" in {family} {table_name} {chain} moved by {result} packets.
SELECT packets_delta, text, family, table_name, chain FROM nft_rule WHERE id = {v_rule_id};
-- evidence?: {result} captured fragments belong to packets that netfilter dropped.
SELECT count(DISTINCT f.no) FROM _frame f JOIN packet_drop d ON d.packet_id = f.packet_id WHERE f.frag IS NOT NULL AND d.function = {function} AND d.reason IS {reason};
-- advice: Accept fragments (connection tracking reassembles them before the filter chains), or drop them after reassembly only.
-- command: {ns}nft -a list ruleset
-- ruled-out: Not a loss on the path: the fragments arrived here and were freed by the firewall.
