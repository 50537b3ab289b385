# Batches and small facts: a program of its own beside the messages'.
$(B)/tests/golden/batches: $(B)/tests/golden/lines.o

VECTORS ?= tests/golden/vectors

golden-batches: $(B)/tests/golden/batches ## record batches and hashes against Kafka's vectors (VECTORS=DIR)
	$(Q)$(B)/tests/golden/batches $(VECTORS)

.PHONY: golden-batches
.SECONDARY: $(B)/tests/golden/batches.o $(B)/tests/golden/lines.o
