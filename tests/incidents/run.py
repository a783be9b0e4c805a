#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py - make incidents happen, record each, analyze the tape, compare the findings with the truth.

  run.py [--build DIR] [--out DIR] [--loaded] [--neighbours] [--lock FILE] [--profile NAME] [--advice]
         [--together N] [--again] [ID...]

ID: the beginning of a name in expected.tsv (a01, b, h, v); none: all of them. Each incident is set up, the recorder
armed, the fault triggered, the recorder stopped, all removed. Results go to OUT/ID/: tape, database, report.json,
NAME.truth.json. --loaded: a busy loop on each CPU and TCP between two further namespaces beside it. --neighbours: ordinary
and mildly faulty traffic of others in further namespaces beside it. --lock: hold this file's lock while incidents
run. --advice: try the commands of
the findings' advice and their undo while the namespaces are there. --together: so many at once on one tape, each scored by what is
found in its own namespaces. --again: do not run, score what is in OUT. Status 0 if at least 95 % are right."""
import argparse, fcntl, json, os, re, shutil, signal, sqlite3, subprocess, sys, time

from advice import lacking, parts, tried

HERE = os.path.dirname(os.path.abspath(__file__))
SEVERE = ("critical", "warning")
HEALTHY_PORTS = (7001, 7002)            # of lib.sh's healthy_start
MANY = {"d": "devices.sh", "f": "filter.sh", "h": "healthy.sh", "l": "link.sh", "s": "sockets.sh", "v": "variants.sh"}    # scripts of many incidents


def expected():
    for line in open(os.path.join(HERE, "expected.tsv")):
        if line.strip() and not line.startswith("#"):
            name, causes, options = (line.rstrip("\n").split("\t") + [""])[:3]
            yield name, causes.split(), options.split()


def script(name):
    if name[0] in MANY:
        return ["bash", os.path.join(HERE, MANY[name[0]])], {"INC_ID": name}
    return ["bash", os.path.join(HERE, name + ".sh")], {}


# ---- what goes on beside the incident -------------------------------------------------
class Beside:
    """processes and namespaces of our own, all gone after stop()"""

    def __init__(self, loaded, neighbours):
        self.procs, self.spaces = [], []
        tool = os.path.join(HERE, "beside.py")
        if loaded:
            for cpu in range(min(2, os.cpu_count())):
                self.start([sys.executable, tool, "burn", str(cpu)])
            self.pair("ld", "10.250.1")
            self.start(self.within("ld-b", [sys.executable, tool, "sink", "10.250.1.2", "9001"]))
            self.start(self.within("ld-a", [sys.executable, tool, "stream", "10.250.1.2", "9001"]))
        if neighbours:
            self.pair("nb", "10.251.1")
            self.start(self.within("nb-b", [sys.executable, tool, "sink", "10.251.1.2", "9001"]))
            self.start(self.within("nb-a", [sys.executable, tool, "mixed", "10.251.1.2", "9001"]))
        if self.procs:
            time.sleep(0.5)

    def within(self, space, cmd):
        return ["ip", "netns", "exec", space] + cmd

    def start(self, cmd):
        self.procs.append(subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def pair(self, tag, net):
        a, b = tag + "-a", tag + "-b"
        self.spaces += [a, b]
        for s in (a, b):
            subprocess.run(["ip", "netns", "add", s], check=True)
            subprocess.run(["ip", "-n", s, "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "link", "add", tag + "0", "netns", a, "type", "veth", "peer", "name", tag + "1", "netns", b], check=True)
        for s, d, n in ((a, tag + "0", "1"), (b, tag + "1", "2")):
            subprocess.run(["ip", "-n", s, "addr", "add", "%s.%s/24" % (net, n), "dev", d], check=True)
            subprocess.run(["ip", "-n", s, "link", "set", d, "up"], check=True)

    def stop(self):
        procs, self.procs, spaces, self.spaces = self.procs, [], self.spaces, []
        for p in procs:
            p.kill()
            p.wait()
        for s in spaces:
            subprocess.run(["ip", "netns", "del", s], stderr=subprocess.DEVNULL)


# ---- one host for several of us ------------------------------------------------------
class Turn:
    """a lock that is kept for several incidents, but let go after little more than a minute"""

    def __init__(self, path):
        self.path, self.file, self.since = path, None, 0

    def take(self):
        if self.path and not self.file:
            self.file = open(self.path, "a")
            fcntl.flock(self.file, fcntl.LOCK_EX)
            self.since = time.monotonic()

    def over(self):
        return self.file and time.monotonic() - self.since > 75

    def give(self):
        if self.file:
            self.file.close()
            self.file = None


# ---- run one ----------------------------------------------------------------------
def devices(spaces):
    """{device: namespace}"""
    at = {}
    for s in spaces:
        r = subprocess.run(["ip", "-n", s, "-j", "link"], capture_output=True, text=True)
        for link in json.loads(r.stdout or "[]"):
            at.setdefault(link.get("ifname"), []).append(s)
    return at


def run_some(names, options, out, a):
    """one tape of one incident, or of several at once; what went wrong"""
    cmd = {n: script(n) for n in names}
    state = os.path.join(a.out, "state")
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    log = open(os.path.join(out, "log"), "w")

    def start(name, v, stdout=log):
        env = dict(os.environ, INC_STATE_ROOT=state, **cmd[name][1])
        started.append(subprocess.Popen(cmd[name][0] + [v], env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=log))
        return started[-1]

    started = []
    beside = rec = None
    try:
        for n in names:
            if start(n, "setup").wait():
                return "setup of %s failed" % n
        spaces = {n: open(os.path.join(state, n, "netns")).read().split() for n in names}
        at = {n: devices(spaces[n]) for n in names}
        beside = Beside(a.loaded, a.neighbours)
        errors = open(os.path.join(out, "recorder.log"), "w")
        # by its bare name: no path of this machine goes on the tape
        rec = subprocess.Popen(["skbtape-record", "-e", a.profile, "-o", os.path.basename(out) + ".skbtape"] + options, cwd=out, stderr=errors,
                               stdin=subprocess.DEVNULL, executable=os.path.abspath(os.path.join(a.build, "skbtape-record")),
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        end = time.monotonic() + 90             # on a loaded host
        while "recording" not in open(errors.name).read():
            if rec.poll() is not None or time.monotonic() > end:
                return "the recorder did not start"
            time.sleep(0.05)
        time.sleep(0.5)
        triggers = {n: start(n, "trigger") for n in names}
        failed = [n for n in names if triggers[n].wait()]
        for n in names:
            for dev, where in devices(spaces[n]).items():       # made by the trigger itself
                at[n].setdefault(dev, where)
        time.sleep(0.3)
        rec.send_signal(signal.SIGINT)
        if beside:
            beside.stop()
        try:
            rec.wait(60)
        except subprocess.TimeoutExpired:
            return "the recorder does not stop"
        for n in names:
            with open(os.path.join(out, n + ".truth.json"), "w") as f:
                start(n, "truth", f).wait()
        json.dump(at, open(os.path.join(out, "devices.json"), "w"))
        if failed:
            return "the incident did not happen: " + " ".join(failed)
        if rec.returncode:
            return "the recorder ended with status %d" % rec.returncode
        if not a.advice:
            return ""
        why = analyze(out, a)
        return why or "; ".join("advice: " + b for b in advice(out))
    finally:
        if rec and rec.poll() is None:
            rec.kill()
            rec.wait()
        if beside:
            beside.stop()
        for p in started:                       # interrupted: it must not go on behind the cleanup
            if p.poll() is None:
                p.terminate()
                p.wait()
        for n in names:
            start(n, "cleanup").wait()


def analyze(out, a):
    tool = os.path.join(a.build, "skbtape")
    db = os.path.join(out, os.path.basename(out) + ".db")
    r = subprocess.run(["nice", tool, "analyze", "-q", db[:-3] + ".skbtape", "-o", db], stderr=subprocess.PIPE, text=True)
    if r.returncode not in (0, 3):
        return "analyze ended with status %d: %s" % (r.returncode, r.stderr.strip())
    with open(os.path.join(out, "report.json"), "w") as f:
        r = subprocess.run([tool, "report", db, "--format", "json"], stdout=f, stderr=subprocess.PIPE, text=True)
    return "" if r.returncode in (0, 3) else "report ended with status %d: %s" % (r.returncode, r.stderr.strip())


# ---- advice ------------------------------------------------------------------------
RUNNABLE = {"sysctl", "ip", "tc", "nft", "ethtool", "ss", "conntrack", "sh", "bridge", "nstat"}


def advice(out):
    """what is wrong with the commands of the findings' advice, tried where they are meant for"""
    bad, seen, rows = [], set(), []
    for f in json.load(open(os.path.join(out, "report.json")))["findings"]:
        for a in f["advice"]:
            command, undo = a.get("command"), a.get("undo")
            if not command or command in seen:
                continue
            seen.add(command)
            for c in filter(None, (command, undo)):
                if subprocess.run(["sh", "-n", "-c", c], stderr=subprocess.DEVNULL).returncode:
                    bad.append("no shell command: " + c)
            programs = {words[0] for _, words in parts(command)}
            if not programs <= RUNNABLE or not all(map(shutil.which, programs)) or any(lacking(words) for _, words in parts(command)):
                rows.append((f["cause"], "read", command))
                continue
            bad += filter(None, [tried(command, undo, out)])
            rows.append((f["cause"], "tried and undone" if undo else "tried", command))
    with open(os.path.join(out, "advice.tsv"), "w") as t:
        t.writelines("\t".join(r) + "\n" for r in rows)
    return bad


