-- SPDX-License-Identifier: MIT
-- cause: conntrack-time-wait
-- severity: warning
-- tested: live
-- uses: counters, config
-- how: As for a full table (counter drop grew, not explained by insert_failed), and most of its TCP entries, at least half of all, are in TIME_WAIT.
-- title: Connection tracking table filled by TIME_WAIT entries
-- summary: {v_tw} of {v_all} entries of the connection tracking table[[ in {netns}]] are closed connections in TIME_WAIT, and
--   {packets} packets of new connections were dropped for lack of room.
WITH ct AS (
	SELECT netns, total(CASE name WHEN 'drop' THEN delta END) - total(CASE name WHEN 'insert_failed' THEN delta END) AS dropped
	FROM _moved
	WHERE source = 'conntrack' AND name IN ('drop', 'insert_failed')
	GROUP BY netns
), entries AS (
	SELECT netns, count(*) AS n, sum(coalesce(state, '') = 'TIME_WAIT') AS tw
	FROM conntrack
	GROUP BY netns
)
SELECT
	CASE WHEN c.dropped >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	c.netns,
	CAST(c.dropped AS INTEGER) AS packets,
	e.tw AS v_tw,
	e.n AS v_all,
	coalesce((SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_tcp_timeout_time_wait' AND netns IS c.netns), (SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_tcp_timeout_time_wait' ORDER BY netns_id LIMIT 1)) AS v_timeout,
	(SELECT CAST(value AS INTEGER) / 4 FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_tcp_timeout_time_wait' AND netns IS c.netns) AS v_timeout_new
FROM ct c
JOIN entries e ON e.netns IS c.netns
WHERE c.dropped >= 3 AND e.tw * 2 >= e.n AND e.tw >= 20
ORDER BY c.dropped DESC, c.netns;

-- evidence: {result} of {n} entries in the last snapshot are in TIME_WAIT.
SELECT sum(coalesce(state, '') = 'TIME_WAIT'), count(*) AS n FROM conntrack WHERE netns IS {netns};
-- evidence: Connection tracking's counter drop grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'drop' AND netns IS {netns};
-- evidence?: An entry stays {result} s in TIME_WAIT (net.netfilter.nf_conntrack_tcp_timeout_time_wait).
SELECT {v_timeout};
-- advice: Shorten the time that closed connections stay in the table.
-- command: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_timeout_time_wait={v_timeout_new}
-- undo: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_timeout_time_wait={v_timeout}
-- when: SELECT {v_timeout_new} > 0
-- advice: Let clients reuse connections (keep-alive, pools) instead of one for each request.
