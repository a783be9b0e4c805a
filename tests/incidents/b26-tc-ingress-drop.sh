#!/bin/bash
# SPDX-License-Identifier: MIT
# A tc ingress filter (clsact, direct action) on the receiver drops one UDP port before the IP stack and before netfilter.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "tc ingress filter drops one port" tc-ingress-drop tc
  reasons '["TC_INGRESS"]' 'sch_handle_ingress|__netif_receive_skb_core|tc_run|sch_' "$(dev s0)"
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5001}"
  wrongs '["nft-rule-drop","udp-rcvbuf-overflow","xdp-drop","path-loss","no-listener"]'
  needs '["sch_ingress (clsact)","cls_bpf"]'
}
# classic BPF: ldh [12]; ip? ldb [23]; udp? ldh [36]; port 5001? -> ret 2 (TC_ACT_SHOT), else ret 0 (TC_ACT_OK)
inc_setup() {
  pair; ns srv tc qdisc add dev "$(dev s0)" clsact
  ns srv tc filter add dev "$(dev s0)" ingress bpf da bytecode '8,40 0 0 12,21 0 5 2048,48 0 0 23,21 0 3 17,40 0 0 36,21 0 1 5001,6 0 0 2,6 0 0 0'
}
inc_trigger() {
  healthy_start cli srv $NET.1.2 4
  bg srv recv $BT urecv addr=$NET.1.2 port=5001 idle=1 first=4 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
  sleep 0.3; fault_begin; ns cli $BT usend dst=$NET.1.2 port=5001 n=500 pps=250 size=200 out=sent.json; fault_end
  wait_bg recv; healthy_wait; truthj expect_min_drops $(( 500 - $(jget recv.json received) ))
  truthj expect_counter "{\"file\":\"tc -s qdisc (clsact)\",\"name\":\"dropped\",\"netns\":\"$(nsn srv)\",\"delta\":$(ns srv tc -s -j qdisc show dev "$(dev s0)" | $PY -c 'import json,sys; print([q["drops"] for q in json.load(sys.stdin) if q["kind"]=="clsact"][0])')}"
  [ "$(jget recv.json received)" = 0 ] || die "datagrams passed"
}
inc_main "$@"
