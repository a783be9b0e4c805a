-- SPDX-License-Identifier: MIT
-- What a damaged tape's database claims and that of the whole one, w, does not. One line for each claim.
-- A clock reading that is lost moves all times by the same nanoseconds: by what most drops are apart.
CREATE TEMP TABLE moved AS
SELECT coalesce((SELECT d.ts_ns - x.ts_ns FROM main.packet_drop d JOIN w.packet_drop x ON x.cpu = d.cpu
	AND x.reason IS d.reason AND x.ts_ns BETWEEN d.ts_ns - 100000 AND d.ts_ns + 100000
	GROUP BY 1 ORDER BY count(*) DESC, abs(d.ts_ns - x.ts_ns) LIMIT 1), 0) AS ns;
CREATE TEMP TABLE last AS -- of packets that are certain: the last stage seen
SELECT p.id, p.outcome, p.flow_id, h.ts_ns - (SELECT ns FROM temp.moved) AS ts_ns, h.cpu, h.stage
FROM main.packet p JOIN main.hop h ON h.packet_id = p.id
WHERE p.confidence = 'certain' AND p.outcome <> 'unknown' AND h.confidence = 'certain'
	AND h.seq = (SELECT max(seq) FROM main.hop x WHERE x.packet_id = p.id);
CREATE TEMP TABLE at AS SELECT h.packet_id, h.ts_ns, h.cpu, h.stage FROM w.hop h;
CREATE INDEX temp.at_ts ON at(ts_ns, cpu);

SELECT 'certain', l.id, l.outcome, l.stage, l.ts_ns, (
	SELECT group_concat(p.id || ' ' || p.outcome || ' ' || p.confidence) FROM temp.at a JOIN w.packet p ON p.id = a.packet_id
	WHERE a.ts_ns = l.ts_ns AND a.cpu = l.cpu AND a.stage = l.stage)
FROM temp.last l LEFT JOIN main.flow f ON f.id = l.flow_id
WHERE NOT EXISTS (
	SELECT 1 FROM temp.at a JOIN w.packet p ON p.id = a.packet_id LEFT JOIN w.flow g ON g.id = p.flow_id
	WHERE a.ts_ns = l.ts_ns AND a.cpu = l.cpu AND a.stage = l.stage AND p.outcome = l.outcome AND p.confidence = 'certain'
		AND (f.id IS NULL OR g.id IS NULL OR (f.proto IS g.proto AND f.src IS g.src AND f.dst IS g.dst AND f.sport IS g.sport AND f.dport IS g.dport)));

-- Without the kernel's symbols it is not known either that an skb was of a Unix socket or of netlink: packet_drop leaves those out.
SELECT 'drop', d.id, d.function, d.reason, d.ts_ns FROM main.packet_drop d
WHERE NOT EXISTS (
	SELECT 1 FROM w.packet_drop x WHERE x.ts_ns = d.ts_ns - (SELECT ns FROM temp.moved) AND x.cpu = d.cpu AND x.reason IS d.reason AND x.function IS d.function)
	AND NOT (d.function = '?' AND EXISTS (
		SELECT 1 FROM w._drop x WHERE x.ts_ns = d.ts_ns - (SELECT ns FROM temp.moved) AND x.cpu = d.cpu));

-- The cause in the same namespace (by its number: names can be lost) and no more packets than the whole tape's findings of it have.
-- Without the kernel's symbols the place of a drop is not known and the cause a more general one: of the same namespace then.
SELECT 'finding', f.cause, f.netns, f.dev, f.function, f.packets, f.confidence FROM main.finding f
LEFT JOIN main.netns n ON n.name = f.netns
WHERE NOT EXISTS (
	SELECT 1 FROM w.finding g LEFT JOIN w.netns m ON m.name = g.netns
	WHERE g.cause = f.cause AND (f.netns IS NULL OR g.netns IS NULL OR m.inum IS n.inum)
	GROUP BY g.cause HAVING f.packets IS NULL OR total(g.packets) >= f.packets OR count(g.packets) = 0)
	AND NOT (f.function = '?' AND EXISTS (SELECT 1 FROM w.finding g WHERE g.netns IS f.netns AND g.packets >= f.packets));

-- Nothing is surer or worse than in the whole tape.
SELECT 'surer', f.cause, f.netns, f.confidence, f.severity FROM main.finding f
WHERE EXISTS (SELECT 1 FROM w.finding g WHERE g.cause = f.cause)
	AND NOT EXISTS (
		SELECT 1 FROM w.finding g WHERE g.cause = f.cause AND g.confidence >= f.confidence - 0.001
			AND instr('critical warning info', g.severity) <= instr('critical warning info', f.severity));

-- The flow and the device it names are those of a finding of that cause, or of a drop.
SELECT 'flow', f.cause, f.flow_proto, f.flow_src, f.flow_sport, f.flow_dst, f.flow_dport FROM main.finding f
WHERE f.flow_dst IS NOT NULL
	AND NOT EXISTS (SELECT 1 FROM w.finding g WHERE g.cause = f.cause AND g.flow_proto IS f.flow_proto AND g.flow_dst IS f.flow_dst
		AND (g.flow_dport IS f.flow_dport OR g.flow_dport IS NULL))
	AND NOT EXISTS (SELECT 1 FROM w._drop_group g WHERE g.proto IS f.flow_proto AND g.dst IS f.flow_dst AND g.dport IS f.flow_dport
		AND g.reason IS f.reason);
SELECT 'dev', f.cause, f.netns, f.dev FROM main.finding f
WHERE f.dev IS NOT NULL AND NOT EXISTS (SELECT 1 FROM w.finding g WHERE g.cause = f.cause AND (g.dev IS f.dev OR g.dev IS NULL));
SELECT 'process', f.cause, f.process, f.pid FROM main.finding f
WHERE f.pid IS NOT NULL AND NOT EXISTS (SELECT 1 FROM w.finding g WHERE g.cause = f.cause AND (g.pid IS f.pid OR g.pid IS NULL));

-- What is ruled out there is ruled out here, where the whole tape has such a finding.
SELECT 'ruled out', f.rule, t.template FROM main.finding f JOIN main.finding_text t ON t.finding_id = f.id AND t.part = 'ruled_out'
WHERE EXISTS (SELECT 1 FROM w.finding g WHERE g.rule = f.rule)
	AND NOT EXISTS (SELECT 1 FROM w.finding g JOIN w.finding_text x ON x.finding_id = g.id AND x.part = 'ruled_out'
		WHERE g.rule = f.rule AND x.template = t.template);

-- What counts losses moved no further, and no more of anything is explained. (Gauges come and go: these may be more for a while.)
SELECT 'ledger', l.netns, l.source, l.name, l.dev, l.cpu, l.delta, l.explained FROM main.ledger l LEFT JOIN main.netns n ON n.name = l.netns
WHERE (l.explained > 0 OR l.class IN ('loss', 'refusal', 'error', 'policy', 'limit', 'delay'))
	AND NOT EXISTS (SELECT 1 FROM w.ledger x LEFT JOIN w.netns m ON m.name = x.netns
		WHERE x.source = l.source AND x.name = l.name AND m.inum IS n.inum AND x.dev IS l.dev AND x.cpu IS l.cpu
			AND (l.explained > 0 OR abs(l.delta) <= abs(x.delta)) AND coalesce(l.explained, 0) <= coalesce(x.explained, 0));
