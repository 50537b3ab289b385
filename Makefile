# Gregor: one broker core, two bodies. `make help` lists what can be made.
#
#   CC=gcc|clang  OPT=-O2|-O0|…  SAN=address,undefined   choose a configuration; the objects of each
#   live in a folder of their own and never mix. build/gregor and build/gregord are those of the
#   configuration that was built last. LTO=1 (gcc) optimises across files: 7 % fewer instructions and the
#   same hashes, but each program takes long to link. For hunts of hours and for packages.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

CC  := $(if $(filter default,$(origin CC)),gcc,$(CC))
OPT ?= -O2
SAN ?=
LTO ?=

# Everything that is needed to build and test, as Debian and Ubuntu name it.
PACKAGES := gcc clang make pkg-config libyaml-dev libcmocka-dev libjansson-dev libgraphviz-dev graphviz \
  libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libpcre2-dev libssl-dev kcat curl clang-format zstd libclang-rt-dev? python3 python3-pytest git aspell aspell-en

empty :=
comma := ,
CONFIG := $(notdir $(CC))$(OPT)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(LTO),-lto)
B := build/$(CONFIG)
GEN := build/gen

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
  -Wmissing-prototypes -Wvla -Wwrite-strings -Wundef -Wformat=2 -Wcast-qual -Wcast-align \
  -Wpointer-arith -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -fno-common -Werror
CPPFLAGS := -I. -iquote $(GEN) -D_GNU_SOURCE
# gcc clears a struct of more than 96 bytes with "rep stos": 150 cycles on some processors where memset() takes ten.
CLEARING := $(if $(findstring gcc,$(notdir $(CC))),$(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),-mmemset-strategy=libcall:-1:noalign))
CFLAGS := -std=gnu17 -g $(OPT) $(CLEARING) $(if $(LTO),-flto) $(WARN) -fno-strict-aliasing -fstack-protector-strong -fno-math-errno \
  $(if $(SAN),-fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all)
LDFLAGS := $(if $(SAN),-fsanitize=$(SAN)) $(if $(LTO),-flto=auto -g $(OPT)) -Wl,--as-needed -pthread
AR := $(if $(LTO),gcc-ar,ar)
HOSTCC := gcc

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' "$(1)" "$(2)";)

# ---- sources, by folder: adding a file edits nothing here ------------------------------------------

CORE_DIRS := base env protocol record log raft metadata controller replica coordinator group txn share streams \
  security api node client
CORE_C := $(wildcard $(CORE_DIRS:%=broker/%/*.c))
WORK_C := $(wildcard broker/work/*.c)
OS_C   := $(filter-out broker/os/gregord.c,$(wildcard broker/os/*.c))
SIM_C  := $(filter-out sim/cli/main.c,$(wildcard sim/*.c sim/*/*.c sim/*/*/*.c))
VIS_C  := $(wildcard visualize/*.c)
PRESETS := $(sort $(wildcard sim/scenario/presets/*.yaml))
SIM_C  += $(GEN)/presets.c
GEN_C  := $(GEN)/messages.c $(GEN)/straight.c $(GEN)/tables.c

obj = $(patsubst %.c,$(B)/%.o,$(1))
CORE_O := $(call obj,$(CORE_C) $(GEN_C))
WORK_O := $(call obj,$(WORK_C))
OS_O   := $(call obj,$(OS_C))
SIM_O  := $(call obj,$(SIM_C))
VIS_O  := $(call obj,$(VIS_C) $(GEN)/page.c)

CODEC_LIBS := -lzstd -llz4 -lsnappy -lz -lpcre2-8 -lcrypto
SIM_LIBS := -lyaml $(CODEC_LIBS) -lgvc -lcgraph -lm

# ---- programs --------------------------------------------------------------------------------------

PROGRAMS := $(if $(wildcard sim/cli/main.c),$(B)/gregor) $(if $(wildcard broker/node/node.c),$(B)/gregord)

all: $(B)/core.a $(PROGRAMS) $(B)/lab.flags ## build gregor and gregord
	$(Q)for p in $(PROGRAMS); do ln -sfn $(CONFIG)/$$(basename $$p) build/$$(basename $$p); done

$(B)/core.a: $(CORE_O)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(B)/gregor: $(call obj,sim/cli/main.c) $(SIM_O) $(VIS_O) $(WORK_O) $(B)/core.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

# How it was built, for the exercises of the course: what a student writes is compiled and linked in the same way.
$(B)/lab.flags: Makefile $(B)/gregor
	$(call say,SAY,$@)printf '%s\n' 'cc $(CC) $(CPPFLAGS) $(filter-out -Werror,$(CFLAGS))' 'link $(CC) $(LDFLAGS)' \
	  'libs $(SIM_LIBS)' 'objects $(call obj,sim/cli/main.c) $(SIM_O) $(VIS_O) $(WORK_O)' >$@

$(B)/gregord: $(call obj,broker/os/gregord.c) $(OS_O) $(WORK_O) $(B)/core.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(CODEC_LIBS)

# What page.c takes in is none of its headers.
$(B)/sim/play/page.o: $(wildcard sim/play/page.*) sim/play/openapi.yaml

$(B)/%.o: %.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- the generator of the protocol's tables (a host program) ------------------------------------------

SCHEMAS := $(sort $(wildcard broker/protocol/schema/*.yaml broker/protocol/schema/*/*.yaml))
GENERATOR := $(wildcard broker/protocol/gen/*.c)
build/host/gen: $(GENERATOR) broker/protocol/gen/gen.h broker/protocol/schema.h broker/protocol/tables.h
	$(call say,HOST,$@)mkdir -p $(@D) && $(HOSTCC) -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -I. -o $@ $(GENERATOR) -lyaml

$(GEN)/stamp: build/host/gen $(SCHEMAS)
	$(call say,GEN,$(GEN))mkdir -p $(GEN) && build/host/gen broker/protocol/schema $(GEN) && touch $@

$(GEN_C): $(GEN)/stamp ;

# Presets are data of the program: their files, as they are, become texts.
$(GEN)/presets.c: $(PRESETS) sim/scenario/presets/embed.awk
	$(call say,GEN,$@)mkdir -p $(@D) && awk -f sim/scenario/presets/embed.awk $(PRESETS) > $@

$(CORE_O) $(OS_O) $(SIM_O) $(VIS_O) $(WORK_O) $(call obj,sim/cli/main.c broker/os/gregord.c): | $(GEN)/stamp
$(patsubst %.c,$(B)/%.o,$(wildcard tests/*/*.c tests/*/*/*.c)): | $(GEN)/stamp

