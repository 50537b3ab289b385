# Messages and frames; and, with golden-batches.mk, everything that Kafka's vectors say.
VECTORS ?= tests/golden/vectors

$(B)/tests/golden/messages: $(B)/tests/golden/messages.o $(B)/tests/golden/lines.o $(TEST_LIB_O) $(B)/core.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka -ljansson -lzstd

golden: $(B)/tests/golden/messages $(B)/tests/golden/batches ## Kafka's own bytes, read and written again (VECTORS=DIR)
	$(Q)$(B)/tests/golden/messages $(VECTORS)
	$(Q)$(B)/tests/golden/batches $(VECTORS)

CHECKS += golden
.PHONY: golden
.SECONDARY: $(B)/tests/golden/messages.o
