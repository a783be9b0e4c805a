-- SPDX-License-Identifier: MIT
SELECT kind, outcome, confidence, dev_in, dev_out, count(*) AS count FROM packet GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 1, 2, 3, 4, 5
