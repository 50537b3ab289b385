/* Writes messages.h (C structs, enums) and messages.c (the tables of schema.h). */
#include <stdlib.h>
#include <string.h>

#include "broker/protocol/gen/gen.h"

/* One blob of NUL-terminated names; equal names share a place. */
static char *names;
static size_t names_n, names_cap;

static unsigned
name_at(const char *s)
{
    size_t n = strlen(s) + 1;
    for (size_t i = 0; i < names_n; i += strlen(names + i) + 1)
        if (strcmp(names + i, s) == 0) return (unsigned)i;
    if (names_n + n > names_cap) {
        names_cap = 2 * names_cap + n;
        names = realloc(names, names_cap);
    }
    memcpy(names + names_n, s, n);
    names_n += n;
    return (unsigned)(names_n - n);
}

bool
has_tags(const struct strct *s)
{
    return s->message->root == s && s->message->flexible != 127;
}

/* ---- messages.h ----------------------------------------------------------------------------- */

const char *
c_type(const struct field *f)
{
    static const char *const types[] = {
        [K_BOOL] = "bool",           [K_INT8] = "int8_t",        [K_INT16] = "int16_t",
        [K_UINT16] = "uint16_t",     [K_INT32] = "int32_t",      [K_UINT32] = "uint32_t",
        [K_INT64] = "int64_t",       [K_FLOAT64] = "uint64_t",   [K_UUID] = "struct uuid",
        [K_STRING] = "struct slice", [K_BYTES] = "struct slice", [K_RECORDS] = "struct k_records",
    };
    return f->type == K_STRUCT ? xformat("struct k_%s", f->item->c_name) : types[f->type];
}

static void
print_c_member(FILE *o, const struct field *f)
{
    bool pointer = f->is_array || (f->type == K_STRUCT && f->nullable.lo <= f->nullable.hi);
    fprintf(o, "    %s %s%s;", c_type(f), pointer ? "*" : "", f->c_name);
    if (f->is_array) fprintf(o, "\n    int32_t %s_n;", f->c_name);
    fprintf(o, " /* %d", f->versions.lo);
    if (f->versions.hi == 127) fputs("+", o);
    else if (f->versions.hi > f->versions.lo) fprintf(o, "-%d", f->versions.hi);
    if (f->nullable.lo <= f->nullable.hi) fputs(", may be null", o);
    if (f->default_null) fputs(", null by default", o);
    else if (f->value) fprintf(o, ", %lld by default", f->value);
    fputs(" */\n", o);
}

/* Structs that it embeds come first; `state` 3 says it has been printed. */
static void
print_struct(FILE *o, struct strct *s)
{
    if (s->state == 3) return;
    s->state = 3;
    for (int i = 0; i < s->n + s->tagged; i++)
        if (s->fields[i].item) print_struct(o, s->fields[i].item);
    fprintf(o, "struct k_%s {\n", s->c_name);
    for (int i = 0; i < s->n + s->tagged; i++) print_c_member(o, &s->fields[s->order[i]]);
    if (has_tags(s)) fputs("    struct k_tags unknown_tags;\n", o);
    else if (s->n + s->tagged == 0) fputs("    char none;\n", o);
    fputs("};\n", o);
}

static void
print_range(FILE *o, const struct message *m)
{
    fprintf(o, "\n/* %s: %d-%d", m->name, m->versions.lo, m->versions.hi);
    if (m->flexible != 127) fprintf(o, ", flexible from %d", m->flexible);
    fputs(" */\n", o);
}

static void
print_enums(FILE *o)
{
    fputs("enum k_msg {\n", o);
    for (int i = 0; i < messages_n; i++) fprintf(o, "    K_MSG_%s,\n", upper(messages[i]->name));
    fputs("    K_MSGS_N,\n};\n\nenum k_struct_id {\n", o);
    for (int i = 0; i < messages_n; i++)
        for (int k = 0; k < messages[i]->structs_n; k++)
            fprintf(o, "    K_STRUCT_%s,\n", upper(messages[i]->structs[k]->c_name));
    fputs("    K_STRUCTS_N,\n};\n\n/* Types of the records of the metadata log and of the "
          "coordinators' topics. */\nenum {\n",
          o);
    for (int i = 0; i < messages_n; i++) {
        const struct message *m = messages[i];
        if (m->kind < K_KIND_METADATA || strcmp(m->folder, "storage") == 0) continue;
        fprintf(o, "    K_REC_%s = %d,\n", upper(m->name), m->api_key);
    }
    fputs("};\n", o);
}

