#!/bin/bash
# SPDX-License-Identifier: MIT
# nftables input rule drops one UDP port.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "nftables input chain drops UDP port 5007"
  truth root_cause nft-input-drop
  truth layer netfilter
  truthj expect_reason '["NETFILTER_DROP"]'
  truth expect_location_regex 'nft_do_chain|nf_hook_slow|ip_local_deliver'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.7.1.1","dst":"10.7.1.2","dport":5007}'
  truthj expect_rule '{"family":"inet","table":"fw","chain":"input","match":"udp dport 5007 drop"}'
  truthj wrong_answers '["udp-no-listener","udp-rcvbuf-overflow","nft-forward-drop","link-loss"]'
  truthj kernel_needs '["veth","nf_tables"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.7.1.1/24 srv s0 10.7.1.2/24; warm cli 10.7.1.2
  ns srv nft -f - <<X
table inet fw { chain input { type filter hook input priority 0; policy accept;
  udp dport 5007 counter drop comment "incident";
  udp dport 7001 counter accept; }; }
X
}
inc_trigger() {
  healthy_start cli srv 10.7.1.2 3
  bg srv app $PY -m tool udp-recv 10.7.1.2 5007 4 recv.json; wait_for 5 test -s "$STATE/app.log"
  sleep 0.5; fault_begin
  ns cli $PY -m tool udp-send 10.7.1.2 5007 200 300 5000 sent.json
  fault_end; healthy_wait
  local n; n=$(ns srv nft list table inet fw | sed -n 's/.*5007 counter packets \([0-9]*\).*/\1/p')
  truthj sent 200; truthj received 0; truthj expect_min_drops "$n"
  truthj expect_counter '{"file":"nft","name":"inet fw input udp dport 5007","netns":"'$(nsn srv)'","delta":'$n'}'
}
inc_main "$@"
