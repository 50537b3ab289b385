/* What every operation of the codec needs: versions, names, defaults. */
#include "broker/protocol/codec.h"

#include "broker/protocol/codec_field.h"

bool
codec_has_version(enum k_msg msg, int16_t version)
{
    return msg >= 0 && msg < K_MSGS_N && version >= k_messages[msg].lo &&
           version <= k_messages[msg].hi;
}

int64_t
codec_struct_bytes(enum k_msg msg)
{
    return k_structs[k_messages[msg].root].size;
}

struct slice
codec_name(enum k_msg msg)
{
    CHECK(msg >= 0 && msg < K_MSGS_N);
    return k_name(k_messages[msg].name);
}

/* ---- defaults ------------------------------------------------------------------------------- */

void
struct_set_defaults(const struct k_struct *s, uint8_t *to)
{
    const void *image = k_images[s - k_structs];
    if (image) memcpy(to, image, s->size);
    else memset(to, 0, s->size);
}

static bool
struct_is_default(const struct k_struct *s, const uint8_t *at)
{
    /* Nearly always its bytes are still those that it was made with. (If not, it may be default all the
     * same: an empty slice may point anywhere.) */
    const void *image = k_images[s - k_structs];
    if (image && memcmp(at, image, s->size) == 0) return true;
    const struct k_field *f = &k_fields[s->first];
    for (int i = 0; i < s->n + s->tagged; i++)
        if (!field_is_default(&f[i], at + f[i].at)) return false;
    return true;
}

bool
field_is_default(const struct k_field *f, const uint8_t *at)
{
    bool is_embedded = f->type == K_STRUCT && !(f->flags & (K_ARRAY | K_POINTER));
    return is_embedded ? struct_is_default(&k_structs[f->item], at)
                       : value_is_default((enum k_type)f->type, f->flags, k_defaults[f->value], at);
}

void
codec_default(enum k_msg msg, void *ret)
{
    struct_set_defaults(message_root(msg), ret);
}

void
codec_default_struct(enum k_struct_id id, void *ret)
{
    CHECK(id >= 0 && id < K_STRUCTS_N);
    struct_set_defaults(&k_structs[id], ret);
}

void *
codec_array(struct arena *a, enum k_struct_id id, int64_t n)
{
    CHECK(id >= 0 && id < K_STRUCTS_N);
    const struct k_struct *s = &k_structs[id];
    uint8_t *items = arena_alloc_dirty(a, n * s->size);
    for (int64_t i = 0; items && i < n; i++) {
        if (i == 0) struct_set_defaults(s, items);
        else memcpy(items + i * s->size, items, s->size);
    }
    return items;
}
