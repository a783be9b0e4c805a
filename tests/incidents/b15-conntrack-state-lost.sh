#!/bin/bash
# SPDX-License-Identifier: MIT
# The router's conntrack state is lost (failover: entries flushed) with tcp_loose=0: running connections become INVALID and are dropped by 'ct state invalid drop'; new ones work.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "conntrack state lost: established flows are INVALID and dropped" conntrack-invalid netfilter
  reasons '["NETFILTER_DROP"]' 'nft_do_chain|nf_hook_slow' "$(dev r0)"
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.2.1\",\"dport\":5432}"
  wrongs '["nft-rule-drop-port","conntrack-full","path-loss","server-closed","mtu-blackhole"]'
  needs '["nf_conntrack","nf_tables"]'
}
inc_setup() {
  rtr3; link cli c1 $NET.9.1/24 srv s1 $NET.9.2/24; warm cli $NET.9.2
  ns rtr sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
  ns rtr nft 'table ip t { chain f { type filter hook forward priority 0; ct state invalid counter drop; ct state established,related accept; tcp dport 9999 counter drop; }; }'
}
inc_trigger() {
  healthy_start cli srv $NET.9.2 5; ctr_mark cli Tcp.RetransSegs
  bg srv tsrv $BT tserve addr=$NET.2.1 port=5432; wait_for 5 test -s "$STATE/tsrv.log"
  local i0; i0=$(ctstat rtr invalid)
  bg cli old $BT treq dst=$NET.2.1 port=5432 n=160 rps=40 timeout=3 out=old.json
  sleep 1.2; fault_begin; ns rtr conntrack -F >/dev/null 2>&1
  ns cli $BT treq dst=$NET.2.1 port=5432 n=40 rps=20 new=1 timeout=2 out=new.json
  wait_bg old; fault_end; healthy_wait
  local d; d=$(ns rtr nft -j list chain ip t f | $PY -c 'import json,sys; print([e["counter"]["packets"] for r in json.load(sys.stdin)["nftables"] if "rule" in r for e in r["rule"]["expr"] if "counter" in e][0])')
  truthj expect_min_drops "$d"; truthj expect_counter "{\"file\":\"net/stat/nf_conntrack\",\"name\":\"invalid\",\"netns\":\"$(nsn rtr)\",\"delta\":$(( $(ctstat rtr invalid) - i0 )),\"nft_counter\":$d}"
  seen "{\"old\":$(cat "$STATE/old.json"),\"new\":$(cat "$STATE/new.json")}"; [ "$d" -gt 3 ] || die "only $d dropped"
}
inc_main "$@"
