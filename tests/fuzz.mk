# SPDX-License-Identifier: MIT
# Fuzz targets: tests/fuzz/fuzz_NAME.c and the modules it names here.
#   make fuzz                    each for FUZZ_SECONDS with libFuzzer (clang), from tests/corpus/NAME
#   make fuzz FUZZ=page          only these
#   BUILD/test/fuzz_NAME FILE    read files with one (what make check does with the corpus)
FUZZ_SECONDS ?= 600
FUZZ_CC      ?= clang
# NULL + 0 is not taken for a mistake: it is defined in what becomes the next C (WG14 N3322); gcc does not look at it either
FUZZ_CFLAGS  := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=pointer-overflow -fno-sanitize-recover=undefined -pthread

FUZZ_BASE   := $(BASE) tests/fuzz/fuzz.c tests/tape_make.c
F_tape      := $(FUZZ_BASE) $(TAPE_READ)
F_tracedat  := $(T_trace) tests/fuzz/fuzz.c
F_perfdata  := $(F_tracedat)
F_page      := $(T_trace) tests/fuzz/fuzz.c
F_format    := $(F_page)
F_kallsyms  := $(FUZZ_BASE) analyze/symbols.c
F_frames    := $(FUZZ_BASE) analyze/pcapng.c analyze/dissect.c
F_procfs    := $(FUZZ_BASE) analyze/procfs.c
F_netlink   := $(filter-out tests/snap_load.c,$(T_snapshots)) tests/fuzz/fuzz.c
F_members   := $(F_netlink) analyze/facts.c analyze/ringstats.c
F_analysis  := $(FUZZ_BASE) $(filter-out analyze/analyze.c analyze/export.c,$(ANALYZE))

FUZZ_ALL := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ     ?= $(FUZZ_ALL)

# with libFuzzer, in an object tree of its own
$(BUILD)/fuzz/%.o: %.c
	$(call say,CC,$< (fuzz))
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/fuzz/analyze/embed.o: $(BUILD)/embed_data.h

define FUZZ_RULE
$(BUILD)/test/fuzz_$(1): $(patsubst %.c,$(BUILD)/test/%.o,tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c $(F_$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(TEST_CFLAGS) -o $$@ $$^ $$(filter-out -lcmocka,$$(TEST_LIBS))
$(BUILD)/fuzz/fuzz_$(1): $(patsubst %.c,$(BUILD)/fuzz/%.o,tests/fuzz/fuzz_$(1).c $(F_$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(FUZZ_CC) $$(FUZZ_CFLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(filter-out -lcmocka,$$(TEST_LIBS))
-include $(patsubst %.c,$(BUILD)/test/%.d,tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c) \
	 $(patsubst %.c,$(BUILD)/fuzz/%.d,tests/fuzz/fuzz_$(1).c $(F_$(1)))
endef
$(foreach t,$(FUZZ_ALL),$(eval $(call FUZZ_RULE,$(t))))

unit: $(patsubst %,$(BUILD)/test/fuzz_%,$(FUZZ_ALL))

.PHONY: fuzz
fuzz: $(patsubst %,$(BUILD)/fuzz/fuzz_%,$(FUZZ))
	$(Q)sh tests/fuzz/run.sh $(BUILD) $(FUZZ_SECONDS) $(FUZZ)
