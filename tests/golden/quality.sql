-- SPDX-License-Identifier: MIT
SELECT kind, source, cpu, dev, count FROM quality ORDER BY id
