/* The assignors with one right answer against what Kafka's own classes answered.
 *
 *      golden/assignors DIR    the last line is "N passed, N failed" */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/client/assign.h"
#include "tests/golden/lines.h"
#include "tests/lib/test.h"

#define MANY 256

struct game {
    struct assign_topic topics[MANY];
    int32_t topics_n;
    struct assign_member members[MANY];
    struct slice subscribed[MANY][MANY];
    int32_t members_n;
    int32_t owner[1 << 16];
};

static int
topic_order(const void *a, const void *b)
{
    return slice_cmp(((const struct assign_topic *)a)->name,
                     ((const struct assign_topic *)b)->name);
}

static int
member_order(const void *a, const void *b)
{
    return slice_cmp(((const struct assign_member *)a)->id, ((const struct assign_member *)b)->id);
}

static void
read_topics(struct game *g, json_t *topics)
{
    const char *name;
    json_t *t;
    g->topics_n = 0;
    json_object_foreach(topics, name, t)
    {
        int32_t n = (int32_t)json_integer_value(json_object_get(t, "partitions"));
        g->topics[g->topics_n++] = (struct assign_topic){slice_cstr(name), n};
    }
    qsort(g->topics, (size_t)g->topics_n, sizeof g->topics[0], topic_order);
}

static void
read_members(struct game *g, json_t *members)
{
    const char *id;
    json_t *topics;
    g->members_n = 0;
    json_object_foreach(members, id, topics)
    {
        struct slice *v = g->subscribed[g->members_n];
        int32_t n = (int32_t)json_array_size(topics);
        for (int32_t i = 0; i < n; i++)
            v[i] = slice_cstr(json_string_value(json_array_get(topics, (size_t)i)));
        g->members[g->members_n++] =
            (struct assign_member){.id = slice_cstr(id), .topics = v, .topics_n = n};
    }
    qsort(g->members, (size_t)g->members_n, sizeof g->members[0], member_order);
}

/* Every partition that is told stands with its member, and there are no others. */
static bool
is_as_told(struct game *g, json_t *assignment)
{
    int64_t given = 0, told = 0;
    int32_t first[MANY], at = 0;
    for (int32_t i = 0; i < g->topics_n; i++) first[i] = at, at += g->topics[i].partitions_n;
    for (int32_t i = 0; i < at; i++) given += g->owner[i] >= 0;
    for (int32_t m = 0; m < g->members_n; m++) {
        json_t *own = json_object_get(assignment, (const char *)g->members[m].id.p);
        for (int32_t t = 0; t < g->topics_n; t++) {
            json_t *v = json_object_get(own, (const char *)g->topics[t].name.p);
            for (size_t i = 0; i < json_array_size(v); i++, told++)
                if (g->owner[first[t] + json_integer_value(json_array_get(v, i))] != m)
                    return false;
        }
    }
    return given == told;
}

static assignor *
find_assignor(const char *name)
{
    if (strcmp(name, "range") == 0) return assign_range;
    return strcmp(name, "roundrobin") == 0 ? assign_roundrobin : NULL;
}

static void
play(struct game *g, json_t *line, int *passed, int *failed)
{
    assignor *assign = find_assignor(json_string_value(json_object_get(line, "assignor")));
    if (!assign) return;
    json_t *rounds = json_object_get(line, "rounds"), *round;
    size_t i;
    read_topics(g, json_object_get(line, "topics"));
    json_array_foreach(rounds, i, round)
    {
        read_members(g, json_object_get(round, "members"));
        assign(g->members, g->members_n, g->topics, g->topics_n, NULL, g->owner);
        bool right = is_as_told(g, json_object_get(round, "assignment"));
        *(right ? passed : failed) += 1;
        if (!right) printf("differs, round %zu: %s\n", i, json_dumps(line, 0));
    }
}

int
main(int argc, char **argv)
{
    char path[1024];
    struct game *g = calloc(1, sizeof *g);
    int passed = 0, failed = 0;
    snprintf(path, sizeof path, "%s/assignors.jsonl.zst",
             argc > 1 ? argv[1] : "tests/golden/vectors");
    struct slice text = golden_load(path), line;
    if (!text.p || !g) return 2;
    while (golden_line(&text, &line)) {
        json_t *j = json_loadb((const char *)line.p, (size_t)line.n, 0, NULL);
        if (j) play(g, j, &passed, &failed);
        else failed++;
        json_decref(j);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
