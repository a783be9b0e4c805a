# SPDX-License-Identifier: MIT
# Fuzz targets: tests/fuzz/fuzz_NAME.c and the modules it names here.
#   make fuzz                    each for FUZZ_SECONDS with libFuzzer (clang), from tests/corpus/NAME
#   make fuzz FUZZ=page          only these
#   make coverage                lines that the corpus reaches, by file
#   BUILD/test/fuzz_NAME FILE    read files with one (what make check does with the corpus)
FUZZ_SECONDS ?= 600
FUZZ_CC      ?= clang
FUZZ_CFLAGS  := -std=gnu11 -O2 -g -fno-omit-frame-pointer -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -pthread

FUZZ_BASE   := $(BASE) tests/fuzz/fuzz.c tests/tape_make.c
F_tape      := $(FUZZ_BASE) $(TAPE_READ)
F_import    := $(T_trace) tests/fuzz/fuzz.c
F_page      := $(T_trace) tests/fuzz/fuzz.c
F_perf      := $(FUZZ_BASE) analyze/perfring.c analyze/perf_sample.c
F_format    := $(F_page)
F_kallsyms  := $(FUZZ_BASE) analyze/symbols.c
F_frames    := $(FUZZ_BASE) analyze/pcapng.c analyze/dissect.c
F_procfs    := $(FUZZ_BASE) analyze/procfs.c
F_netlink   := $(filter-out tests/snap_load.c,$(T_snapshots)) tests/fuzz/fuzz.c tests/fuzz/fuzz_db.c
F_folder    := $(F_netlink) analyze/detail.c analyze/facts.c
F_members   := $(F_netlink) analyze/detail.c analyze/facts.c analyze/ringstats.c
FUZZ_LDFLAGS_analysis := -Wl,--wrap=findings_run,--wrap=ledger_build,--wrap=format_parse,--wrap=format_free,--wrap=db_create,--wrap=db_close,--wrap=db_commit,--wrap=db_exec,--wrap=db_prepare
# many stages for each input: what it is compared with is traced by the other targets
FUZZ_TREE_analysis := fuzz-bare
F_analysis  := $(FUZZ_BASE) $(filter-out analyze/analyze.c analyze/export.c,$(ANALYZE)) capture/filter.c capture/snap_files.c capture/clock.c

FUZZ_ALL := $(patsubst tests/fuzz/fuzz_%.c,%,$(filter-out %/fuzz_db.c,$(sort $(wildcard tests/fuzz/fuzz_*.c))))
FUZZ     ?= $(FUZZ_ALL)

# with libFuzzer, in an object tree of its own
$(BUILD)/fuzz/%.o: %.c
	$(call say,CC,$< (fuzz))
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/fuzz-bare/%.o: %.c
	$(call say,CC,$< (fuzz))
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_CFLAGS) -fno-sanitize-coverage=trace-cmp -MMD -MP -c -o $@ $<
$(BUILD)/fuzz/analyze/embed.o $(BUILD)/fuzz-bare/analyze/embed.o: $(BUILD)/embed_data.h

define FUZZ_RULE
$(BUILD)/test/fuzz_$(1): $(patsubst %.c,$(BUILD)/test/%.o,tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c $(F_$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(TEST_CFLAGS) -o $$@ $$^ $$(filter-out -lcmocka,$$(TEST_LIBS))
$(BUILD)/fuzz/fuzz_$(1): $(patsubst %.c,$(BUILD)/$(or $(FUZZ_TREE_$(1)),fuzz)/%.o,tests/fuzz/fuzz_$(1).c $(F_$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(FUZZ_CC) $$(FUZZ_CFLAGS) -fsanitize=fuzzer $(FUZZ_LDFLAGS_$(1)) -o $$@ $$^ $$(filter-out -lcmocka,$$(TEST_LIBS))
-include $(patsubst %.c,$(BUILD)/test/%.d,tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c) \
	 $(patsubst %.c,$(BUILD)/$(or $(FUZZ_TREE_$(1)),fuzz)/%.d,tests/fuzz/fuzz_$(1).c $(F_$(1)))
endef
$(foreach t,$(FUZZ_ALL),$(eval $(call FUZZ_RULE,$(t))))

unit: $(patsubst %,$(BUILD)/test/fuzz_%,$(FUZZ_ALL))

# What of the readers the corpus reaches, lines by file (clang, llvm-cov)
COV_FLAGS := -std=gnu11 -O1 -g -fprofile-instr-generate -fcoverage-mapping -pthread
$(BUILD)/cov/%.o: %.c
	$(call say,CC,$< (coverage))
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(COV_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/cov/analyze/embed.o: $(BUILD)/embed_data.h

define COV_RULE
$(BUILD)/cov/fuzz_$(1): $(patsubst %.c,$(BUILD)/cov/%.o,tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c $(F_$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(FUZZ_CC) $$(COV_FLAGS) -o $$@ $$^ $$(filter-out -lcmocka,$$(TEST_LIBS))
endef
$(foreach t,$(FUZZ_ALL),$(eval $(call COV_RULE,$(t))))

.PHONY: coverage
coverage: $(patsubst %,$(BUILD)/cov/fuzz_%,$(FUZZ_ALL))
	$(Q)sh tests/fuzz/coverage.sh $(BUILD) $(FUZZ_ALL)

.PHONY: fuzz
fuzz: $(patsubst %,$(BUILD)/fuzz/fuzz_%,$(FUZZ))
	$(Q)sh tests/fuzz/run.sh $(BUILD) $(FUZZ_SECONDS) $(FUZZ)
