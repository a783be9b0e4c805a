-- SPDX-License-Identifier: MIT
-- cause: conntrack-full
-- severity: info
-- tested: replay
-- uses: counters, config
-- how: The connection tracking table of a namespace held three quarters of nf_conntrack_max or more at a snapshot, and connection tracking dropped nothing and threw
--   no entry out early. A hint before it hurts. An entry that is ESTABLISHED and was silent for an hour (by what is left of its timeout) is called idle; where these are half
--   of the table, the timeout is what fills it.
-- title: The connection tracking table[[ of {netns}]] is {v_share:pct} full
-- summary: {v_used} of {v_max} entries (nf_conntrack_max) were taken. Nothing was dropped so far; at the limit new connections are.[[ {v_idle} of the entries are
--   connections that were silent for an hour or more; such an entry stays for {v_timeout} s.]]
WITH used AS (
	SELECT netns, max(value) AS n
	FROM counter
	WHERE source = 'conntrack' AND name = 'entries'
	GROUP BY netns
), room AS (
	SELECT u.netns, u.n,
		coalesce((SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' AND netns IS u.netns),
			(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' ORDER BY netns_id LIMIT 1)) AS most,
		(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_tcp_timeout_established' AND netns IS u.netns) AS timeout
	FROM used u
)
SELECT
	0.9 AS confidence,
	r.netns,
	r.n AS v_used,
	r.most AS v_max,
	2 * r.most AS v_max_new,
	2 * (SELECT max(CAST(coalesce(value_end, value) AS INTEGER)) FROM sysctl WHERE name = 'net.ipv4.tcp_keepalive_time') AS v_timeout_new,
	min(1.0, CAST(r.n AS REAL) / r.most) AS v_share,
	r.timeout AS v_timeout,
	(SELECT count(*) FROM conntrack c WHERE c.netns IS r.netns AND c.state = 'ESTABLISHED' AND r.timeout - c.timeout_s BETWEEN 3600 AND r.timeout HAVING count(*) * 2 >= r.n) AS v_idle
FROM room r
WHERE r.most > 0 AND r.n * 4 >= r.most * 3
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'conntrack' AND m.name IN ('drop', 'early_drop') AND m.netns IS r.netns AND m.delta > 0)
ORDER BY CAST(r.n AS REAL) / r.most DESC, r.netns
LIMIT 3;

-- evidence: The table held {result} entries at a snapshot; nf_conntrack_max is {v_max}.
SELECT {v_used};
-- evidence?: Most of the entries: {n} of {total} are {v_entry}.
SELECT proto || coalesce(' ' || state, CASE WHEN status & 2 = 0 THEN ' without a reply' ELSE '' END) AS v_entry, count(*) AS n, (SELECT count(*) FROM conntrack WHERE netns IS {netns}) AS total FROM conntrack WHERE netns IS {netns} GROUP BY v_entry ORDER BY n DESC, v_entry;
-- advice: Make the table larger (about 320 bytes for each entry).
-- command: sysctl -w net.netfilter.nf_conntrack_max={v_max_new}
-- undo: sysctl -w net.netfilter.nf_conntrack_max={v_max}
-- advice: Forget silent connections sooner; those that send keep-alives stay: the new value leaves time for twice as long as this host's own wait (tcp_keepalive_time).
-- command: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established={v_timeout_new}
-- undo: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established={v_timeout}
-- when: SELECT {v_idle} > 0 AND {v_timeout_new} < {v_timeout}
-- advice: See what fills it, and shorten that timeout or exempt that traffic (notrack).
-- command: {ns}conntrack -L
-- ruled-out: Not a loss so far: connection tracking's counters drop and early_drop stood still.
