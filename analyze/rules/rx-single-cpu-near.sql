-- SPDX-License-Identifier: MIT
-- cause: rx-single-cpu
-- severity: info
-- tested: replay
-- uses: counters, config
-- order: last
-- how: A network card has several interrupts in use (named after the device, as drivers of such cards do: eth0-TxRx-0; after its PCI address: mlx5_comp0@pci:...; or after its driver's
--   number, where it is the only card of virtio: virtio0-input.0; at least two of them with 1000 interrupts or more), and
--   19 of 20 of them all fell on one CPU. That CPU spent a quarter of its time or more in softirqs, and another one was idle for half of its time or more
--   (/proc/stat). Below that load one CPU is enough, and fewer interrupted CPUs are no fault. Cards whose interrupts tell less are not looked at.
-- title: All interrupts of {dev} fall on CPU {cpu}
-- summary: {dev} has {v_irqs:n interrupt} in use, and {v_part:pct} of them came on CPU {cpu}, which spent {v_soft:pct} of its time in softirqs, while CPU {v_idle_cpu} was idle {v_idle:pct}. The
--   queues of the card could be served by several CPUs.
WITH driver AS (
	SELECT x.netns, x.dev, x.value AS driver, count(*) OVER (PARTITION BY x.value) AS cards,
		(SELECT b.value FROM dev_feature b WHERE b.netns_id = x.netns_id AND b.dev = x.dev AND b.kind = 'driver' AND b.name = 'bus') AS bus
	FROM dev_feature x
	WHERE x.kind = 'driver' AND x.name = 'driver'
), line AS (
	SELECT d.netns, d.name AS dev, CAST(m.name AS INTEGER) AS irq, m.cpu, sum(m.delta) AS n
	FROM _moved m JOIN netdev d ON d.kind IS NULL AND d.arphrd = 1
	LEFT JOIN driver r ON r.netns = d.netns AND r.dev = d.name
	WHERE m.source = 'interrupts' AND m.delta > 0 AND CAST(m.name AS INTEGER) > 0
		AND ('-' || substr(m.name, instr(m.name, ' ') + 1) || '-' LIKE '%-' || d.name || '-%'
			OR (m.name GLOB '* mlx5_comp[0-9]*' AND r.driver = 'mlx5_core' AND m.name LIKE '%@pci:' || r.bus)
			OR (m.name GLOB '* virtio[0-9]*-input.[0-9]*' AND r.driver = 'virtio_net' AND r.cards = 1))
	GROUP BY d.netns, d.name, CAST(m.name AS INTEGER), m.cpu
), busy AS (
	SELECT netns, dev, irq, sum(n) AS n FROM line GROUP BY netns, dev, irq HAVING sum(n) >= 1000
), dev AS (
	SELECT netns, dev, count(*) AS irqs, sum(n) AS n, max(irq) AS last FROM busy GROUP BY netns, dev HAVING count(*) >= 2
), hot AS (
	SELECT l.netns, l.dev, l.cpu, sum(l.n) AS n FROM line l JOIN busy b USING (netns, dev, irq) GROUP BY l.netns, l.dev, l.cpu
)
SELECT
	0.85 AS confidence,
	d.netns,
	d.dev,
	h.cpu,
	d.irqs AS v_irqs,
	CAST(h.n AS REAL) / d.n AS v_part,
	c.soft AS v_soft,
	i.cpu AS v_idle_cpu,
	i.idle AS v_idle,
	d.last AS v_irq,
	a.affinity AS v_affinity
FROM dev d JOIN hot h ON h.netns = d.netns AND h.dev = d.dev AND h.n * 20 >= d.n * 19
JOIN _cpu_share c ON c.cpu = h.cpu AND c.soft >= 0.25
JOIN _cpu_share i ON i.cpu = (SELECT x.cpu FROM _cpu_share x WHERE x.cpu <> h.cpu ORDER BY x.idle DESC, x.cpu LIMIT 1) AND i.idle >= 0.5
LEFT JOIN irq_affinity a ON a.irq = d.last
WHERE NOT EXISTS (SELECT 1 FROM _claim k WHERE k.cause IN ('rx-single-cpu', 'softirq-delayed', 'nic-rx-missed'))
ORDER BY d.n DESC, d.netns, d.dev
LIMIT 2;

-- evidence: CPU {cpu} was {result:pct} of its time in softirqs and interrupts (/proc/stat).
SELECT {v_soft};
-- evidence: {v_irqs:n interrupt} of {dev} were in use; {result:pct} of what they counted came on CPU {cpu} (/proc/interrupts).
SELECT {v_part};
-- evidence?: Interrupt {v_irq} may use the CPUs {result} (smp_affinity_list).
SELECT {v_affinity};
-- advice: Let irqbalance spread them, or give each queue's interrupt a CPU of its own, beginning with one of them.
-- command: sh -c 'echo {v_idle_cpu} >/proc/irq/{v_irq}/smp_affinity_list'
-- undo: sh -c 'echo {v_affinity} >/proc/irq/{v_irq}/smp_affinity_list'
-- when: SELECT {v_affinity} IS NOT NULL
-- ruled-out: Not a machine without time: CPU {v_idle_cpu} was idle.
