/* The SASL mechanisms that are spoken: PLAIN (RFC 4616) and SCRAM with two hashes (RFC 5802, 7677; KIP-84). */
#ifndef SECURITY_MECHANISM_H
#define SECURITY_MECHANISM_H

#include "broker/base/slice.h"

enum sasl_mechanism { SASL_PLAIN, SASL_SCRAM_SHA_256, SASL_SCRAM_SHA_512, SASL_MECHANISMS_N };

/* Who may show who he is may not go on as somebody else. */
#define SASL_OTHER_IDENTITY \
    "Authentication failed: Client requested an authorization id that is different from username"

/* "SCRAM-SHA-256" */
struct slice sasl_mechanism_name(enum sasl_mechanism m);
/* By its name, exactly; SASL_MECHANISMS_N: none of these. */
enum sasl_mechanism sasl_mechanism_find(struct slice name);
/* The same by the beginning of a setting's name: "plain.sasl.jaas.config". */
enum sasl_mechanism sasl_mechanism_of_prefix(struct slice prefix);
/* The class that Kafka's settings name for it. */
struct slice sasl_mechanism_module(enum sasl_mechanism m);

#endif
