# Real clients against the daemon. Apache Kafka itself answers the same claims with TARGET=kafka.
TARGET ?= gregord

interop: all ## real Kafka clients and tools against gregord (CLAIMS='kcat guide' for some)
	$(Q)tests/interop/setup
	$(Q)tests/interop/run --target $(TARGET) $(CLAIMS)

interop-apps: all ## Kafka Streams and other whole applications on gregord (CLAIMS=streams for some)
	$(Q)tests/interop/setup debian python java apps
	$(Q)tests/interop/run --target $(TARGET) --only apps $(CLAIMS)

interop-debian: all ## the claims that need Debian packages alone
	$(Q)tests/interop/setup debian
	$(Q)tests/interop/run --only debian $(CLAIMS)

CHECKS_WAITING += $(if $(wildcard broker/os/gregord.c),interop-debian)
.PHONY: interop interop-apps interop-debian
