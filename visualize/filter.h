/* What of a run is to be seen, in the words that the command line and the pages share:
 *
 *     node:b1,b2   messages from or to them, and sentences about them
 *     api:Fetch    messages of this kind of request
 *     kind:lost    of these kinds: control, data, routine, lost, late, held, request, answer
 *     topic:orders p:0     the partition that is drawn
 *     t:1.9s..2.4s         the window
 *     why:7                from the first to the last cause of sentence 7
 *     key:42               of what clients sent the records with this key: how many, how they ended, and of Produce requests
 *                          those that were under way meanwhile (a trace does not have what is in them)
 *
 * Terms stand beside each other and must all hold; values behind one key are alternatives; -node:b1 is all but b1. */
#ifndef VISUALIZE_FILTER_H
#define VISUALIZE_FILTER_H

#include "broker/base/bytes.h"

struct run;
struct message;
struct call;

#define FILTER_TERMS_MAX 16

enum filter_key {
    FILTER_NODE,
    FILTER_TOPIC,
    FILTER_P,
    FILTER_API,
    FILTER_KIND,
    FILTER_T,
    FILTER_WHY,
    FILTER_KEY
};

struct filter_term {
    enum filter_key key;
    bool is_not;
    struct slice values; /* with commas between them */
};

struct filter {
    struct filter_term v[FILTER_TERMS_MAX];
    int n;
    struct slice text;
    bool has_window;
    int64_t from_ns, to_ns, why; /* why: the sentence's number; 0: none */
};

/* False, with what is wrong and what would be right. The text must stay. */
bool filter_parse(struct filter *f, struct slice text, struct writer *ret_why);
bool filter_lets_message(const struct filter *f, const struct run *r, const struct message *m);
/* Of a client: only sends have keys, others pass. */
bool filter_lets_call(const struct filter *f, const struct call *c);
/* actor: of a sentence; -1: nobody's, which passes. */
bool filter_lets_actor(const struct filter *f, const struct run *r, int32_t actor);
/* -1: it names none; -2: there is no such. */
int32_t filter_partition(const struct filter *f, const struct run *r);
/* Null, or a machine that is named and not there. */
struct slice filter_stranger(const struct filter *f, const struct run *r);

#endif
