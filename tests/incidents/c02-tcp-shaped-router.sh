#!/bin/bash
# SPDX-License-Identifier: MIT
# The same on a router between: the loss is seen where it happens, and the sender's retransmissions are its symptoms.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "TCP through a router whose shaper has a small queue" tbf-overflow-router qdisc
  reasons '["QDISC_DROP"]' 'qdisc|tbf|__dev_queue_xmit' "$(dev r1)"; truth expect_netns "$(nsn rtr)"
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.2.1\",\"dport\":5201}"; wrongs '["tcp-loss-off-host","tcp-reordering"]'
}
inc_setup() { rtr3; ns rtr tc qdisc add dev "$(dev r1)" root tbf rate 8mbit burst 3000 limit 12000; ns cli ethtool -K "$(dev c0)" tso off gso off >/dev/null; }
inc_trigger() {
  bg srv tsrv $BT tserve addr=$NET.2.1 port=5201 mode=sink; wait_for 5 test -s "$STATE/tsrv.log"
  fault_begin; ns cli $BT tbulk dst=$NET.2.1 port=5201 secs=2 out=bulk.json; fault_end
  local d; d=$(ns rtr tc -s -j qdisc show dev "$(dev r1)" | $PY -c 'import json,sys; print(json.load(sys.stdin)[0]["drops"])'); truthj expect_min_drops "$d"; [ "$d" -gt 5 ] || die "only $d dropped"
}
inc_main "$@"
