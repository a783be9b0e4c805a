-- SPDX-License-Identifier: MIT
-- cause: conntrack-full
-- severity: critical
-- tested: live
-- uses: events, counters, config
-- symptom-of: conntrack-time-wait
-- how: Connection tracking's counter drop grew, further than insert_failed (which stands for races and clashes), by at least 3,
--   and the table is seen to be full: by the kernel log ("table full"), by entries near nf_conntrack_max, by early_drop, or by
--   drops at nf_hook_slow while no rule dropped there.
-- title: Connection tracking table full
-- summary: {packets} packets of new connections were dropped[[ in {netns}]] because the connection tracking table[[, at most {v_max} entries,]]
--   has no room[[; {v_count} were in use when it was read]]. Known connections go on.
WITH ct AS (
	SELECT
		netns,
		total(CASE name WHEN 'drop' THEN delta END) AS dropped,
		total(CASE name WHEN 'early_drop' THEN delta END) AS early,
		total(CASE name WHEN 'insert_failed' THEN delta END) AS failed
	FROM _moved
	WHERE source = 'conntrack' AND name IN ('drop', 'early_drop', 'insert_failed')
	GROUP BY netns
), seen AS (
	SELECT
		c.*,
		coalesce((SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' AND netns IS c.netns), (SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' ORDER BY netns_id LIMIT 1)) AS first_max,
		coalesce((SELECT CAST(value_end AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' AND netns IS c.netns), (SELECT CAST(value_end AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' ORDER BY netns_id LIMIT 1)) AS last_max,
		(SELECT max(value) FROM counter k WHERE k.source = 'conntrack' AND k.name IN ('entries', 'count') AND k.netns IS c.netns) AS entries,
		(SELECT max(max(CAST(value AS INTEGER)), max(CAST(coalesce(value_end, value) AS INTEGER))) FROM sysctl s WHERE s.name = 'net.netfilter.nf_conntrack_count' AND s.netns IS c.netns) AS used,
		(SELECT count(*) FROM kmsg WHERE text LIKE '%nf_conntrack%table full%') AS said,
		(SELECT coalesce(sum(t.drops), 0) FROM _drop_target t WHERE t.function = 'nf_hook_slow' AND (t.reason = 'NETFILTER_DROP' OR t.reason IS NULL)
			AND (t.netns IS c.netns OR t.netns IS NULL)) AS at_hook,
		(SELECT coalesce(sum(r.packets_delta), 0) FROM nft_rule r WHERE r.netns IS c.netns AND r.verdict LIKE 'drop%') AS by_rules,
		EXISTS (SELECT 1 FROM symbol WHERE function = 'nft_do_chain') AS nft_frees
	FROM ct c
	WHERE c.dropped - c.failed >= 3
), full AS (
	SELECT
		*,
		said > 0 OR early > 0 AS proven,
		coalesce(max(entries, coalesce(used, 0)), used, entries) >= 0.95 * min(first_max, coalesce(last_max, first_max)) AS near,
		at_hook >= (dropped - failed) / 2 AND (nft_frees OR by_rules < at_hook / 2) AS dropping
	FROM seen
), target AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns ORDER BY t.drops DESC, t.id) AS nth
	FROM _drop_target t
	WHERE t.function = 'nf_hook_slow' AND (t.reason = 'NETFILTER_DROP' OR t.reason IS NULL)
)
SELECT
	CASE WHEN f.dropped - f.failed >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN f.proven THEN 0.97 WHEN f.near THEN 0.95 ELSE 0.8 END AS confidence,
	f.netns,
	t.dev,
	t.function,
	t.reason,
	t.flow_id,
	t.proto AS flow_proto,
	t.src AS flow_src,
	t.dst AS flow_dst,
	t.dport AS flow_dport,
	t.from_ns,
	t.to_ns,
	CAST(f.dropped - f.failed AS INTEGER) AS packets,
	min(f.first_max, coalesce(f.last_max, f.first_max)) AS v_max,
	f.first_max AS v_max_now,
	2 * f.first_max AS v_max_new,
	coalesce(max(f.entries, f.used), f.entries, f.used) AS v_count,
	CAST(f.early AS INTEGER) AS v_early,
	f.said AS v_said
FROM full f
LEFT JOIN target t ON t.nth = 1 AND (t.netns IS f.netns OR t.netns IS NULL)
WHERE f.proven OR f.near OR f.dropping
GROUP BY f.netns
ORDER BY packets DESC, f.netns;

-- evidence: Connection tracking's counter drop grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'drop' AND netns IS {netns};
-- evidence?: {result} packets were freed at nf_hook_slow, where a packet is dropped that connection tracking refuses.
SELECT sum(drops) FROM _drop_target WHERE function = 'nf_hook_slow' AND (reason = 'NETFILTER_DROP' OR reason IS NULL) AND (netns IS {netns} OR netns IS NULL);
-- evidence?: The kernel log says so ({result:n time}): "{text}".
SELECT count(*), min(text) AS text FROM kmsg WHERE text LIKE '%nf_conntrack%table full%';
-- evidence?: net.netfilter.nf_conntrack_max is {result}[[ and was {value_end} in the last snapshot]].
SELECT CAST(value AS INTEGER), value_end FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' ORDER BY netns IS {netns} DESC, netns_id;
-- evidence?: {result} entries were thrown out early to make room (early_drop).
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'early_drop' AND netns IS {netns};
-- evidence?: Most of the entries: {n} of {total} are {v_entry}.
SELECT proto || coalesce(' ' || state, CASE WHEN status & 2 = 0 THEN ' without a reply' ELSE '' END) AS v_entry, count(*) AS n, (SELECT count(*) FROM conntrack WHERE netns IS {netns}) AS total FROM conntrack WHERE netns IS {netns} GROUP BY v_entry ORDER BY n DESC, v_entry;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = 'nf_hook_slow' AND packet_id IS NOT NULL AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Make the table larger (about 320 bytes for each entry).
-- command: sysctl -w net.netfilter.nf_conntrack_max={v_max_new}
-- undo: sysctl -w net.netfilter.nf_conntrack_max={v_max_now}
-- when: SELECT {v_max_new} IS NOT NULL
-- advice: See what fills it, and shorten that timeout or exempt that traffic (notrack).
-- command: {ns}conntrack -L
-- ruled-out: Not a firewall rule: rules drop at nft_do_chain on this kernel, these packets were dropped at nf_hook_slow.
-- when: SELECT EXISTS (SELECT 1 FROM symbol WHERE function = 'nft_do_chain') AND {function} = 'nf_hook_slow'
-- ruled-out: Not a race or a clash of entries: insert_failed grew by less than drop.
