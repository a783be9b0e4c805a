-- SPDX-License-Identifier: MIT
-- cause: ruleset-slow
-- severity: warning
-- tested: live
-- uses: events, config
-- how: A namespace has a netfilter hook whose chains hold at least 500 rules, and half of at least 100 packets there took 25 us or more (15, where a
--   namespace without such rules is there to compare with) from
--   netif_receive_skb to the next stage (forwarded to net_dev_queue, or its socket woken), in which nothing but bridge, routing and
--   netfilter runs; packets of namespaces with few rules are shown beside it. Sets and maps do in one rule what a list does in hundreds. Rules of
--   iptables-legacy are not on the tape and not counted.
-- title: A long ruleset[[ in {netns}]] costs {delay_ns:time} for each packet
-- summary: Half of {v_count} packets spent {delay_ns:time} or more between their arrival[[ in {netns}]] and the next stage, where they
--   pass up to {v_rules} nftables rules one by one, {v_total:time} of softirq time together.
WITH many AS (
	SELECT n.id AS netns_id, r.netns, max(r.n) AS rules, (SELECT count(*) FROM nft_rule x WHERE x.netns = r.netns) AS all_rules
	FROM (SELECT netns, family, table_name, chain, count(*) AS n FROM nft_rule GROUP BY netns, family, table_name, chain) r
	JOIN netns n ON n.name = r.netns
	GROUP BY n.id
	HAVING max(r.n) >= 500
), place AS (
	-- devices whose name is in one namespace only; of others the packet tells, unless it crossed several
	SELECT x.id AS dev_id, min(n.netns_id) AS netns_id FROM netdev n JOIN _name x ON x.text = n.name GROUP BY x.id HAVING count(*) = 1
), span AS (
	SELECT coalesce(l.netns_id, CASE WHEN p.kind <> 4 THEN p.netns_in_id END) AS netns_id, b.ts_ns - a.ts_ns AS ns, a.ts_ns
	FROM (SELECT 1 FROM many LIMIT 1) CROSS JOIN _packet p
	JOIN _hop a ON a.packet_id = p.id AND a.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb')
	JOIN _hop b ON b.packet_id = p.id AND b.seq = a.seq + 1 AND b.cpu = a.cpu
		AND b.stage IN (SELECT id FROM _stage WHERE name IN ('net_dev_queue', 'sk_data_ready'))
	LEFT JOIN place l ON l.dev_id = a.dev_id
), ranked AS (
	SELECT s.*, row_number() OVER (PARTITION BY s.netns_id ORDER BY s.ns) AS nth, count(*) OVER (PARTITION BY s.netns_id) AS n, sum(s.ns) OVER (PARTITION BY s.netns_id) AS total,
		min(s.ts_ns) OVER (PARTITION BY s.netns_id) AS from_ns, max(s.ts_ns) OVER (PARTITION BY s.netns_id) AS to_ns
	FROM span s
), middle AS (
	SELECT * FROM ranked WHERE nth = (n + 1) / 2
)
SELECT
	CASE WHEN m.total > 0.2 * (m.to_ns - m.from_ns) THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN k.rules >= 2000 AND m.ns >= 50000 THEN 0.9 ELSE 0.8 END AS confidence,
	k.netns,
	m.from_ns,
	m.to_ns,
	m.n AS v_count,
	m.ns AS delay_ns,
	m.total / 1e8 AS harm,
	m.total AS v_total,
	k.rules AS v_rules,
	k.all_rules AS v_all,
	(SELECT r.family || ' ' || r.table_name || ' ' || r.chain FROM nft_rule r WHERE r.netns = k.netns GROUP BY r.family, r.table_name, r.chain ORDER BY count(*) DESC, 1 LIMIT 1) AS v_chain,
	(SELECT min(x.ns) FROM middle x WHERE x.netns_id IS NOT k.netns_id AND x.netns_id NOT IN (SELECT netns_id FROM many) AND x.n >= 20) AS v_elsewhere
FROM many k
JOIN middle m ON m.netns_id = k.netns_id
WHERE m.n >= 100 AND m.ns >= CASE WHEN EXISTS (SELECT 1 FROM middle x WHERE x.netns_id IS NOT k.netns_id AND x.netns_id NOT IN (SELECT netns_id FROM many) AND x.n >= 20) THEN 15000 ELSE 25000 END
	AND m.ns >= 3 * coalesce((SELECT min(x.ns) FROM middle x WHERE x.netns_id IS NOT k.netns_id AND x.netns_id NOT IN (SELECT netns_id FROM many) AND x.n >= 20), 0)
ORDER BY m.total DESC, k.netns;

-- evidence: The longest chain there, {v_chain}, has {result} rules of {v_all}.
SELECT count(*) AS n FROM nft_rule WHERE netns IS {netns} GROUP BY family, table_name, chain ORDER BY n DESC;
-- evidence: {result} packets went from netif_receive_skb to the next stage; half of them in {delay_ns:time} or more.
SELECT {v_count};
-- evidence?: In a namespace without such rules half of the packets took less than {v_elsewhere:time}.
SELECT {v_elsewhere};
-- advice: Replace lists of rules that differ in an address or port by one rule with a set or a verdict map, and accept established connections first.
-- command: {ns}nft -a list ruleset
-- ruled-out: Not waiting for the softirq: the time is counted from when the packet was taken up, on the same CPU.
