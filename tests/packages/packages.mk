# The packages for test suites of others (sim/play/python, sim/play/java), and their own tests.
python: all ## the Python package gregor as a wheel with this gregor in it, in build/python
	$(Q)mkdir -p build/python
	$(Q)echo build/python/$$(cd sim/play/python && GREGOR_BUNDLE=$(CURDIR)/$(B)/gregor PYTHONDONTWRITEBYTECODE=1 python3 backend.py $(CURDIR)/build/python)

python-check: all ## its tests
	$(Q)tests/packages/python-check

CHECKS_WAITING += python-check
.PHONY: python python-check
