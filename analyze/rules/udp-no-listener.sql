-- SPDX-License-Identifier: MIT
-- cause: udp-no-listener
-- severity: warning
-- tested: live
-- uses: events, frames, counters, sockets
-- partial: path
-- symptom-of: listener-wrong-address/flow, duplicate-address
-- how: Drops with reason NO_SOCKET in UDP's receive functions, per destination address and port: at least 5 to the same port,
--   so that a port scan (a few datagrams to each of many ports), traceroute and late replies are not taken for a service
--   that is gone. Fewer than 10 to a port that never had a socket are info; critical where it had one during the
--   recording. Where no frame shows whose the datagrams were, their port is not known: at least 10 datagrams of one length are found where 5 or more
--   of that length were delivered on the same device before the first of them, and none after it; else 50 are told as an info.
-- title: No socket[[ on UDP {flow_dst} port {flow_dport}]][[ for UDP datagrams that reach {v_where}]]
-- summary: {packets} datagrams[[ of {v_seen}]][[ to {flow_dst} port {flow_dport}]][[ that reached {v_where}]] were dropped, because no socket takes that port there[[; {v_gone}]].[[ Their port is not
--   known: the tape has no frames of them{v_ports}.]]
WITH hit AS (
	SELECT
		t.netns,
		max(t.netns_by) AS placed,
		max(t.dev) AS dev,
		max(t.function) AS function,
		max(t.reason) AS reason,
		t.dst,
		t.dport,
		CASE WHEN min(t.src) = max(t.src) AND count(t.src) = count(*) THEN min(t.src) END AS src,
		CASE WHEN min(t.sport) = max(t.sport) AND count(t.sport) = count(*) THEN min(t.sport) END AS sport,
		max(t.flow_id) AS flow_id,
		sum(t.flows) AS flows,
		sum(t.drops) AS drops,
		sum(t.bytes) AS bytes,
		sum(t.seen) AS seen,
		min(t.from_ns) AS from_ns,
		max(t.to_ns) AS to_ns
	FROM _drop_target t
	WHERE (t.function IN ('__udp4_lib_rcv', 'udp_rcv', '__udp6_lib_rcv', 'udpv6_rcv') OR (t.function = '?' AND t.reason = 'NO_SOCKET' AND t.proto = 'udp'))
		AND (t.reason = 'NO_SOCKET' OR (t.reason IS NULL AND EXISTS (
			SELECT 1 FROM _moved m WHERE m.name IN ('Udp.NoPorts', 'Udp6NoPorts') AND m.delta > 0 AND (m.netns = t.netns OR t.netns IS NULL))))
		AND t.dport IS NOT NULL
		-- not the answers that come from another address than was asked: reply-source-mismatch
		AND NOT (t.sport IS NOT NULL AND (t.netns, t.dst, t.dport, t.sport) IN (
			SELECT q.netns, q.src, q.sport, q.dport FROM flow q WHERE q.proto = 'udp' AND q.frames >= 3 AND q.reverse_id IS NULL AND q.dport IS NOT NULL))
	GROUP BY t.netns, t.dst, t.dport
), had AS (
	SELECT
		h.*,
		EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'udp' AND s.netns IS h.netns AND s.sport = h.dport
			AND s.src IN (h.dst, '0.0.0.0', '::', '*') AND NOT s.at_end
			AND (s.at_start OR EXISTS (SELECT 1 FROM socket x WHERE x.cookie = s.cookie AND x.snap_ns < h.to_ns))) AS socket_gone,
		-- before the first of them: a client that starts before its server is no service that went away
		(SELECT sum(r.reads) FROM _reader r WHERE r.proto = 'udp' AND r.dst = h.dst AND r.dport = h.dport
			AND EXISTS (SELECT 1 FROM _packet p WHERE p.flow_id = r.flow_id AND p.outcome = 1 AND p.first_ns < h.from_ns)) AS reads
	FROM hit h
), bare AS (
	-- without a frame a datagram's length is all that tells it from others
	SELECT d.netns, d.dev, d.function, d.reason, coalesce(p.len_bytes, -1) AS len, count(*) AS drops, min(d.ts_ns) AS from_ns, max(d.ts_ns) AS to_ns
	FROM packet_drop d LEFT JOIN _packet p ON p.id = d.packet_id
	WHERE d.function IN ('__udp4_lib_rcv', '__udp6_lib_rcv') AND d.reason = 'NO_SOCKET' AND d.flow_id IS NULL AND d.netns IS NOT NULL AND d.dev IS NOT NULL
	GROUP BY d.netns, d.dev, d.function, d.reason, len
	HAVING count(*) >= 10
	ORDER BY count(*) DESC, d.netns, d.dev, len
	LIMIT 10
), bare_before AS (
	SELECT b.*,
		(SELECT count(*) FROM _packet p JOIN netns n ON n.id = p.netns_in_id JOIN _name i ON i.id = p.dev_in_id
			WHERE p.outcome = 1 AND p.len_bytes = b.len AND n.name = b.netns AND i.text = b.dev AND p.first_ns < b.from_ns) AS before,
		(SELECT count(*) FROM _packet p JOIN netns n ON n.id = p.netns_in_id JOIN _name i ON i.id = p.dev_in_id
			WHERE p.outcome = 1 AND p.len_bytes = b.len AND n.name = b.netns AND i.text = b.dev AND p.first_ns >= b.from_ns) AS after
	FROM bare b
), bare_found AS (
	SELECT netns, dev, function, reason, len, drops, from_ns, to_ns, before FROM bare_before WHERE before >= 5 AND after = 0
	UNION ALL
	SELECT t.netns, max(t.dev), t.function, t.reason, NULL, sum(t.drops), min(t.from_ns), max(t.to_ns), NULL
	FROM _drop_target t
	WHERE t.function IN ('__udp4_lib_rcv', '__udp6_lib_rcv') AND t.reason = 'NO_SOCKET' AND t.flows = 0
		AND NOT EXISTS (SELECT 1 FROM bare_before b WHERE b.netns IS t.netns AND b.before >= 5 AND b.after = 0)
	GROUP BY t.netns, t.function, t.reason
	HAVING sum(t.drops) >= 50
), bare_port AS (
	-- not the clients' own ports
	SELECT f.netns, f.from_ns, replace(group_concat(DISTINCT s.sport), ',', ', ') AS ports
	FROM bare_found f JOIN _socket_span s ON s.netns = f.netns AND s.proto = 'udp' AND NOT s.at_end AND coalesce(s.dport, 0) = 0
	WHERE f.len IS NOT NULL AND s.sport < coalesce((SELECT CAST(y.value AS INTEGER) FROM sysctl y WHERE y.netns = f.netns AND y.name = 'net.ipv4.ip_local_port_range'), 32768)
	GROUP BY f.netns, f.from_ns
)
SELECT
	CASE WHEN (h.socket_gone OR h.reads > 0) AND h.drops >= 10 THEN 'critical'
		WHEN h.socket_gone OR h.reads > 0 OR h.drops >= 10 THEN 'warning' ELSE 'info' END AS severity,
	CASE WHEN h.placed IS NOT NULL OR h.function = '?' THEN 0.85 WHEN h.reason IS NULL THEN 0.8 ELSE 0.97 END AS confidence,
	h.netns,
	h.dev,
	h.function,
	h.reason,
	h.flow_id,
	'udp' AS flow_proto,
	h.src AS flow_src,
	h.sport AS flow_sport,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	NULL AS process,
	NULL AS pid,
	h.from_ns,
	h.to_ns,
	h.drops AS packets,
	nullif(h.bytes, 0) AS bytes,
	nullif(h.flows, 0) AS flows,
	max(h.seen, h.drops) AS v_seen,
	h.placed AS v_placed,
	CASE WHEN h.reads > 0 THEN 'the service was there earlier in the recording (' || h.reads || ' datagrams were read) and went away'
		WHEN h.socket_gone THEN 'the service was there earlier in the recording and went away' END AS v_gone,
	NULL AS v_where,
	NULL AS v_ports,
	NULL AS v_len,
	NULL AS v_before
