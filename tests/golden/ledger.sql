-- SPDX-License-Identifier: MIT
SELECT netns, source, name, dev, delta, explained, unexplained FROM ledger WHERE explained IS NOT NULL ORDER BY 1, 2, 3, 4
