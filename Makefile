# SPDX-License-Identifier: MIT
# skbtape: flight recorder for the Linux network stack.
#   make            build/skbtape-record (static, for the host) and build/skbtape (for the laptop)
#   make demo       record a few seconds of real traffic, analyze it, write a report
#   make check      all tests
#   make instructions  how many instructions the analysis of fixed tapes takes, against recorded figures
#   make bench-truth  how true packet stories are, measured
#   make install    below DESTDIR and PREFIX; make uninstall; make deb makes Debian packages
#   make deps       install what the build and the tests need (Debian packages)
# V=1 shows the commands, BUILD=DIR builds elsewhere, WERROR=1 makes warnings errors.

BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= cc
VERSION := 0.1.0

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wvla
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fno-strict-aliasing
OPT      ?= -O2 -g
# where it was built is not in what was built
SAME     := -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(abspath $(BUILD))=build
CPPFLAGS += -D_GNU_SOURCE -DSKBTAPE_VERSION='"$(VERSION)"' -I$(BUILD) -I/usr/include/tracefs -I/usr/include/traceevent
CFLAGS   += -std=gnu11 $(OPT) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SAME) $(SANITIZE) -pthread

BASE    := schema/base.c schema/json.c schema/sha256.c schema/tape.c
CAPTURE := capture/about.c capture/budget.c capture/clock.c capture/command.c capture/cpus.c capture/cut.c capture/devwatch.c capture/doctor.c capture/ethtool.c \
	   capture/filter.c capture/instance.c capture/lower.c capture/netlink.c capture/netset.c capture/options.c capture/output.c capture/perf.c \
	   capture/pcapng_write.c capture/privilege.c capture/profile.c capture/record.c capture/section.c capture/snap.c \
	   capture/snap_bpf.c capture/snap_files.c capture/snap_host.c capture/sniff.c capture/source.c capture/tape_write.c capture/together.c capture/trace.c
ANALYZE := analyze/analyze.c analyze/beside.c analyze/claims.c analyze/clocks.c analyze/confine.c analyze/counters.c analyze/coverage.c analyze/cpu_time.c analyze/db.c analyze/delays.c analyze/detail.c \
	   analyze/dissect.c analyze/drops.c analyze/embed.c analyze/ethtool_read.c analyze/events.c \
	   analyze/facts.c analyze/fields.c analyze/findings.c analyze/flow_delays.c analyze/flow_many.c analyze/flow_seen.c analyze/frame_index.c analyze/flows.c analyze/found_link.c analyze/found_write.c analyze/folder.c analyze/folder_ct.c analyze/folder_import.c analyze/folder_nl.c analyze/folder_route.c analyze/folder_sock.c analyze/folder_tar.c analyze/folder_text.c analyze/format.c analyze/frames.c \
	   analyze/host.c analyze/import.c analyze/kbuf.c analyze/ledger.c analyze/unsaid.c analyze/life.c analyze/lives.c analyze/lives_end.c \
	   analyze/lives_parts.c analyze/lives_path.c analyze/lives_read.c analyze/lives_sure.c analyze/lives_told.c analyze/load.c \
	   analyze/moves.c analyze/nft_text.c analyze/nft_value.c analyze/nl_link.c \
	   analyze/netrx.c analyze/of_tape.c analyze/only.c analyze/nl_nft.c analyze/nl_sock.c analyze/nl_tc.c analyze/nldump.c analyze/pcap_add.c analyze/pcap_import.c analyze/pcap_read.c analyze/pcapng.c analyze/perfdata.c analyze/perf_sample.c analyze/perfring.c analyze/procfs.c analyze/progress.c \
	   analyze/ringstats.c analyze/rows.c analyze/rules.c analyze/rule_text.c analyze/series.c analyze/snap_texts.c analyze/snapshots.c analyze/spans.c analyze/spill.c \
	   analyze/symbols.c analyze/tape_ahead.c analyze/tape_frames.c analyze/tape_read.c analyze/tasks.c analyze/tc_options.c analyze/ties.c analyze/ties_carry.c analyze/ties_match.c \
	   analyze/ties_rest.c analyze/ties_upper.c analyze/tmpfiles.c \
	   analyze/trace.c analyze/tracedat.c
REPORTS := reports/export.c reports/export_csv.c reports/export_pcapng.c reports/export_perfetto.c reports/hops.c reports/html.c reports/html_cpus.c reports/html_drops.c reports/html_end.c reports/html_host.c reports/html_latency.c reports/html_parts.c \
	   reports/html_softirq.c reports/html_verdict.c reports/html_waits.c reports/info.c reports/json_report.c reports/lang.c reports/markdown.c reports/packets.c reports/proto.c \
	   reports/query.c reports/rep.c reports/rep_tape.c reports/report.c reports/stack.c reports/stack_draw.c reports/svg.c reports/tally.c \
	   reports/text.c reports/timeline.c reports/timeline_draw.c reports/track.c reports/verdict.c reports/want.c reports/why.c reports/words.c
