-- SPDX-License-Identifier: MIT
SELECT f.id, f.cause, f.severity, f.confidence, f.layer, f.netns, f.dev, f.function, f.reason, f.flow_proto, f.flow_dst, f.flow_dport, f.packets, (SELECT count(*) FROM finding_evidence e WHERE e.finding_id = f.id) AS evidence FROM finding f ORDER BY f.id
