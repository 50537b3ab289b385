#include "sim/play/input.h"

static const char head[] = "gregor outside 1\n";

static void
put(FILE *f, struct writer *w)
{
    fwrite(w->p, 1, (size_t)w->n, f);
}

void
input_write_head(FILE *f, int64_t wall_ms, const int32_t *ports, int32_t ports_n)
{
    uint8_t room[sizeof head + 16 + 4 * INPUT_PORTS_MAX];
    struct writer w = writer_fixed(room, sizeof room);
    writer_bytes(&w, slice(head, sizeof head - 1));
    writer_i64(&w, wall_ms);
    writer_i32(&w, ports_n);
    for (int32_t i = 0; i < ports_n; i++) writer_i32(&w, ports[i]);
    put(f, &w);
}

void
input_write(FILE *f, const struct input *in)
{
    uint8_t room[32];
    struct writer w = writer_fixed(room, sizeof room);
    writer_i8(&w, (int8_t)in->kind);
    writer_i64(&w, in->at_ns);
    writer_i64(&w, in->id);
    writer_i32(&w, in->broker);
    writer_i32(&w, (int32_t)in->bytes.n);
    put(f, &w);
    if (in->bytes.n) fwrite(in->bytes.p, 1, (size_t)in->bytes.n, f);
}

bool
input_open(struct input_reader *ret, struct slice file)
{
    *ret = (struct input_reader){.r = reader(file)};
    struct slice begins = reader_bytes(&ret->r, sizeof head - 1);
    ret->wall_ms = reader_i64(&ret->r);
    ret->ports_n = reader_i32(&ret->r);
    if (ret->r.err || !slice_eq(begins, slice(head, sizeof head - 1))) return false;
    if (ret->ports_n < 0 || ret->ports_n > INPUT_PORTS_MAX) return false;
    for (int32_t i = 0; i < ret->ports_n; i++) ret->ports[i] = reader_i32(&ret->r);
    return !ret->r.err;
}

/* A file that is damaged must not ask for room for connections that never were. */
static bool
is_of_connection(struct input_reader *r, const struct input *in)
{
    if (in->kind == INPUT_OPEN) return in->id == r->opened++;
    return in->kind == INPUT_STEP || in->kind == INPUT_END || (in->id >= 0 && in->id < r->opened);
}

bool
input_next(struct input_reader *r, struct input *ret)
{
    uint8_t kind = reader_u8(&r->r);
    ret->at_ns = reader_i64(&r->r);
    ret->id = reader_i64(&r->r);
    ret->broker = reader_i32(&r->r);
    int32_t n = reader_i32(&r->r);
    if (r->r.err || n < 0 || kind >= INPUT_KINDS || ret->at_ns < r->last_ns) return false;
    ret->kind = kind;
    ret->bytes = reader_bytes(&r->r, n);
    r->last_ns = ret->at_ns;
    return !r->r.err && is_of_connection(r, ret);
}
