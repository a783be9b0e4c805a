-- SPDX-License-Identifier: MIT
SELECT reason, function, layer, class, netns, dev, count(*) AS count, count(packet_id) AS packets, count(flow_id) AS flows FROM packet_drop GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 7 DESC, 1, 2, 5
