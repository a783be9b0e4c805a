#!/bin/bash
# SPDX-License-Identifier: MIT
# The receiving process is in a cgroup with a CPU quota of 10%: it is throttled 90 ms of every 100 ms, its socket queue overflows although the CPU is idle.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "reader throttled by its cgroup CPU quota" cfs-throttled-reader scheduler
  reasons '["SOCKET_RCVBUFF"]' 'udp_queue_rcv_one_skb|__udp_enqueue|udp_queue_rcv' "$(dev s0)"
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5001}"
  truthj expect_metric '{"name":"reader_throttled_ms_max","min":50,"where":"cgroup cpu.stat / sched_switch"}'
  wrongs '["udp-rcvbuf-overflow","cpu-contention-reader","softirq-latency","netdev-backlog","rcvbuf-too-small"]'
  needs '["CFS_BANDWIDTH","cgroup v1 cpu (or v2 cpu.max)"]'; evj "$SCHED_EV"
}
CG=/sys/fs/cgroup/cpu/inc-$TAG
inc_setup() {
  pair2; if [ -d /sys/fs/cgroup/cpu ]; then mkdir -p $CG; echo 100000 >$CG/cpu.cfs_period_us; echo 10000 >$CG/cpu.cfs_quota_us
  else CG=/sys/fs/cgroup/inc-$TAG; echo +cpu >/sys/fs/cgroup/cgroup.subtree_control; mkdir -p $CG; echo "10000 100000" >$CG/cpu.max; fi
}
inc_cleanup() { local p; p=$(bgpid recv 2>/dev/null); [ -n "$p" ] && kill "$p" 2>/dev/null; sleep 0.3; rmdir $CG 2>/dev/null; }
inc_trigger() {
  ctr_mark srv Udp.RcvbufErrors
  healthy_start cli srv $NET.9.2 5
  bg - recv incg $CG/tasks ip netns exec "$(nsn srv)" $BT urecv addr=$NET.1.2 port=5001 idle=1.5 work_us=150 rcvbuf=60000 out=recv.json; wait_for 9 test -s "$STATE/recv.log"
  fault_begin; ns cli $BT usend dst=$NET.1.2 port=5001 n=3200 pps=800 size=200 out=sent.json; fault_end
  wait_bg recv; healthy_wait; local d; d=$(ctr_delta srv Udp.RcvbufErrors); truthj expect_min_drops "$d"; truth_counter net/snmp Udp.RcvbufErrors srv "$d"
  truthj counters "{$(awk '{printf "%s\"%s\":%s", (NR>1?",":""), $1, $2}' $CG/cpu.stat)}"; seen "$(cat "$STATE/recv.json")"; [ "$d" -gt 50 ] || die "only $d"
}
inc_main "$@"
