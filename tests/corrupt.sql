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
