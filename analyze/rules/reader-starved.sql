-- SPDX-License-Identifier: MIT
-- cause: reader-starved
-- severity: warning
-- tested: live
-- uses: events, sched, sockets, counters, config
-- needs: event sched_switch
-- how: The task that a flow's data wakes (sched_waking right behind sk_data_ready) or that copies it was runnable, but did
--   not run: switched out while still runnable, or woken from sleep, for at least 10 ms at a time, 5 times or more, in all at least 300 ms and a
--   fifth of the time between its first and last wait. And it hurt: its socket dropped datagrams, its TCP window was
--   closed, or the snapshots show its receive queue filled. Shorter waits are what any scheduler does. Without a quota, a loss or
--   a wait of 250 ms it is an info: a busy CPU that is shared. Without a quota it has to wait for longer than it sleeps meanwhile: one that sleeps while
--   its data is there is slow by itself. Where others' work on the CPU is why it waits, what was lost decides on
--   severity and rank, not how long it waited: a busy host is no reason to overlook a loss. Critical
--   from 20 lost datagrams, or with a quota from 2 s in all with one wait of 1 s: as much harm.
-- title: {v_task}, the reader of port {flow_dport}, does not get the CPU[[: the CPU quota of {v_cgroup} is used up]]
-- summary: {v_who} reads {flow_dst} port {flow_dport} and was ready to run, but did not, {v_times:n time}, up to {delay_ns:time} and {v_total:time} in all[[, because
--   the CPU quota of its cgroup {v_cgroup} ({v_quota} of {v_period} us) was used up]]. Meanwhile its data waited in the socket[[ and {packets:n datagram} were dropped]].
WITH victim AS (
	SELECT proto, dst, dport, max(flow_id) AS flow_id, pid, comm, who, cgroup, sum(times) AS times, min(alike) AS alike,
		row_number() OVER (PARTITION BY proto, dst, dport ORDER BY sum(times) DESC, pid) AS nth
	FROM _flow_task
	WHERE proto IN ('tcp', 'udp')
	GROUP BY proto, dst, dport, pid, comm, who, cgroup
), turn AS (
	SELECT pid, end_ns AS ts_ns, end_state, NULL AS latency_ns, 0 AS waking FROM run WHERE pid IN (SELECT pid FROM victim) AND end_ns IS NOT NULL
	UNION ALL
	SELECT pid, start_ns, NULL, latency_ns, 1 FROM wakeup WHERE pid IN (SELECT pid FROM victim)
), waking AS (
	SELECT pid, ts_ns, latency_ns, waking, lag(end_state) OVER (PARTITION BY pid ORDER BY ts_ns, waking) AS before
	FROM turn
), off AS (
	SELECT pid, end_ns, end_state, lead(start_ns) OVER (PARTITION BY pid ORDER BY start_ns) AS next_ns
	FROM run
	WHERE pid IN (SELECT pid FROM victim)
), wait AS (
	SELECT pid, end_ns AS from_ns, next_ns - end_ns AS ns, 0 AS woken
	FROM off
	WHERE end_state IN (0, 256) AND next_ns - end_ns >= 10000000
	UNION ALL
	SELECT pid, ts_ns, latency_ns, 1 FROM waking WHERE waking AND latency_ns >= 10000000 AND before NOT IN (0, 256)
), starved AS (
	SELECT pid, count(*) AS times, sum(ns) AS total, sum(woken * ns) AS woken, max(ns) AS longest, min(from_ns) AS from_ns, max(from_ns + ns) AS to_ns
	FROM wait
	GROUP BY pid
	HAVING count(*) >= 5 AND sum(ns) >= 300000000 AND sum(ns) * 5 >= max(from_ns + ns) - min(from_ns)
), quota AS (
	SELECT path, max(version) AS version, max(quota_us) AS quota_us, max(period_us) AS period_us, max(nr_throttled) - min(nr_throttled) AS times,
		max(throttled_ns) - min(throttled_ns) AS ns
	FROM cgroup_quota
	GROUP BY path
	HAVING max(nr_throttled) > min(nr_throttled)
), cause AS (
	-- its own cgroup, or where that is not known the only one whose throttling fits
	SELECT s.pid, q.*, count(*) OVER (PARTITION BY s.pid) AS fits
	FROM starved s JOIN victim v USING (pid) JOIN quota q ON q.ns BETWEEN s.total / 2 AND s.total * 2 AND (v.cgroup = q.path OR nullif(v.cgroup, '') IS NULL)
	GROUP BY s.pid, q.path
), harm AS (
	SELECT v.*, s.times AS waits, s.total, s.woken, s.longest, s.from_ns, s.to_ns,
		(SELECT sum(t.drops) FROM _drop_target t WHERE v.proto = 'udp' AND t.proto = 'udp' AND t.dst = v.dst AND t.dport = v.dport
			AND (t.reason = 'SOCKET_RCVBUFF' OR (t.reason IS NULL AND t.function LIKE '%queue_rcv%'))) AS drops,
		(SELECT max(k.rqueue_max) FROM _socket_span k WHERE k.proto = v.proto AND k.sport = v.dport AND k.src = v.dst AND (k.state IS NULL OR k.state <> 'LISTEN')) AS queue,
		EXISTS (SELECT 1 FROM _frame f WHERE f.flow_id = (SELECT reverse_id FROM flow w WHERE w.id = v.flow_id) AND f.tcp_window = 0 AND f.tcp_flags & 6 = 0) AS closed
	FROM victim v JOIN starved s USING (pid)
	WHERE v.nth = 1
)
SELECT
	CASE WHEN h.drops >= 20 OR (c.path IS NOT NULL AND h.longest >= 1000000000 AND h.total >= 2000000000) THEN 'critical'
		WHEN c.path IS NULL AND coalesce(h.drops, 0) < 3 AND h.longest < 250000000 THEN 'info' ELSE 'warning' END AS severity,
	CASE WHEN h.alike THEN 0.75 WHEN c.path IS NOT NULL THEN 0.97 ELSE 0.85 END AS confidence,
	(SELECT a.netns FROM addr a WHERE a.address = h.dst ORDER BY a.netns_id LIMIT 1) AS netns,
	h.flow_id,
	h.proto AS flow_proto,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.comm AS process,
	h.pid,
	coalesce(h.comm, 'A task') AS v_task,
	h.who AS v_who,
	h.from_ns,
	h.to_ns,
	h.drops AS packets,
	coalesce(h.drops, 0) + CASE WHEN c.path IS NULL THEN 0.1 ELSE h.total / 1e8 END AS harm,
	h.longest AS delay_ns,
	h.waits AS v_times,
	h.total AS v_total,
	h.queue AS v_queue,
	c.path AS v_cgroup,
	c.quota_us AS v_quota,
	c.period_us AS v_period,
	2 * c.quota_us AS v_quota_new,
	c.version AS v_version