static void
emit_header(const char *out)
{
    FILE *o = out_open(out, "messages.h", "Every message of the protocol as a C struct.");
    fputs("#ifndef GEN_MESSAGES_H\n#define GEN_MESSAGES_H\n\n#include "
          "\"broker/protocol/schema.h\"\n\n",
          o);
    print_enums(o);
    for (int i = 0; i < messages_n; i++) {
        print_range(o, messages[i]);
        print_struct(o, messages[i]->root);
        for (int k = 1; k < messages[i]->structs_n; k++) print_struct(o, messages[i]->structs[k]);
    }
    fputs("\n#endif\n", o);
    out_close(o);
}

/* ---- messages.c ----------------------------------------------------------------------------- */

static int fields_n, structs_n, versions_n, defaults_n;
static long long defaults[256];

static int
default_at(long long v)
{
    for (int i = 0; i < defaults_n; i++)
        if (defaults[i] == v) return i;
    if (defaults_n == 256) {
        fputs("gen: more than 256 different defaults\n", stderr);
        exit(3);
    }
    defaults[defaults_n] = v;
    return defaults_n++;
}

static void
number_tables(void)
{
    for (int i = 0; i < messages_n; i++)
        for (int k = 0; k < messages[i]->structs_n; k++) {
            struct strct *s = messages[i]->structs[k];
            s->index = structs_n++;
            s->first = fields_n;
            s->programs_at = versions_n;
            fields_n += s->n + s->tagged;
            versions_n += messages[i]->versions.hi - messages[i]->versions.lo + 1;
        }
}

const char *
type_name(enum k_type type)
{
    static const char *const types[] = {
        [K_BOOL] = "K_BOOL",     [K_INT8] = "K_INT8",       [K_INT16] = "K_INT16",
        [K_UINT16] = "K_UINT16", [K_INT32] = "K_INT32",     [K_UINT32] = "K_UINT32",
        [K_INT64] = "K_INT64",   [K_FLOAT64] = "K_FLOAT64", [K_UUID] = "K_UUID",
        [K_STRING] = "K_STRING", [K_BYTES] = "K_BYTES",     [K_RECORDS] = "K_RECORDS",
        [K_STRUCT] = "K_STRUCT",
    };
    return types[type];
}

int
field_flags(const struct field *f)
{
    int flags = (f->is_array ? K_ARRAY : 0) | (f->is_ignorable ? K_IGNORABLE : 0) |
                (f->is_classic ? K_CLASSIC : 0) | (f->default_null ? K_DEFAULT_NULL : 0) |
                (f->is_map_key ? K_MAP_KEY : 0);
    if (f->type == K_STRUCT && !f->is_array && f->nullable.lo <= f->nullable.hi) flags |= K_POINTER;
    return flags;
}

static void
print_field_row(FILE *o, const struct strct *s, const struct field *f)
{
    fprintf(
        o, "    {%u, offsetof(struct k_%s, %s), %d, %d, %s, %d, %d, %d, %d, %d, %d}, /* %s.%s */\n",
        name_at(f->name), s->c_name, f->c_name, f->item ? f->item->index : 0, default_at(f->value),
        type_name(f->type), field_flags(f), f->versions.lo, f->versions.hi, f->nullable.lo,
        f->nullable.hi, f->tag, s->name, f->name);
}

static void
print_struct_row(FILE *o, const struct strct *s)
{
    const struct message *m = s->message;
    const char *tags =
        has_tags(s) ? xformat("offsetof(struct k_%s, unknown_tags)", s->c_name) : "K_NO_TAGS";
    fprintf(o, "    {%u, sizeof(struct k_%s), %d, %d, %d, %s, %d, %d, %d, %d},\n", name_at(s->name),
            s->c_name, s->first, s->n, s->tagged, tags, s->programs_at, m->versions.lo,
            m->versions.hi, m->flexible);
}

static void
print_message_row(FILE *o, const struct message *m)
{
    fprintf(o, "    {%u, %u, %d, %d, %d, %d, %d, %d, %s},\n", name_at(m->name), name_at(m->folder),
            m->root->index, m->api_key, m->kind, m->versions.lo, m->versions.hi, m->flexible,
            m->unstable ? "true" : "false");
}

/* ---- images: structs as they are by default ---- */

/* All zero is no image. */
bool
has_image(const struct strct *s)
{
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct field *f = &s->fields[i];
        bool embeds = f->type == K_STRUCT && !f->is_array;
        if (f->has_default && (!embeds || has_image(f->item))) return true;
    }
    return false;
}

static void
print_image(FILE *o, const struct strct *s)
{
    fputs("{", o);
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct field *f = &s->fields[i];
        if (!f->has_default) continue;
        if (f->is_array) {
            fprintf(o, " .%s_n = -1,", f->c_name);
        } else if (f->type == K_STRUCT) {
            if (!has_image(f->item)) continue;
            fprintf(o, " .%s = ", f->c_name);
            print_image(o, f->item);
            fputs(",", o);
        } else if (f->type == K_RECORDS) {
            fprintf(o, " .%s = {.bytes = EMPTY},", f->c_name);
        } else if (f->type >= K_STRING) {
            fprintf(o, " .%s = EMPTY,", f->c_name);
        } else {
            fprintf(o, " .%s = %lld,", f->c_name, f->value);
        }
    }
    fputs(" }", o);
}

