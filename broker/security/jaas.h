/* sasl.jaas.config, as Kafka has it: the entry of a Java login configuration, in one line of text.
 *
 *     org.apache.kafka.common.security.plain.PlainLoginModule required
 *         username="broker" password="secret" user_broker="secret" user_alice="wonder";
 *
 * username and password are what this node shows when it is a client; user_NAME are those it lets in. Values stand in
 * quotes (" or ', with \ as in Java) or are words; comments are those of Java. Pure. */
#ifndef SECURITY_JAAS_H
#define SECURITY_JAAS_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"

struct jaas_option {
    struct slice key, value;
};

struct jaas {
    struct slice module;
    struct jaas_option *options;
    int32_t options_n;
};

/* Everything lies in the arena. False: says why. No value is ever in what it says: it may be a password. */
bool jaas_parse(struct slice text, struct arena *a, struct jaas *ret, struct writer *ret_why);
/* Null: there is none. Of two the last counts. */
struct slice jaas_option(const struct jaas *j, struct slice key);
/* The password of user_NAME; null: there is no such user. */
struct slice jaas_user(const struct jaas *j, struct slice name);

#endif