FROM harm h LEFT JOIN cause c ON c.pid = h.pid AND c.fits = 1
WHERE (h.drops >= 3 OR h.queue > 0 OR h.closed)
	-- a reader that chooses to sleep for longer than it has to wait is slow by itself
	AND (c.path IS NOT NULL OR h.total >= (SELECT total(o.next_ns - o.end_ns) - h.woken FROM off o
		WHERE o.pid = h.pid AND o.end_state NOT IN (0, 256) AND o.end_ns >= h.from_ns AND o.next_ns <= h.to_ns))
ORDER BY harm DESC, h.pid, h.dst, h.dport
LIMIT 10;

-- evidence: {v_who} was runnable without running {result:n time} for 10 ms or more, {v_total:time} in all.
SELECT {v_times};
-- evidence?: It is the reader: data for this port woke it, or it was seen reading it ({result:n time}).
SELECT sum(times) FROM _flow_task WHERE proto = {flow_proto} AND dst = {flow_dst} AND dport = {flow_dport} AND pid = {pid} AND NOT alike;
-- evidence?: The tape has no frames: it is taken for the reader, because packets of the same length on the same device woke it {result:n time} and no other task.
SELECT sum(times) FROM _flow_task WHERE proto = {flow_proto} AND dst = {flow_dst} AND dport = {flow_dport} AND pid = {pid} AND alike;
-- evidence?: The cgroup {v_cgroup} was throttled {result:n time} in that time, for {held:time}.
SELECT max(nr_throttled) - min(nr_throttled), max(throttled_ns) - min(throttled_ns) AS held FROM cgroup_quota WHERE path = {v_cgroup};
-- evidence?: During its longest wait {who} ran for {result:time} on CPU {cpu}.
SELECT sum(min(r.end_ns, g.to_ns) - max(r.start_ns, g.from_ns)) AS ns, coalesce(t.comm || ' (pid ' || r.pid || ')', 'a task (pid ' || r.pid || ')') AS who, r.cpu FROM (SELECT end_ns AS from_ns, next_ns AS to_ns, cpu FROM (SELECT end_ns, end_state, cpu, lead(start_ns) OVER (ORDER BY start_ns) AS next_ns FROM run WHERE pid = {pid}) WHERE end_state IN (0, 256) ORDER BY next_ns - end_ns DESC, end_ns LIMIT 1) g JOIN run r ON r.cpu = g.cpu AND r.end_ns > g.from_ns AND r.start_ns < g.to_ns LEFT JOIN task t ON t.pid = r.pid WHERE {v_cgroup} IS NULL GROUP BY r.pid ORDER BY ns DESC, r.pid LIMIT 1;
-- evidence?: {result} datagrams for it were dropped because its receive buffer was full.
SELECT {packets};
-- evidence?: Its receive queue held up to {result} bytes at the snapshots.
SELECT {v_queue};
-- packets:
SELECT id FROM _packet WHERE flow_id = {flow_id} ORDER BY outcome = 4 DESC, id LIMIT 20;
-- advice: Raise the CPU quota of the cgroup {v_cgroup}, or give its tasks less to do.
-- command: sh -c 'echo {v_quota_new} {v_period} >/sys/fs/cgroup{v_cgroup}/cpu.max'
-- undo: sh -c 'echo {v_quota} {v_period} >/sys/fs/cgroup{v_cgroup}/cpu.max'
-- when: SELECT {v_version} = 2
-- advice: Raise the CPU quota of the cgroup {v_cgroup}, or give its tasks less to do.
-- command: sh -c 'echo {v_quota_new} >/sys/fs/cgroup/cpu{v_cgroup}/cpu.cfs_quota_us'
-- undo: sh -c 'echo {v_quota} >/sys/fs/cgroup/cpu{v_cgroup}/cpu.cfs_quota_us'
-- when: SELECT {v_version} = 1
-- advice: Give the reader its share of the CPU: a better priority, or CPUs where less runs.
-- command: taskset -cp {pid}
-- when: SELECT {v_cgroup} IS NULL
-- ruled-out: Not a reader that waits for something else: it was ready to run all that time.
-- ruled-out: Not a full CPU: the quota stopped it, whatever else ran.
-- when: SELECT {v_cgroup} IS NOT NULL