FROM had h
WHERE h.drops >= 5
	AND NOT EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'udp' AND s.netns IS h.netns AND s.sport = h.dport AND s.at_end
		AND s.src IN (h.dst, '0.0.0.0', '::', '*') AND NOT h.socket_gone AND h.reads IS NULL)
UNION ALL
SELECT
	CASE WHEN f.len IS NULL THEN 'info' ELSE 'warning' END,
	CASE WHEN f.len IS NULL THEN 0.4 WHEN f.drops >= 20 THEN 0.7 ELSE 0.6 END,
	f.netns,
	f.dev,
	f.function,
	f.reason,
	NULL,
	'udp',
	NULL,
	NULL,
	NULL,
	CASE WHEN p.ports NOT LIKE '%,%' THEN CAST(p.ports AS INTEGER) END,
	(SELECT t.comm FROM task t WHERE t.pid = w.pid),
	w.pid,
	f.from_ns,
	f.to_ns,
	f.drops,
	NULL,
	NULL,
	NULL,
	NULL,
	CASE WHEN f.len IS NOT NULL THEN 'datagrams of that length were delivered there until the first of them was dropped: the service was there and went away' END,
	coalesce(f.dev || ' in ', '') || f.netns,
	CASE WHEN p.ports LIKE '%,%' THEN '; sockets with these ports went away: ' || p.ports WHEN p.ports IS NOT NULL THEN '; a socket with port ' || p.ports || ' went away' ELSE '' END,
	f.len,
	f.before
