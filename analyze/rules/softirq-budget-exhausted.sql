-- SPDX-License-Identifier: MIT
-- cause: softirq-budget-exhausted
-- severity: info
-- tested: live
-- uses: counters, events, config
-- symptom-of: softirq-delayed/any, backlog-overflow/any, nic-rx-missed/any
-- how: time_squeeze of a CPU grew by at least 100, in at least one tenth of its NET_RX runs: input waited for the next round again and
--   again. A hint only: the next round follows at once as long as ksoftirqd gets the CPU, and what is lost or late for it has a cause of its own.
-- title: NET_RX on CPU {cpu} runs out of its budget
-- summary: {packets:n time} NET_RX on CPU {cpu} stopped with packets left[[, in {v_share:pct} of its runs]][[ (netdev_budget {v_budget}, {v_usecs} us)]].
SELECT
	0.9 AS confidence,
	m.cpu,
	sum(m.delta) AS packets,
	0 AS harm,
	CASE WHEN r.n > 0 THEN min(1.0, CAST(sum(m.delta) AS REAL) / r.n) END AS v_share,
	r.n AS v_runs,
	(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_budget' ORDER BY netns_id LIMIT 1) AS v_budget,
	(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_budget_usecs' ORDER BY netns_id LIMIT 1) AS v_usecs,
	2 * (SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_budget' ORDER BY netns_id LIMIT 1) AS v_budget_new,
	2 * (SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_budget_usecs' ORDER BY netns_id LIMIT 1) AS v_usecs_new
FROM _moved m LEFT JOIN (SELECT cpu, count(*) AS n FROM softirq WHERE vec = 3 GROUP BY cpu) r ON r.cpu = m.cpu
WHERE m.source = 'softnet_stat' AND m.name = 'time_squeeze' AND m.delta > 0
GROUP BY m.cpu
HAVING sum(m.delta) >= 100 AND (r.n IS NULL OR sum(m.delta) * 10 >= r.n)
ORDER BY sum(m.delta) DESC, m.cpu;

-- evidence: time_squeeze of CPU {cpu} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'time_squeeze' AND cpu = {cpu};
-- evidence?: NET_RX ran {result:n time} on that CPU.
SELECT {v_runs};
-- evidence?: In the same time that CPU took {result:n packet}.
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'processed' AND cpu = {cpu};
-- advice: Allow NET_RX more packets for each round.
-- command: sysctl -w net.core.netdev_budget={v_budget_new}
-- undo: sysctl -w net.core.netdev_budget={v_budget}
-- when: SELECT {v_budget} IS NOT NULL AND {v_budget} < 2400
-- advice: Allow it more time as well, where the time ends a round before the number of packets does.
-- command: sysctl -w net.core.netdev_budget_usecs={v_usecs_new}
-- undo: sysctl -w net.core.netdev_budget_usecs={v_usecs}
-- when: SELECT {v_usecs} IS NOT NULL AND {v_usecs} < 16000
-- advice: Spread the load over more CPUs (RSS queues, IRQ affinity, RPS).
-- ruled-out: Not a loss by itself: the packets stay in their queue for the next round.
