/* The settings in a file of properties. A line that is only a name is refused (Java takes it for an empty
 * value): as a setting it is always a mistake. */
#include "broker/os/settings.h"
#include "broker/protocol/properties.h"

static void
fmt_file_place(struct writer *w, struct slice file, int32_t line, int32_t column)
{
    fmt_slice(w, file);
    fmt_char(w, ':');
    fmt_i64(w, line);
    fmt_char(w, ':');
    fmt_i64(w, column);
}

static bool
take_property(struct os_settings *to, struct slice file, const struct property *p,
              struct writer *why)
{
    if (p->key.n == 0) {
        fmt_file_place(why, file, p->line, p->column);
        fmt_str(why, ": expected a name before the value");
        return false;
    }
    if (p->is_bare) {
        fmt_file_place(why, file, p->value_line, p->value_column);
        fmt_str(why, ": expected \"=\" and a value after the name");
        return false;
    }
    struct writer place = writer_mem(to->mem);
    fmt_file_place(&place, file, p->line, p->column);
    os_settings_add(to, p->key, slice_trim(p->value), writer_slice(&place));
    writer_release(&place);
    return true;
}

bool
os_properties_parse(struct os_settings *to, struct slice file, struct slice text,
                    struct writer *why)
{
    struct arena arena;
    struct properties p;
    struct writer place_and_why = writer_mem(to->mem);
    arena_init(&arena, to->mem, 0);
    bool ok = properties_parse(text, &arena, &p, &place_and_why);
    if (!ok) {
        fmt_slice(why, file);
        fmt_char(why, ':');
        fmt_slice(why, writer_slice(&place_and_why));
    }
    for (int32_t i = 0; ok && i < p.n; i++) ok = take_property(to, file, &p.v[i], why);
    writer_release(&place_and_why);
    arena_release(&arena);
    return ok;
}
