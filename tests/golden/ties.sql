-- SPDX-License-Identifier: MIT
SELECT netns, dev, direction, tie, count(*) AS frames, count(packet_id) AS packets FROM frame GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
