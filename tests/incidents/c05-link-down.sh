#!/bin/bash
# SPDX-License-Identifier: MIT
# The far end of a link goes down for a second while TCP and UDP use it.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "link down while in use" link-down device; reasons '[]' '' "$(dev c0)|$(dev s0)"; truthj expect_min_drops 0
  flow '{}'; wrongs '["neighbour-failed","tcp-loss-off-host","no-route-output"]'
}
inc_setup() { pair2; }
inc_trigger() {
  healthy_start cli srv $NET.9.2 5; bg srv tsrv $BT tserve addr=$NET.1.2 port=5432; wait_for 5 test -s "$STATE/tsrv.log"
  bg srv recv $BT urecv addr=$NET.1.2 port=5001 idle=3 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
  bg cli treq $BT treq dst=$NET.1.2 port=5432 n=120 rps=40 timeout=5 out=treq.json; bg cli usend $BT usend dst=$NET.1.2 port=5001 n=600 pps=200 out=us.json
  sleep 1; fault_begin; ns srv ip link set "$(dev s0)" down; sleep 1; ns srv ip link set "$(dev s0)" up; fault_end; wait_bg treq; wait_bg usend; wait_bg recv; healthy_wait
}
inc_main "$@"
