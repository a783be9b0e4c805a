-- SPDX-License-Identifier: MIT
-- cause: xps-slow-queue
-- severity: info
-- tested: replay
-- uses: events, config
-- order: last
-- needs: event net_dev_start_xmit
-- how: A device has several transmit queues, two CPUs or more sent packets by it (1000 or more each, 1000 a second together), and the XPS masks (xps_cpus) of exactly one queue name
--   all of these CPUs, while no other queue names any of them: all of them share one queue and its lock, the others stay empty. Where no mask is set the kernel
--   spreads by hash, and that is no fault.
-- title: XPS sends the packets of all CPUs to one transmit queue of {dev}
-- summary: {dev} has {v_queues:n transmit queue}, but xps_cpus ({v_mask}) binds all {v_cpus} CPUs that sent by it to {v_queue}. {v_packets:n packet} went there in the recording.
WITH sent AS (
	SELECT h.dev_id, h.cpu, count(*) AS n, min(h.ts_ns) AS from_ns, max(h.ts_ns) AS to_ns
	-- no such mask: nothing is to be counted
	FROM (SELECT 1 FROM queue_setting q WHERE q.name = 'xps_cpus' AND trim(q.value, '0,') <> '' LIMIT 1) CROSS JOIN _hop h
	WHERE h.stage = (SELECT id FROM _stage WHERE name = 'net_dev_start_xmit') AND h.dev_id IN (SELECT n.id FROM _name n JOIN queue_setting q ON q.dev = n.text AND q.name = 'xps_cpus' AND trim(q.value, '0,') <> '')
	GROUP BY h.dev_id, h.cpu
	HAVING count(*) >= 1000
), named AS (
	SELECT n.text AS dev, s.cpu, s.n, s.from_ns, s.to_ns FROM sent s JOIN _name n ON n.id = s.dev_id
), mask AS (
	SELECT q.netns, q.netns_id, q.dev, q.queue, q.value, replace(q.value, ',', '') AS hex
	FROM queue_setting q
	WHERE q.name = 'xps_cpus'
		-- a device's name is no place where another namespace has the same
		AND (SELECT count(*) FROM netdev d WHERE d.name = q.dev) = 1
), bound AS (
	SELECT m.netns, m.dev, m.queue, m.value, s.cpu, s.n, s.from_ns, s.to_ns
	FROM mask m JOIN named s ON s.dev = m.dev
	WHERE (instr('0123456789abcdef', lower(substr(m.hex, -(s.cpu / 4) - 1, 1))) - 1) >> (s.cpu % 4) & 1
		AND length(m.hex) > s.cpu / 4
), used AS (
	SELECT netns, dev, min(queue) AS queue, max(value) AS value, count(DISTINCT queue) AS queues, count(DISTINCT cpu) AS cpus, sum(n) AS n, min(from_ns) AS from_ns, max(to_ns) AS to_ns
	FROM bound
	GROUP BY netns, dev
)
SELECT
	0.85 AS confidence,
	u.netns,
	u.dev,
	u.from_ns,
	u.to_ns,
	u.n AS v_packets,
	u.queue AS v_queue,
	u.value AS v_mask,
	u.cpus AS v_cpus,
	(SELECT count(*) FROM mask m WHERE m.netns = u.netns AND m.dev = u.dev) AS v_queues
FROM used u
WHERE u.queues = 1 AND u.cpus >= 2 AND u.cpus = (SELECT count(*) FROM named s WHERE s.dev = u.dev)
	AND (SELECT count(*) FROM mask m WHERE m.netns = u.netns AND m.dev = u.dev) >= 2
	AND u.n >= (u.to_ns - u.from_ns) / 1000000
	AND NOT EXISTS (SELECT 1 FROM _claim k WHERE k.cause = 'xps-slow-queue' OR (k.dev = u.dev AND k.cause IN ('qdisc-overflow', 'qdisc-class-overflow', 'qdisc-standing-queue')))
ORDER BY u.n DESC, u.netns, u.dev
LIMIT 2;

-- evidence: {result:n packet} were handed to the device, by {v_cpus} CPUs, all of which xps_cpus of {v_queue} names.
SELECT {v_packets};
-- evidence: {result:n other queue} of {dev} have no mask that names one of these CPUs.
SELECT {v_queues} - 1;
-- advice: Switch XPS off on that queue, so that the kernel spreads by hash, or give each queue CPUs of its own.
-- command: {ns}sh -c 'echo 0 >/sys/class/net/{dev}/queues/{v_queue}/xps_cpus'
-- undo: {ns}sh -c 'echo {v_mask} >/sys/class/net/{dev}/queues/{v_queue}/xps_cpus'
