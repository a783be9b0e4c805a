#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""advice.py - run the commands of findings' advice and their undo, and see whether the kernel took them and all is as before.

  advice.py CASES RULES

CASES: a line of JSON for each advice of the rules' cases (ADVICE=FILE test_findings), RULES: the folder of the rules. Every advice
of every rule must be among the cases, and every command of these is run in a world of its own: network, mount and PID namespaces
in which the namespaces, devices and processes that the commands name exist. What cannot be run there is checked as far as it
can be, and said. Prints lines as the other tests do. run.py uses the same for the commands of real incidents."""
import glob, json, os, re, shlex, shutil, subprocess, sys, tempfile, time

PREFIX = r"(?:ip netns exec \S+ |nsenter -t \d+ -n )?"
# what is only an answer: there is no route, the table is empty
ANSWERS = r"RTNETLINK answers: (Network is unreachable|No route to host|Invalid argument)|^conntrack v\S+ \(conntrack-tools\): \d+ flow entries"
# programs that need what a namespace of our own does not have
ELSEWHERE = {"modprobe": "loads a module", "arping": "waits for a neighbour's answer", "ping": "waits for a neighbour's answer", "bpftool": "shows the programs of the whole machine"}


def parts(command):
    """the simple commands of a line, without prefix: words of each"""
    found = []
    for p in re.split(r"; | && ", re.sub(r"'[^']*'", lambda m: m.group(0).replace("; ", ";").replace(" && ", "&&"), command)):
        found.append((p, shlex.split(re.sub("^" + PREFIX, "", p))))
    return found


def settings(prefix, features=False):
    """what advice may change, to see whether it was taken back; counters, timers and carriers (they follow) left out"""
    state = ("ip -d link show; ip route show table all; ip neigh show nud permanent; tc qdisc show; nft -s list ruleset; grep -rs . /proc/sys/net; "
             "grep -s . /sys/class/net/*/queues/*/rps_cpus /sys/class/net/*/queues/*/rps_flow_cnt /sys/class/net/*/queues/*/xps_cpus; ")
    if features:
        state += "for d in $(ls /sys/class/net); do ethtool -k $d; done"
    out = subprocess.run(["sh", "-c", '%ssh -c "%s"' % (prefix, state.replace("$", "\\$"))], capture_output=True, text=True).stdout
    return [re.sub(r"\S+_timer +\S+|expires \S+| linkdown|NO-CARRIER,|,LOWER_UP| state [A-Z]+", "", l) for l in out.splitlines() if "nf_conntrack_count" not in l]


def attempt(command, cwd):
    """run a line; what is wrong with it"""
    if subprocess.run(["sh", "-n", "-c", command], stderr=subprocess.DEVNULL).returncode:
        return "no shell command: " + command
    try:
        r = subprocess.run(["sh", "-ec", command], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20)
    except subprocess.TimeoutExpired:
        return command + ": does not end"
    if command.startswith("grep ") and r.stdout:    # files that may not be read make it 2
        return ""
    if (r.returncode or "permission denied" in r.stderr) and not re.search(ANSWERS, r.stderr):
        return "%s: status %d: %s" % (command, r.returncode, r.stderr.strip())
    return ""


def tried(command, undo, cwd):
    """run a command and its undo; what is wrong with them"""
    if not undo:
        return attempt(command, cwd)
    prefix, features = re.match(PREFIX, command).group(0), "ethtool" in command
    before = settings(prefix, features)
    bad = attempt(command, cwd)
    if bad:
        return bad
    between = settings(prefix, features)
    bad = attempt(undo, cwd)
    if bad:
        return bad
    after = settings(prefix, features)
    for _ in range(15):                     # a carrier's way to the other end takes its time
        if before == after:
            break
        time.sleep(0.2)
        after = settings(prefix, features)
    if before != after:
        return "not taken back: %s: %s" % (command, sorted(set(before) ^ set(after))[:4])
    return "" if before != between else "it changes nothing: " + command


# ---- the world of the rules' cases -------------------------------------------------
def sh(command):
    r = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if r.returncode:
        sys.exit("advice: %s: %s" % (command, r.stderr.strip()))
    return r.stdout


def within(space):
    return "" if space in (None, "init") else "ip netns exec %s " % space


def hold(space, dev):
    """a process that has the tun device open (TUNSETIFF, IFF_TUN and IFF_NO_PI)"""
    code = ("import fcntl, struct, time; f = open('/dev/net/tun', 'r+b', buffering=0); "
            "fcntl.ioctl(f, 0x400454ca, struct.pack('16sH22x', b'%s', 0x1001)); print('', flush=True); time.sleep(60)" % dev)
    p = subprocess.Popen(["ip", "netns", "exec", space, sys.executable, "-c", code], stdout=subprocess.PIPE)
    if not p.stdout.read(1):
        sys.exit("advice: %s cannot be held" % dev)


def build(rows):
    """namespaces, devices and processes that the commands name, as in the cases' databases"""
    sh("mount -t tmpfs none /run/netns && mount -t sysfs none /sys")
    spaces = {r["netns"] for r in rows if r["netns"]} | {"a", "b"}
    for s in spaces - {"init"}:
        sh("ip netns add %s" % s)
    for s in spaces:
        sh(within(s) + "sh -c 'sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0; ip link set lo up'")
    queues = "numrxqueues 4 numtxqueues 4"
    sh("ip link add a0 netns a %s type veth peer name b0 netns b %s" % (queues, queues))
    made, tuns = {("a", "a0"), ("b", "b0")}, set()
    for r in rows:
        named = re.findall(r"(?:dev|link|show|/net/|-[KSGI]) ?([a-z]+\d)\b", r["command"])
        for d in filter(None, named + [r["dev"]]):
            if r["netns"] and (r["netns"], d) not in made:
                made.add((r["netns"], d))
                if r["rule"].startswith("tun-"):
                    tuns.add((r["netns"], d))
                    sh(within(r["netns"]) + "ip tuntap add %s mode tun" % d)
                else:
                    sh(within(r["netns"]) + "ip link add %s %s type veth peer name %s-peer" % (d, queues, d))
    sh("ip -n a addr add 10.0.0.1/24 dev a0; ip -n b addr add 10.0.0.2/24 dev b0; ip -n a -6 addr add 2001:db8::1/64 dev a0")
    for s, d in sorted(made):
        sh(within(s) + "sh -c 'ip link set %s up; ip link set %s-peer up 2>/dev/null || true'" % (d, d))
        if (s, d) in tuns:
            hold(s, d)
    for _ in range(30):                     # carriers come a moment later
        if not any("NO-CARRIER" in sh(within(s) + "ip link show type veth") for s in spaces):
            break
        time.sleep(0.1)
    pids = {int(p) for r in rows for p in re.findall(r"(?:/proc/|-c?p |-t )(\d+)", r["command"] or "")}
    for p in sorted(pids):                  # nobody else is in this PID namespace
        open("/proc/sys/kernel/ns_last_pid", "w").write(str(p - 1))
        child = subprocess.Popen(["sleep", "60"])
        if child.pid != p:
            sys.exit("advice: no process with pid %d" % p)