# ---- score -------------------------------------------------------------------------
def flow_fits(got, want):
    """whether a finding's flow contradicts the truth's; the other direction of a connection is as good"""
    def fits(g):
        return all(g.get(k) is None or k not in want or str(g[k]) == str(want[k]) for k in ("proto", "src", "sport", "dst", "dport"))
    if not got or not want:
        return True
    back = dict(got, src=got.get("dst"), dst=got.get("src"), sport=got.get("dport"), dport=got.get("sport"))
    return fits(got) or fits(back)


def told_reasons(truth, db):
    """the truth's reasons that the recorded kernel can give: those in its format of kfree_skb (none before 5.17), and those that it did
    not name at that place but that its counters prove"""
    wanted = truth.get("expect_reason") or []
    con = sqlite3.connect("file:%s?mode=ro" % db, uri=True)
    if con.execute("SELECT count(*) FROM event_type WHERE system = 'skb' AND name = 'kfree_skb'").fetchone()[0]:
        has = {r for r, in con.execute("SELECT name FROM _drop_reason")}
        wanted = [r for r in wanted if r in has]
    proven = {r for r, in con.execute("SELECT DISTINCT why FROM _drop_target WHERE why_by IS NOT NULL")}
    con.close()
    return wanted, proven


def place(f, truth, at, reasons):
    """what is wrong with where a finding says it is"""
    bad, w = [], f["where"]
    dev = truth.get("expect_dev") or ""
    spaces = {s for d, ss in at.items() if dev and re.fullmatch(dev, d) for s in ss}
    if truth.get("expect_netns"):
        spaces.add(truth["expect_netns"])
    cpu = truth.get("expect_cpu")
    if cpu is not None and w.get("cpu") is not None and w["cpu"] != cpu:
        bad.append("cpu %s" % w["cpu"])
    of_cpu = cpu is not None and w.get("cpu") == cpu and w.get("netns") is None     # what a CPU does belongs to no namespace
    if spaces and w.get("netns") not in spaces and not of_cpu:
        bad.append("netns %s" % w.get("netns"))
    if dev and w.get("dev") and not re.fullmatch(dev, w["dev"]) and not (truth.get("expect_netns") and w.get("netns") == truth["expect_netns"]):
        bad.append("dev %s" % w["dev"])
    if not flow_fits(w.get("flow"), truth.get("expect_flow")):
        bad.append("flow %s" % json.dumps(w["flow"]))
    if reasons and w.get("reason") and w["reason"] not in reasons:
        bad.append("reason %s" % w["reason"])
    return bad


