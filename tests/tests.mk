# SPDX-License-Identifier: MIT
# Unit tests: tests/test_NAME.c with cmocka, linked with the modules it names here.
# -Wno-format-overflow: the sanitizer's own check for NULL makes GCC believe that a translated format may be NULL
TEST_CFLAGS := -fsanitize=address,undefined -fno-omit-frame-pointer -Wno-format-overflow
TEST_LIBS   := -lcmocka -ltracefs -ltraceevent -lpcap -lzstd -lz -lsqlite3 -lmnl -lseccomp -lm -lpthread

SPANS       := analyze/spans.c analyze/cpu_time.c analyze/netrx.c
DELAYS      := analyze/delays.c analyze/flow_delays.c analyze/moves.c analyze/series.c

# what tape_read reads, and what it takes that from
TAPE_READ   := analyze/tape_ahead.c analyze/tape_frames.c analyze/tape_read.c analyze/import.c analyze/tracedat.c analyze/pcap_import.c analyze/pcap_read.c analyze/perfdata.c analyze/perf_sample.c analyze/kbuf.c \
	       analyze/folder.c analyze/folder_ct.c analyze/folder_import.c analyze/folder_nl.c analyze/folder_route.c analyze/folder_sock.c analyze/folder_tar.c analyze/folder_text.c capture/snap_files.c capture/clock.c

# test_NAME: its modules
T_dissect   := $(BASE) analyze/dissect.c analyze/pcapng.c
T_findings  := $(BASE) analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c analyze/rules.c analyze/rule_text.c analyze/claims.c analyze/findings.c analyze/found_link.c analyze/found_write.c analyze/coverage.c analyze/clocks.c analyze/detail.c $(TAPE_READ) analyze/ledger.c analyze/unsaid.c tests/finding_build.c tests/finding_cases.c tests/finding_cases_delay.c tests/finding_cases_net.c tests/finding_cases_tcp.c tests/finding_cases_hint.c tests/finding_cases_kernel.c tests/finding_cases_less.c tests/finding_cases_dev.c tests/finding_cases_link.c tests/finding_cases_filter.c tests/finding_cases_sock.c
T_rules     := $(filter-out tests/%,$(T_findings))
T_kbuf      := $(BASE) analyze/kbuf.c
T_perfring  := $(BASE) analyze/perf_sample.c analyze/perfring.c
T_sha256    := schema/base.c schema/sha256.c
T_symbols   := $(BASE) analyze/symbols.c
T_tape_read := $(BASE) tests/tape_make.c $(TAPE_READ)
T_clocks    := $(T_tape_read) analyze/clocks.c
T_rows      := $(BASE) analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c
T_counters  := $(BASE) analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c analyze/counters.c
T_procfs    := $(BASE) analyze/procfs.c
T_snapshots := $(T_clocks) tests/snap_load.c analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c analyze/host.c analyze/snapshots.c \
	       analyze/snap_texts.c analyze/counters.c analyze/procfs.c analyze/nldump.c analyze/nl_link.c analyze/nl_sock.c \
	       analyze/nl_nft.c analyze/nft_text.c analyze/nft_value.c analyze/dissect.c analyze/nl_tc.c analyze/tc_options.c analyze/ethtool_read.c
T_nldump    := $(T_snapshots)
T_trace     := $(T_clocks) analyze/symbols.c analyze/perfring.c analyze/detail.c analyze/trace.c analyze/format.c analyze/fields.c
T_drops     := $(BASE) tests/lives_fake.c analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c analyze/drops.c
TIES        := analyze/ties.c analyze/ties_carry.c analyze/ties_match.c analyze/ties_rest.c analyze/ties_upper.c
T_ties      := $(BASE) tests/lives_fake.c analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c $(TIES)
T_spans     := $(BASE) tests/lives_fake.c analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c $(SPANS) $(DELAYS)
T_lives     := $(T_drops) tests/lives_story.c $(TIES) $(SPANS) $(DELAYS) analyze/flow_seen.c analyze/life.c analyze/lives.c analyze/lives_path.c analyze/lives_parts.c analyze/lives_read.c analyze/lives_sure.c analyze/lives_told.c analyze/lives_end.c
T_lives_send := $(T_lives)
T_delays    := $(T_lives)
T_flow_many := $(BASE) analyze/tmpfiles.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c analyze/series.c analyze/flow_many.c
T_series    := $(BASE) analyze/series.c
T_lives_read := $(T_lives)
T_lives_sure := $(T_lives)
T_report    := $(BASE) $(filter-out reports/info.c reports/export%,$(REPORTS)) analyze/rule_text.c analyze/series.c analyze/db.c analyze/rows.c analyze/spill.c analyze/embed.c analyze/tmpfiles.c \
	       analyze/only.c analyze/progress.c analyze/dissect.c analyze/pcapng.c $(TAPE_READ) capture/filter.c
T_tape_write := $(BASE) capture/tape_write.c capture/privilege.c capture/clock.c
T_cut       := capture/cut.c
T_budget    := capture/budget.c
T_pcapng_write := $(BASE) capture/pcapng_write.c
T_snap      := $(BASE) capture/snap_files.c capture/snap_host.c capture/netlink.c capture/ethtool.c capture/tape_write.c capture/privilege.c capture/clock.c