static void
print_images(FILE *o)
{
    fputs("#define EMPTY {(const uint8_t *)\"\", 0}\n", o);
    for (int i = 0; i < messages_n; i++)
        for (int k = 0; k < messages[i]->structs_n; k++) {
            const struct strct *s = messages[i]->structs[k];
            if (!has_image(s)) continue;
            fprintf(o, "static const struct k_%s image_%s = ", s->c_name, s->c_name);
            print_image(o, s);
            fputs(";\n", o);
        }
    fputs("\nconst void *const k_images[] = {\n", o);
    for (int i = 0; i < messages_n; i++)
        for (int k = 0; k < messages[i]->structs_n; k++) {
            const struct strct *s = messages[i]->structs[k];
            fprintf(o, has_image(s) ? "    &image_%s,\n" : "    NULL, /* %s */\n", s->c_name);
        }
    fputs("};\n\n", o);
}

static void
print_names(FILE *o)
{
    fputs("#pragma GCC diagnostic ignored \"-Woverlength-strings\"\nconst char k_names[] =\n", o);
    for (size_t i = 0; i < names_n; i += strlen(names + i) + 1)
        fprintf(o, "    \"%s\\0\"\n", names + i);
    fputs("    ;\n\nconst int64_t k_defaults[] = {\n", o);
    for (int i = 0; i < defaults_n; i++) fprintf(o, "    INT64_C(%lld),\n", defaults[i]);
    fputs("};\n", o);
}

/* ---- programs: what a version of a struct is on the wire ---- */

static struct k_step *steps;
static int steps_n, steps_cap;
static int *programs; /* the first step of each version of each struct */

static struct k_step *
add_step(enum k_step_op op)
{
    if (steps_n == steps_cap) {
        steps_cap = 2 * steps_cap + 1024;
        steps = realloc(steps, (size_t)steps_cap * sizeof *steps);
        if (!steps) exit(3);
    }
    steps[steps_n] = (struct k_step){.op = (uint8_t)op};
    return &steps[steps_n++];
}

static enum k_step_op
step_op_of(const struct field *f)
{
    static const uint8_t ops[] = {
        [K_BOOL] = K_STEP_BOOL,     [K_INT8] = K_STEP_8,      [K_INT16] = K_STEP_16,
        [K_UINT16] = K_STEP_16,     [K_INT32] = K_STEP_32,    [K_UINT32] = K_STEP_32,
        [K_INT64] = K_STEP_64,      [K_FLOAT64] = K_STEP_64,  [K_UUID] = K_STEP_UUID,
        [K_STRING] = K_STEP_STRING, [K_BYTES] = K_STEP_BYTES, [K_RECORDS] = K_STEP_RECORDS,
        [K_STRUCT] = K_STEP_STRUCT,
    };
    return (enum k_step_op)ops[f->type];
}

static void
add_field_step(const struct strct *s, int i, int version)
{
    const struct field *f = &s->fields[i];
    bool flexible = version >= s->message->flexible;
    bool is_pointer = f->type == K_STRUCT && !f->is_array && f->nullable.lo <= f->nullable.hi;
    struct k_step *p = add_step(f->is_array  ? K_STEP_ARRAY
                                : is_pointer ? K_STEP_POINTER
                                             : step_op_of(f));
    p->flags = (uint8_t)((flexible && (f->is_array || !f->is_classic) ? K_STEP_COMPACT : 0) |
                         (range_has(f->nullable, version) ? K_STEP_NULLABLE : 0));
    if (f->is_array) {
        int least = element_min_bytes(f, version, flexible);
        p->item_op = (uint8_t)step_op_of(f);
        p->item_least_bytes = (uint8_t)(least > 255 ? 255 : least);
    }
    p->item = (uint16_t)(f->item ? f->item->index : 0);
    p->field = (uint16_t)i;
}

/* 0: its length is not fixed. */
int
fixed_bytes(const struct k_step *p)
{
    static const uint8_t bytes[] = {[K_STEP_BOOL] = 1, [K_STEP_8] = 1,  [K_STEP_16] = 2,
                                    [K_STEP_32] = 4,   [K_STEP_64] = 8, [K_STEP_UUID] = 16};
    return p->op < sizeof bytes ? bytes[p->op] : 0;
}

