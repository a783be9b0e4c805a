-- SPDX-License-Identifier: MIT
-- cause: xps-slow-queue
-- severity: info
-- tested: replay
-- uses: counters, config
-- how: A device that sent 1000 packets or more has several transmit queues, and xps_cpus of some names only CPUs that are offline (/sys/devices/system/cpu/online), of at least
--   one a CPU that is online. No packet is sent from an offline CPU, so those queues stay empty (get_xps_queue() in net/core/dev.c).
-- title: Transmit queues of {dev} are bound to CPUs that are offline
-- summary: {v_n} of {v_queues} transmit queues of {dev} have an xps_cpus that names offline CPUs only, first {v_queue} ({v_mask}): they stay empty. Online are the CPUs {v_online}.
WITH RECURSIVE number(cpu) AS (
	SELECT 0 FROM (SELECT 1 FROM _cpu_online LIMIT 1) UNION ALL SELECT cpu + 1 FROM number WHERE cpu < 1023
), ready AS (
	SELECT cpu FROM number WHERE EXISTS (SELECT 1 FROM _cpu_online r WHERE number.cpu BETWEEN r.low AND r.high)
), mask AS (
	SELECT q.netns, q.netns_id, q.dev, q.queue, q.value,
		EXISTS (SELECT 1 FROM ready o WHERE length(replace(q.value, ',', '')) > o.cpu / 4
			AND (instr('0123456789abcdef', lower(substr(replace(q.value, ',', ''), -(o.cpu / 4) - 1, 1))) - 1) >> (o.cpu % 4) & 1) AS used
	FROM queue_setting q
	WHERE q.name = 'xps_cpus' AND trim(q.value, '0,') <> '' AND EXISTS (SELECT 1 FROM _cpu_online)
		AND EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'dev' AND m.name = 'tx_packets' AND m.dev = q.dev AND m.netns = q.netns AND m.delta >= 1000)
)
SELECT
	0.85 AS confidence,
	m.netns,
	m.dev,
	sum(NOT m.used) AS v_n,
	(SELECT count(*) FROM queue_setting q WHERE q.netns_id = m.netns_id AND q.dev = m.dev AND q.name = 'xps_cpus') AS v_queues,
	min(CASE WHEN NOT m.used THEN m.queue END) AS v_queue,
	(SELECT value FROM mask x WHERE x.netns_id = m.netns_id AND x.dev = m.dev AND NOT x.used ORDER BY x.queue LIMIT 1) AS v_mask,
	(SELECT value FROM tape WHERE key = 'cpus_online') AS v_online
FROM mask m
GROUP BY m.netns_id, m.dev
HAVING sum(NOT m.used) > 0 AND sum(m.used) > 0
ORDER BY 4 DESC, m.netns, m.dev
LIMIT 3;

-- evidence: {result} of {v_queues} transmit queues of {dev} name offline CPUs only.
SELECT {v_n};
-- evidence?: {dev} sent {result:n packet} by the others.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'tx_packets' AND dev = {dev} AND netns IS {netns} AND delta > 0;
-- advice: Switch XPS off on that queue, so that the kernel spreads by hash, or give each queue CPUs that are online.
-- command: {ns}sh -c 'echo 0 >/sys/class/net/{dev}/queues/{v_queue}/xps_cpus'
-- undo: {ns}sh -c 'echo {v_mask} >/sys/class/net/{dev}/queues/{v_queue}/xps_cpus'
