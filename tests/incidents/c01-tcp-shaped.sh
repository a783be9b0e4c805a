#!/bin/bash
# SPDX-License-Identifier: MIT
# A TCP upload through a shaper whose queue is too small, on the sender itself: its retransmissions are symptoms of the qdisc's drops.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "TCP upload into a shaper with a small queue" tbf-overflow-tcp qdisc
  reasons '["QDISC_DROP"]' 'qdisc|tbf|__dev_queue_xmit' "$(dev c0)"
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5201}"; wrongs '["tcp-loss-off-host","tcp-reordering"]'
}
inc_setup() { pair2; ns cli tc qdisc add dev "$(dev c0)" root tbf rate 8mbit burst 3000 limit 8000; ns cli ethtool -K "$(dev c0)" tso off gso off >/dev/null; }
inc_trigger() {
  healthy_start cli srv $NET.9.2 4; bg srv tsrv $BT tserve addr=$NET.1.2 port=5201 mode=sink; wait_for 5 test -s "$STATE/tsrv.log"
  fault_begin; ns cli $BT tbulk dst=$NET.1.2 port=5201 secs=2 out=bulk.json; fault_end; healthy_wait
  local d; d=$(ns cli tc -s -j qdisc show dev "$(dev c0)" | $PY -c 'import json,sys; print(json.load(sys.stdin)[0]["drops"])'); truthj expect_min_drops "$d"; [ "$d" -gt 5 ] || die "only $d dropped"
}
inc_main "$@"