def amount(right, truth):
    """what is wrong with the right findings' number of packets, where the kernel tells of drops at all"""
    known = [f["impact"]["packets"] for f in right if f["impact"].get("packets") is not None]
    n = sum(known) if known else None
    least = truth.get("expect_min_drop_events", truth.get("expect_min_drops") or 0)
    most = truth.get("copies", truth.get("sent"))
    if "service_loss" in truth:             # a capture loses frames of every flow
        most = truth["expect_counter"]["delta"]
    if not truth.get("expect_reason"):
        return []
    if n is None or n < least:
        return ["%s packets, at least %d" % (n, least)]
    if isinstance(most, int) and n > most:
        return ["%d packets of %d" % (n, most)]
    return []


def score(name, causes, out, alone):
    """row of the table"""
    also = [c[1:] for c in causes if c[0] == "+"]
    causes = [c for c in causes if c[0] != "+"]
    truth = json.load(open(os.path.join(out, name + ".truth.json")))
    at = json.load(open(os.path.join(out, "devices.json")))[name]
    report = json.load(open(os.path.join(out, "report.json")))
    found = report["findings"]
    wanted, proven = told_reasons(truth, os.path.join(out, os.path.basename(out) + ".db"))
    if not alone:                           # the others' findings are theirs
        own = {s for ss in at.values() for s in ss}
        found = [f for f in found if f["where"].get("netns") in own or (f["where"].get("netns") is None and f["cause"] in causes)]
    severe = [f for f in found if f["severity"] in SEVERE]
    first = severe[0] if severe else found[0] if found else None
    bad = []
    others = severe
    info_only = causes in (["capture-overflow"], ["softirq-budget-exhausted"]) or causes == ["rps-bouncing"] and truth.get("hint")
    if causes == ["-"]:
        bad += ["%s above info" % f["cause"] for f in severe]
    elif not first or first["cause"] not in causes:
        bad.append("first is %s" % (first and first["cause"]))
    else:
        if info_only:
            bad += ["%s above info" % f["cause"] for f in severe]
        elif first["severity"] == "info":
            bad.append("only info")
        right = [first] + [f for f in severe if f is not first and f["cause"] in causes and f["where"].get("netns") == first["where"].get("netns")]
        bad += place(first, truth, at, wanted + ["NOT_SPECIFIED"] if proven & set(wanted) else wanted) + amount(right, truth)
        others = [f for f in severe if f not in right]
        bad += ["no %s above info" % c for c in also if c not in [f["cause"] for f in severe]]
    reasons = {d["reason"] for d in report["drops"]}
    bad += ["no drop %s" % r for r in wanted if r not in reasons | proven]
    for f in severe:
        flow = f["where"].get("flow") or {}
        if (flow.get("dport") in HEALTHY_PORTS or flow.get("sport") in HEALTHY_PORTS) and f is not first:
            bad.append("healthy flow blamed: %s" % f["cause"])
    free = [f for f in others if f.get("symptom_of") is None]
    row = dict(id=name, expected=" ".join(causes), first=first["cause"] if first and (severe or info_only) else "-",
               conf=first["confidence"] if first else "", packets=first["impact"].get("packets") if first else "",
               where="%s/%s" % (first["where"].get("netns"), first["where"].get("dev")) if first else "",
               process=(first["where"].get("process") or "") if first else "",
               others=",".join("%s@%s" % (f["cause"], f["where"].get("netns")) for f in free) or "-",
               ties=len(others) - len(free), bad="; ".join(bad))
    return row


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build")
    p.add_argument("--out", default="")
    p.add_argument("--lock", default=os.environ.get("INC_LOCK", ""))
    p.add_argument("--profile", default="standard")
    p.add_argument("--loaded", action="store_true")
    p.add_argument("--neighbours", action="store_true")
    p.add_argument("--together", type=int, default=1)
    p.add_argument("--advice", action="store_true")
    p.add_argument("--again", action="store_true")
    p.add_argument("id", nargs="*")
    a = p.parse_args()
    a.out = os.path.abspath(a.out or os.path.join(a.build, "incidents"))
    if not a.again and os.geteuid():
        sys.exit("incidents: this needs root")
    rows = [(n, c, o) for n, c, o in expected() if not a.id or any(n.startswith(i) for i in a.id)]
    todo = [(n, c) for n, c, _ in rows]
    options = {n: o for n, _, o in rows}
    if not todo:
        sys.exit("incidents: no incident has such a name: " + " ".join(a.id))
    for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):     # so that what was set up is removed
        signal.signal(n, lambda *_: sys.exit("incidents: ended by a signal"))
    right, t0, turn = 0, time.monotonic(), Turn(a.lock)
    print("# %s  kernel %s%s%s" % (time.strftime("%Y-%m-%d %H:%M:%S"), os.uname().release, "  loaded" * a.loaded, "  neighbours" * a.neighbours))
    print("incident\texpected\tfirst\tconfidence\tpackets\twhere\tprocess\tothers above info\tsymptoms\tseconds\tverdict")
    pending = []

    def judge():
        """what was recorded in this turn"""
        good = 0
        for group, out, why, took in pending:
            why = why or analyze(out, a)
            for name, causes in group:
                row = dict(id=name, expected=" ".join(causes), first="", conf="", packets="", where="", process="", others="", ties="", bad=why)
                if not why:
                    row = score(name, causes, out, len(group) == 1)
                good += not row["bad"]
                print("\t".join(str(row[k]) for k in ("id", "expected", "first", "conf", "packets", "where", "process", "others", "ties"))
                      + "\t%.0f\t%s" % (took, "WRONG: " + row["bad"] if row["bad"] else "right"), flush=True)
        pending.clear()
        return good

    for i in range(0, len(todo), a.together):
        group = todo[i:i + a.together]
        names = [n for n, _ in group]
        out = os.path.join(a.out, "+".join(n if len(names) == 1 else n.split("-")[0] for n in names))
        why, t = "", time.monotonic()
        if not a.again:
            turn.take()
            t = time.monotonic()
            why = run_some(names, options[names[0]] if len(names) == 1 else [], out, a)
        pending.append((group, out, why, time.monotonic() - t))
        if turn.over() or not turn.path:
            turn.give()
            right += judge()
    turn.give()
    right += judge()
    print("%d of %d right (%.0f %%) in %.0f s" % (right, len(todo), 100.0 * right / len(todo), time.monotonic() - t0))
    if not a.again:
        shutil.rmtree(os.path.join(a.out, "state"), ignore_errors=True)
    return 0 if right >= 0.95 * len(todo) else 1


if __name__ == "__main__":
    sys.exit(main())
