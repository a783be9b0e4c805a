-- SPDX-License-Identifier: MIT
-- cause: neighbour-table-full
-- severity: critical
-- tested: live
-- uses: events, counters, config
-- how: At least 3 drops with reason NEIGH_CREATEFAIL, or growth of table_fulls of the neighbour cache, or the kernel log's
--   "neighbour table overflow".
-- title: Neighbour table full
-- summary: {packets:n time} no entry could be made for a neighbour, because the table is at its limit (net.{v_family}.neigh.default.gc_thresh3[[ = {v_limit}]]).
WITH held AS ( -- whose entries they are, as far as the snapshots show: the table is one for all
	SELECT netns, family, count(DISTINCT dev || ' ' || address) AS n, sum(count(DISTINCT dev || ' ' || address)) OVER (PARTITION BY family) AS all_n FROM neigh GROUP BY netns, family
), n AS (
	SELECT
		(SELECT coalesce(sum(drops), 0) FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL') AS drops,
		(SELECT coalesce(sum(delta), 0) FROM _moved WHERE source IN ('arp_cache', 'ndisc_cache') AND name = 'table_fulls' AND delta > 0) AS fulls,
		(SELECT count(*) FROM kmsg WHERE text LIKE '%neighbo%r table overflow%') AS said,
		CASE WHEN EXISTS (SELECT 1 FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL' AND function = 'ip6_finish_output2')
				OR NOT EXISTS (SELECT 1 FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL')
				AND EXISTS (SELECT 1 FROM _moved WHERE source = 'ndisc_cache' AND name = 'table_fulls' AND delta > 0)
				AND NOT EXISTS (SELECT 1 FROM _moved WHERE source = 'arp_cache' AND name = 'table_fulls' AND delta > 0)
			THEN 'ipv6' ELSE 'ipv4' END AS family
)
SELECT
	CASE WHEN n.drops > 0 AND (n.fulls > 0 OR n.said > 0) THEN 0.98 WHEN n.fulls > 0 OR n.said > 0 THEN 0.9 ELSE 0.8 END AS confidence,
	coalesce((SELECT CASE WHEN min(netns) = max(netns) AND count(netns) = count(*) THEN min(netns) END FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL'),
		(SELECT m.netns FROM _moved m WHERE n.family = 'ipv6' AND m.name = 'Ip6OutNoRoutes' AND m.delta * 10 >= n.drops * 9 AND m.delta * 10 <= n.drops * 11 + 20 ORDER BY m.delta DESC LIMIT 1),
		(SELECT k.netns FROM held k WHERE k.family = n.af AND k.n * 4 >= k.all_n * 3 AND k.n >= 20 ORDER BY k.n DESC LIMIT 1)) AS netns,
	n.af AS v_af,
	n.family AS v_family,
	(SELECT max(function) FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL') AS function,
	(SELECT max(reason) FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL') AS reason,
	max(n.drops, n.fulls) AS packets,
	(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.' || n.family || '.neigh.default.gc_thresh3' ORDER BY netns_id LIMIT 1) AS v_limit,
	4 * (SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.' || n.family || '.neigh.default.gc_thresh3' ORDER BY netns_id LIMIT 1) AS v_limit_new
FROM (SELECT n.*, CASE family WHEN 'ipv6' THEN 10 ELSE 2 END AS af FROM n) n
WHERE n.drops >= 3 OR n.fulls >= 3 OR (n.said > 0 AND n.fulls > 0);

-- evidence?: {result} packets were freed with reason NEIGH_CREATEFAIL.
SELECT sum(drops) FROM _drop_target WHERE reason = 'NEIGH_CREATEFAIL';
-- evidence?: The kernel counted a full table {result:n time} (table_fulls; of the machine).
SELECT sum(delta) FROM _moved WHERE source IN ('arp_cache', 'ndisc_cache') AND name = 'table_fulls' AND delta > 0;
-- evidence?: The kernel log says so: "{text}" ({result:n time}).
SELECT count(*), min(text) AS text FROM kmsg WHERE text LIKE '%neighbo%r table overflow%';
-- evidence?: {result} entries of {netns} are in the snapshots, of {n} in all.
SELECT count(DISTINCT CASE WHEN netns IS {netns} THEN dev || ' ' || address END), count(DISTINCT netns || ' ' || dev || ' ' || address) AS n FROM neigh WHERE family = {v_af} AND {netns} IS NOT NULL;
-- advice: Allow more neighbours, if the network is that large.
-- command: sysctl -w net.{v_family}.neigh.default.gc_thresh3={v_limit_new}
-- undo: sysctl -w net.{v_family}.neigh.default.gc_thresh3={v_limit}
-- when: SELECT {v_limit} IS NOT NULL
