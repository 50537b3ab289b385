/* Writes straight.c: what the interpreter does with the messages of straight.yaml, written out. It goes through the
 * very programs that the interpreter follows, and prints for each step a call of the same function that the
 * interpreter calls there (codec_decode_steps.h, codec_encode_steps.h), with constants where that has the step: what
 * depends on the step is then decided by the compiler. What a step means stands in those two headers and nowhere else. */
#include <string.h>

#include "broker/protocol/gen/gen.h"

static const char *const op_names[] = {
    [K_STEP_BOOL] = "K_STEP_BOOL",       [K_STEP_8] = "K_STEP_8",
    [K_STEP_16] = "K_STEP_16",           [K_STEP_32] = "K_STEP_32",
    [K_STEP_64] = "K_STEP_64",           [K_STEP_UUID] = "K_STEP_UUID",
    [K_STEP_STRING] = "K_STEP_STRING",   [K_STEP_BYTES] = "K_STEP_BYTES",
    [K_STEP_RECORDS] = "K_STEP_RECORDS",
};

/* A program while it is written. */
struct writing_out {
    FILE *o;
    const struct strct *s;
    int version;
};

/* A struct at a version, as part of a function's name. */
static const char *
of(const struct strct *s, int version)
{
    return xformat("%s_%d", s->c_name, version);
}

static const struct field *
field_of(const struct writing_out *p, const struct k_step *step)
{
    return &p->s->fields[step->field];
}

/* Where a step's value lies. */
static const char *
member_of_step(const struct writing_out *p, const char *base, const struct k_step *step)
{
    return xformat("%s + offsetof(struct k_%s, %s)", base, p->s->c_name, field_of(p, step)->c_name);
}

/* How many bytes an element takes in memory. */
static const char *
element_size(const struct field *f)
{
    return xformat("(int64_t)sizeof(%s)", c_type(f));
}

static int
item_flags(const struct k_step *step)
{
    return step->flags & K_STEP_COMPACT;
}

/* The last step of a row. */
static const struct k_step *
row_end(const struct k_step *row)
{
    return row + row->field;
}

/* Struct and step, as the functions want them that are not spelled out here. */
static const char *
struct_of_step(const struct writing_out *p, const struct k_step *step)
{
    return xformat("&k_structs[%d], &k_steps[%d]", p->s->index, step_index(step));
}

/* ---- decoding ------------------------------------------------------------------------------- */

static void
print_decode_row(const struct writing_out *p, const struct k_step *row)
{
    int at = 0;
    fprintf(p->o, "    if (!is_there(d, in, %d)) return NULL;\n", row->item);
    for (const struct k_step *step = row + 1; step <= row_end(row); step++) {
        fprintf(p->o, "    decode_fixed(%s, in + %d, %s);\n", op_names[step->op], at,
                member_of_step(p, "to", step));
        at += fixed_bytes(step);
    }
    fprintf(p->o, "    in += %d;\n", row->item);
}

static void
print_decode_array(const struct writing_out *p, const struct k_step *step)
{
    const struct field *f = field_of(p, step);
    fprintf(p->o,
            "    struct items items;\n"
            "    in = decode_items(d, %d, %d, %s, in, %s, &items);\n"
            "    for (; in && items.left > 0; items.left--, items.at += %s)\n        in = ",
            step->flags, step->item_least_bytes, element_size(f), member_of_step(p, "to", step),
            element_size(f));
    if (f->item) fprintf(p->o, "decode_%s(d, in, items.at);\n", of(f->item, p->version));
    else
        fprintf(p->o, "decode_scalar(d, %s, %d, in, items.at);\n", op_names[step->item_op],
                item_flags(step));
}

