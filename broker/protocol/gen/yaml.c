#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "broker/protocol/gen/gen.h"

void *
xalloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p) {
        fputs("gen: out of memory\n", stderr);
        exit(3);
    }
    return p;
}

char *
xformat(const char *format, ...)
{
    char *s;
    va_list ap;
    va_start(ap, format);
    if (vasprintf(&s, format, ap) < 0) exit(3);
    va_end(ap);
    return s;
}

_Noreturn void
doc_fail(const struct doc *d, const yaml_node_t *at, const char *format, ...)
{
    if (at)
        fprintf(stderr, "%s:%zu:%zu: ", d->path, at->start_mark.line + 1,
                at->start_mark.column + 1);
    else fprintf(stderr, "%s: ", d->path);
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(3);
}

struct doc *
doc_load(const char *dir, const char *name)
{
    struct doc *d = xalloc(sizeof *d);
    snprintf(d->path, sizeof d->path, "%s/%s", dir, name);
    FILE *f = fopen(d->path, "rb");
    if (!f) doc_fail(d, NULL, "%s", strerror(errno));
    yaml_parser_t p;
    yaml_parser_initialize(&p);
    yaml_parser_set_input_file(&p, f);
    if (!yaml_parser_load(&p, &d->yaml)) {
        fprintf(stderr, "%s:%zu:%zu: %s\n", d->path, p.problem_mark.line + 1,
                p.problem_mark.column + 1, p.problem ? p.problem : "not YAML");
        exit(3);
    }
    if (!yaml_document_get_root_node(&d->yaml)) doc_fail(d, NULL, "empty file");
    yaml_parser_delete(&p);
    fclose(f);
    return d;
}

yaml_node_t *
doc_root(struct doc *d)
{
    return yaml_document_get_root_node(&d->yaml);
}

yaml_node_t *
map_get(struct doc *d, yaml_node_t *map, const char *key)
{
    if (map->type != YAML_MAPPING_NODE) doc_fail(d, map, "expected a mapping");
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        yaml_node_t *k = yaml_document_get_node(&d->yaml, p->key);
        if (strcmp(node_text(d, k), key) == 0) return yaml_document_get_node(&d->yaml, p->value);
    }
    return NULL;
}

yaml_node_t *
map_need(struct doc *d, yaml_node_t *map, const char *key)
{
    yaml_node_t *n = map_get(d, map, key);
    if (!n) doc_fail(d, map, "missing \"%s\"", key);
    return n;
}

void
map_only(struct doc *d, yaml_node_t *map, const char *const *keys)
{
    if (map->type != YAML_MAPPING_NODE) doc_fail(d, map, "expected a mapping");
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        yaml_node_t *k = yaml_document_get_node(&d->yaml, p->key);
        const char *const *want = keys;
        while (*want && strcmp(*want, node_text(d, k)) != 0) want++;
        if (!*want) doc_fail(d, k, "unknown key \"%s\"", node_text(d, k));
    }
}

int
seq_count(struct doc *d, yaml_node_t *seq)
{
    if (seq->type != YAML_SEQUENCE_NODE) doc_fail(d, seq, "expected a sequence");
    return (int)(seq->data.sequence.items.top - seq->data.sequence.items.start);
}

yaml_node_t *
seq_at(struct doc *d, yaml_node_t *seq, int i)
{
    return yaml_document_get_node(&d->yaml, seq->data.sequence.items.start[i]);
}

const char *
node_text(struct doc *d, yaml_node_t *n)
{
    if (n->type != YAML_SCALAR_NODE) doc_fail(d, n, "expected a plain value");
    return (const char *)n->data.scalar.value;
}

long long
node_int(struct doc *d, yaml_node_t *n)
{
    char *end;
    errno = 0;
    long long v = strtoll(node_text(d, n), &end, 10);
    if (errno || *end || end == node_text(d, n))
        doc_fail(d, n, "\"%s\" is not an integer", node_text(d, n));
    return v;
}

bool
node_bool(struct doc *d, yaml_node_t *n)
{
    const char *s = node_text(d, n);
    if (strcmp(s, "true") == 0) return true;
    if (strcmp(s, "false") == 0) return false;
    doc_fail(d, n, "\"%s\" is neither true nor false", s);
}

bool
node_is_null(yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           strcmp((const char *)n->data.scalar.value, "null") == 0;
}

const char *
map_text(struct doc *d, yaml_node_t *map, const char *key, const char *otherwise)
{
    yaml_node_t *n = map_get(d, map, key);
    return n && !node_is_null(n) ? node_text(d, n) : otherwise;
}

bool
map_bool(struct doc *d, yaml_node_t *map, const char *key)
{
    yaml_node_t *n = map_get(d, map, key);
    return n && node_bool(d, n);
}

/* An underscore before a capital that follows a small letter or a digit, or that begins a word
 * after capitals: TimeoutMs, KRaftVersion (k_raft_version), TTLMs (ttl_ms). */
char *
snake(const char *name)
{
    char *s = xalloc(2 * strlen(name) + 2), *to = s;
    for (const char *p = name; *p; p++) {
        bool upper_now = isupper((unsigned char)*p);
        if (upper_now && p > name &&
            (islower((unsigned char)p[-1]) || isdigit((unsigned char)p[-1]) ||
             (isupper((unsigned char)p[-1]) && islower((unsigned char)p[1]))))
            *to++ = '_';
        *to++ = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '_';
    }
    return s;
}

char *
upper(const char *name)
{
    char *s = snake(name);
    for (char *p = s; *p; p++) *p = (char)toupper((unsigned char)*p);
    return s;
}

FILE *
out_open(const char *dir, const char *name, const char *story)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(3);
    }
    fprintf(f, "/* Generated from broker/protocol/schema. %s */\n", story);
    return f;
}

void
out_close(FILE *f)
{
    if (ferror(f) || fclose(f) != 0) {
        fputs("gen: cannot write\n", stderr);
        exit(3);
    }
}
