#include "broker/security/mechanism.h"

#include "broker/base/check.h"

#define SCRAM_MODULE "org.apache.kafka.common.security.scram.ScramLoginModule"

static const struct {
    const char *name, *module;
} mechanisms[SASL_MECHANISMS_N] = {
    [SASL_PLAIN] = {"PLAIN", "org.apache.kafka.common.security.plain.PlainLoginModule"},
    [SASL_SCRAM_SHA_256] = {"SCRAM-SHA-256", SCRAM_MODULE},
    [SASL_SCRAM_SHA_512] = {"SCRAM-SHA-512", SCRAM_MODULE},
};

struct slice
sasl_mechanism_name(enum sasl_mechanism m)
{
    CHECK(m < SASL_MECHANISMS_N);
    return slice_cstr(mechanisms[m].name);
}

struct slice
sasl_mechanism_module(enum sasl_mechanism m)
{
    CHECK(m < SASL_MECHANISMS_N);
    return slice_cstr(mechanisms[m].module);
}

enum sasl_mechanism
sasl_mechanism_find(struct slice name)
{
    enum sasl_mechanism m = SASL_PLAIN;
    while (m < SASL_MECHANISMS_N && !slice_eq(name, sasl_mechanism_name(m))) m++;
    return m;
}

/* In small letters, as Kafka has it there. */
enum sasl_mechanism
sasl_mechanism_of_prefix(struct slice prefix)
{
    for (int64_t i = 0; i < prefix.n; i++)
        if (prefix.p[i] != ascii_lower(prefix.p[i])) return SASL_MECHANISMS_N;
    enum sasl_mechanism m = SASL_PLAIN;
    while (m < SASL_MECHANISMS_N && !slice_eq_any_case(prefix, sasl_mechanism_name(m))) m++;
    return m;
}