/* A step that is no row; sets `in`. */
static void
print_decode_step(const struct writing_out *p, const struct k_step *step)
{
    const struct field *f = field_of(p, step);
    const char *at = member_of_step(p, "to", step);
    if (step->op == K_STEP_ARRAY) {
        print_decode_array(p, step);
    } else if (step->op == K_STEP_POINTER) {
        fprintf(p->o,
                "    uint8_t *item;\n"
                "    in = decode_pointed(d, %d, %s, in, %s, &item);\n"
                "    if (item) in = decode_%s(d, in, item);\n",
                step->flags, element_size(f), at, of(f->item, p->version));
    } else if (step->op == K_STEP_STRUCT) {
        fprintf(p->o, "    in = decode_%s(d, in, %s);\n", of(f->item, p->version), at);
    } else {
        fprintf(p->o, "    in = decode_scalar(d, %s, %d, in, %s);\n", op_names[step->op],
                step->flags, at);
    }
}

static void
decode_tags(const struct writing_out *p, const struct k_step *tags)
{
    fputs("    if (decode_no_tags(d, in)) return in + 1;\n", p->o);
    if (tags->item == 0) {
        fprintf(p->o, "    return decode_tags(d, %s, in, to);\n", struct_of_step(p, tags));
        return;
    }
    fputs("    struct tags t;\n"
          "    in = decode_tags_begin(d, in, &t);\n"
          "    for (; in && t.left > 0; t.left--) {\n"
          "    in = decode_tag(d, in, &t);\n"
          "    if (!in) return NULL;\n"
          "    switch (t.tag) {\n",
          p->o);
    for (const struct k_step *step = tags + 1; step <= tags + tags->item; step++) {
        fprintf(p->o,
                "    case %d: {\n"
                "    struct decoder whole = *d, *outer = d;\n"
                "    whole.end = in + t.bytes;\n"
                "    d = &whole;\n",
                field_of(p, step)->tag);
        print_decode_step(p, step);
        fputs("    d = outer;\n    if (in != whole.end) return NULL;\n    break;\n    }\n", p->o);
    }
    fprintf(p->o,
            "    default: in = decode_unknown(d, &k_structs[%d], &t, in, to);\n"
            "    }\n    }\n    return in;\n",
            p->s->index);
}

static void
write_decoder(const struct writing_out *p, const struct k_step *step)
{
    const char *size = xformat("sizeof(struct k_%s)", p->s->c_name);
    fprintf(p->o,
            "static const uint8_t *\n"
            "decode_%s(struct decoder *d, const uint8_t *in, uint8_t *to)\n{\n",
            of(p->s, p->version));
    if (has_image(p->s)) fprintf(p->o, "    memcpy(to, k_images[%d], %s);\n", p->s->index, size);
    else fprintf(p->o, "    memset(to, 0, %s);\n", size);
    for (; step->op > K_STEP_TAGS; step++) {
        if (step->op == K_STEP_ABSENT) continue;
        if (step->op == K_STEP_ROW) {
            print_decode_row(p, step);
            step = row_end(step);
            continue;
        }
        fputs("    {\n", p->o);
        print_decode_step(p, step);
        fputs("    }\n    if (!in) return NULL;\n", p->o);
    }
    if (step->op == K_STEP_TAGS) decode_tags(p, step);
    else fputs("    return in;\n", p->o);
    fputs("}\n\n", p->o);
}

/* ---- encoding ------------------------------------------------------------------------------- */

/* Whether what lies at `at` is the field's default. */
static void
test_default(FILE *o, const struct field *f, const char *at)
{
    if (f->type != K_STRUCT || f->is_array || f->nullable.lo <= f->nullable.hi) {
        fprintf(o, "value_is_default(%s, %d, INT64_C(%lld), %s)", type_name(f->type),
                field_flags(f), f->value, at);
        return;
    }
    const struct strct *s = f->item;
    fputs("(true", o);
    for (int i = 0; i < s->n + s->tagged; i++) {
        fputs(" && ", o);
        test_default(o, &s->fields[i],
                     xformat("%s + offsetof(struct k_%s, %s)", at, s->c_name, s->fields[i].c_name));
    }
    fputs(")", o);
}

