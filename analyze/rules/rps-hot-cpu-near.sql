-- SPDX-License-Identifier: MIT
-- cause: rps-hot-cpu
-- severity: info
-- tested: replay
-- uses: counters, config
-- order: last
-- how: All receive queues of a device that have RPS name one and the same CPU (rps_cpus), so that RPS spreads nothing. That matters where the device received 10000 packets or
--   more, at least 1000 a second, this CPU spent a quarter of its time or more in softirqs, and another one was idle for half of its time or more (/proc/stat).
-- title: RPS of {dev} sends all packets to CPU {cpu}
-- summary: rps_cpus of {dev} names CPU {cpu} alone ({v_mask}): all of its {v_packets:n received packet} were handled there. That CPU spent {v_soft:pct} of its time in softirqs, while CPU {v_idle_cpu} was
--   idle {v_idle:pct}.
WITH span AS (
	SELECT (max(end_ns) - min(begin_ns)) / 1000000000.0 AS s FROM snapshot
), mask AS (
	SELECT q.netns, q.dev, min(q.queue) AS queue, count(*) AS queues, min(q.value) AS value, ltrim(replace(min(q.value), ',', ''), '0') AS hex
	FROM queue_setting q
	WHERE q.name = 'rps_cpus' AND trim(q.value, '0,') <> ''
	GROUP BY q.netns, q.dev
	HAVING min(q.value) = max(q.value)
), one AS (
	-- a mask of one CPU is one of 1, 2, 4, 8 and zeros
	SELECT m.*, (length(hex) - 1) * 4 + instr('1248', substr(hex, 1, 1)) - 1 AS cpu
	FROM mask m
	WHERE hex <> '' AND instr('1248', substr(hex, 1, 1)) > 0 AND trim(substr(hex, 2), '0') = ''
		AND NOT EXISTS (SELECT 1 FROM queue_setting z WHERE z.netns = m.netns AND z.dev = m.dev AND z.name = 'rps_cpus' AND trim(z.value, '0,') = '')
), got AS (
	SELECT netns, dev, sum(delta) AS n FROM _moved WHERE source = 'dev' AND name = 'rx_packets' AND delta > 0 GROUP BY netns, dev
)
SELECT
	0.85 AS confidence,
	o.netns,
	o.dev,
	o.cpu,
	g.n AS v_packets,
	o.queue AS v_queue,
	o.value AS v_mask,
	c.soft AS v_soft,
	i.cpu AS v_idle_cpu,
	i.idle AS v_idle
FROM one o JOIN got g ON g.netns = o.netns AND g.dev = o.dev AND g.n >= 10000
JOIN span s ON s.s > 0 AND g.n >= 1000 * s.s
JOIN _cpu_share c ON c.cpu = o.cpu AND c.soft >= 0.25
JOIN _cpu_share i ON i.cpu = (SELECT x.cpu FROM _cpu_share x WHERE x.cpu <> o.cpu ORDER BY x.idle DESC, x.cpu LIMIT 1) AND i.idle >= 0.5
WHERE NOT EXISTS (SELECT 1 FROM _claim k WHERE k.cause IN ('rps-hot-cpu', 'rps-bouncing', 'rx-single-cpu', 'softirq-delayed', 'backlog-overflow'))
ORDER BY g.n DESC, o.netns, o.dev
LIMIT 2;

-- evidence: CPU {cpu} was {result:pct} of its time in softirqs and interrupts (/proc/stat).
SELECT {v_soft};
-- evidence: CPU {v_idle_cpu} was idle {result:pct} of the time.
SELECT {v_idle};
-- evidence: rps_cpus of {dev} {queue} is {result}.
SELECT value, queue FROM queue_setting WHERE netns IS {netns} AND dev = {dev} AND name = 'rps_cpus' ORDER BY queue;
-- advice: Name several CPUs in rps_cpus (a bit for each), or switch RPS off on that queue.
-- command: {ns}sh -c 'echo 0 >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- undo: {ns}sh -c 'echo {v_mask} >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- ruled-out: Not a machine without time: CPU {v_idle_cpu} was idle.
