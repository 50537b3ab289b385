/* SCRAM's hashing as work of the environment, and its mechanisms' numbers. */
#ifndef SECURITY_SCRAM_WORK_H
#define SECURITY_SCRAM_WORK_H

#include "broker/env/env.h"
#include "broker/security/mechanism.h"

/* In Kafka's messages and records: SCRAM-SHA-256 is 1. */
int8_t sasl_scram_number(enum sasl_mechanism m);
/* Of such a number; SASL_MECHANISMS_N: none. */
enum sasl_mechanism sasl_scram_of_number(int8_t number);
/* As many bits as Kafka's has, 130 and some. */
struct slice scram_nonce(struct env *env, struct arena *a);
/* Queues it (work/scram.c has what goes in and what comes out). The parts are copied. */
void scram_work(struct env *env, struct op *op, enum work_kind kind, enum sasl_mechanism m,
                const struct slice *parts, int32_t n);

#endif
