-- SPDX-License-Identifier: MIT
-- cause: neighbour-queue-full
-- severity: warning
-- tested: replay
-- uses: events, counters, config
-- symptom-of: neighbour-failed/any, link-down/any
-- how: At least 5 drops with reason NEIGH_QUEUEFULL: more packets waited for one unresolved neighbour than its queue holds. A
--   symptom where that neighbour never resolves.
-- title: Too many packets wait for an unresolved neighbour
-- summary: {packets} packets were pushed out of the queue of a neighbour that was still being resolved (unres_qlen_bytes[[ = {v_qlen}]]).
SELECT
	max(t.netns) AS netns,
	max(t.function) AS function,
	t.reason,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets,
	(SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.ipv4.neigh.default.unres_qlen_bytes' ORDER BY netns_id LIMIT 1) AS v_qlen
FROM _drop_target t
WHERE t.reason = 'NEIGH_QUEUEFULL'
GROUP BY t.reason
HAVING sum(t.drops) >= 5;

-- evidence: {result} packets were freed with reason NEIGH_QUEUEFULL.
SELECT sum(drops) FROM _drop_target WHERE reason = 'NEIGH_QUEUEFULL';
-- evidence?: The kernel counted {result} such discards (arp_cache, unresolved_discards; of the machine).
SELECT sum(delta) FROM _moved WHERE source IN ('arp_cache', 'ndisc_cache') AND name = 'unresolved_discards' AND delta > 0;
-- advice: If the neighbour does resolve in the end, let more packets wait for it.
-- command: {ns}sysctl -w net.ipv4.neigh.default.unres_qlen_bytes=1048576
-- undo: {ns}sysctl -w net.ipv4.neigh.default.unres_qlen_bytes={v_qlen}
-- when: SELECT {v_qlen} < 1048576
