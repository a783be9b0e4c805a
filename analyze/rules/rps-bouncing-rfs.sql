-- SPDX-License-Identifier: MIT
-- cause: rps-bouncing
-- severity: info
-- tested: replay
-- uses: config, events
-- how: A device that received packets has a flow table for RFS (rps_flow_cnt), but net.core.rps_sock_flow_entries is 0, so that RFS does nothing and RPS alone, by
--   hash, chooses the CPU; or the other way round: the table of sockets is there, and no receive queue of the devices with RPS has one. Where RPS is off, RFS is no matter.
-- title: RFS is configured by half[[ at {dev}]] and has no effect
-- summary: {v_text}. Packets go to the CPU that the hash says, not to the one where their reader runs.
WITH entries AS (
	SELECT max(CAST(coalesce(value_end, value) AS INTEGER)) AS n FROM sysctl WHERE name = 'net.core.rps_sock_flow_entries'
), dev AS (
	SELECT q.netns, q.dev, min(q.queue) AS queue, count(DISTINCT q.queue) AS queues,
		max(CASE WHEN q.name = 'rps_flow_cnt' THEN CAST(q.value AS INTEGER) END) AS cnt,
		max(q.name = 'rps_cpus' AND trim(q.value, '0,') <> '') AS rps
	FROM queue_setting q
	WHERE q.name IN ('rps_cpus', 'rps_flow_cnt')
	GROUP BY q.netns, q.dev
)
SELECT
	0.9 AS confidence,
	d.netns,
	d.dev,
	d.queue AS v_queue,
	CASE WHEN e.n = 0 THEN 'rps_flow_cnt of ' || d.dev || ' is ' || d.cnt || ', but net.core.rps_sock_flow_entries is 0'
		ELSE 'net.core.rps_sock_flow_entries is ' || e.n || ', but rps_flow_cnt of ' || d.dev || ' is 0' END AS v_text,
	d.cnt AS v_cnt,
	max(1, e.n / d.queues) AS v_part,
	(SELECT sum(CAST(value AS INTEGER)) FROM queue_setting WHERE name = 'rps_flow_cnt') AS v_all,
	e.n AS v_entries
FROM dev d JOIN entries e
WHERE d.rps AND ((e.n = 0 AND d.cnt > 0) OR (e.n > 0 AND d.cnt = 0))
	AND EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'dev' AND m.name = 'rx_packets' AND m.dev = d.dev AND m.netns = d.netns AND m.delta >= 100)
ORDER BY d.netns, d.dev
LIMIT 1;

-- evidence: net.core.rps_sock_flow_entries is {result}, rps_flow_cnt {v_cnt}.
SELECT printf('%d', {v_entries});
-- advice: Give the table of sockets as many entries as the receive queues have together.
-- command: sysctl -w net.core.rps_sock_flow_entries={v_all}
-- undo: sysctl -w net.core.rps_sock_flow_entries={v_entries}
-- when: SELECT {v_entries} = 0
-- advice: Give each receive queue its share of that table, beginning with {v_queue}.
-- command: {ns}sh -c 'echo {v_part} >/sys/class/net/{dev}/queues/{v_queue}/rps_flow_cnt'
-- undo: {ns}sh -c 'echo {v_cnt} >/sys/class/net/{dev}/queues/{v_queue}/rps_flow_cnt'
-- when: SELECT {v_entries} > 0
