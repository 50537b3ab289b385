/* The four messages of SCRAM (RFC 5802), as Kafka's clients and servers write them:
 *
 *     client first   n,[a=AUTHORISATION],[m=RESERVED,]n=USER,r=NONCE[,EXTENSIONS]
 *     server first   r=NONCE AND MORE,s=SALT,i=ITERATIONS
 *     client final   c=biws,r=NONCE AND MORE[,EXTENSIONS],p=PROOF
 *     server final   v=SIGNATURE   or   e=ERROR
 *
 * Read from slices that stay; nothing is longer than its message. Channel binding is not supported ("n"). Pure. */
#ifndef SECURITY_SCRAM_MESSAGE_H
#define SECURITY_SCRAM_MESSAGE_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"

#define SCRAM_ITERATIONS_MIN 4096

struct scram_client_first {
    struct slice header;           /* "n,," with its commas: what the last message is bound to */
    struct slice authorisation_id; /* null: none */
    struct slice user;
    struct slice nonce;
    struct slice bare; /* behind the header */
    bool is_for_token; /* tokenauth=true: user is the name of a delegation token */
};
bool scram_read_client_first(struct slice text, struct arena *a, struct scram_client_first *ret);
void scram_write_client_first(struct writer *w, struct slice user, struct slice nonce);

struct scram_server_first {
    struct slice nonce, salt;
    int32_t iterations;
};
/* Of fewer iterations than Kafka allows, or more than a client should have to do, nothing is taken. */
bool scram_read_server_first(struct slice text, struct arena *a, struct scram_server_first *ret);
void scram_write_server_first(struct writer *w, const struct scram_server_first *m);

struct scram_client_final {
    struct slice binding; /* decoded: the first message's header */
    struct slice nonce, proof;
    struct slice without_proof; /* what is signed */
};
bool scram_read_client_final(struct slice text, struct arena *a, struct scram_client_final *ret);
/* Without the proof, and with it. */
void scram_write_client_final(struct writer *w, struct slice nonce);
void scram_write_proof(struct writer *w, struct slice proof);

/* False: it is an error, or none at all. */
bool scram_read_server_final(struct slice text, struct arena *a, struct slice *ret_signature);
void scram_write_server_final(struct writer *w, struct slice signature);

/* What both sides sign: all that was said, with commas between. In the arena. */
struct slice scram_auth_message(struct arena *a, struct slice client_first_bare,
                                struct slice server_first, struct slice client_final_without_proof);

#endif
