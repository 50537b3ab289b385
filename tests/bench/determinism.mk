determinism: ## every scenario in every build, twice: the same hashes
	$(Q)tests/bench/determinism
.PHONY: determinism
CHECKS += determinism
