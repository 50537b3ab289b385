# The benchmark is built along, so that it does not rot; it is not run.
determinism: $(B)/tests/bench/bench_sim ## every scenario in every build, twice: the same hashes
	$(Q)tests/bench/determinism
.PHONY: determinism
CHECKS += determinism
CHECK_PROGRAMS += $(B)/tests/bench/bench_sim
