#!/bin/bash
# SPDX-License-Identifier: MIT
# eBPF drops: a generic XDP program drops UDP port 5036, a tc (tcx) ingress program UDP port 5037.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "eBPF programs (XDP and tc ingress) drop two UDP ports"
  truth root_cause bpf-drop
  truth layer device
  truthj expect_reason '["NOT_SPECIFIED","TC_INGRESS"]'
  truth expect_location_regex 'do_xdp_generic|bpf_prog_run_generic_xdp|netif_receive_generic_xdp|__netif_receive_skb_core|sch_handle_ingress'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.36.1.1","dst":"10.36.1.2","dport":5036}'
  truthj expect_flow2 '{"proto":"udp","src":"10.36.1.1","dst":"10.36.1.2","dport":5037}'
  truthj wrong_answers '["nft-early-drop","nft-input-drop","udp-no-listener","netdev-backlog"]'
  truthj notes '["generic XDP drop: reason NOT_SPECIFIED at do_xdp_generic; ip -d link / bpftool net show the programs"]'
  truthj kernel_needs '["veth","BPF_SYSCALL","generic XDP","tcx"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.36.1.1/24 srv s0 10.36.1.2/24; warm cli 10.36.1.2; }
inc_trigger() {
  healthy_start cli srv 10.36.1.2 4
  bg srv xdp $PY -c "
from tool import *
i = socket.if_nametoindex('$(dev s0)')
a = bpf_link(bpf_load(bpf_drop_udp_port(5036, True), 6), i, 37, 2)      # XDP, SKB mode
b = bpf_link(bpf_load(bpf_drop_udp_port(5037, False), 3), i, 46)        # SCHED_CLS, TCX ingress
print('ready', flush=True); time.sleep(30)"
  wait_for 5 test -s "$STATE/xdp.log"; grep -q ready "$STATE/xdp.log" || die "XDP or tcx (Linux 6.6) is not there"
  sleep 0.5; fault_begin
  ns cli $PY -m tool udp-send 10.36.1.2 5036 150 200 4000 sent1.json
  ns cli $PY -m tool udp-send 10.36.1.2 5037 100 200 4000 sent2.json
  fault_end; healthy_wait
  truthj sent 250; truthj received 0; truthj expect_min_drops 250; truthj xdp_drops 150; truthj tc_drops 100
  truthj expect_counter '{"file":"-","name":"none","netns":"'$(nsn srv)'","delta":0}'
}
inc_main "$@"
