#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""csv_check: compare a folder of `skbtape export --csv` with the database it was made of.

Usage: csv_check.py DB DIR

Reads each file byte by byte as RFC 4180 has it (CRLF, quotes only where they may stand), and compares names, headers,
the number of rows and every value with what SQLite gives. Prints the number of files and rows.
"""
import os
import sqlite3
import sys


def records(text, name):
    row, at, end = [], 0, len(text)
    while at < end:
        if text[at] == '"':
            value, at = "", at + 1
            while True:
                close = text.index('"', at)
                value += text[at:close]
                at = close + 1
                if text[at : at + 1] != '"':
                    break
                value, at = value + '"', at + 1
        else:
            start = at
            while at < end and text[at] not in ',"\r\n':
                at += 1
            if text[at : at + 1] == '"':
                sys.exit(f"{name}: a quote in the middle of a field")
            value = text[start:at] if at > start else None
        row.append(value)
        if text[at : at + 1] == ",":
            at += 1
            if at == end:
                sys.exit(f"{name}: ends behind a comma")
            if text[at : at + 2] == "\r\n":
                row.append(None)
                yield row
                row, at = [], at + 2
        elif text[at : at + 2] == "\r\n":
            yield row
            row, at = [], at + 2
        else:
            sys.exit(f"{name}: character {at}: neither comma nor CRLF behind a field")
    if row:
        sys.exit(f"{name}: the last line has no end")


def main():
    db, folder = sqlite3.connect(sys.argv[1]), sys.argv[2]
    names = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT GLOB '[_]*' AND name NOT GLOB 'sqlite_*'")]
    if sorted(os.listdir(folder)) != sorted(n + ".csv" for n in names):
        sys.exit("the files are not the tables and views")
    rows = 0
    for name in names:
        with open(os.path.join(folder, name + ".csv"), encoding="utf-8", newline="") as f:
            lines = list(records(f.read(), name))
        cursor = db.execute(f'SELECT * FROM "{name}"')
        if lines[0] != [c[0] for c in cursor.description]:
            sys.exit(f"{name}: header {lines[0]}")
        columns = ", ".join(f'CAST("{c}" AS TEXT)' for c in lines[0])
        want = [list(r) for r in db.execute(f'SELECT {columns} FROM "{name}"')]
        got = lines[1:]
        rows += len(got)
        key = lambda r: [(v is not None, v or "") for v in r]
        if sorted(got, key=key) != sorted(want, key=key):
            sys.exit(f"{name}: other rows than in the database")
    print(f"{len(names)} files, {rows} rows")


main()
