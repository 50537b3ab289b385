/* What the files of the control share: one request, and how it is answered. */
#ifndef SIM_PLAY_CONTROL_INTERNAL_H
#define SIM_PLAY_CONTROL_INTERNAL_H

#include "sim/play/control.h"

/* A request on its way to its answer. */
struct ask {
    struct control *c;
    struct play *p;
    struct run *r;
    int64_t id;
    struct arena *a; /* until it is answered, or waits */
    const struct http_request *q;
    struct slice name; /* what stands for {name} in its path, decoded */
};

struct route {
    const char *method, *path; /* a part {name} of the path stands for anything */
    const char *query;         /* the names that its query may have, with blanks between them */
    void (*answer)(struct ask *k);
};
extern const struct route routes[];
extern const int routes_n;

/* Without the braces of the object, which are put around. */
void reply_json(struct ask *k, struct writer *json);
/* What is no JSON. */
void reply_with(struct ask *k, const char *type, struct slice body);
void reply_wrong(struct ask *k, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The first mistake as a sentence, and all of them as a scenario's lint tells them. */
void reply_mistaken(struct ask *k, const struct diags *d);
/* The value of ?name=, or null. */
struct slice query_value(struct ask *k, const char *name);

/* It is answered when the condition holds (the watch is taken over), or after so long. */
void reply_when(struct ask *k, struct run_watch *x, struct slice text, int64_t within_ns);
/* It is answered when the world's time has come this far. */
void reply_at(struct ask *k, int64_t until_ns);
/* It is answered when the run has ended. False: somebody else has asked for that. */
bool reply_at_end(struct ask *k);

/* page.c: NULL behind the last. */
struct page {
    const char *path, *type;
    const char *begin, *end;
};
extern const struct page pages[];

#endif
