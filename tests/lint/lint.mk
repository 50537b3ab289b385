# One fixed build of the core for its symbols: no stack protector and no position independence, which
# would bring in symbols and writable tables of their own.
LINT_CFLAGS := -std=gnu17 -O2 -fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing

lint: all ## layers, headers, symbols, banned functions, manual pages
	$(Q)$(MAKE) --no-print-directory $(PARALLEL) CC=gcc OPT=-O2 SAN= B=build/lint CFLAGS='$(LINT_CFLAGS)' build/lint/core.a
	$(Q)tests/lint/run build/lint/core.a $(B)/gregor $(B)/gregord $(CPPFLAGS)

configs-page: $(GEN)/stamp ## write broker/protocol/CONFIGS.md anew
	$(Q)cp $(GEN)/CONFIGS.md broker/protocol/CONFIGS.md

CHECKS += lint
.PHONY: lint configs-page
