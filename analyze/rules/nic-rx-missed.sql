-- SPDX-License-Identifier: MIT
-- cause: nic-rx-missed
-- severity: warning
-- tested: replay
-- uses: counters, config
-- how: rx_missed_errors, rx_fifo_errors or rx_over_errors of a hardware device grew by at least 5 in all and by more than 1 frame in 10000: the NIC had
--   no free buffer. No event tells of these frames.
-- title: {dev} drops frames for lack of receive buffers
-- summary: {packets} frames were lost in the NIC {dev}[[ in {netns}]] before the host saw them, because its receive ring was full[[ ({v_ring} of at most {v_ring_max} descriptors)]]: the CPU
--   fetched them too late.
SELECT
	CASE WHEN sum(m.delta) * 1000 >= coalesce((SELECT sum(r.delta) FROM _moved r WHERE r.source = 'dev' AND r.name = 'rx_packets' AND r.netns IS m.netns AND r.dev = m.dev), 0)
		AND sum(m.delta) >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	m.netns,
	m.dev,
	sum(m.delta) AS packets,
	(SELECT value FROM dev_feature f WHERE f.netns IS m.netns AND f.dev = m.dev AND f.kind = 'ring' AND f.name IN ('rx_pending', 'rx') LIMIT 1) AS v_ring,
	(SELECT value FROM dev_feature f WHERE f.netns IS m.netns AND f.dev = m.dev AND f.kind = 'ring' AND f.name IN ('rx_max_pending', 'rx_max') LIMIT 1) AS v_ring_max
FROM _moved m
WHERE m.source = 'dev' AND m.name IN ('rx_missed_errors', 'rx_fifo_errors', 'rx_over_errors') AND m.delta > 0
GROUP BY m.netns, m.dev
HAVING sum(m.delta) >= 5
	AND sum(m.delta) * 10000 >= coalesce((SELECT sum(r.delta) FROM _moved r WHERE r.source = 'dev' AND r.name = 'rx_packets' AND r.netns IS m.netns AND r.dev = m.dev), 0)
ORDER BY sum(m.delta) DESC, m.netns, m.dev;

-- evidence: {names} of {dev} grew by {result}.
SELECT sum(delta), group_concat(name, ', ') AS names FROM _moved WHERE source = 'dev' AND name IN ('rx_missed_errors', 'rx_fifo_errors', 'rx_over_errors') AND netns IS {netns} AND dev = {dev} AND delta > 0;
-- evidence?: In the same time it received {result} frames.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'rx_packets' AND netns IS {netns} AND dev = {dev};
-- evidence?: NET_RX ran out of its budget {result:n time} (time_squeeze).
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'time_squeeze' AND delta > 0;
-- advice: Give the ring all the descriptors that it can have.
-- command: {ns}ethtool -G {dev} rx {v_ring_max}
-- undo: {ns}ethtool -G {dev} rx {v_ring}
-- when: SELECT {v_ring} IS NOT NULL AND CAST({v_ring} AS INTEGER) < CAST({v_ring_max} AS INTEGER)
-- advice: Spread its queues over more CPUs (RSS, IRQ affinity), and find what held the CPU that served it.
-- ruled-out: Not a drop in the host's stack: these frames never reached its memory.
