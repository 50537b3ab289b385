determinism: ## compare the hashes of the same runs in different builds
	$(Q)tests/bench/determinism
.PHONY: determinism
