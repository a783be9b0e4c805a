-- SPDX-License-Identifier: MIT
-- cause: backlog-overflow
-- severity: info
-- tested: replay
-- uses: counters, config
-- how: The input queue of a CPU held half of net.core.netdev_max_backlog or more at a snapshot (softnet_stat, kernels from 5.10 on), and no CPU dropped a packet there.
--   A hint before it hurts.
-- title: The input queue of CPU {cpu} was half full
-- summary: {v_used:n packet} waited in the input queue of CPU {cpu}, of {v_limit} allowed (net.core.netdev_max_backlog). Nothing was dropped so far.
WITH used AS (
	SELECT cpu, max(value) AS n
	FROM counter
	WHERE source = 'softnet_stat' AND name IN ('backlog_len', 'input_qlen')
	GROUP BY cpu
), allowed AS (
	SELECT max(CAST(coalesce(value_end, value) AS INTEGER)) AS n FROM sysctl WHERE name = 'net.core.netdev_max_backlog'
)
SELECT
	0.9 AS confidence,
	u.cpu,
	u.n AS v_used,
	a.n AS v_limit,
	max(10000, 4 * a.n) AS v_limit_new
FROM used u JOIN allowed a
WHERE a.n > 0 AND u.n * 2 >= a.n
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'softnet_stat' AND m.name IN ('dropped', 'flow_limit_count') AND m.delta > 0)
ORDER BY u.n DESC, u.cpu
LIMIT 1;

-- evidence: At a snapshot {result:n packet} stood in that queue.
SELECT {v_used};
-- evidence?: NET_RX on CPU {cpu} ran out of its budget {result:n time} (time_squeeze).
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'time_squeeze' AND cpu = {cpu} AND delta > 0;
-- advice: Allow a longer queue against bursts, and find out what makes them.
-- command: sysctl -w net.core.netdev_max_backlog={v_limit_new}
-- undo: sysctl -w net.core.netdev_max_backlog={v_limit}
