-- SPDX-License-Identifier: MIT
SELECT h.seq, h.stage, h.dev, h.context, h.confidence, h.cpu FROM hop h WHERE h.packet_id = (SELECT min(packet_id) FROM packet_drop WHERE class IN ('loss', 'policy') AND packet_id IS NOT NULL) ORDER BY h.seq
