#include "tests/lib/texts.h"

#include "broker/base/utf8.h"
#include "broker/protocol/codec_field.h"

static bool
struct_is_utf8(const struct k_struct *s, int version, const uint8_t *at)
{
    const struct k_field *f = &k_fields[s->first];
    for (int i = 0; i < s->n + s->tagged; i++) {
        if (!field_is_in(&f[i], version) || (f[i].type != K_STRING && f[i].type != K_STRUCT))
            continue;
        struct field_array a = {(void *)(uintptr_t)(at + f[i].at), 1};
        if (f[i].flags & K_ARRAY) a = array_load(at + f[i].at);
        else if (f[i].flags & K_POINTER) a.items = pointer_load(at + f[i].at);
        const uint8_t *item = a.items;
        for (int32_t k = 0; item && k < a.n; k++, item += field_item_bytes(&f[i])) {
            bool ok = f[i].type == K_STRING ? utf8_is_valid(slice_load(item))
                                            : struct_is_utf8(&k_structs[f[i].item], version, item);
            if (!ok) return false;
        }
    }
    return true;
}

bool
texts_are_utf8(enum k_msg msg, int16_t version, const void *m)
{
    return struct_is_utf8(message_root(msg), version, m);
}
