#!/bin/bash
# SPDX-License-Identifier: MIT
# A rule that was just loaded on the middle router rejects a running connection with a TCP reset: the client sees ECONNRESET, the server never sent one.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "middle router rejects with tcp reset" nft-reject-reset netfilter
  reasons '["NETFILTER_DROP"]' 'nft_do_chain|nft_reject|nf_hook_slow' "$(dev r0)"; truthj expect_min_drops 1
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.2.1\",\"dport\":5432}"; truth expect_netns "$(nsn rtr)"
  wrongs '["server-closed","port-closed","conntrack-idle-expired","path-loss","accept-queue"]'
  needs '["nft_reject"]'; truthj needs_events '["tcp:tcp_receive_reset","tcp:tcp_send_reset","skb:kfree_skb"]'
}
inc_setup() { rtr3; }
inc_trigger() {
  healthy_start cli srv $NET.2.1 4; ctr_mark cli Tcp.EstabResets; ctr_mark srv Tcp.OutRsts; ctr_mark cli Tcp.AttemptFails
  bg srv tsrv $BT tserve addr=$NET.2.1 port=5432; wait_for 5 test -s "$STATE/tsrv.log"
  bg cli treq $BT treq dst=$NET.2.1 port=5432 n=90 rps=30 timeout=1 out=treq.json
  sleep 1; fault_begin; ns rtr nft 'table ip t { chain f { type filter hook forward priority 0; tcp dport 5432 counter reject with tcp reset; }; }'
  wait_bg treq; fault_end; healthy_wait
  truth_counter net/snmp Tcp.EstabResets cli "$(ctr_delta cli Tcp.EstabResets)"
  truthj counters "{\"srv Tcp.OutRsts\":$(ctr_delta srv Tcp.OutRsts),\"cli Tcp.AttemptFails\":$(ctr_delta cli Tcp.AttemptFails)}"
  seen "$(cat "$STATE/treq.json")"; grep -q ECONNRESET "$STATE/treq.json" || die "no reset"
}
inc_main "$@"