RULES   := $(sort $(wildcard analyze/rules/*.sql))
EMBED   := $(sort $(wildcard schema/*.sql)) $(RULES) $(sort $(wildcard analyze/*.tsv)) reports/page.html reports/page.css reports/page.js $(sort $(wildcard reports/lang/*.po))

RECORD_OBJ  := $(patsubst %.c,$(BUILD)/%.o,$(BASE) $(CAPTURE) capture/main.c capture/nodbus.c)
SKBTAPE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(BASE) $(CAPTURE) $(ANALYZE) $(REPORTS) analyze/main.c)

RECORD_LIBS  := -ltracefs -ltraceevent -lpcap -lzstd -lseccomp -lpthread -ldl
SKBTAPE_LIBS := -ltracefs -ltraceevent -lpcap -lzstd -lz -lsqlite3 -lmnl -lseccomp -lm -lpthread

.PHONY: all
all: $(BUILD)/skbtape-record $(BUILD)/skbtape $(BUILD)/man/skbtape-rules.5

# getaddrinfo and the like inside libpcap want glibc at run time; the recorder never calls them
$(BUILD)/skbtape-record: $(RECORD_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static -s -Wl,--gc-sections -o $@ $^ $(RECORD_LIBS) 2>$@.log || { cat $@.log >&2; exit 1; }
	$(Q)grep -v -e 'statically linked applications requires at runtime' -e 'in function' $@.log >&2 || true

$(BUILD)/skbtape: $(SKBTAPE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-z,relro,-z,now -o $@ $^ $(SKBTAPE_LIBS)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# all embedded text in one generated C file: struct embed { name, data, size }
$(BUILD)/embed_data.h: $(EMBED) schema/embed.sh
	$(call say,EMBED,$@)
	@mkdir -p $(@D)
	$(Q)sh schema/embed.sh $(EMBED) >$@.tmp && mv $@.tmp $@
$(BUILD)/analyze/embed.o: $(BUILD)/embed_data.h

# all pages that have another source
$(BUILD)/man/skbtape-rules.5: docs/man.sh docs/RULES.md analyze/causes.tsv
	$(call say,MAN,$@)
	$(Q)sh docs/man.sh $(@D)

-include $(RECORD_OBJ:.o=.d) $(SKBTAPE_OBJ:.o=.d)
include tests/tests.mk

# demo and check do all set-up themselves: one make installs, the next one builds
.PHONY: demo
demo:
	$(Q)sh tests/deps.sh build
	$(Q)$(MAKE) --no-print-directory all $(BUILD)/tests/traffic
	$(Q)sh fixtures/make/demo.sh $(BUILD)

.PHONY: deps
deps:
	$(Q)sh tests/deps.sh

# what install puts below DESTDIR and PREFIX, as mode:file:place
INSTALL := 755:$(BUILD)/skbtape:bin/skbtape 755:$(BUILD)/skbtape-record:bin/skbtape-record \
	   $(foreach s,1 5 7,$(foreach f,$(sort $(wildcard docs/*.$(s))),644:$(f):share/man/man$(s)/$(notdir $(f)))) \
	   $(foreach c,doctor info analyze report why query rules export,644:$(BUILD)/man/skbtape-$(c).1:share/man/man1/skbtape-$(c).1) \
	   644:$(BUILD)/man/skbtape-rules.5:share/man/man5/skbtape-rules.5 644:$(BUILD)/man/skbtape-causes.7:share/man/man7/skbtape-causes.7 \
	   644:docs/completion/skbtape.bash:share/bash-completion/completions/skbtape \
	   644:docs/completion/skbtape.bash:share/bash-completion/completions/skbtape-record \
	   644:docs/completion/_skbtape:share/zsh/site-functions/_skbtape \
	   644:docs/completion/skbtape.fish:share/fish/vendor_completions.d/skbtape.fish \
	   $(foreach f,LICENSE README.md README.zh.md docs/RULES.md docs/JSON.md docs/report.schema.json docs/HARDENING.md docs/IMPORTS.md schema/TAPE.md,644:$(f):share/doc/skbtape/$(notdir $(f)))

.PHONY: install
install: all
	$(Q)for x in $(INSTALL); do m=$${x%%:*} y=$${x#*:}; install -D -m $$m "$${y%%:*}" "$(DESTDIR)$(PREFIX)/$${y#*:}" || exit 1; done

.PHONY: uninstall
uninstall:
	$(Q)for x in $(INSTALL); do rm -f "$(DESTDIR)$(PREFIX)/$${x##*:}" || exit 1; done
	$(Q)rmdir "$(DESTDIR)$(PREFIX)/share/doc/skbtape" 2>/dev/null || true

# Debian packages into $(BUILD)/deb: skbtape, and skbtape-record alone, static
.PHONY: deb
deb:
	$(Q)sh tests/deps.sh deb
	$(Q)sh docs/debian/build.sh $(BUILD)

# two builds in two folders, byte for byte; some minutes
.PHONY: repro
repro:
	$(Q)sh tests/repro.sh

.PHONY: lint
lint:
	$(Q)sh tests/lint.sh

.PHONY: bench
bench: all
	$(Q)sh bench/run.sh $(BUILD)
	$(Q)sh bench/decode.sh $(BUILD)
	$(Q)sh bench/queries.sh $(BUILD)

.PHONY: faults
faults: all $(BUILD)/tests/traffic
	$(Q)BUILD=$(BUILD) sh tests/faults.sh

# ROUNDS and N scale it, TRUTH=FILE keeps a copy of what it says
.PHONY: bench-truth
bench-truth: all $(BUILD)/tests/traffic $(BUILD)/tests/identity
	$(Q)sh bench/truth.sh $(BUILD)

.PHONY: clean
clean:
	rm -rf $(BUILD)
