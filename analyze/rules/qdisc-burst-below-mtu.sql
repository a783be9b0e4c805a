-- SPDX-License-Identifier: MIT
-- cause: qdisc-burst-below-mtu
-- severity: warning
-- tested: live
-- uses: counters, config
-- how: A tbf whose burst is smaller than the device's largest frame (MTU and 14 bytes of Ethernet header) dropped at least 3
--   packets while its queue was never seen half full: such a bucket never holds enough for a full-size packet.
-- title: Shaper on {dev} has a burst smaller than a packet
-- summary: {packets} packets were dropped by tbf {v_handle} on {dev}[[ in {netns}]]: its burst of {v_burst} bytes is smaller than a full-size
--   packet of {v_mtu} bytes and a header, so large packets can never pass, however idle the link is.
SELECT
	CASE WHEN q.drops_delta >= 20 AND q.drops_delta * 20 >= q.drops_delta + q.packets_delta THEN 'critical' ELSE 'warning' END AS severity,
	q.netns,
	q.dev,
	q.drops_delta AS packets,
	q.handle AS v_handle,
	q.burst_bytes AS v_burst,
	d.mtu AS v_mtu,
	q.id AS v_qdisc,
	q.rate_bps AS v_rate,
	q.parent AS v_parent,
	q.limit_bytes AS v_limit,
	-- some packets, and what the rate brings in 10 ms: the longest tick
	max(5 * (d.mtu + 14), q.rate_bps / 800) AS v_burst_new
FROM qdisc q
JOIN netdev d ON d.netns = q.netns AND d.name = q.dev
WHERE q.class = 0 AND q.kind = 'tbf' AND q.burst_bytes > 0 AND q.burst_bytes < d.mtu + 14 AND q.drops_delta >= 3
	AND (q.limit_bytes IS NULL OR coalesce(q.max_backlog_bytes, 0) * 2 < q.limit_bytes)
ORDER BY q.drops_delta DESC, q.id;

-- evidence: The burst is {result} bytes, the device's MTU {v_mtu}.
SELECT burst_bytes FROM qdisc WHERE id = {v_qdisc};
-- evidence: It dropped {result} packets; at most {max_backlog_bytes} of {limit_bytes} bytes were seen waiting in it.
SELECT drops_delta, max_backlog_bytes, limit_bytes FROM qdisc WHERE id = {v_qdisc};
-- advice: Make the burst at least a few full-size packets (and rate / HZ bytes).
-- command: {ns}tc qdisc change dev {dev} root tbf rate {v_rate}bit burst {v_burst_new} limit {v_limit}
-- undo: {ns}tc qdisc change dev {dev} root tbf rate {v_rate}bit burst {v_burst} limit {v_limit}
-- when: SELECT {v_parent} = 'root' AND {v_rate} > 0 AND {v_limit} > 0
-- advice: Make the burst at least a few full-size packets (and rate / HZ bytes).
-- command: {ns}tc -d qdisc show dev {dev}
-- when: SELECT NOT coalesce({v_parent} = 'root' AND {v_rate} > 0 AND {v_limit} > 0, 0)
-- ruled-out: Not a full queue: it was never seen half full.
