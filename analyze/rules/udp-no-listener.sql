-- SPDX-License-Identifier: MIT
-- cause: udp-no-listener
-- severity: warning
-- tested: live
-- uses: events, frames, counters, sockets
-- symptom-of: listener-wrong-address/flow, duplicate-address
-- how: Drops with reason NO_SOCKET in UDP's receive functions, per destination address and port: at least 5 to the same port,
--   so that a port scan (a few datagrams to each of many ports), traceroute and late replies are not taken for a service
--   that is gone. Fewer than 10 to a port that never had a socket are info; critical where it had one during the
--   recording. Where no frame shows whose the datagrams were, nothing is found.
-- title: No socket on UDP {flow_dst} port {flow_dport}
-- summary: {packets} datagrams[[ of {v_seen}]] to {flow_dst} port {flow_dport} were dropped, because no socket takes that port there[[; {v_gone}]].
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
	WHERE t.function IN ('__udp4_lib_rcv', 'udp_rcv', '__udp6_lib_rcv', 'udpv6_rcv')
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
			AND s.src IN (h.dst, '0.0.0.0', '::', '*') AND NOT s.at_end) AS socket_gone,
		(SELECT sum(r.reads) FROM _reader r WHERE r.proto = 'udp' AND r.dst = h.dst AND r.dport = h.dport) AS reads
	FROM hit h
)
SELECT
	CASE WHEN (h.socket_gone OR h.reads > 0) AND h.drops >= 10 THEN 'critical'
		WHEN h.socket_gone OR h.reads > 0 OR h.drops >= 10 THEN 'warning' ELSE 'info' END AS severity,
	CASE WHEN h.placed IS NOT NULL THEN 0.85 WHEN h.reason IS NULL THEN 0.8 ELSE 0.97 END AS confidence,
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
	h.from_ns,
	h.to_ns,
	h.drops AS packets,
	nullif(h.bytes, 0) AS bytes,
	nullif(h.flows, 0) AS flows,
	max(h.seen, h.drops) AS v_seen,
	h.placed AS v_placed,
	CASE WHEN h.reads > 0 THEN 'the service was there earlier in the recording (' || h.reads || ' datagrams were read) and went away'
		WHEN h.socket_gone THEN 'the service was there earlier in the recording and went away' END AS v_gone
FROM had h
WHERE h.drops >= 5
	AND NOT EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'udp' AND s.netns IS h.netns AND s.sport = h.dport AND s.at_end
		AND s.src IN (h.dst, '0.0.0.0', '::', '*') AND NOT h.socket_gone AND h.reads IS NULL)
ORDER BY h.drops DESC, h.netns, h.dst, h.dport;

-- evidence: {result} datagrams to this port were freed in {function}[[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND reason IS {reason} AND dst = {flow_dst} AND dport = {flow_dport};
-- evidence?: The counter NoPorts of UDP grew by {result} in the namespace {netns} (all ports together).
SELECT sum(delta) FROM _moved WHERE name IN ('Udp.NoPorts', 'Udp6NoPorts') AND netns IS {netns} AND delta > 0;
-- evidence?: The drop events name no namespace; they belong to {netns}, because NoPorts grew nowhere else.
SELECT {v_placed} = 'counter';
-- evidence: UDP sockets on port {flow_dport} in this namespace in the last snapshot: {result}.
SELECT count(*) FROM _socket_span WHERE proto = 'udp' AND netns IS {netns} AND sport = {flow_dport} AND at_end;
-- evidence?: Before that, {who} had read {result:n datagram} from this port.
SELECT sum(reads), coalesce(comm || ' (pid ' || pid || ')', 'a task (pid ' || pid || ')') AS who FROM _reader WHERE proto = 'udp' AND dst = {flow_dst} AND dport = {flow_dport} GROUP BY pid ORDER BY sum(reads) DESC, pid;
-- evidence?: {result:n other datagram} went to {ports:n other port} without socket: a scan or stray traffic, not this fault.
SELECT sum(drops), count(DISTINCT dport) AS ports FROM _drop_target WHERE reason IS {reason} AND function = {function} AND netns IS {netns} AND NOT (dst = {flow_dst} AND dport = {flow_dport});
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND d.reason IS {reason} AND f.dst = {flow_dst} AND f.dport = {flow_dport} ORDER BY d.id LIMIT 20;
-- advice: Start the service again, or find out why it ended; see which sockets there are.
-- command: {ns}ss -lunp sport = :{flow_dport}
-- advice: If no service belongs on this port, the sender is wrong: correct the address or port there.
-- ruled-out: Not a full receive buffer: there is no socket whose buffer could be full.
-- ruled-out: Not the firewall: the datagrams reached UDP's socket lookup, which lies behind it.
