-- SPDX-License-Identifier: MIT
-- cause: neighbour-table-full
-- severity: critical
-- tested: live
-- uses: events, counters, config
-- how: At least 3 drops with reason NEIGH_CREATEFAIL, or growth of table_fulls of the neighbour cache, or the kernel log's
--   "neighbour table overflow".
-- title: Neighbour table full
-- summary: {packets:n time} no entry could be made for a neighbour, because the table is at its limit (net.ipv4.neigh.default.gc_thresh3[[ = {v_limit}]]).
WITH n AS (
	SELECT
		(SELECT coalesce(sum(drops), 0) FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL') AS drops,
		(SELECT coalesce(sum(delta), 0) FROM _moved WHERE source IN ('arp_cache', 'ndisc_cache') AND name = 'table_fulls' AND delta > 0) AS fulls,
		(SELECT count(*) FROM kmsg WHERE text LIKE '%neighbo%r table overflow%') AS said
)
SELECT
	CASE WHEN n.drops > 0 AND (n.fulls > 0 OR n.said > 0) THEN 0.98 WHEN n.fulls > 0 OR n.said > 0 THEN 0.9 ELSE 0.8 END AS confidence,
	(SELECT max(function) FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL') AS function,
	(SELECT max(reason) FROM _drop_target WHERE why = 'NEIGH_CREATEFAIL') AS reason,
	max(n.drops, n.fulls) AS packets,
	(SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.ipv4.neigh.default.gc_thresh3' ORDER BY netns_id LIMIT 1) AS v_limit,
	4 * (SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.ipv4.neigh.default.gc_thresh3' ORDER BY netns_id LIMIT 1) AS v_limit_new
FROM n
WHERE n.drops >= 3 OR n.fulls >= 3 OR (n.said > 0 AND n.fulls > 0);

-- evidence?: {result} packets were freed with reason NEIGH_CREATEFAIL.
SELECT sum(drops) FROM _drop_target WHERE reason = 'NEIGH_CREATEFAIL';
-- evidence?: The kernel counted a full table {result:n time} (table_fulls; of the machine).
SELECT sum(delta) FROM _moved WHERE source IN ('arp_cache', 'ndisc_cache') AND name = 'table_fulls' AND delta > 0;
-- evidence?: The kernel log says so: "{text}" ({result:n time}).
SELECT count(*), min(text) AS text FROM kmsg WHERE text LIKE '%neighbo%r table overflow%';
-- advice: Allow more neighbours, if the network is that large.
-- command: sysctl -w net.ipv4.neigh.default.gc_thresh3={v_limit_new}
-- undo: sysctl -w net.ipv4.neigh.default.gc_thresh3={v_limit}
-- when: SELECT {v_limit} IS NOT NULL