def prepare(row):
    """what must be there for a command to make sense"""
    ns, command, undo = within(row["netns"]), row["command"], row["undo"] or ""
    m = re.search(r"nft (?:-a list chain|delete rule) (\S+) (\S+) (\S+)(?: handle (\d+))?", command)
    if m:
        family, table, chain, handle = m.groups()
        sh(ns + "sh -c 'nft add table %s %s; nft add chain %s %s %s'" % (family, table, family, table, chain))
        for _ in range(int(handle or 0)):
            if "handle %s\n" % handle in sh(ns + "nft -a list chain %s %s %s" % (family, table, chain)):
                break
            sh(ns + "nft add rule %s %s %s counter" % (family, table, chain))
    m = re.search(r"qdisc add dev (\S+) parent (\S+?):", command)
    if m:
        sh(ns + "tc qdisc replace dev %s root handle %s: tbf rate 1mbit burst 10kb limit 100kb" % m.groups())
    if " qdisc change dev " in undo:
        sh(undo.replace(" qdisc change ", " qdisc replace "))
    m = re.search(r"bridge (?:-d )?link \w+ dev ([\w.]+)", command)
    if m:
        sh(ns + "sh -c 'ip link add adv-br type bridge 2>/dev/null; ip link set adv-br up; ip link set %s master adv-br'" % m.group(1))
        for _ in range(30):                 # the bridge takes a moment to learn of its carrier, and then lets all pass
            if "state forwarding" in sh(ns + "bridge link show dev " + m.group(1)):
                break
            time.sleep(0.1)
    if re.search(r"^" + PREFIX + r"(sysctl -w|sh -c 'echo|ip (link set|neigh replace)|ethtool -K|bridge link set)", undo):
        return attempt(undo, None)          # as it was on the host that was recorded
    return ""


