# gregor with wrong rules planted in it, each off until `--bug ID` switches it on. The rules are data (rules/);
# `plant` writes copies of their sources with the switches, and those are compiled instead.
MUTANT_RULES := $(wildcard tests/mutants/rules/*.txt)
MUTANT_C := $(wildcard $(sort $(shell sed -n 's/^file: *//p' $(MUTANT_RULES))))
MUTANT_GEN := build/gen/mutants
MUTANT_O := $(patsubst %.c,$(B)/mutants/%.o,$(MUTANT_C) wrong_rules.c)
MUTANT_LEFT_OUT := $(call obj,$(MUTANT_C) sim/cli/bugs.c)

$(MUTANT_GEN)/stamp: tests/mutants/plant $(MUTANT_RULES) $(MUTANT_C)
	$(call say,GEN,$(MUTANT_GEN))tests/mutants/plant $(MUTANT_GEN) && touch $@

# A copy is written only when it changes. No warnings: a wrong rule leaves things unused.
$(patsubst %,$(MUTANT_GEN)/%,$(MUTANT_C) wrong_rules.c): $(MUTANT_GEN)/stamp ;
$(MUTANT_O): $(B)/mutants/%.o: $(MUTANT_GEN)/%.c | $(GEN)/stamp
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -w -MMD -MP -c -o $@ $<

$(B)/mutants/gregor: $(call obj,sim/cli/main.c) $(MUTANT_O) \
  $(filter-out $(MUTANT_LEFT_OUT),$(CORE_O) $(SIM_O) $(VIS_O) $(WORK_O))
	$(call say,LD,$@)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

mutants: $(B)/mutants/gregor ## gregor with switchable wrong rules: build/mutants/gregor
	$(Q)mkdir -p build/mutants && ln -sfn ../$(CONFIG)/mutants/gregor build/mutants/gregor

# Every scenario passes, and each switch makes its scenarios fail with exactly the rules that they list.
scenarios: all mutants ## run all scenarios, and catch all switches
	$(Q)tests/mutants/run-scenarios

# All wrong rules, against scenarios and hunts: hours on one core. With QUICK=1 it hunts less, and writes no table.
mutation: all mutants ## try all wrong rules against scenarios and hunts
	$(Q)tests/mutants/mutation --jobs $$(nproc) $(if $(QUICK),--quick,--table tests/mutants/RESULTS.md)

# Each wrong rule still applies to the line of which it is the wrong form.
wrong-rules: ## look whether all wrong rules apply to the sources
	$(Q)tests/mutants/plant --check

CHECKS += wrong-rules scenarios
CHECK_PROGRAMS += mutants
.PHONY: mutants scenarios mutation wrong-rules
