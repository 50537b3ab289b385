#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

struct invention {
    struct codec_dice *dice;
    int version;
};

static void random_struct(struct invention *x, const struct k_struct *s, uint8_t *to);

static uint64_t
invention_draw(struct invention *x)
{
    return x->dice->draw(x->dice->ctx);
}

static bool
one_in(struct invention *x, uint64_t n)
{
    return invention_draw(x) % n == 0;
}

/* Often an edge; cut to the type's width by the store. */
static int64_t
random_int(struct invention *x)
{
    static const int64_t edges[] = {0,         1,         -1,        INT8_MAX,
                                    INT8_MIN,  INT16_MAX, INT16_MIN, INT32_MAX,
                                    INT32_MIN, INT64_MAX, INT64_MIN, UINT16_MAX};
    uint64_t v = invention_draw(x);
    return one_in(x, 2) ? edges[v % (uint64_t)ARRAY_LEN(edges)] : (int64_t)v;
}

/* Printable, so that it serves as text as well. */
static struct slice
random_bytes(struct invention *x)
{
    int64_t n = (int64_t)(invention_draw(x) % (one_in(x, 8) ? 300 : 12));
    uint8_t *p = arena_alloc(x->dice->arena, n + 1);
    CHECK(p);
    for (int64_t i = 0; i < n; i++) p[i] = (uint8_t)('a' + invention_draw(x) % 26);
    return slice(p, n);
}

static void
random_scalar(struct invention *x, const struct k_field *f, uint8_t *to, bool nullable)
{
    struct uuid u;
    struct k_records r = {0};
    if (f->type < K_UUID) {
        field_store_int(f->type, to,
                        f->type == K_BOOL ? (int64_t)(invention_draw(x) & 1) : random_int(x));
    } else if (f->type == K_UUID) {
        for (int i = 0; i < 16; i++) u.b[i] = (uint8_t)invention_draw(x);
        memcpy(to, &u, sizeof u);
    } else {
        if (!nullable || !one_in(x, 4)) r.bytes = random_bytes(x);
        if (f->type == K_RECORDS) memcpy(to, &r, sizeof r);
        else memcpy(to, &r.bytes, sizeof r.bytes);
    }
}

static void
random_array(struct invention *x, const struct k_field *f, uint8_t *to)
{
    if (field_is_nullable(f, x->version) && one_in(x, 4)) {
        array_store(to, NULL, -1);
        return;
    }
    int32_t n = (int32_t)(invention_draw(x) % 4);
    int64_t bytes = field_item_bytes(f);
    uint8_t *items = n ? arena_alloc(x->dice->arena, n * bytes) : NULL;
    array_store(to, items, n);
    for (int32_t i = 0; i < n; i++) {
        if (f->type == K_STRUCT) random_struct(x, &k_structs[f->item], items + i * bytes);
        else random_scalar(x, f, items + i * bytes, false);
    }
}

static void
random_field(struct invention *x, const struct k_field *f, uint8_t *to)
{
    if (f->flags & K_ARRAY) {
        random_array(x, f, to);
    } else if (f->type != K_STRUCT) {
        random_scalar(x, f, to, field_is_nullable(f, x->version));
    } else if (!(f->flags & K_POINTER)) {
        random_struct(x, &k_structs[f->item], to);
    } else {
        uint8_t *p = NULL;
        if (!field_is_nullable(f, x->version) || !one_in(x, 3)) {
            p = arena_alloc(x->dice->arena, k_structs[f->item].size);
            CHECK(p);
            random_struct(x, &k_structs[f->item], p);
        }
        memcpy(to, &p, sizeof p);
    }
}

static void
random_struct(struct invention *x, const struct k_struct *s, uint8_t *to)
{
    const struct k_field *f = &k_fields[s->first];
    struct_set_defaults(s, to);
    for (int i = 0; i < s->n + s->tagged; i++) {
        bool leave = i >= s->n && one_in(x, 3);
        if (field_is_in(&f[i], x->version) && !leave) random_field(x, &f[i], to + f[i].at);
    }
}

void
codec_random(enum k_msg msg, int16_t version, struct codec_dice *dice, void *ret)
{
    CHECK(codec_has_version(msg, version));
    struct invention x = {dice, version};
    random_struct(&x, message_root(msg), ret);
}