def machine_wide(command, undo, host):
    """whether it sets a sysctl that only the first network namespace has, and what is wrong with it"""
    m = re.fullmatch(r"sysctl -w ([\w./-]+)=(\S+|'[^']*')", command)
    if not m:
        return False, ""
    path = m.group(1).replace(".", "/") if "/" not in m.group(1) else m.group(1)
    if os.path.exists("/proc/sys/" + path) and os.stat("/proc/sys/" + path).st_mode & 0o200:
        return False, ""                    # each namespace has its own
    known = host.get(path)
    if not known:
        return True, "%s: no such sysctl" % command
    values = {}
    for what, line in (("command", command), ("undo", undo or "")):
        n = re.fullmatch(r"sysctl -w ([\w./-]+)=(\S+|'[^']*')", line)
        if not n or n.group(1) != m.group(1):
            return True, "%s: its %s is '%s'" % (command, what, line)
        values[what] = n.group(2).strip("'").split()
    if not known["writable"]:
        return True, "%s: may not be written" % command
    for v in values.values():
        if len(v) != len(known["value"].split()) or not all(re.fullmatch(r"\d+", x) and int(x) < 1 << 31 for x in v):
            return True, "%s: %s has values like '%s'" % (command, path, known["value"])
    return True, "" if values["command"] != values["undo"] else "it changes nothing: " + command


def lacking(words):
    """the kind of queueing discipline or device that a simple command needs and the kernel does not have"""
    probes = {"fq_codel": "tc qdisc add dev lo root fq_codel", "vlan": "ip link add adv-vlan link lo type vlan id 1"}
    for kind, probe in probes.items():
        if (kind == "fq_codel" or "type" in words) and kind in words and subprocess.run(["unshare", "-n"] + probe.split(), stderr=subprocess.DEVNULL).returncode:
            return kind
    return ""


def cannot(part, words):
    """why a simple command cannot be run here"""
    program = words[0]
    if not shutil.which(program):
        return program + " is not installed"
    if program in ELSEWHERE:
        return ELSEWHERE[program]
    if program == "ethtool" and words[1] in ("-S", "-G"):
        return "needs a network card"
    if "/proc/irq/" in part:
        return "needs the interrupt of a network card"
    if "/sys/fs/cgroup/" in part:
        return "names a control group of the host that was recorded"
    kind = lacking(words)
    if kind:
        return "this kernel has no %s" % kind
    if program == "tcpdump":
        return "waits for packets"
    if "net.mpls" in part or "net/mpls" in part:
        return "needs the module mpls_router"
    return ""


WIDE = "a setting of the whole machine"


