#!/bin/bash
# SPDX-License-Identifier: MIT
# The listening process stops calling accept() for two seconds (its event loop is blocked): the backlog is large, nothing is lost, each new connection waits.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "accept thread stuck: connections wait in the backlog (latency, no loss)" accept-thread-stuck socket
  reasons '[]' '' "$(dev s0)"; truthj expect_min_drops 0
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5432}"
  metric tcp_accept_wait_p99_us 1000000 "$NET.1.2:5432"
  wrongs '["accept-queue-overflow","path-loss","softirq-latency","server-cpu","zero-window"]'
  needs '[]'; truthj needs_events '["sock:inet_sock_set_state","syscalls:sys_exit_accept4","sock:sk_data_ready"]'
}
inc_setup() { pair2; }
inc_trigger() {
  healthy_start cli srv $NET.9.2 7
  bg srv tsrv $BT tserve addr=$NET.1.2 port=5432 mode=slowaccept pause=2 backlog=256; wait_for 5 test -s "$STATE/tsrv.log"
  ctr_mark srv TcpExt.ListenOverflows; sleep 0.3; fault_begin
  local i; for i in 1 2 3 4 5 6; do bg cli treq$i $BT treq dst=$NET.1.2 port=5432 n=4 rps=1 new=1 timeout=5 out=treq$i.json; done
  sleep 1.2; ns srv ss -ltn "sport = :5432" | tail -1 >"$STATE/ss"; for i in 1 2 3 4 5 6; do wait_bg treq$i 20; done
  fault_end; healthy_wait; seen "{\"one\":$(cat "$STATE/treq1.json"),\"listen_recvq\":$(awk '{print $2}' "$STATE/ss")}"
  [ "$(ctr_delta srv TcpExt.ListenOverflows)" = 0 ] || die "overflow, but there should be none"
}
inc_main "$@"