UNIT := $(patsubst tests/test_%.c,%,$(sort $(wildcard tests/test_*.c)))

# test objects have sanitizers, in a tree of their own
$(BUILD)/test/%.o: %.c
	$(call say,CC,$< (test))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/test/analyze/embed.o: $(BUILD)/embed_data.h

define UNIT_RULE
$(BUILD)/test/test_$(1): $(BUILD)/test/tests/test_$(1).o $(patsubst %.c,$(BUILD)/test/%.o,$(T_$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(TEST_CFLAGS) -o $$@ $$^ $$(TEST_LIBS)
-include $(patsubst %.c,$(BUILD)/test/%.d,tests/test_$(1).c $(T_$(1)))
endef
$(foreach t,$(UNIT),$(eval $(call UNIT_RULE,$(t))))

-include $(patsubst %,$(BUILD)/tests/%.d,lang_list corrupt tape_make crash confine_try)

.PHONY: unit
unit: $(patsubst %,$(BUILD)/test/test_%,$(UNIT))

$(BUILD)/tests/traffic: tests/traffic.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE $(CFLAGS) -o $@ $<

$(BUILD)/tests/identity: tests/identity.c tests/identity_frames.c tests/identity_frames.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE $(CFLAGS) -o $@ $(filter %.c,$^) -lsqlite3

# what a catalog of reports/lang lacks
$(BUILD)/tests/lang_list: $(patsubst %.c,$(BUILD)/%.o,tests/lang_list.c schema/base.c analyze/embed.c analyze/rules.c analyze/rule_text.c reports/lang.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsqlite3
unit: $(BUILD)/tests/lang_list

$(BUILD)/tests/corrupt: $(patsubst %.c,$(BUILD)/%.o,$(BASE) tests/corrupt.c tests/tape_make.c $(TAPE_READ))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lzstd -lz -lpcap -lsqlite3
unit: $(BUILD)/tests/corrupt

# 1000 random damages of each of three tapes (make check has 30 of one); FULL=1: analyze each of them
.PHONY: corrupt
corrupt: all $(BUILD)/tests/corrupt
	$(Q)CORRUPT=$${CORRUPT:-1000} TAPES=$${TAPES:-"a07-nft-input-drop b12-conntrack-full-udp loss-6.12"} BUILD=$(BUILD) sh tests/corrupt.sh

$(BUILD)/tests/bad_big: $(patsubst %.c,$(BUILD)/%.o,fixtures/make/bad_big.c tests/tape_make.c schema/base.c schema/tape.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lzstd

# Tapes of absurd sizes: some minutes, a gigabyte below TMPDIR
.PHONY: limits
limits: all $(BUILD)/tests/bad_big
	$(Q)BUILD=$(BUILD) sh tests/limits.sh

# skbtape with a stage that crashes (CRASH=abort, null, stack): what a bug leaves behind
$(BUILD)/tests/skbtape-crash: $(patsubst %.c,$(BUILD)/%.o,tests/crash.c) $(SKBTAPE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=ledger_build -o $@ $^ $(SKBTAPE_LIBS)
unit: $(BUILD)/tests/skbtape-crash

# skbtape for instructions.sh
$(BUILD)/tests/skbtape-count: $(patsubst %.c,$(BUILD)/%.o,tests/count.c) $(SKBTAPE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=confine_start,--wrap=findings_run,--wrap=ledger_build -o $@ $^ $(SKBTAPE_LIBS)
unit: $(BUILD)/tests/skbtape-count

# Instructions that fixed tapes cost, against the figures in tests/instructions.tsv; KEEP=1 writes these
.PHONY: instructions
instructions: $(BUILD)/tests/skbtape-count
	$(Q)BUILD=$(BUILD) FULL=1 sh tests/instructions.sh

# what it tries would be forbidden to a sanitizer too
$(BUILD)/tests/confine_try: $(patsubst %.c,$(BUILD)/%.o,tests/confine_try.c analyze/confine.c analyze/tmpfiles.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lseccomp
unit: $(BUILD)/tests/confine_try

# The recorder under full packet rate for LENGTH seconds (300): as root
.PHONY: load
load: all $(BUILD)/tests/traffic
	$(Q)BUILD=$(BUILD) sh tests/load.sh

.PHONY: check
check:
	$(Q)sh tests/deps.sh check
	$(Q)$(MAKE) --no-print-directory all unit $(BUILD)/tests/traffic $(BUILD)/tests/identity
	$(Q)BUILD=$(BUILD) sh tests/run.sh

# Real incidents and healthy hosts in network namespaces, recorded and compared with their truth: as root, several minutes.
# ONLY="a01 b05" runs those, INCIDENTS="--loaded --advice" adds options (tests/incidents/run.py --help).
.PHONY: incidents healthy
incidents healthy:
	$(Q)sh tests/deps.sh incidents
	$(Q)$(MAKE) --no-print-directory all
	$(Q)python3 tests/incidents/run.py --build $(BUILD) $(INCIDENTS) $(if $(filter healthy,$@),$(if $(ONLY),$(ONLY),h),$(ONLY))

-include $(wildcard $(BUILD)/tests/*.d)
include tests/fuzz.mk
