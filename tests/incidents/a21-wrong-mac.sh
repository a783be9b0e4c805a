#!/bin/bash
# SPDX-License-Identifier: MIT
# The sender has a stale neighbour entry (wrong MAC); frames reach the host's port but are not for it: OTHERHOST.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "Stale neighbour entry at the sender: frames carry the wrong destination MAC"
  truth root_cause wrong-dest-mac
  truth layer link
  truthj expect_reason '["OTHERHOST"]'
  truth expect_location_regex 'ip_rcv'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.21.1.1","dst":"10.21.1.3","dport":5021}'
  truthj wrong_answers '["promiscuous-noise","vlan-tag-mismatch","netfilter-drop","udp-no-listener"]'
  truthj notes '["the IP destination IS an address of the receiving host: that makes it a fault and not flooding noise"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.21.1.1/24 srv s0 10.21.1.2/24,10.21.1.3/24; warm cli 10.21.1.2; }
inc_trigger() {
  local b; b=$(devctr srv s0 rx_packets)
  healthy_start cli srv 10.21.1.2 4
  bg srv app $PY -m tool udp-recv 10.21.1.3 5021 5 recv.json; wait_for 5 test -s "$STATE/app.log"; sleep 0.5; fault_begin
  ns cli ip neigh replace 10.21.1.3 lladdr 02:de:ad:00:00:03 dev "$(dev c0)" nud permanent
  ns cli $PY -m tool udp-send 10.21.1.3 5021 200 200 5000 sent.json
  fault_end; healthy_wait
  local o; o=$(ns srv ip -s -s -j link show dev "$(dev s0)" | $PY -c 'import json,sys; print(json.load(sys.stdin)[0]["stats64"]["rx"].get("otherhost", 0))')
  truthj sent 200; truthj received 0; truthj expect_min_drops 200
  truthj expect_counter '{"file":"ip -s -s link","name":"rx otherhost","netns":"'$(nsn srv)'","dev":"'$(dev s0)'","delta":'$o'}'
}
inc_main "$@"