FROM bare_found f
LEFT JOIN bare_port p ON p.netns = f.netns AND p.from_ns = f.from_ns
LEFT JOIN (
	-- who read the datagrams that were delivered before
	SELECT b.netns, b.dev, b.len, k.pid, row_number() OVER (PARTITION BY b.netns, b.dev, b.len ORDER BY count(*) DESC, k.pid) AS nth
	FROM bare_found b JOIN _packet q ON q.len_bytes = b.len AND q.outcome = 1 AND q.first_ns < b.from_ns
	JOIN netns n ON n.id = q.netns_in_id AND n.name = b.netns JOIN _name i ON i.id = q.dev_in_id AND i.text = b.dev JOIN _woken k ON k.packet_id = q.id
	GROUP BY b.netns, b.dev, b.len, k.pid
	HAVING count(*) >= 3
) w ON w.nth = 1 AND w.netns = f.netns AND w.dev = f.dev AND w.len = f.len
ORDER BY packets DESC, netns, flow_dst, flow_dport;

-- evidence?: {result} datagrams to this port were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND reason IS {reason} AND dst = {flow_dst} AND dport = {flow_dport};
-- evidence?: {result} datagrams of UDP without a frame were freed[[ in {function}]] with reason {reason}[[, {packets} of them {v_len} bytes long; {v_before} of that length had been delivered before, and none after]].
SELECT sum(drops) FROM _drop_target WHERE {v_where} IS NOT NULL AND netns IS {netns} AND function = {function} AND reason IS {reason} AND flows = 0;
-- evidence?: The counter NoPorts of UDP grew by {result} in the namespace {netns} (all ports together).
SELECT sum(delta) FROM _moved WHERE name IN ('Udp.NoPorts', 'Udp6NoPorts') AND netns IS {netns} AND delta > 0;
-- evidence?: The drop events name no namespace; they belong to {netns}, because NoPorts grew nowhere else.
SELECT {v_placed} = 'counter';
-- evidence?: UDP sockets on port {flow_dport} in this namespace in the last snapshot: {result}.
SELECT CAST(count(*) AS TEXT) FROM _socket_span WHERE {flow_dport} IS NOT NULL AND proto = 'udp' AND netns IS {netns} AND sport = {flow_dport} AND at_end HAVING {flow_dport} IS NOT NULL;
-- evidence?: Before that, {who} had read {result:n datagram} from this port.
SELECT sum(reads), coalesce(comm || ' (pid ' || pid || ')', 'a task (pid ' || pid || ')') AS who FROM _reader WHERE {v_gone} IS NOT NULL AND proto = 'udp' AND dst = {flow_dst} AND dport = {flow_dport} GROUP BY pid ORDER BY sum(reads) DESC, pid;
-- evidence?: {result:n other datagram} went to {ports:n other port} without socket: a scan or stray traffic, not this fault.
SELECT sum(drops), count(DISTINCT dport) AS ports FROM _drop_target WHERE reason IS {reason} AND function = {function} AND netns IS {netns} AND NOT (dst = {flow_dst} AND dport = {flow_dport});
-- packets:
SELECT d.packet_id FROM packet_drop d LEFT JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND d.reason IS {reason} AND f.dst IS {flow_dst} AND (f.dport = {flow_dport} OR ({v_where} IS NOT NULL AND d.netns = {netns})) ORDER BY d.id LIMIT 20;
-- advice: Start the service again, or find out why it ended; see which sockets there are.
-- command: {ns}ss -lunp sport = :{flow_dport}
-- when: SELECT {flow_dport} IS NOT NULL
-- advice: Record again with frames: they tell the port, and with it the service that is missing.
-- command: skbtape-record -d 10 udp
-- when: SELECT {flow_dport} IS NULL
-- advice: If no service belongs on this port, the sender is wrong: correct the address or port there.
-- ruled-out: Not a full receive buffer: there is no socket whose buffer could be full.
-- ruled-out: Not the firewall: the datagrams reached UDP's socket lookup, which lies behind it.
