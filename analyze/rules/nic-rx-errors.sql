-- SPDX-License-Identifier: MIT
-- cause: nic-rx-errors
-- severity: warning
-- tested: replay
-- uses: counters
-- how: rx_crc_errors, rx_frame_errors or rx_length_errors of a device grew by at least 5.
-- title: {dev} receives damaged frames
-- summary: {packets} frames arrived damaged at {dev}[[ in {netns}]] (CRC, alignment or length) and were dropped by the NIC: cable, transceiver, switch port or duplex.
SELECT
	m.netns,
	m.dev,
	sum(m.delta) AS packets
FROM _moved m
WHERE m.source = 'dev' AND m.name IN ('rx_crc_errors', 'rx_frame_errors', 'rx_length_errors') AND m.delta > 0
GROUP BY m.netns, m.dev
HAVING sum(m.delta) >= 5
ORDER BY sum(m.delta) DESC, m.netns, m.dev;

-- evidence: {names} of {dev} grew by {result}.
SELECT sum(delta), group_concat(name, ', ') AS names FROM _moved WHERE source = 'dev' AND name IN ('rx_crc_errors', 'rx_frame_errors', 'rx_length_errors') AND netns IS {netns} AND dev = {dev} AND delta > 0;
-- advice: Look at the link's counters and the switch port's; exchange cable or transceiver.
-- command: {ns}ethtool -S {dev}
