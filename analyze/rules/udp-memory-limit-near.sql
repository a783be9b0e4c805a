-- SPDX-License-Identifier: MIT
-- cause: udp-memory-limit
-- severity: info
-- tested: replay
-- uses: counters, config
-- how: The memory of all UDP sockets (sockstat) reached three quarters of the third value of net.ipv4.udp_mem at a snapshot, and no packet was dropped for
--   it (PROTO_MEM). A hint before it hurts: at the limit all sockets suffer.
-- title: The memory of all UDP sockets is near its limit
-- summary: UDP sockets held {v_used} of {v_limit} pages (net.ipv4.udp_mem). Nothing was dropped for it so far.
WITH used AS (
	SELECT max(value) AS pages FROM counter WHERE source = 'sockstat' AND name = 'UDP.mem'
), allowed AS (
	SELECT max(CAST(substr(rtrim(coalesce(value_end, value)), length(rtrim(rtrim(coalesce(value_end, value)), '0123456789')) + 1) AS INTEGER)) AS pages
	FROM sysctl WHERE name = 'net.ipv4.udp_mem'
)
SELECT
	0.9 AS confidence,
	u.pages AS v_used,
	a.pages AS v_limit
FROM used u JOIN allowed a
WHERE a.pages > 0 AND u.pages * 4 >= a.pages * 3
	AND NOT EXISTS (SELECT 1 FROM _drop_target t WHERE t.reason = 'PROTO_MEM' AND t.function LIKE '%udp%');

-- evidence: sockstat shows up to {result} pages of UDP memory.
SELECT {v_used};
-- advice: Find the sockets that hold it: readers that do not read, buffers that are too large.
-- command: ss -uamn
