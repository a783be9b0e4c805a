-- SPDX-License-Identifier: MIT
SELECT 'hop' AS what, kind AS a, dev AS b, count AS n, p50_ns, max_ns, setting AS c FROM cpu_hop
UNION ALL SELECT 'way', way, stage_from || ' ' || stage_to, count, p50_ns, max_ns, NULL FROM latency_total
UNION ALL SELECT 'part', part, coalesce(dev, 'CPU ' || cpu, 'flow ' || flow_id), count, p50_ns, max_ns, stage_from || ' ' || stage_to FROM latency_part WHERE stage_to IN ('netif_receive_skb', 'net_dev_start_xmit', 'sk_data_ready')
UNION ALL SELECT 'softirq', 'CPU ' || cpu, 'vector ' || vec, runs, delay_p50_ns, delay_max_ns, over_1ms FROM softirq_cpu
UNION ALL SELECT 'late', 'CPU ' || cpu, 'vector ' || vec, latency_ns, irq_ns + softirq_ns, task_ns, idle_ns || ' idle, ' || unknown_ns || ' unknown, ksoftirqd ' || by_ksoftirqd FROM softirq_delay
UNION ALL SELECT 'napi', 'CPU ' || cpu, dev, polls, work, full_polls, poll_max_ns FROM napi_cpu
UNION ALL SELECT 'squeeze', kind, certain, polls, work, ns, more FROM squeeze
UNION ALL SELECT 'wait', state, pid, wait_ns, cpu, other_ns, other_pid FROM wakeup_delay
ORDER BY 1, 2, 3, 7, 4, 5, 6
