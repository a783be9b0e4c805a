#!/bin/bash
# SPDX-License-Identifier: MIT
# connect() fails with EADDRNOTAVAIL: all 20 local ports are held by established connections to one destination.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "local port exhaustion by connections that are held" ephemeral-ports-exhausted socket
  reasons '[]' '' ""; truthj expect_min_drops 0
  flow "{\"proto\":\"tcp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5432}"
  truth expect_sysctl net.ipv4.ip_local_port_range; truth held_by ESTABLISHED
  wrongs '["ephemeral-ports-time-wait","accept-queue","no-route-output","path-loss","conntrack-full"]'
  needs '[]'; truthj needs_events '["sock:inet_sock_set_state","syscalls:sys_exit_connect"]'
}
inc_setup() { pair2; ns cli sysctl -qw net.ipv4.ip_local_port_range="50000 50019"; }
inc_trigger() {
  healthy_start cli srv $NET.9.2 5
  bg srv tsrv $BT tserve addr=$NET.1.2 port=5432; wait_for 5 test -s "$STATE/tsrv.log"
  sleep 0.3; fault_begin
  bg cli pool $BT hold dst=$NET.1.2 port=5432 n=20 secs=3 out=pool.json
  sleep 0.8
  ns cli $BT treq dst=$NET.1.2 port=5432 n=40 rps=20 new=1 out=treq.json
  fault_end; wait_bg pool; healthy_wait; seen "{\"pool\":$(cat "$STATE/pool.json"),\"new\":$(cat "$STATE/treq.json")}"
  grep -q EADDRNOTAVAIL "$STATE/treq.json" || die "no EADDRNOTAVAIL"
  [ "$(jget pool.json connected)" -gt 10 ] || die "the pool came too late to hold the ports"
}
inc_main "$@"
