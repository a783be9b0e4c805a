-- SPDX-License-Identifier: MIT
-- cause: ephemeral-ports-exhausted
-- severity: warning
-- tested: live
-- uses: sockets, counters, config
-- how: Every port of net.ipv4.ip_local_port_range of a namespace (in which none is kept back by net.ipv4.ip_local_reserved_ports) was seen with a UDP socket of one
--   address family, and a snapshot of sockstat counts as many sockets in use at once, those on other ports taken off. A UDP port belongs to one
--   socket whatever its destination (udp_lib_get_port()), so the next socket that sends, connects or binds without a port gets none. No event, packet or counter
--   tells of that failure, so how often it happened is not known.
-- title: No local UDP port left in {netns}
-- summary: All {v_ports} ports of the range {v_range} were held by UDP sockets[[, most of them ({v_most}) to {flow_dst} port {flow_dport}]]: the next socket without a port of its own
--   fails, bind() with EADDRINUSE, connect() and send() with EAGAIN. How many failed is not known: the kernel tells of none.
WITH span AS (
	SELECT netns, v, CAST(v AS INTEGER) AS low, CAST(substr(v, instr(v, ' ') + 1) AS INTEGER) AS high
	FROM (SELECT netns, replace(coalesce(value_end, value), char(9), ' ') AS v FROM sysctl WHERE name = 'net.ipv4.ip_local_port_range')
), taken AS (
	SELECT s.netns, s.family, p.low, p.high, p.v, p.high - p.low + 1 AS ports, count(DISTINCT CASE WHEN s.sport BETWEEN p.low AND p.high THEN s.sport END) AS n,
		count(DISTINCT CASE WHEN s.sport NOT BETWEEN p.low AND p.high THEN s.cookie END) AS others
	FROM socket s JOIN span p ON p.netns = s.netns
	WHERE s.proto = 'udp' AND s.family IN (2, 10) AND p.low > 0
		AND NOT EXISTS (SELECT 1 FROM sysctl r WHERE r.netns = s.netns AND r.name = 'net.ipv4.ip_local_reserved_ports' AND coalesce(r.value_end, r.value) GLOB '*[0-9]*')
	GROUP BY s.netns, s.family
), full AS (
	SELECT t.*, min(c.snap_ns) AS from_ns, max(c.snap_ns) AS to_ns, max(c.value) AS inuse
	FROM taken t JOIN counter c ON c.netns = t.netns AND c.name = CASE t.family WHEN 2 THEN 'UDP.inuse' ELSE 'UDP6.inuse' END AND c.value - t.others >= t.ports
	WHERE t.n = t.ports
	GROUP BY t.netns, t.family
), whom AS (
	SELECT f.netns, f.family, s.dst, s.dport, count(DISTINCT s.sport) AS n, min(s.src) AS src, row_number() OVER (PARTITION BY f.netns, f.family ORDER BY count(DISTINCT s.sport) DESC, s.dst, s.dport) AS nth
	FROM full f JOIN socket s ON s.netns = f.netns AND s.family = f.family AND s.proto = 'udp' AND s.sport BETWEEN f.low AND f.high AND s.dport > 0
	GROUP BY f.netns, f.family, s.dst, s.dport
)
SELECT
	0.8 AS confidence,
	f.netns,
	'udp' AS flow_proto,
	w.src AS flow_src,
	w.dst AS flow_dst,
	w.dport AS flow_dport,
	f.from_ns,
	f.to_ns,
	20 AS harm, -- every new sender fails
	f.n AS v_ports,
	f.v AS v_range,
	w.n AS v_most,
	f.inuse AS v_inuse,
	f.family AS v_family,
	f.low AS v_low,
	f.high AS v_high
FROM full f LEFT JOIN whom w ON w.netns = f.netns AND w.family = f.family AND w.nth = 1 AND 2 * w.n >= f.n
ORDER BY f.netns, f.family;

-- evidence: Sockets were seen on {result} of the {v_ports} ports, and {v_inuse} UDP sockets were in use at once.
SELECT count(DISTINCT sport) FROM socket WHERE proto = 'udp' AND netns IS {netns} AND family = {v_family} AND sport BETWEEN {v_low} AND {v_high};
-- evidence: net.ipv4.ip_local_port_range is {result}.
SELECT {v_range};
-- advice: Find out who holds so many UDP sockets: a socket for each request that is not closed, or a leak.
-- command: {ns}ss -uanp
-- advice: Widen the range of local ports; keep the ports of services out of it (net.ipv4.ip_local_reserved_ports).
-- command: {ns}sysctl -w net.ipv4.ip_local_port_range='1024 65535'
-- undo: {ns}sysctl -w net.ipv4.ip_local_port_range={v_range}
-- when: SELECT {v_range} <> '1024 65535'
-- ruled-out: Not the network: without a port no packet of these attempts is made.
