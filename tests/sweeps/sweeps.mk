sweeps: all ## end nodes at each disk operation of the disk's protocols
	$(Q)tests/sweeps/run $(B)/gregor $(SWEEPS)

CHECKS += sweeps
.PHONY: sweeps