static void
encode_row(const struct writing_out *p, const struct k_step *row)
{
    int at = 0;
    fprintf(p->o,
            "    uint8_t *out = writer_room(x->w, %d);\n"
            "    if (out) {\n",
            row->item);
    for (const struct k_step *step = row + 1; step <= row_end(row); step++) {
        fprintf(p->o, "    encode_fixed(%s, out + %d, %s);\n", op_names[step->op], at,
                member_of_step(p, "from", step));
        at += fixed_bytes(step);
    }
    fputs("    }\n", p->o);
}

static void
print_encode_array(const struct writing_out *p, const struct k_step *step)
{
    const struct field *f = field_of(p, step);
    fprintf(p->o,
            "    struct field_array a = encode_items(x, %s, %d, %s);\n"
            "    const uint8_t *item = a.items;\n"
            "    for (int32_t i = 0; i < a.n; i++, item += %s)\n        ",
            struct_of_step(p, step), step->flags, member_of_step(p, "from", step), element_size(f));
    if (f->item) fprintf(p->o, "encode_%s(x, item);\n", of(f->item, p->version));
    else
        fprintf(p->o, "if (!encode_scalar(x, %s, %d, item)) refuse_scalar(x, %s, item);\n",
                op_names[step->item_op], item_flags(step), struct_of_step(p, step));
}

/* A step that is no row. */
static void
print_encode_step(const struct writing_out *p, const struct k_step *step)
{
    const struct field *f = field_of(p, step);
    const char *at = member_of_step(p, "from", step);
    if (step->op == K_STEP_ARRAY) {
        print_encode_array(p, step);
    } else if (step->op == K_STEP_POINTER) {
        fprintf(p->o,
                "    const uint8_t *item = encode_pointed(x, %s, %d, %s);\n"
                "    if (item) encode_%s(x, item);\n",
                struct_of_step(p, step), step->flags, at, of(f->item, p->version));
    } else if (step->op == K_STEP_STRUCT) {
        fprintf(p->o, "    encode_%s(x, %s);\n", of(f->item, p->version), at);
    } else if (step->op == K_STEP_ABSENT) {
        fputs("    if (!", p->o);
        test_default(p->o, f, at);
        fprintf(p->o, ") check_absent(x, %s, %s);\n", struct_of_step(p, step), at);
    } else {
        fprintf(p->o, "    if (!encode_scalar(x, %s, %d, %s)) refuse_scalar(x, %s, %s);\n",
                op_names[step->op], step->flags, at, struct_of_step(p, step), at);
    }
}

/* Unknown ones are left to the interpreter. */
static void
encode_tags(const struct writing_out *p, const struct k_step *tags)
{
    if (has_tags(p->s))
        fprintf(p->o,
                "    if (tags_load(from + offsetof(struct k_%s, unknown_tags)).n) {\n"
                "    encode_tags(x, %s, from);\n    return;\n    }\n",
                p->s->c_name, struct_of_step(p, tags));
    for (int i = 1; i <= tags->item; i++) {
        fprintf(p->o, "    bool has_%d = !", i);
        test_default(p->o, field_of(p, &tags[i]), member_of_step(p, "from", &tags[i]));
        fputs(";\n", p->o);
    }
    fputs("    writer_uvarint(x->w, 0u", p->o);
    for (int i = 1; i <= tags->item; i++) fprintf(p->o, " + has_%d", i);
    fputs(");\n", p->o);
    for (int i = 1; i <= tags->item; i++) {
        fprintf(p->o, "    if (has_%d) {\n    int64_t at = encode_tag_begin(x, %d);\n", i,
                field_of(p, &tags[i])->tag);
        print_encode_step(p, &tags[i]);
        fputs("    encode_tag_end(x, at);\n    }\n", p->o);
    }
}

