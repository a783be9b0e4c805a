#!/bin/bash
# SPDX-License-Identifier: MIT
# A firewall drops one of many services' ports while a port scan makes more drop events than the fault.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "a rule drops one service, a scan is louder" nft-input-drop-scan netfilter; reasons '["NETFILTER_DROP"]' 'nft_do_chain' "$(dev s0)"
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5432}"; wrongs '["udp-no-listener","tcp-no-listener"]'
}
inc_setup() { pair; ns srv nft 'table inet f { chain i { type filter hook input priority 0; tcp dport 5432 counter drop; }; }'; }
inc_trigger() {
  healthy_start cli srv $NET.1.2 5; bg srv tsrv $BT tserve addr=$NET.1.2 port=5432; wait_for 5 test -s "$STATE/tsrv.log"
  bg cli scan $PY $INC_DIR/beside.py scan $NET.1.2 20000 500
  fault_begin; ns cli $BT treq dst=$NET.1.2 port=5432 n=8 rps=5 new=1 timeout=0.4 out=treq.json; fault_end; wait_bg scan; healthy_wait
  truthj expect_min_drops 8
}
inc_main "$@"