# ---- the program of `gregor view`'s pages: one file, in this order ----------------------------------------

VIEW := visualize/view
PAGE := $(VIEW)/page.css $(VIEW)/page.html $(patsubst %,$(VIEW)/%.js,data run message why draw panels main)
$(GEN)/page.c: $(VIEW)/embed $(PAGE) | $(GEN)/stamp
	$(call say,GEN,$@)$(VIEW)/embed $(PAGE) > $@

# ---- tests ------------------------------------------------------------------------------------------

UNIT_C := $(wildcard tests/unit/*/test_*.c)
UNIT := $(patsubst %.c,$(B)/%,$(UNIT_C))
TEST_LIB_O := $(call obj,$(wildcard tests/lib/*.c))

$(B)/tests/%: $(B)/tests/%.o $(B)/tests.a $(B)/core.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	  -Wl,--start-group $(B)/tests.a $(B)/core.a -Wl,--end-group -lcmocka $(SIM_LIBS)
$(B)/tests.a: $(TEST_LIB_O) $(SIM_O) $(VIS_O) $(OS_O) $(WORK_O)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
.SECONDARY: $(patsubst %,%.o,$(UNIT)) $(TEST_LIB_O)

unit: $(UNIT) ## build and run the unit tests
	$(Q)tests/run-unit $(B) $(UNIT)
# The determinism check builds in the same folder: one at a time.
unit-sanitized: ## the unit tests with clang, AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)mkdir -p build && flock build/sanitized.lock $(MAKE) --no-print-directory $(PARALLEL) \
	  CC=clang OPT=-O1 SAN=address,undefined unit

# ---- all of it ----------------------------------------------------------------------------------------

# What `make check` runs; the fragments in tests/ add to it. Each target ends with a line
# "N passed, N failed[, N skipped]". Those that mostly wait stand in CHECKS_WAITING: they run beside the others.
CHECKS := unit unit-sanitized
CHECKS_WAITING :=
# What they need is built before, as several of them would build it at the same time.
CHECK_PROGRAMS := $(UNIT)

# All cores, unless whoever called has said how many.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

check: ## set up, build, run every test that needs no network
	$(Q)$(MAKE) --no-print-directory setup
	$(Q)$(MAKE) --no-print-directory $(PARALLEL) all
	$(Q)$(MAKE) --no-print-directory $(PARALLEL) -k check-programs || echo 'what is missing fails below'
	$(Q)tests/run-checks --waiting $(CHECKS_WAITING) --working $(CHECKS)

demo: ## set up, build, crash a leader in a simulated cluster, draw what happened
	$(Q)$(MAKE) --no-print-directory setup
	$(Q)$(MAKE) --no-print-directory $(PARALLEL) all
	$(Q)build/gregor run scenarios/leader-crash.yaml --out out
	@echo "The pictures: out/leader-crash-*/timeline.svg and replication.svg; the tale: story.txt beside them."

# ---- set-up and other targets -----------------------------------------------------------------------

setup: ## install what is missing (Debian, Ubuntu)
	$(Q)tests/setup $(PACKAGES)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

clean: ## remove everything that was built
	rm -rf build

-include $(wildcard tests/*/*.mk)
check-programs: $(CHECK_PROGRAMS)
-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all unit unit-sanitized check check-programs demo setup help clean
