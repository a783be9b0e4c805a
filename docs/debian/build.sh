#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh [BUILD]: Debian packages of this tree into BUILD/deb. What it needs is in docs/debian/control, Build-Depends.
set -eu
build=${1:-build}
out=$build/deb
src=$out/skbtape
rm -rf "$out"
mkdir -p "$src"
# nothing but what is built and installed: no tapes, no tests
tar -cf - Makefile LICENSE README.md README.zh.md analyze capture reports schema docs tests/*.mk | tar -xf - -C "$src"
rm -rf "$src/docs/debian"
cp -r docs/debian "$src/debian"
rm "$src/debian/build.sh"
# the newest entry of the changelog dates it, dpkg-buildpackage(1), SOURCE_DATE_EPOCH
(cd "$src" && dpkg-buildpackage -b -us -uc) >"$out/log" 2>&1 || { tail -20 "$out/log" >&2; exit 1; }
rm -rf "$src"
ls "$out"/*.deb
