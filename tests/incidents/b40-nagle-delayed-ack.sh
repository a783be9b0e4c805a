#!/bin/bash
# SPDX-License-Identifier: MIT
# write, write, read with Nagle on one side and delayed ACK on the other: each request takes 40 ms although nothing is slow.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "Nagle against delayed ACK: 40 ms per request" nagle-delayed-ack tcp
  reasons '[]' '' "$(dev c0)"; truthj expect_min_drops 0
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5432}"
  metric tcp_send_to_wire_p50_us 20000 "$NET.1.1"
  wrongs '["server-slow","path-loss","softirq-latency","scheduler-latency","qdisc-standing-queue"]'
  needs '[]'; truthj needs_events '["tcp:tcp_sendmsg_locked","sock:sock_send_length","net:net_dev_queue","syscalls:sys_enter_sendto"]'
}
inc_setup() { pair; }
inc_trigger() {
  healthy_start cli srv $NET.1.2 6; ctr_mark srv TcpExt.DelayedACKs
  bg srv tsrv $BT tserve addr=$NET.1.2 port=5432 mode=twopart nodelay=0; wait_for 5 test -s "$STATE/tsrv.log"
  sleep 0.3; fault_begin; ns cli $BT treq dst=$NET.1.2 port=5432 n=80 rps=20 split=1 nodelay=0 out=treq.json; fault_end; healthy_wait
  truth_counter net/netstat TcpExt.DelayedACKs srv "$(ctr_delta srv TcpExt.DelayedACKs)"; seen "$(cat "$STATE/treq.json")"
  $PY -c 'import json,sys; sys.exit(json.load(open(sys.argv[1]))["latency_ms"]["p50"] < 20)' "$STATE/treq.json" || die "no 40 ms"
}
inc_main "$@"
