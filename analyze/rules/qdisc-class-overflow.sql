-- SPDX-License-Identifier: MIT
-- cause: qdisc-class-overflow
-- severity: warning
-- tested: live
-- uses: counters, config
-- symptom-of: xps-slow-queue/dev
-- how: One class (or one leaf qdisc below a classful root) of a device has at least 9 of 10 of all its drops, at least 5, more
--   than 1 packet in 100 that it was given, while another class sent packets and dropped none.
-- title: Class {v_handle} on {dev} overflows, the others are healthy
-- summary: {packets} packets were dropped in one class of {dev}[[ in {netns}]] ({v_kind} {v_handle}[[, {v_rate} bit/s]]), while the other
--   classes lost nothing: only the traffic that is sorted into this class suffers.
WITH root AS (
	SELECT netns, dev, kind, handle, id FROM qdisc
	WHERE class = 0 AND parent = 'root' AND kind IN ('htb', 'hfsc', 'drr', 'qfq', 'ets', 'prio', 'cbq')
), part AS (
	SELECT q.*
	FROM qdisc q JOIN root r ON r.netns = q.netns AND r.dev = q.dev
	WHERE q.class = 1
		AND NOT EXISTS (SELECT 1 FROM qdisc c WHERE c.netns = q.netns AND c.dev = q.dev AND c.class = 1 AND c.parent = q.handle)
), worst AS (
	SELECT p.*, row_number() OVER (PARTITION BY p.netns, p.dev ORDER BY p.drops_delta DESC, p.handle) AS nth,
		sum(p.drops_delta) OVER (PARTITION BY p.netns, p.dev) AS all_drops
	FROM part p
)
SELECT
	CASE WHEN w.drops_delta >= 20 AND w.drops_delta * 20 >= w.drops_delta + w.packets_delta THEN 'critical' ELSE 'warning' END AS severity,
	w.netns,
	w.dev,
	w.drops_delta AS packets,
	w.kind AS v_kind,
	w.handle AS v_handle,
	w.rate_bps AS v_rate,
	w.id AS v_class
FROM worst w
WHERE w.nth = 1 AND w.drops_delta >= 5 AND w.drops_delta * 10 >= w.all_drops * 9 AND w.drops_delta * 100 >= w.drops_delta + w.packets_delta
	AND EXISTS (SELECT 1 FROM part o WHERE o.netns = w.netns AND o.dev = w.dev AND o.id <> w.id AND o.packets_delta > 0 AND o.drops_delta = 0)
ORDER BY w.drops_delta DESC, w.id;

-- evidence: Class {handle} dropped {result} and passed {packets_delta} packets.
SELECT drops_delta, handle, packets_delta FROM qdisc WHERE id = {v_class};
-- evidence: The other classes of {dev} passed {n} packets and dropped {d}.
SELECT count(*), total(packets_delta) AS n, total(drops_delta) AS d FROM qdisc WHERE class = 1 AND netns IS {netns} AND dev = {dev} AND id <> {v_class};
-- advice: Give the class more rate or ceiling, or sort less traffic into it.
-- command: {ns}tc -s -d class show dev {dev}
