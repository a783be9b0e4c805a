# SPDX-License-Identifier: MIT
# lib.sh - common driver of the incident bench. Source it, define
#   inc_setup     prepare namespaces (ns_add, link, sysctl_set, bg ...)
#   inc_trigger   healthy background traffic plus the fault, a few seconds
#   inc_truth     static ground truth (truth / truthj calls); counts known
#                 only at run time are added by inc_trigger with the same calls
#   inc_cleanup   (optional) anything beyond namespaces, processes, sysctls
# and end the script with:  inc_main "$@"
#
# Use: ./aNN-name.sh setup|trigger|cleanup|truth|run   (run = all of them)
# State is kept in $INC_STATE_ROOT/<id>; the truth
# file stays there after cleanup until the next setup.

set -euo pipefail
INC_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
INC_ID=${INC_ID:-$(basename "$0" .sh)}
TAG=${INC_ID%%-*}                               # a01: prefix of all names
STATE=${INC_STATE_ROOT:-${TMPDIR:-/tmp}/skbtape-incidents}/$INC_ID
PY=$(command -v /usr/bin/python3 || command -v python3)
export PYTHONPATH=$INC_DIR PYTHONDONTWRITEBYTECODE=1 STATE TAG INC_DIR

say() { echo "[$INC_ID] $*" >&2; }
die() { say "FAILED: $*"; exit 1; }

# ---- names -------------------------------------------------------------
nsn() { echo "$TAG-$1"; }                       # cli -> a01-cli
dev() { echo "$TAG$1"; }                        # c0  -> a01c0 (<= 15 chars)

