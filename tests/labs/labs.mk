# The course: every command that a lab prints is run, its solution is graded, its pictures are drawn and compared.
labs: all mutants ## go through the labs as a student does, and read their pages (LABS='4 B2' for some)
	$(Q)tests/labs/run $(LABS)

docs: all ## write the pictures and tables in the labs' pages anew
	$(Q)build/gregor course docs

CHECKS += labs
.PHONY: labs docs
