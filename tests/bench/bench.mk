# The daemon against Apache Kafka, side by side (ROUNDS=2 for a quick look).
ROUNDS ?= 5

bench-daemon: all ## gregord and Apache Kafka in turns: start, memory, cost and speed of producing
	$(Q)tests/interop/setup debian java
	$(Q)tests/bench/bench-daemon --rounds $(ROUNDS)

bench-coordinators: all ## the same for offset commits, transactions, compaction, many groups, a coordinator's start
	$(Q)tests/interop/setup debian java python
	$(Q)tests/bench/bench-coordinators --rounds $(ROUNDS)

bench-play: all ## gregor play: start, memory, records per second through real sockets
	$(Q)tests/bench/bench-play

bench-sim: $(B)/tests/bench/bench_sim ## how much faster than life a simulated cluster lives
	$(Q)$<

bench-scenarios: all ## the same for all shipped scenarios, rolling-restart and random faults (ROUNDS=2 for a quick look)
	$(Q)tests/bench/bench-scenarios --rounds $(ROUNDS)

bench: bench-sim bench-scenarios bench-play bench-daemon bench-coordinators ## all measurements

.PHONY: bench bench-daemon bench-coordinators bench-play bench-scenarios bench-sim
