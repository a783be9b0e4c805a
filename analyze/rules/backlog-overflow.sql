-- SPDX-License-Identifier: MIT
-- cause: backlog-overflow
-- severity: warning
-- tested: live
-- uses: events, counters, config
-- how: softnet_stat's dropped grew by at least 5, or as many drops with reason CPU_BACKLOG (at enqueue_to_backlog on kernels
--   without reasons). softnet_stat is of the whole machine, so this is one finding; the drops tell device and namespace.
-- title: Input backlog of a CPU overflows
-- summary: {packets} packets were dropped because a CPU's input backlog was full (net.core.netdev_max_backlog = {v_limit}): they
--   arrived faster than that CPU could take them up[[, most at {dev}]][[ and at {v_others:n other device}]][[ (the queue was worst on CPU {cpu})]].
WITH ev AS (
	SELECT
		sum(drops) AS drops,
		count(DISTINCT netns || ' ' || dev) AS devs,
		max(function) AS function,
		max(reason) AS reason,
		CASE WHEN count(DISTINCT coalesce(dst, '') || ' ' || coalesce(dport, '')) = 1 THEN max(flow_id) END AS flow_id,
		CASE WHEN count(DISTINCT coalesce(dst, '') || ' ' || coalesce(dport, '')) = 1 THEN max(proto) END AS proto,
		CASE WHEN count(DISTINCT coalesce(dst, '') || ' ' || coalesce(dport, '')) = 1 THEN max(src) END AS src,
		CASE WHEN count(DISTINCT coalesce(dst, '') || ' ' || coalesce(dport, '')) = 1 THEN max(dst) END AS dst,
		CASE WHEN count(DISTINCT coalesce(dst, '') || ' ' || coalesce(dport, '')) = 1 THEN max(dport) END AS dport,
		sum(flows) AS flows,
		min(from_ns) AS from_ns,
		max(to_ns) AS to_ns
	FROM _drop_target
	WHERE reason = 'CPU_BACKLOG' OR (reason IS NULL AND function IN ('enqueue_to_backlog', 'netif_rx_internal'))
), worst AS (
	SELECT netns, dev
	FROM _drop_target
	WHERE reason = 'CPU_BACKLOG' OR (reason IS NULL AND function IN ('enqueue_to_backlog', 'netif_rx_internal'))
	GROUP BY netns, dev
	ORDER BY sum(drops) DESC, netns, dev
	LIMIT 1
), soft AS (
	SELECT total(delta) AS dropped, max(delta) AS most,
		(SELECT cpu FROM _moved WHERE source = 'softnet_stat' AND name = 'dropped' ORDER BY delta DESC, cpu LIMIT 1) AS cpu
	FROM _moved
	WHERE source = 'softnet_stat' AND name = 'dropped' AND delta > 0
)
SELECT
	CASE WHEN max(s.dropped, coalesce(e.drops, 0)) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN s.dropped > 0 AND e.drops > 0 THEN 0.98 WHEN s.dropped > 0 THEN 0.9 ELSE 0.85 END AS confidence,
	w.netns,
	w.dev,
	CASE WHEN e.devs > 1 THEN e.devs - 1 END AS v_others,
	e.function,
	e.reason,
	e.flow_id,
	e.proto AS flow_proto,
	e.src AS flow_src,
	e.dst AS flow_dst,
	e.dport AS flow_dport,
	s.cpu,
	e.from_ns,
	e.to_ns,
	CAST(max(s.dropped, coalesce(e.drops, 0)) AS INTEGER) AS packets,
	nullif(e.flows, 0) AS flows,
	(SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_max_backlog' ORDER BY netns_id LIMIT 1) AS v_limit,
	max(10000, 4 * coalesce((SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_max_backlog' ORDER BY netns_id LIMIT 1), 0)) AS v_limit_new
FROM soft s JOIN ev e LEFT JOIN worst w
WHERE s.dropped >= 5 OR e.drops >= 5;

-- evidence?: softnet_stat counts {result} dropped packets (all CPUs; worst CPU {cpu}).
SELECT CAST(total(delta) AS INTEGER), (SELECT cpu FROM _moved WHERE source = 'softnet_stat' AND name = 'dropped' ORDER BY delta DESC, cpu LIMIT 1) AS cpu FROM _moved WHERE source = 'softnet_stat' AND name = 'dropped';
-- evidence?: {result} packets were freed with reason CPU_BACKLOG, at {devs} devices.
SELECT sum(drops), count(DISTINCT netns || dev) AS devs FROM _drop_target WHERE reason = 'CPU_BACKLOG';
-- evidence?: The most were at {dev} in {netns}: {result}.
SELECT sum(drops), dev, netns FROM _drop_target WHERE reason = 'CPU_BACKLOG' AND dev IS NOT NULL GROUP BY netns, dev ORDER BY sum(drops) DESC, netns, dev;
-- evidence?: net.core.netdev_max_backlog is {result} packets for each CPU.
SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.netdev_max_backlog' ORDER BY netns_id;
-- evidence?: The flow limit refused {result} of them (net.core.flow_limit_cpu_bitmap): one flow dominates.
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'flow_limit_count' AND delta > 0;
-- evidence?: NET_RX ran out of its budget {result:n time} (time_squeeze).
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'time_squeeze' AND delta > 0;
-- evidence?: A bridge with {result} ports copies each frame of an unknown or broadcast destination to all of them, within one softirq run.
SELECT count(*) FROM netdev d JOIN netdev b ON b.netns_id = d.netns_id AND b.ifindex = d.master_ifindex WHERE b.kind = 'bridge' GROUP BY b.id HAVING count(*) >= 4 ORDER BY count(*) DESC;
-- packets:
SELECT packet_id FROM packet_drop WHERE (reason = 'CPU_BACKLOG' OR function IN ('enqueue_to_backlog', 'netif_rx_internal')) AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Find out what makes the burst (one flow, a flood over a bridge, RPS onto one CPU) and spread or stop it.
-- advice: Against short bursts, allow a longer backlog.
-- command: sysctl -w net.core.netdev_max_backlog={v_limit_new}
-- undo: sysctl -w net.core.netdev_max_backlog={v_limit}
-- when: SELECT {v_limit} IS NOT NULL
-- ruled-out: Not the NIC's ring: these packets were already in the host's memory.
-- ruled-out: Not a full socket: the packets had not reached IP yet.
