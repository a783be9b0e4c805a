#!/bin/bash
# SPDX-License-Identifier: MIT
# PMTU black hole: the link behind the router has MTU 1400, TCP sends with DF, and the router's ICMP 'fragmentation needed' is filtered.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "path MTU black hole (ICMP frag-needed filtered)" mtu-blackhole ip
  reasons '["PKT_TOO_BIG"]' 'ip_forward' "$(dev r0)"
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.2.1\",\"dport\":5432}"; truth expect_mtu_dev "$(dev r1)"
  wrongs '["path-loss","nft-rule-drop","zero-window","conntrack-invalid","l2-mtu-mismatch"]'
  needs '["nf_tables"]'; truthj needs_events '["tcp:tcp_retransmit_skb","skb:kfree_skb","icmp:icmp_send"]'
}
inc_setup() {
  rtr3; ns rtr ip link set "$(dev r1)" mtu 1400
  ns rtr nft 'table ip t { chain o { type filter hook output priority 0; icmp type destination-unreachable counter drop; }; }'
}
inc_trigger() {
  healthy_start cli srv $NET.2.1 5; ctr_mark rtr Ip.FragFails; ctr_mark cli Tcp.RetransSegs
  bg srv tsrv $BT tserve addr=$NET.2.1 port=5432 mode=sink; wait_for 5 test -s "$STATE/tsrv.log"
  sleep 0.5; fault_begin; ns cli $BT tbulk dst=$NET.2.1 port=5432 secs=3 chunk=20000 total=20000 out=bulk.json
  sleep 2.5; fault_end; healthy_wait
  local d; d=$(ctr_delta rtr Ip.FragFails); truthj expect_min_drops "$d"; truth_counter net/snmp Ip.FragFails rtr "$d"
  truthj counters "{\"cli Tcp.RetransSegs\":$(ctr_delta cli Tcp.RetransSegs)}"; seen "$(cat "$STATE/bulk.json")"
  [ "$d" -gt 2 ] || die "FragFails $d"
}
inc_main "$@"
