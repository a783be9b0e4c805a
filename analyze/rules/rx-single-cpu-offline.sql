-- SPDX-License-Identifier: MIT
-- cause: rx-single-cpu
-- severity: info
-- tested: replay
-- uses: counters, config
-- how: A CPU that is offline (/sys/devices/system/cpu/online) is in rps_cpus of a device that received 100 packets or more: RPS takes only CPUs that are online when the mask is
--   written, so this one went off later, and what falls to it stays on the CPU that got the interrupt (get_rps_cpu() in net/core/dev.c). Or an interrupt that counted
--   1000 or more may use no CPU but offline ones (smp_affinity_list): it runs wherever the kernel moved it. Masks of interrupts that name offline CPUs beside others are usual.
-- title: {v_title}
-- summary: {v_text}. Online are the CPUs {v_online}.
WITH RECURSIVE number(cpu) AS (
	SELECT 0 FROM (SELECT 1 FROM _cpu_online LIMIT 1) UNION ALL SELECT cpu + 1 FROM number WHERE cpu < 1023
), off AS (
	SELECT cpu FROM number WHERE NOT EXISTS (SELECT 1 FROM _cpu_online r WHERE number.cpu BETWEEN r.low AND r.high)
), mask AS (
	SELECT q.netns, q.dev, q.queue, q.value, lower(replace(q.value, ',', '')) AS hex
	FROM queue_setting q
	WHERE q.name = 'rps_cpus' AND trim(q.value, '0,') <> ''
		AND EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'dev' AND m.name = 'rx_packets' AND m.dev = q.dev AND m.netns = q.netns AND m.delta >= 100)
), lost AS (
	SELECT m.netns, m.dev, m.queue, m.value, group_concat(o.cpu) AS cpus, count(*) AS n,
		-- what is left of it; masks of more CPUs are not written here
		CASE WHEN length(ltrim(m.hex, '0')) <= 15 THEN (SELECT printf('%x', total(1 << c.cpu)) FROM number c
			WHERE c.cpu < 60 AND c.cpu NOT IN (SELECT cpu FROM off) AND length(m.hex) > c.cpu / 4 AND (instr('0123456789abcdef', substr(m.hex, -(c.cpu / 4) - 1, 1)) - 1) >> (c.cpu % 4) & 1) END AS rest
	FROM mask m JOIN (SELECT cpu FROM off ORDER BY cpu) o ON length(m.hex) > o.cpu / 4 AND (instr('0123456789abcdef', substr(m.hex, -(o.cpu / 4) - 1, 1)) - 1) >> (o.cpu % 4) & 1
	GROUP BY m.netns, m.dev, m.queue
), irq(irq, affinity, actions, rest, part) AS (
	SELECT a.irq, a.affinity, a.actions, a.affinity || ',', NULL
	FROM irq_affinity a
	WHERE (SELECT sum(m.delta) FROM _moved m WHERE m.source = 'interrupts' AND CAST(m.name AS INTEGER) = a.irq AND m.delta > 0) >= 1000
	UNION ALL
	SELECT irq, affinity, actions, substr(rest, instr(rest, ',') + 1), substr(rest, 1, instr(rest, ',') - 1) FROM irq WHERE rest <> ''
), bound AS (
	SELECT irq, affinity, actions, CAST(part AS INTEGER) AS low, CAST(CASE WHEN instr(part, '-') > 0 THEN substr(part, instr(part, '-') + 1) ELSE part END AS INTEGER) AS high
	FROM irq
	WHERE part <> ''
), said AS (
	SELECT 1 AS which, l.netns, l.dev, l.n AS n, 'RPS of ' || l.dev || ' names a CPU that is offline' AS title,
		'rps_cpus of ' || l.dev || ' ' || l.queue || ' is ' || l.value || ', but offline: CPU ' || l.cpus || '. What falls to it is not spread' AS text, l.queue, l.rest AS mask, NULL AS irq
	FROM lost l
	UNION ALL
	SELECT 2, NULL, NULL, 1, 'Interrupt ' || b.irq || ' is bound to CPUs that are offline',
		'Interrupt ' || b.irq || coalesce(' (' || nullif(b.actions, '') || ')', '') || ' may use the CPUs ' || b.affinity || ' only, and none of them is online: it runs where the kernel moved it', NULL, b.affinity, b.irq
	FROM bound b
	GROUP BY b.irq
	HAVING EXISTS (SELECT 1 FROM _cpu_online) AND NOT EXISTS (SELECT 1 FROM bound x JOIN _cpu_online r ON r.low <= x.high AND r.high >= x.low WHERE x.irq = b.irq)
)
SELECT
	0.85 AS confidence,
	s.netns,
	s.dev,
	s.title AS v_title,
	s.text AS v_text,
	s.queue AS v_queue,
	s.mask AS v_mask,
	s.irq AS v_irq,
	(SELECT value FROM tape WHERE key = 'cpus_online') AS v_online
FROM said s
ORDER BY s.which, s.n DESC, s.netns, s.dev, s.queue, s.irq
LIMIT 3;

-- evidence: {v_text}.
SELECT 1;
-- evidence?: {dev} received {result:n packet}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'rx_packets' AND dev = {dev} AND netns IS {netns} AND delta > 0;
-- evidence?: It counted {result:n time} (/proc/interrupts).
SELECT sum(delta) FROM _moved WHERE source = 'interrupts' AND CAST(name AS INTEGER) = {v_irq} AND delta > 0;
-- advice: Write the mask anew with CPUs that are online (none left: RPS is off): the kernel leaves out the others.
-- command: {ns}sh -c 'echo {v_mask} >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- when: SELECT {v_mask} IS NOT NULL AND {v_queue} IS NOT NULL
-- advice: Bind it to CPUs that are online.
-- command: sh -c 'echo {v_online} >/proc/irq/{v_irq}/smp_affinity_list'
-- when: SELECT {v_irq} IS NOT NULL
