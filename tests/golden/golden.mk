# Messages and frames; and, with golden-batches.mk, everything that Kafka's vectors say.
VECTORS ?= tests/golden/vectors

$(B)/tests/golden/messages $(B)/tests/golden/assignors: $(B)/tests/golden/%: $(B)/tests/golden/%.o $(B)/tests/golden/lines.o $(B)/tests.a $(B)/core.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	  -Wl,--start-group $(B)/tests.a $(B)/core.a -Wl,--end-group -lcmocka -ljansson $(SIM_LIBS)

golden: $(B)/tests/golden/messages $(B)/tests/golden/batches $(B)/tests/golden/assignors ## Kafka's own bytes, read and written again (VECTORS=DIR)
	$(Q)for p in $^; do $$p $(VECTORS); done | awk '{ print } \
	  /^[0-9]+ passed, [0-9]+ failed$$/ { passed += $$1; failed += $$3; programs++ } \
	  END { failed += 3 - programs; print passed " passed, " failed " failed"; exit failed > 0 }'

CHECKS += golden
CHECK_PROGRAMS += $(B)/tests/golden/messages $(B)/tests/golden/batches $(B)/tests/golden/assignors
.PHONY: golden
.SECONDARY: $(B)/tests/golden/messages.o $(B)/tests/golden/assignors.o
