# gregor with wrong versions of rules linked in, each off until `--bug ID` switches it on. A rule's file is
# compiled with its function renamed; tests/mutants has the one that chooses.
MUTANT_RULES := \
  broker/replica/becoming_follower:truncation_on_becoming_follower \
  broker/replica/hw_advance:hw_advance \
  broker/replica/low_watermark:low_watermark \
  broker/raft/vote_persist:vote_persist \
  broker/log/sequence_check:sequence_check \
  broker/log/recovery_scan:recovery_keeps \
  broker/controller/clean_restart:restart_is_clean \
  broker/controller/elr:elr_change \
  broker/group/commit_check:commit_check \
  broker/client/assign_sticky:assign_cooperative_sticky
mutant_file = $(word 1,$(subst :, ,$(1)))
mutant_rule = $(word 2,$(subst :, ,$(1)))
MUTANT_RIGHT_O := $(foreach r,$(MUTANT_RULES),$(B)/mutants/$(call mutant_file,$(r)).o)
MUTANT_LEFT_OUT := $(foreach r,$(MUTANT_RULES),$(B)/$(call mutant_file,$(r)).o) $(B)/sim/cli/bugs.o
MUTANT_WRONG_O := $(call obj,$(wildcard tests/mutants/*.c))

define mutant_right
$(B)/mutants/$(call mutant_file,$(1)).o: $(call mutant_file,$(1)).c
	$$(call say,CC,$$<)mkdir -p $$(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) \
	  -D$(call mutant_rule,$(1))=$(call mutant_rule,$(1))__right -MMD -MP -c -o $$@ $$<
endef
$(foreach r,$(MUTANT_RULES),$(eval $(call mutant_right,$(r))))
$(MUTANT_RIGHT_O) $(MUTANT_WRONG_O): | $(GEN)/stamp

$(B)/mutants/gregor: $(call obj,sim/cli/main.c) $(MUTANT_RIGHT_O) $(MUTANT_WRONG_O) \
  $(filter-out $(MUTANT_LEFT_OUT),$(CORE_O) $(SIM_O) $(VIS_O) $(WORK_O))
	$(call say,LD,$@)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

mutants: $(B)/mutants/gregor ## gregor with switchable wrong rules: build/mutants/gregor
	$(Q)mkdir -p build/mutants && ln -sfn ../$(CONFIG)/mutants/gregor build/mutants/gregor

# Every scenario passes, and each switch makes its scenarios fail with exactly the rules that they list.
scenarios: all mutants ## run all scenarios, and catch all switches
	$(Q)tests/mutants/run-scenarios

CHECKS += scenarios
.PHONY: mutants scenarios
