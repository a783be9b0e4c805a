#!/bin/bash
# SPDX-License-Identifier: MIT
# The router's conntrack table is full of one-packet UDP entries: new flows are dropped, old ones go on.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "conntrack table full (UDP scan)" conntrack-full netfilter
  reasons '["NETFILTER_DROP"]' 'nf_hook_slow|nf_conntrack_in|ipv4_conntrack' "$(dev r0)"
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.2.1\",\"dport\":5001}"; truth filled_by udp-unreplied
  wrongs '["nft-rule-drop","conntrack-invalid","conntrack-insert-failed","receiver-slow","path-loss","conntrack-time-wait"]'
  needs '["nf_conntrack","nf_tables"]'; truthj touches_global '["net.netfilter.nf_conntrack_max"]'
}
inc_setup() {
  rtr3; ns rtr nft 'table ip t { chain f { type filter hook forward priority 0; ct state invalid counter drop; ct state established,related accept; udp dport 9999 counter drop; }; }'
}
inc_trigger() {
  glock; healthy_start cli srv $NET.2.1 4
  bg srv recv $BT urecv addr=$NET.2.1 port=5001 idle=2 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
  sleep 0.5
  local d0; d0=$(ctstat rtr drop); sysctl_set - net.netfilter.nf_conntrack_max 100
  fault_begin; ns cli $BT spray dst=$NET.2.1 port=5001 n=600 pps=300 out=sent.json; fault_end
  ns rtr sysctl -n net.netfilter.nf_conntrack_count >"$STATE/count"
  tac "$STATE/sysctl" | while IFS=$'\t' read -r k v; do sysctl -qw "$k=$v"; done
  wait_bg recv; healthy_wait
  local s r; s=$(jget sent.json sent); r=$(jget recv.json received)
  truthj expect_min_drops $((s - r))
  truthj expect_counter "{\"file\":\"net/stat/nf_conntrack\",\"name\":\"drop\",\"netns\":\"$(nsn rtr)\",\"delta\":$(( $(ctstat rtr drop) - d0 )),\"count\":$(cat "$STATE/count"),\"dmesg\":\"nf_conntrack: table full\"}"
  [ $((s - r)) -gt 200 ] || die "only $((s - r)) lost"
}
inc_main "$@"
