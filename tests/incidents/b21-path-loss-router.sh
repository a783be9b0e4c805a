#!/bin/bash
# SPDX-License-Identifier: MIT
# The middle router loses 5% of one direction (nft numgen, as a bad middlebox): TCP retransmits at the client.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "5% loss by a rule in the middle router" nft-random-loss netfilter
  reasons '["NETFILTER_DROP"]' 'nft_do_chain' "$(dev r0)"
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.2.1\",\"dport\":5432}"; truth expect_netns "$(nsn rtr)"
  wrongs '["receiver-slow","conntrack-full","qdisc-tbf-overflow","zero-window","congestion-at-client"]'
  needs '["nf_tables","nft_numgen"]'; truthj needs_events '["tcp:tcp_retransmit_skb","skb:kfree_skb"]'
}
inc_setup() {
  rtr3; ns rtr nft 'table ip t { chain f { type filter hook forward priority 0; tcp dport 5432 numgen random mod 100 < 5 counter drop; }; }'
}
inc_trigger() {
  healthy_start cli srv $NET.2.1 6; ctr_mark cli Tcp.RetransSegs; ctr_mark cli TcpExt.TCPTimeouts
  bg srv tsrv $BT tserve addr=$NET.2.1 port=5432; wait_for 5 test -s "$STATE/tsrv.log"
  sleep 0.3; fault_begin
  bg cli bulk $BT tbulk dst=$NET.2.1 port=5432 secs=2 total=1500000 chunk=20000 sndbuf=60000 out=bulk.json
  ns cli $BT treq dst=$NET.2.1 port=5432 n=200 rps=60 timeout=3 out=treq.json
  wait_bg bulk; fault_end; healthy_wait
  local d; d=$(ns rtr nft -j list chain ip t f | $PY -c 'import json,sys; print([e["counter"]["packets"] for r in json.load(sys.stdin)["nftables"] if "rule" in r for e in r["rule"]["expr"] if "counter" in e][0])')
  truthj expect_min_drops "$d"; truth_counter net/snmp Tcp.RetransSegs cli "$(ctr_delta cli Tcp.RetransSegs)"; truthj counters "{\"nft\":$d,\"TCPTimeouts\":$(ctr_delta cli TcpExt.TCPTimeouts)}"
  seen "{\"bulk\":$(cat "$STATE/bulk.json"),\"requests\":$(cat "$STATE/treq.json")}"; [ "$d" -gt 3 ] || die "only $d dropped"
}
inc_main "$@"
