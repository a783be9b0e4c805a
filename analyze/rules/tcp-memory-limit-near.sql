-- SPDX-License-Identifier: MIT
-- cause: tcp-memory-limit
-- severity: info
-- tested: replay
-- uses: counters, config
-- how: The memory of all TCP sockets (sockstat) reached three quarters of the third value of net.ipv4.tcp_mem at a snapshot, or the second one,
--   from which on TCP shrinks buffers and windows (tcp_under_memory_pressure()), and no packet was dropped for it (PROTO_MEM). A hint before it hurts: at the
--   limit all sockets suffer.
-- title: The memory of all TCP sockets is near its limit
-- summary: TCP sockets held {v_used} of {v_limit} pages (net.ipv4.tcp_mem)[[, more than the {v_pressure} from which on buffers and windows are shrunk]]. Nothing was dropped for it so far.
WITH used AS (
	SELECT max(value) AS pages FROM counter WHERE source = 'sockstat' AND name = 'TCP.mem'
), words AS (
	SELECT replace(trim(coalesce(value_end, value)), char(9), ' ') AS v FROM sysctl WHERE name = 'net.ipv4.tcp_mem' ORDER BY netns_id LIMIT 1
), cut AS (
	SELECT v, CAST(v AS INTEGER) AS low, ltrim(substr(v, instr(v, ' '))) AS rest FROM words
), allowed AS (
	SELECT v, low, CAST(rest AS INTEGER) AS pressure, CAST(ltrim(substr(rest, instr(rest, ' '))) AS INTEGER) AS pages FROM cut
)
SELECT
	0.9 AS confidence,
	u.pages AS v_used,
	a.pages AS v_limit,
	CASE WHEN a.pressure > 0 AND u.pages >= a.pressure THEN a.pressure END AS v_pressure,
	a.v AS v_now,
	printf('%d %d %d', 2 * a.low, 2 * a.pressure, 2 * a.pages) AS v_new
FROM used u JOIN allowed a
WHERE a.pages > 0 AND (u.pages * 4 >= a.pages * 3 OR (a.pressure > 0 AND u.pages >= a.pressure))
	AND NOT EXISTS (SELECT 1 FROM _drop_target t WHERE t.reason = 'PROTO_MEM' AND t.function LIKE '%tcp%');

-- evidence: sockstat shows up to {result} pages of TCP memory.
SELECT {v_used};
-- evidence?: TCP entered memory pressure {result:n time} (TcpExt.TCPMemoryPressures): it shrinks buffers and windows.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPMemoryPressures' AND delta > 0;
-- advice: Find the sockets that hold it: readers that do not read, buffers that are too large.
-- command: ss -tamn
-- advice: Where they need it and the machine has it, allow more.
-- command: sysctl -w net.ipv4.tcp_mem={v_new}
-- undo: sysctl -w net.ipv4.tcp_mem={v_now}
