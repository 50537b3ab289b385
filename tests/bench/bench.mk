# The daemon against Apache Kafka, side by side (ROUNDS=2 for a quick look).
ROUNDS ?= 5

bench-daemon: all ## gregord and Apache Kafka in turns: start, memory, cost and speed of producing
	$(Q)tests/interop/setup debian java
	$(Q)tests/bench/bench-daemon --rounds $(ROUNDS)

bench: bench-daemon

.PHONY: bench bench-daemon
