# The daemon against input that is wrong: on its connections, on its disk, in its settings.
GREGORD ?= build/gregord

hostile: all ## garbage on connections, disk and settings: the daemon serves on or says what is wrong
	$(Q)tests/hostile/run --gregord $(GREGORD) $(HOSTILE)

CHECKS_WAITING += hostile
.PHONY: hostile
