-- SPDX-License-Identifier: MIT
SELECT stage_from, stage_to, count FROM latency ORDER BY 1, 2