def try_row(row, host, cwd):
    """(what is wrong, what was left out)"""
    command, undo = row["command"], row["undo"]
    for c in filter(None, (command, undo)):
        if subprocess.run(["sh", "-n", "-c", c], stderr=subprocess.DEVNULL).returncode:
            return "no shell command: " + c, ""
    for _, words in parts(command):
        if words[0] == "arping" and ":" in words[-1]:
            return "%s: ARP is IPv4 only" % command, ""
    wide, bad = machine_wide(command, undo, host)
    if wide:
        return bad, WIDE
    out = [(p, cannot(p, words)) for p, words in parts(command)]
    why = "; ".join(sorted({w for _, w in out if w}))
    if why:
        if undo:
            return "", why
        left = [p for p, w in out if not w]
        bad = prepare(row) or "; ".join(filter(None, (attempt(p, cwd) for p in left)))
        return bad, why
    return prepare(row) or tried(command, undo, cwd), ""


def advice_of(rules):
    """(rule, text) of every advice that has a command"""
    for path in sorted(glob.glob(os.path.join(rules, "*.sql"))):
        text = None
        for line in open(path):
            key = re.match(r"-- ([a-z-]+\??): (.*)", line)
            if key and key.group(1) == "advice":
                text = key.group(2).strip()
            elif key and key.group(1) == "command" and text is not None:
                yield os.path.basename(path), text
                text = None
            elif key or not line.startswith("--"):
                text = None
            elif text is not None:
                text += " " + line[2:].strip()


def inside(cases, rules, host):
    rows, seen = [], set()
    for line in open(cases):
        r = json.loads(line)
        # a mask of more CPUs than there are here: the words that are 0 are left out
        for k in ("command", "undo"):
            r[k] = r[k] and re.sub(r"\b(0{8},)+(?=[0-9a-f]{8} )", "", r[k])
        if r["command"] and (r["rule"], r["command"], r["undo"]) not in seen:
            seen.add((r["rule"], r["command"], r["undo"]))
            rows.append(r)
    build(rows)
    shown = {(r["rule"], r["template"]) for r in rows}
    cwd = tempfile.mkdtemp(dir=os.path.dirname(cases))
    for name in sorted(os.listdir(rules)):
        mine = [r for r in rows if r["rule"] == name]
        bad = ["no case shows: " + t for rule, t in advice_of(rules) if rule == name and (rule, t) not in shown]
        ran = undone = wide = 0
        for r in mine:
            wrong, left = try_row(r, host, cwd)
            if wrong:
                bad.append(wrong)
            elif left == WIDE:
                wide += 1
            elif left:
                print("skip advice %s: %s: %s" % (name[:-4], r["command"], left))
            else:
                ran += 1
                undone += r["undo"] is not None
        if bad:
            print("not ok advice %s: %s" % (name[:-4], "; ".join(bad)))
        elif ran or wide:
            print("ok advice %s: %d run, %d undone, %d of the whole machine compared with it" % (name[:-4], ran, undone, wide))


def of_host():
    """the settings of the first network namespace: {path: writable, value}"""
    host = {}
    for top, _, names in os.walk("/proc/sys/net"):
        for n in names:
            p = os.path.join(top, n)
            try:
                host[p[len("/proc/sys/"):]] = {"writable": bool(os.stat(p).st_mode & 0o200), "value": open(p).read()}
            except (OSError, UnicodeDecodeError):
                continue
    return host


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--inside":
        return inside(sys.argv[2], sys.argv[3], json.load(sys.stdin))
    cases, rules = map(os.path.abspath, sys.argv[1:])
    r = subprocess.run(["unshare", "-n", "-m", "-p", "-f", "--kill-child", "--mount-proc", sys.executable, os.path.abspath(__file__), "--inside", cases, rules],
                       input=json.dumps(of_host()), text=True)
    return r.returncode


if __name__ == "__main__":
    sys.exit(main())
