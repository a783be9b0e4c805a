-- SPDX-License-Identifier: MIT
-- cause: softirq-budget-exhausted
-- severity: info
-- tested: replay
-- uses: counters, config
-- order: last
-- how: NET_RX left work over 20 times or more (time_squeeze, all CPUs), and net.core.netdev_budget, netdev_budget_usecs or dev_weight is below what the kernel has by default (300; 2000, or two
--   ticks where these are longer; 64), or dev_weight is no less than netdev_budget, so that one device can use up the round: the limit was made smaller, and it is reached. With the defaults a
--   squeeze now and then is what the budget is for.
-- title: NET_RX has a smaller budget than usual, and runs out of it
-- summary: NET_RX stopped with packets left {v_squeezed:n time}, with netdev_budget {v_budget}[[, netdev_budget_usecs {v_usecs}]][[, dev_weight {v_weight}]] (by default 300, 2000 or more, 64).
WITH setting AS (
	SELECT
		(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_budget' ORDER BY netns_id LIMIT 1) AS budget,
		(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_budget_usecs' ORDER BY netns_id LIMIT 1) AS usecs,
		(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.core.dev_weight' ORDER BY netns_id LIMIT 1) AS weight
), squeezed AS (
	SELECT sum(delta) AS n FROM _moved WHERE source = 'softnet_stat' AND name = 'time_squeeze' AND delta > 0
)
SELECT
	0.85 AS confidence,
	q.n AS v_squeezed,
	s.budget AS v_budget,
	s.usecs AS v_usecs,
	s.weight AS v_weight,
	max(300, coalesce(5 * s.weight, 0)) AS v_budget_new
FROM setting s JOIN squeezed q
WHERE q.n >= 20 AND (s.budget < 300 OR s.usecs < 2000 OR s.weight < 64 OR s.weight >= s.budget)
	AND NOT EXISTS (SELECT 1 FROM _claim k WHERE k.cause = 'softirq-budget-exhausted');

-- evidence: time_squeeze grew by {result} on all CPUs.
SELECT {v_squeezed};
-- evidence?: In the same time they took {result:n packet}.
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'processed' AND delta > 0;
-- advice: Give NET_RX the kernel's default budget again, or some rounds of the largest device's.
-- command: sysctl -w net.core.netdev_budget={v_budget_new}
-- undo: sysctl -w net.core.netdev_budget={v_budget}
-- when: SELECT {v_budget} < {v_budget_new}
-- advice: Give it the default time as well.
-- command: sysctl -w net.core.netdev_budget_usecs=2000
-- undo: sysctl -w net.core.netdev_budget_usecs={v_usecs}
-- when: SELECT {v_usecs} < 2000
-- advice: Let a device hand over more packets at a time.
-- command: sysctl -w net.core.dev_weight=64
-- undo: sysctl -w net.core.dev_weight={v_weight}
-- when: SELECT {v_weight} < 64
-- ruled-out: Not a loss by itself: the packets stay in their queue for the next round.