static void
write_encoder(const struct writing_out *p, const struct k_step *step)
{
    fprintf(p->o, "static void\nencode_%s(struct writing *x, const uint8_t *from)\n{\n",
            of(p->s, p->version));
    for (; step->op > K_STEP_TAGS; step++) {
        fputs("    {\n", p->o);
        if (step->op == K_STEP_ROW) {
            encode_row(p, step);
            step = row_end(step);
        } else {
            print_encode_step(p, step);
        }
        fputs("    }\n", p->o);
    }
    if (step->op == K_STEP_TAGS) encode_tags(p, step);
    fputs("}\n\n", p->o);
}

/* ---- which ---------------------------------------------------------------------------------- */

/* Those that it holds come first; `state` is the version that was written last. */
static void
write_struct(FILE *o, struct strct *s, int version)
{
    if (s->state == -version) return;
    s->state = -version;
    for (int i = 0; i < s->n + s->tagged; i++)
        if (s->fields[i].item && range_has(s->fields[i].versions, version))
            write_struct(o, s->fields[i].item, version);
    struct writing_out p = {o, s, version};
    const struct k_step *program = program_of(s, version);
    write_decoder(&p, program);
    write_encoder(&p, program);
}

static struct message *
find_message(struct doc *d, yaml_node_t *n)
{
    for (int i = 0; i < messages_n; i++)
        if (strcmp(messages[i]->name, node_text(d, n)) == 0) return messages[i];
    doc_fail(d, n, "there is no message \"%s\"", node_text(d, n));
}

/* Calls `each` for every message and version of straight.yaml. */
static void
each_straight(struct doc *d, FILE *o, void (*each)(FILE *o, struct message *m, int version))
{
    static const char *const keys[] = {"message", "versions", NULL};
    yaml_node_t *root = doc_root(d);
    for (int i = 0; i < seq_count(d, root); i++) {
        yaml_node_t *row = seq_at(d, root, i);
        map_only(d, row, keys);
        struct message *m = find_message(d, map_need(d, row, "message"));
        yaml_node_t *versions = map_need(d, row, "versions");
        for (int k = 0; k < seq_count(d, versions); k++) {
            yaml_node_t *v = seq_at(d, versions, k);
            int version = (int)node_int(d, v);
            if (version < 1 || !range_has(m->versions, version))
                doc_fail(d, v, "%s has no such version", m->name);
            each(o, m, version);
        }
    }
}

static void
write_message(FILE *o, struct message *m, int version)
{
    write_struct(o, m->root, version);
}

static void
decoder_case(FILE *o, struct message *m, int version)
{
    fprintf(o, "    case K_MSG_%s * 128 + %d: return decode_%s;\n", upper(m->name), version,
            of(m->root, version));
}

static void
encoder_case(FILE *o, struct message *m, int version)
{
    fprintf(o, "    case K_MSG_%s * 128 + %d: return encode_%s;\n", upper(m->name), version,
            of(m->root, version));
}

static void
write_choice(struct doc *d, FILE *o, const char *what,
             void (*each)(FILE *o, struct message *m, int version))
{
    fprintf(o,
            "%s_straight *\nstraight_%sr(enum k_msg msg, int version)\n{\n"
            "    switch ((int)msg * 128 + version) {\n",
            what, what);
    each_straight(d, o, each);
    fputs("    default: return NULL;\n    }\n}\n\n", o);
}

void
emit_straight(const char *schema_dir, const char *out)
{
    struct doc *d = doc_load(schema_dir, "straight.yaml");
    FILE *o = out_open(out, "straight.c", "The codec of what travels most, written out.");
    fputs("#include \"broker/protocol/codec_decode_steps.h\"\n"
          "#include \"broker/protocol/codec_encode_steps.h\"\n\n",
          o);
    each_straight(d, o, write_message);
    write_choice(d, o, "decode", decoder_case);
    write_choice(d, o, "encode", encoder_case);
    out_close(o);
}