/* Two steps or more of fixed length make a row, from `from` on; returns the first behind it. */
static int
mark_row(int from)
{
    int end = from, bytes = 0;
    for (; end < steps_n && fixed_bytes(&steps[end]); end++) bytes += fixed_bytes(&steps[end]);
    if (end - from < 2) return MAX(end, from + 1);
    add_step(K_STEP_ROW);
    memmove(&steps[from + 1], &steps[from], (size_t)(steps_n - 1 - from) * sizeof *steps);
    steps[from] =
        (struct k_step){.op = K_STEP_ROW, .item = (uint16_t)bytes, .field = (uint16_t)(end - from)};
    return end + 1;
}

/* Returns where its steps begin; those of the version before are used again if they are the same. */
static int
make_program(const struct strct *s, int version, int before)
{
    int first = steps_n;
    for (int i = 0; i < s->n; i++)
        if (range_has(s->fields[i].versions, version)) add_field_step(s, i, version);
    for (int i = first; i < steps_n;) i = mark_row(i);
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct field *f = &s->fields[i];
        if (range_has(f->versions, version) || f->is_ignorable) continue;
        add_step(K_STEP_ABSENT)->field = (uint16_t)i;
    }
    if (version < s->message->flexible) {
        add_step(K_STEP_END);
    } else {
        int tags = steps_n;
        add_step(K_STEP_TAGS);
        for (int i = s->n; i < s->n + s->tagged; i++)
            if (range_has(s->fields[i].versions, version)) add_field_step(s, i, version);
        steps[tags].item = (uint16_t)(steps_n - tags - 1);
    }
    int n = steps_n - first;
    if (before >= 0 && before + n == first &&
        memcmp(&steps[before], &steps[first], (size_t)n * sizeof *steps) == 0) {
        steps_n = first;
        return before;
    }
    return first;
}

static void
print_steps(FILE *o, const struct strct *s, int from)
{
    for (int i = from; i < steps_n; i++) {
        const struct k_step *p = &steps[i];
        if (p->op == K_STEP_END || p->op == K_STEP_TAGS || p->op == K_STEP_ROW)
            fprintf(o, "    {%d, 0, 0, 0, 0, %d, %d},\n", p->op, p->item, p->field);
        else
            fprintf(o, "    {%d, %d, %d, %d, offsetof(struct k_%s, %s), %d, %d},\n", p->op,
                    p->flags, p->item_op, p->item_least_bytes, s->c_name,
                    s->fields[p->field].c_name, p->item, p->field);
    }
}

static void
print_programs(FILE *o)
{
    int n = 0;
    programs = xalloc((size_t)versions_n * sizeof *programs);
    fputs("const struct k_step k_steps[] = {\n", o);
    for (int i = 0; i < messages_n; i++)
        for (int k = 0; k < messages[i]->structs_n; k++) {
            const struct strct *s = messages[i]->structs[k];
            int printed = steps_n, before = -1;
            for (int v = messages[i]->versions.lo; v <= messages[i]->versions.hi; v++)
                programs[n++] = before = make_program(s, v, before);
            print_steps(o, s, printed);
        }
    if (steps_n > UINT16_MAX) {
        fputs("gen: more than 65535 steps\n", stderr);
        exit(3);
    }
    fputs("};\n\nconst uint16_t k_programs[] = {", o);
    for (int i = 0; i < n; i++) fprintf(o, "%s%d,", i % 16 ? " " : "\n    ", programs[i]);
    fputs("\n};\n\n", o);
}

const struct k_step *
program_of(const struct strct *s, int version)
{
    return &steps[programs[s->programs_at + version - s->message->versions.lo]];
}

int
step_index(const struct k_step *step)
{
    return (int)(step - steps);
}

static void
emit_source(const char *out)
{
    FILE *o = out_open(out, "messages.c", "The tables that the codec interprets.");
    fputs("#include \"messages.h\"\n\nconst struct k_field k_fields[] = {\n", o);
    number_tables();
    for (int i = 0; i < messages_n; i++)
        for (int k = 0; k < messages[i]->structs_n; k++) {
            const struct strct *s = messages[i]->structs[k];
            for (int f = 0; f < s->n + s->tagged; f++) print_field_row(o, s, &s->fields[f]);
        }
    fputs("};\n\nconst struct k_struct k_structs[] = {\n", o);
    for (int i = 0; i < messages_n; i++)
        for (int k = 0; k < messages[i]->structs_n; k++)
            print_struct_row(o, messages[i]->structs[k]);
    fputs("};\n\nconst struct k_message k_messages[] = {\n", o);
    for (int i = 0; i < messages_n; i++) print_message_row(o, messages[i]);
    fputs("};\n\n", o);
    print_images(o);
    print_programs(o);
    print_names(o);
    out_close(o);
}

void
emit_messages(const char *out)
{
    emit_header(out);
    emit_source(out);
}