# ---- namespaces and links ---------------------------------------------
ns_add() {                                      # ns_add cli srv ...
  local n
  for n in "$@"; do
    ip netns add "$(nsn "$n")"
    echo "$(nsn "$n")" >>"$STATE/netns"
    ns "$n" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ns "$n" ip link set lo up
  done
}
ns() { local n=$1; shift; ip netns exec "$(nsn "$n")" "$@"; }   # ns cli ip addr
# link cli c0 10.0.0.1/24 srv s0 10.0.0.2/24 : veth pair, both ends up
# ("-" as address: none; more addresses separated by commas)
link() {
  local n1=$1 d1 a1=$3 n2=$4 d2 a2=$6 a
  d1=$(dev "$2"); d2=$(dev "$5")
  ip link add "$d1" netns "$(nsn "$n1")" type veth peer name "$d2" netns "$(nsn "$n2")"
  for a in ${a1//,/ }; do [ "$a" = - ] || ns "$n1" ip addr add "$a" dev "$d1"; done
  for a in ${a2//,/ }; do [ "$a" = - ] || ns "$n2" ip addr add "$a" dev "$d2"; done
  ns "$n1" ip link set "$d1" up; ns "$n2" ip link set "$d2" up
}
mac() { ns "$1" cat "/sys/class/net/$(dev "$2")/address"; }     # mac srv s0
# warm up: neighbour entries on both sides, so that ARP is no part of the fault
warm() { ns "$1" $PY -m tool warm "$2"; }       # warm cli 10.0.0.2

# ---- sysctls (restored at cleanup) -------------------------------------
# sysctl_set NS key value ; NS "-" = the initial namespace (global ones)
sysctl_set() {
  local n=$1 k=$2 v=$3 old
  if [ "$n" = - ]; then
    old=$(sysctl -n "$k"); printf '%s\t%s\n' "$k" "$old" >>"$STATE/sysctl"
    sysctl -qw "$k=$v"
  else ns "$n" sysctl -qw "$k=$v"; fi           # dies with the namespace
}
# file_set PATH VALUE : same for any file in the initial namespace
file_set() { printf '%s\t%s\n' "$1" "$(cat "$1")" >>"$STATE/files"; echo "$2" >"$1"; }

# glock: incidents that change something of the initial namespace run one at a time
glock() { exec 9>"$STATE/../global.lock"; flock -w 180 9 || die "global lock"; }

# ---- processes ----------------------------------------------------------
# bg NS NAME cmd... : start in NS ("-": none), output to $STATE/NAME.log; the
# pid is kept (and is in $BGPID); cleanup ends it
bg() {
  local n=$1 name=$2; shift 2
  if [ "$n" = - ]; then "$@" >"$STATE/$name.log" 2>&1 </dev/null &
  else ip netns exec "$(nsn "$n")" "$@" >"$STATE/$name.log" 2>&1 </dev/null & fi
  BGPID=$!
  echo "$BGPID $(cut -d' ' -f22 /proc/$BGPID/stat 2>/dev/null || echo 0) $name" >>"$STATE/pids"
}
bgpid() { awk -v n="$1" '$3==n{p=$1} END{print p}' "$STATE/pids"; }
stop() { local p; p=$(bgpid "$1"); [ -z "$p" ] || { kill "$p" 2>/dev/null || :; wait_gone "$p"; }; }
wait_gone() { local i; for i in $(seq 50); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done; kill -9 "$1" 2>/dev/null || :; }
# wait_for SECONDS cmd... : until cmd succeeds
wait_for() {
  local end=$(( $(date +%s%N)/1000000 + $1*1000 )); shift
  until "$@" >/dev/null 2>&1; do
    [ $(( $(date +%s%N)/1000000 )) -lt $end ] || { say "timeout waiting for: $*"; return 1; }
    sleep 0.05
  done
}
wait_bg() { wait_for "${2:-20}" bash -c "! kill -0 $(bgpid "$1")"; }   # wait_bg NAME [SECONDS]
jget() { $PY -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$STATE/$1" "$2"; }  # jget file key

# ---- counters -------------------------------------------------------------
# ctr NS Udp.RcvbufErrors | TcpExt.ListenOverflows | Icmp6.x (snmp6: Udp6RcvbufErrors)
ctr() {
  ns "$1" awk -v k="$2" 'BEGIN{split(k,a,".");v=0}
    $1==a[1]":" && !h[$1]{h[$1]=1;for(i=2;i<=NF;i++)c[i]=$i;next}
    $1==a[1]":" {for(i=2;i<=NF;i++)if(c[i]==a[2])v=$i;h[$1]=0;next}
    $1==k {v=$2} END{print v}' /proc/net/snmp /proc/net/netstat /proc/net/snmp6
}
devctr() { ns "$1" cat "/sys/class/net/$(dev "$2")/statistics/$3"; }   # devctr srv s0 rx_dropped
# ctr_mark NS COUNTER / ctr_delta NS COUNTER : difference since the mark
ctr_mark() { ctr "$1" "$2" >"$STATE/mark.$1.$2"; }
ctr_delta() { echo $(( $(ctr "$1" "$2") - $(cat "$STATE/mark.$1.$2") )); }

# ---- ground truth -----------------------------------------------------------
truth() { $PY -m tool jset "$STATE/truth.json" "$1" s "$2"; }    # truth key string
truthj() { $PY -m tool jset "$STATE/truth.json" "$1" j "$2"; }   # truthj key JSON
# counter with its delta: truth_counter net/snmp Udp.RcvbufErrors srv DELTA
truth_counter() { truthj expect_counter "{\"file\":\"$1\",\"name\":\"$2\",\"netns\":\"$(nsn "$3")\",\"delta\":$4}"; }
fault_begin() { truthj t_fault_begin "{\"mono\":$(cut -d' ' -f1 /proc/uptime),\"wall\":$(date +%s.%N)}"; }
fault_end() { truthj t_fault_end "{\"mono\":$(cut -d' ' -f1 /proc/uptime),\"wall\":$(date +%s.%N)}"; }

# ---- healthy background traffic ----------------------------------------------
# healthy_start SRCNS DSTNS ADDR [SECONDS]: UDP request/reply on port 7001 and TCP
# request/reply on 7002, about 50 a second each; none of it may be lost.
healthy_start() {
  bg "$2" healthy-srv $PY -m tool echo-server "$3" 7001 7002
  wait_for 5 test -s "$STATE/healthy-srv.log"
  bg "$1" healthy-cli $PY -m tool echo-client "$3" 7001 7002 "${4:-4}" "$STATE/healthy.json"
}
healthy_wait() { wait_bg healthy-cli 30; stop healthy-srv; truthj healthy "$(cat "$STATE/healthy.json" 2>/dev/null || echo null)"; }

# ---- driver ----------------------------------------------------------------
_cleanup() {
  set +e
  declare -F inc_cleanup >/dev/null && inc_cleanup
  local p st name n k v
  if [ -f "$STATE/pids" ]; then
    while read -r p st name; do                 # same pid and same start time only
      [ "$(cut -d' ' -f22 /proc/$p/stat 2>/dev/null)" = "$st" ] && kill "$p" 2>/dev/null
    done <"$STATE/pids"
    sleep 0.2
    while read -r p st name; do
      [ "$(cut -d' ' -f22 /proc/$p/stat 2>/dev/null)" = "$st" ] && kill -9 "$p" 2>/dev/null
    done <"$STATE/pids"
  fi
  if [ -f "$STATE/netns" ]; then
    while read -r n; do
      for p in $(ip netns pids "$n" 2>/dev/null); do kill -9 "$p" 2>/dev/null; done
      ip netns del "$n" 2>/dev/null
    done <"$STATE/netns"
  fi
  [ -f "$STATE/sysctl" ] && tac "$STATE/sysctl" | while IFS=$'\t' read -r k v; do sysctl -qw "$k=$v"; done
  [ -f "$STATE/files" ] && tac "$STATE/files" | while IFS=$'\t' read -r k v; do echo "$v" >"$k" 2>/dev/null; done
  rm -f "$STATE/pids" "$STATE/netns" "$STATE/sysctl" "$STATE/files"
  return 0
}
_on_exit() { local rc=$?; [ $rc = 0 ] || { say "exit $rc: cleaning up"; _cleanup; }; }
inc_main() {
  local verb=${1:-}
  case "$verb" in
    setup)
      _cleanup; set -e; rm -rf "$STATE"; mkdir -p "$STATE"
      trap _on_exit EXIT; trap 'exit 130' INT TERM HUP
      truth id "$INC_ID"; inc_truth; inc_setup
      truthj netns "$($PY -c 'import json,sys;print(json.dumps(sys.stdin.read().split()))' <"$STATE/netns")" ;;
    trigger)
      [ -f "$STATE/netns" ] || die "setup first"
      trap _on_exit EXIT; trap 'exit 130' INT TERM HUP
      inc_trigger ;;
    cleanup) _cleanup ;;
    truth)
      if [ -f "$STATE/truth.json" ]; then cat "$STATE/truth.json"; echo
      else STATE=$(mktemp -d); truth id "$INC_ID"; inc_truth; cat "$STATE/truth.json"; echo; rm -rf "$STATE"; fi ;;
    run) "$0" setup && "$0" trigger && "$0" truth; "$0" cleanup ;;
    *) echo "use: $0 setup|trigger|cleanup|truth|run" >&2; exit 2 ;;
  esac
}
