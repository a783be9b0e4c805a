-- SPDX-License-Identifier: MIT
-- cause: conntrack-invalid-nat-escape
-- severity: warning
-- tested: live
-- uses: frames, counters, config
-- how: Connection tracking has an entry with a translated destination (DNAT, load balancing), yet at least 3 captured packets of its answers left that
--   namespace with the source untranslated, and the client answered them with a reset; connection tracking's counter invalid grew:
--   INVALID packets are not translated, and no rule dropped them. Without the reset nothing is said, for the taps may see a packet on its way to the translation.
-- title: Untranslated answers of {flow_dst} port {flow_dport} make clients reset
-- summary: {packets} packets of {v_server} port {v_sport} left {netns} without their address being translated back to {flow_dst} port
--   {flow_dport}; {v_resets} resets came for them: connection tracking found them INVALID and let them pass.
WITH entry AS (
	SELECT c.netns_id, c.netns, c.src, c.sport, c.dst, c.dport, c.reply_src, c.reply_sport
	FROM conntrack c
	WHERE c.proto = 'tcp' AND c.reply_src <> c.dst AND c.reply_dst = c.src AND c.reply_dport = c.sport
		AND EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'conntrack' AND m.name = 'invalid' AND m.delta > 0 AND m.netns = c.netns)
), escaped AS (
	SELECT e.*, f.id AS flow_id, f.reverse_id, f.first_ns, f.last_ns,
		(SELECT count(*) FROM _frame x WHERE x.flow_id = f.id AND x.direction = 1) AS packets,
		(SELECT count(*) FROM _frame x WHERE x.flow_id = f.reverse_id AND x.direction = 0 AND x.tcp_flags & 4) AS resets
	FROM entry e
	JOIN flow f ON f.netns_id = e.netns_id AND f.proto = 'tcp' AND f.src = e.reply_src AND f.sport = e.reply_sport AND f.dst = e.src AND f.dport = e.sport
)
SELECT
	CASE WHEN sum(x.resets > 0) >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	0.9 AS confidence,
	x.netns,
	max(x.flow_id) AS flow_id,
	'tcp' AS flow_proto,
	CASE WHEN min(x.src) = max(x.src) THEN min(x.src) END AS flow_src,
	x.dst AS flow_dst,
	x.dport AS flow_dport,
	min(x.first_ns) AS from_ns,
	max(x.last_ns) AS to_ns,
	sum(x.packets) AS packets,
	count(*) AS flows,
	x.reply_src AS v_server,
	x.reply_sport AS v_sport,
	sum(x.resets) AS v_resets,
	(SELECT value FROM sysctl s WHERE s.netns = x.netns AND s.name = 'net.netfilter.nf_conntrack_tcp_be_liberal') AS v_liberal
FROM escaped x
WHERE x.packets > 0 AND x.resets > 0
GROUP BY x.netns, x.dst, x.dport, x.reply_src, x.reply_sport
HAVING sum(x.packets) >= 3
ORDER BY sum(x.packets) DESC, x.netns, x.dst, x.dport, x.reply_src;

-- evidence: {result} captured packets left {netns} with the source {v_server} port {v_sport}, untranslated.
SELECT count(*) FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.netns IS {netns} AND w.proto = 'tcp' AND w.src = {v_server} AND w.sport = {v_sport} AND f.direction = 1;
-- evidence: {result} resets for {v_server} port {v_sport} came in there.
SELECT count(*) FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.netns IS {netns} AND w.proto = 'tcp' AND w.dst = {v_server} AND w.dport = {v_sport} AND f.direction = 0 AND f.tcp_flags & 4;
-- evidence: Connection tracking's counter invalid grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'conntrack' AND name = 'invalid' AND netns IS {netns} AND delta > 0;
-- evidence: It has {result} entries that translate {flow_dst} port {flow_dport} to {v_server} port {v_sport}.
SELECT count(*) FROM conntrack WHERE netns IS {netns} AND dst = {flow_dst} AND dport = {flow_dport} AND reply_src = {v_server} AND reply_sport = {v_sport};
-- advice: Drop what is INVALID in forwarding ("ct state invalid drop"), so that the endpoints repeat it instead of resetting; the rules as they are:
-- command: {ns}nft -a list ruleset
-- advice: Or be liberal about windows, so that they are not INVALID.
-- command: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1
-- undo: {ns}sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=0
-- when: SELECT {v_liberal} = '0'
-- ruled-out: Not the service: it sent no reset, the client's kernel did, for an address it never talked to.
