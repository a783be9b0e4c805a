-- SPDX-License-Identifier: MIT
-- cause: nic-allowance-exceeded
-- severity: warning
-- tested: replay
-- uses: counters
-- how: An ethtool statistic of a device that ends in allowance_exceeded grew by at least 5: the platform drops or delays beyond the
--   instance's limit (bandwidth, packets per second, connections).
-- title: Platform limit of {dev} exceeded: {v_name}
-- summary: The platform counted {packets} packets of {dev}[[ in {netns}]] over the limit of this instance ({v_name}): they were queued or dropped outside of this host.
SELECT
	m.netns,
	m.dev,
	m.delta AS packets,
	m.name AS v_name
FROM _moved m
WHERE m.source = 'ethtool' AND m.name LIKE '%allowance_exceeded' AND m.delta >= 5
ORDER BY m.delta DESC, m.netns, m.dev, m.name;

-- evidence: {v_name} of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'ethtool' AND name = {v_name} AND netns IS {netns} AND dev = {dev};
-- advice: Use a larger instance type, fewer connections or less traffic; the limit cannot be changed from inside.
-- ruled-out: Not a fault of this host's stack: the packets are counted by the platform.
