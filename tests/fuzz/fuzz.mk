# Fuzzers: one per file fuzz_NAME.c. `make fuzz` gives each FUZZ_SECONDS with clang's engine and the
# sanitizers; what it finds lies in build/fuzz/. The corpus is small and kept in the project.
FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

fuzz: ## every fuzzer for FUZZ_SECONDS=60 (FUZZERS='batch …' for some)
	$(Q)$(MAKE) --no-print-directory CC=clang OPT=-O1 SAN=address,undefined B=build/fuzz \
	  FUZZING=1 $(FUZZERS:%=build/fuzz/fuzz_%)
	$(Q)tests/fuzz/run build/fuzz $(FUZZ_SECONDS) $(FUZZERS)

# The objects of this configuration are told of the engine; the programs are linked with it.
ifdef FUZZING
CFLAGS += -fsanitize=fuzzer-no-link -DFUZZ
$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests.a $(B)/core.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) \
	  -Wl,--start-group $(B)/tests.a $(B)/core.a -Wl,--end-group -lcmocka $(SIM_LIBS)
endif

$(FUZZERS:%=$(B)/tests/fuzz/fuzz_%): $(B)/tests/fuzz/replay.o

fuzz-corpus: $(FUZZERS:%=$(B)/tests/fuzz/fuzz_%) ## what fuzzers have found once stays mended
	$(Q)tests/fuzz/corpus-run $(B)/tests/fuzz $(FUZZERS)

.SECONDARY: $(FUZZERS:%=$(B)/tests/fuzz/fuzz_%.o) $(B)/tests/fuzz/replay.o
CHECKS += fuzz-corpus
CHECK_PROGRAMS += $(FUZZERS:%=$(B)/tests/fuzz/fuzz_%)
.PHONY: fuzz fuzz-corpus
