#!/bin/bash
# SPDX-License-Identifier: MIT
# UDP to a host on the link that does not answer ARP: sendto() succeeds, the datagrams die in the neighbour queue.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "neighbour does not resolve (ARP unanswered)" neighbour-failed neighbour
  reasons '["NEIGH_FAILED"]' 'neigh_invalidate|arp_error_report|__neigh_event_send' "$(dev c0)"
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.77\",\"dport\":5001}"
  truth expect_neighbour $NET.1.77
  wrongs '["no-route-output","netfilter","receiver-slow","path-loss","qdisc-drop"]'
  needs '[]'; truthj needs_events '["neigh:neigh_update","neigh:neigh_timer_handler","skb:kfree_skb"]'
}
inc_setup() { pair; ns cli sysctl -qw net.ipv4.neigh."$(dev c0)".retrans_time_ms=300; }
inc_trigger() {
  healthy_start cli srv $NET.1.2 5
  sleep 0.5; fault_begin
  ns cli $BT usend dst=$NET.1.77 port=5001 n=300 pps=100 size=200 out=sent.json
  sleep 1; fault_end; healthy_wait
  truthj expect_min_drops $(( $(jget sent.json sent) / 2 )); seen "$(cat "$STATE/sent.json")"
  truthj expect_counter "{\"file\":\"net/stat/arp_cache\",\"name\":\"res_failed\",\"netns\":\"init\"}"
  [ "$(jget sent.json sent)" -gt 50 ] || die "no sends accepted"
}
inc_main "$@"
