# A small run, drawn and told, against files that were looked at. After an intended change:
# build/…/tests/golden/pictures --write tests/golden/pictures, and look again.
golden-pictures: $(B)/tests/golden/pictures ## pictures of a small run, byte for byte
	$(Q)$(B)/tests/golden/pictures tests/golden/pictures

CHECKS += golden-pictures
CHECK_PROGRAMS += $(B)/tests/golden/pictures
.PHONY: golden-pictures
.SECONDARY: $(B)/tests/golden/pictures.o
