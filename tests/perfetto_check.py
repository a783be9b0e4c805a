#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perfetto_check: read a Perfetto trace strictly and say what is on it, one "key value" a line.

Usage: perfetto_check.py TRACE

A reader of its own, written from the public .proto files: every byte must belong to a field that is known here, each
of the wire type that the field has; lengths fit; texts are UTF-8; interned numbers are told once, before their use;
tracks are described before their use, once, their parents before them; slices of a track nest, begin in order and are
all ended; counters stand on counter tracks, and slices do not. Ends with status 1 and a line that says where it is not so.
"""
import struct
import sys

VARINT, FIXED64, BYTES = 0, 1, 2


def fail(at, why):
    sys.exit(f"byte {at}: {why}")


def varint(data, at, end):
    value = shift = 0
    while True:
        if at >= end:
            fail(at, "a varint goes over the end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if shift and not byte:
                fail(at, "a varint is longer than it must be")
            if value >= 1 << 64:
                fail(at, "a varint of more than 64 bits")
            return value, at
        shift += 7
        if shift > 63:
            fail(at, "a varint of more than ten bytes")


def fields(data, at, end, known, what):
    """Yield (field, value, at) of a message; @known: field -> wire type."""
    while at < end:
        start = at
        tag, at = varint(data, at, end)
        field, wire = tag >> 3, tag & 7
        if known.get(field) != wire:
            fail(start, f"{what}: field {field} of wire type {wire} is not expected")
        if wire == VARINT:
            value, at = varint(data, at, end)
        elif wire == FIXED64:
            if at + 8 > end:
                fail(start, f"{what}: field {field} goes over the end")
            value, at = data[at : at + 8], at + 8
        else:
            n, at = varint(data, at, end)
            if at + n > end:
                fail(start, f"{what}: field {field} of {n} bytes goes over the end")
            value, at = (at, at + n), at + n
        yield field, value, start


def message(data, span, known, what, single=()):
    out = {}
    for field, value, at in fields(data, span[0], span[1], known, what):
        if field in single and field in out:
            fail(at, f"{what}: field {field} stands twice")
        out.setdefault(field, []).append(value)
    return out


def text(data, span, what):
    try:
        return data[span[0] : span[1]].decode("utf-8")
    except UnicodeDecodeError as e:
        fail(span[0], f"{what}: no UTF-8: {e}")


PACKET = {6: BYTES, 8: VARINT, 10: VARINT, 11: BYTES, 12: BYTES, 13: VARINT, 60: BYTES}
TRACK = {1: VARINT, 2: BYTES, 5: VARINT, 8: BYTES, 11: VARINT, 12: VARINT}
EVENT = {4: BYTES, 9: VARINT, 10: VARINT, 11: VARINT, 23: BYTES, 44: FIXED64, 47: FIXED64}
ARG = {1: VARINT, 4: VARINT, 5: FIXED64, 17: VARINT}
INTERNED = {2: BYTES, 3: BYTES, 29: BYTES}


class Trace:
    def __init__(self, data):
        self.data = data
        self.iids = {2: {}, 3: {}, 29: {}}
        self.tracks = {}  # uuid -> (name, parent, counter)
        self.open = {}  # uuid -> begins of open slices
        self.last = {}  # uuid -> time of the last event
        self.count = {"packets": 0, "slices": 0, "instants": 0, "values": 0, "args": 0}
        self.flows = {}
        self.instants = {}
        self.slices = {}

    def intern(self, span):
        for kind, entries in message(self.data, span, INTERNED, "interned data").items():
            for entry in entries:
                m = message(self.data, entry, {1: VARINT, 2: BYTES}, "interned text", (1, 2))
                iid = m[1][0]
                if not iid or iid in self.iids[kind]:
                    fail(entry[0], f"interned number {iid} of kind {kind} is 0 or told twice")
                self.iids[kind][iid] = text(self.data, m[2][0], "interned text")

    def track(self, span):
        m = message(self.data, span, TRACK, "track", tuple(TRACK))
        uuid, parent = m[1][0], m.get(5, [0])[0]
        if not uuid or uuid in self.tracks:
            fail(span[0], f"track {uuid} is 0 or described twice")
        if parent and parent not in self.tracks:
            fail(span[0], f"track {uuid}: its parent {parent} is not known")
        if parent and self.tracks[parent][2]:
            fail(span[0], f"track {uuid}: its parent is a counter")
        self.tracks[uuid] = (text(self.data, m[2][0], "track name"), parent, 8 in m)

    def event(self, span, ts):
        m = message(self.data, span, EVENT, "event", (9, 10, 11, 23, 44))
        kind, uuid = m[9][0], m[11][0]
        if uuid not in self.tracks:
            fail(span[0], f"event on track {uuid}, which is not described")
        if self.tracks[uuid][2] != (kind == 4):
            fail(span[0], f"event of type {kind} on track '{self.tracks[uuid][0]}'")
        if ts < self.last.get(uuid, 0):
            fail(span[0], f"track '{self.tracks[uuid][0]}': time goes back from {self.last[uuid]} to {ts}")
        self.last[uuid] = ts
        for arg in m.get(4, []):
            a = message(self.data, arg, ARG, "argument", tuple(ARG))
            if a[1][0] not in self.iids[3]:
                fail(arg[0], "an argument's name was not told")
            if len(a) != 2:
                fail(arg[0], "an argument without exactly one value")
            if 17 in a and a[17][0] not in self.iids[29]:
                fail(arg[0], "an argument's text was not told")
            self.count["args"] += 1
        if kind in (1, 3):
            if (10 in m) == (23 in m):
                fail(span[0], "an event with two names, or none")
            if 10 in m and m[10][0] not in self.iids[2]:
                fail(span[0], "an event's name was not told")
            name = self.iids[2][m[10][0]] if 10 in m else text(self.data, m[23][0], "name")
            for flow in m.get(47, []):
                self.flows.setdefault(struct.unpack("<Q", flow)[0], []).append(ts)
        if kind == 1:
            self.open.setdefault(uuid, []).append(ts)
            self.count["slices"] += 1
            self.slices[self.tracks[uuid][0]] = self.slices.get(self.tracks[uuid][0], 0) + 1
        elif kind == 2:
            if not self.open.get(uuid):
                fail(span[0], f"track '{self.tracks[uuid][0]}': the end of no slice")
            self.open[uuid].pop()
        elif kind == 3:
            self.count["instants"] += 1
            key = (self.tracks[uuid][0], name)
            self.instants[key] = self.instants.get(key, 0) + 1
        elif kind == 4:
            if 44 not in m:
                fail(span[0], "a counter without a value")
            value = struct.unpack("<d", m[44][0])[0]
            if not value >= 0:
                fail(span[0], f"a counter of {value}")
            self.count["values"] += 1
        else:
            fail(span[0], f"an event of type {kind}")

    def packet(self, span):
        m = message(self.data, span, PACKET, "packet", tuple(PACKET))
        first = not self.count["packets"]
        self.count["packets"] += 1
        if m[10] != [1] or m[13] != [1 if first else 2]:
            fail(span[0], "sequence or flags of a packet")
        if sum(k in m for k in (6, 11, 60)) != 1 or (6 in m) != first:
            fail(span[0], "a packet with not exactly one of clocks (first), event, track")
        if 12 in m:
            self.intern(m[12][0])
        if 60 in m:
            self.track(m[60][0])
        if 11 in m:
            self.event(m[11][0], m[8][0])

    def read(self):
        for _, value, _ in fields(self.data, 0, len(self.data), {1: BYTES}, "trace"):
            self.packet(value)
        for uuid, begins in self.open.items():
            if begins:
                sys.exit(f"track '{self.tracks[uuid][0]}': {len(begins)} slices are never ended")


def main():
    with open(sys.argv[1], "rb") as f:
        t = Trace(f.read())
    t.read()
    for key, n in t.count.items():
        print(key, n)
    print("tracks", len(t.tracks))
    print("arrows", sum(len(times) > 1 for times in t.flows.values()))
    print("drops", sum(n for (track, _), n in t.instants.items() if track == "drops"))
    for (track, name), n in sorted(t.instants.items()):
        if track == "drops":
            print(f"drop {name} {n}")
    for name, n in sorted(t.slices.items()):
        print(f"slices on {name}: {n}")


main()
