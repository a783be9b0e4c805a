-- SPDX-License-Identifier: MIT
SELECT key, value FROM tape WHERE key IN ('events_decoded', 'events_recorded', 'events_lost', 'frames', 'frames_lost', 'kernel', 'end.reason', 'end.command_status', 'tape_whole', 'trace_clock') ORDER BY key
