# SPDX-License-Identifier: MIT
# incidents.sh: guest script for a virtual machine with another kernel, run as root by bash: the incidents of tests/incidents, each
# recorded, in the layout that run.py scores. Beside it: ./skbtape-record (static), the folder tests/incidents as ./incidents, Python's
# standard library as ./py/lib/pythonX.Y, and python3, sysctl, date, seq, timeout, flock, taskset and chrt in the guest's path.
# A file "which" names the incidents (the beginnings of their names); without it all that need no more than the kernel. A file "until"
# has the seconds since boot after which none is begun any more, so that what was recorded comes back.
# On another machine, for what came back in DIR (which tells the kernel of each in vm.txt):
#   tests/incidents/run.py --build build --out DIR --again NAME...
OUT=${OUT:-/out}
export PYTHONHOME=$PWD/py LD_LIBRARY_PATH=$PWD/py INC_STATE_ROOT=/tmp/state LC_ALL=C
WHICH=$(cat which 2>/dev/null)
WHICH=${WHICH:-a b c}
UNTIL=$(cat until 2>/dev/null)
ip link set lo up

uptime_s() { cut -d. -f1 /proc/uptime; }

say() {
	echo "$*"
	echo "$*" >/dev/console
}

# {device: [namespace...]} of the namespaces of an incident, as run.py notes it
devices() { # NAME
	_n=$1
	while read -r ns; do
		for d in $(ip netns exec "$ns" ls /sys/class/net); do echo "$d $ns"; done
	done <"$INC_STATE_ROOT/$_n/netns" | python3 -c '
import json, sys
at = {}
for line in sys.stdin:
    dev, ns = line.split()
    at.setdefault(dev, []).append(ns)
print(json.dumps({sys.argv[1]: at}))' "$_n"
}

one() { # NAME SCRIPT [RECORDER-OPTION...]
	n=$1 script=$2 dir=$OUT/$1
	shift 2
	mkdir -p "$dir"
	# what it needs of the kernel, as far as that is a module
	modprobe -aq $(sed -n "s/.*needs '\[\(.*\)\]'.*/\1/p" "incidents/$script" | tr -d '"' | tr , ' ')
	# (of a script of many incidents: what any of them needs)
	INC_ID=$n timeout 60 bash "incidents/$script" setup >"$dir/log" 2>&1 || { say "$n: no setup: $(tail -1 "$dir/log")"; return; }
	(cd "$dir" && exec "$OLDPWD/skbtape-record" "$@" -o "$n.skbtape") 2>"$dir/recorder.log" &
	rec=$!
	i=0
	until grep -qs recording "$dir/recorder.log" || [ $i -gt 300 ]; do
		sleep 0.2
		i=$((i + 1))
	done
	sleep 1
	INC_ID=$n timeout 60 bash "incidents/$script" trigger >>"$dir/log" 2>&1
	happened=$?
	devices "$n" >"$dir/devices.json"
	sleep 1
	kill -INT $rec
	wait $rec
	status=$?
	INC_ID=$n bash "incidents/$script" truth >"$dir/$n.truth.json" 2>>"$dir/log"
	INC_ID=$n bash "incidents/$script" cleanup >>"$dir/log" 2>&1
	[ $happened = 0 ] || { say "$n: did not happen: $(tail -1 "$dir/log")"; mv "$dir" "$OUT/not-$n"; return; }
	say "$n: recorded, status $status, at $(uptime_s) s"
}

while IFS='	' read -r name _ options; do
	case $name in '' | '#'*) continue ;; esac
	for w in $WHICH; do
		case $name in
		"$w"*)
			if [ "${UNTIL:-0}" -gt 0 ] && [ "$(uptime_s)" -gt "$UNTIL" ]; then
				say "$name: no time left"
				continue
			fi
			case $name in
			d*) script=devices.sh ;;
			f*) script=filter.sh ;;
			h*) script=healthy.sh ;;
			l*) script=link.sh ;;
			s*) script=sockets.sh ;;
			v*) script=variants.sh ;;
			*) script=$name.sh ;;
			esac
			# shellcheck disable=SC2086
			one "$name" $script $options </dev/null
			;;
		esac
	done
done <incidents/expected.tsv
