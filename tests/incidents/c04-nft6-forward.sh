#!/bin/bash
# SPDX-License-Identifier: MIT
# A rule on a router between drops one UDP port, over IPv6.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "IPv6 forward rule drops a port" nft6-forward netfilter; reasons '["NETFILTER_DROP"]' 'nft_do_chain' "$(dev r0)"; truth expect_netns "$(nsn rtr)"
  flow '{"proto":"udp","src":"fd00:c4:1::1","dst":"fd00:c4:2::1","dport":5004}'; wrongs '[]'
}
inc_setup() {
  ns_add cli rtr srv; link cli c0 fd00:c4:1::1/64 rtr r0 fd00:c4:1::fe/64; link rtr r1 fd00:c4:2::fe/64 srv s0 fd00:c4:2::1/64
  ns rtr sysctl -qw net.ipv6.conf.all.forwarding=1; ns cli ip route add default via fd00:c4:1::fe; ns srv ip route add default via fd00:c4:2::fe; sleep 0.5; warm cli fd00:c4:2::1
  ns rtr nft 'table ip6 f { chain thru { type filter hook forward priority 0; udp dport 5004 counter drop; }; }'
}
inc_trigger() {
  healthy_start cli srv fd00:c4:2::1 3; fault_begin; ns cli $PY -m tool udp-send fd00:c4:2::1 5004 150 200 5000 sent.json; fault_end; healthy_wait
  truthj sent 150; truthj expect_min_drops 150
}
inc_main "$@"
