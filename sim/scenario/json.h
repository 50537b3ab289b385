/* JSON, written from its beginning to its end: the caller puts the braces, these put keys, values and commas. */
#ifndef SIM_SCENARIO_JSON_H
#define SIM_SCENARIO_JSON_H

#include "broker/base/fmt.h"

/* A comma, unless something begins here. */
static inline void
json_next(struct writer *w)
{
    uint8_t last = w->n ? w->p[w->n - 1] : '{';
    if (last != '{' && last != '[' && last != ':') fmt_char(w, ',');
}

static inline void
json_key(struct writer *w, const char *name)
{
    json_next(w);
    fmt_json(w, slice_cstr(name));
    fmt_char(w, ':');
}

static inline void
json_i64(struct writer *w, const char *name, int64_t v)
{
    json_key(w, name);
    fmt_i64(w, v);
}

static inline void
json_bool(struct writer *w, const char *name, bool v)
{
    json_key(w, name);
    fmt_str(w, v ? "true" : "false");
}

/* null, if the text is. */
static inline void
json_text(struct writer *w, const char *name, struct slice v)
{
    json_key(w, name);
    if (v.p) fmt_json(w, v);
    else fmt_str(w, "null");
}

#endif
