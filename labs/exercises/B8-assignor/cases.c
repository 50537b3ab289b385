/* Cases for assign_sticky(): what any right answer has. */
#include <stdlib.h>
#include <string.h>

#include "labs/exercises/B8-assignor/judge_assignment.h"
#include "labs/exercises/judge.h"

__typeof__(assign_sticky) student_assign_sticky, reference_assign_sticky;

#define MEMBERS 6
#define TOPICS 3
#define OWNED 24

struct game {
    struct mem mem;
    struct arena a;
    struct assign_member members[MEMBERS];
    struct slice subscribed[MEMBERS][TOPICS];
    struct assign_owned owned[MEMBERS][OWNED];
    struct assign_topic topics[TOPICS];
    int32_t members_n, topics_n;
    int32_t *owner; /* on the heap, and exactly as long as it is */
};

static const char *const ids[] = {"m0", "m1", "m2", "m3", "m4", "m5"};
static const char *const names[] = {"a", "b", "c"};

static void *
take(void *ctx, size_t n)
{
    (void)ctx;
    return calloc(1, n);
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx, (void)n;
    free(p);
}

static void
begin(struct game *g, int32_t members_n, int32_t a, int32_t b, int32_t c)
{
    int32_t sizes[TOPICS] = {a, b, c};
    memset(g, 0, sizeof *g);
    mem_init(&g->mem, (struct mem_source){.take = take, .give = give}, 64 << 20);
    arena_init(&g->a, &g->mem, 0);
    g->members_n = members_n;
    for (int32_t t = 0; t < TOPICS; t++)
        g->topics[t] = (struct assign_topic){slice_cstr(names[t]), sizes[t]};
    g->topics_n = TOPICS;
    for (int32_t m = 0; m < MEMBERS; m++) {
        g->members[m] = (struct assign_member){.id = slice_cstr(ids[m]),
                                               .topics = g->subscribed[m],
                                               .topics_n = TOPICS,
                                               .owned = g->owned[m],
                                               .generation = -1};
        for (int32_t t = 0; t < TOPICS; t++) g->subscribed[m][t] = g->topics[t].name;
    }
}

static void
end(struct game *g)
{
    arena_release(&g->a);
    mem_release(&g->mem);
}

static void
owns(struct game *g, int32_t member, int32_t topic, int32_t partition)
{
    struct assign_member *m = &g->members[member];
    g->owned[member][m->owned_n++] = (struct assign_owned){slice_cstr(names[topic]), partition};
    if (m->generation < 0) m->generation = 1;
}

static int32_t
partitions_n(const struct game *g)
{
    int32_t n = 0;
    for (int32_t t = 0; t < g->topics_n; t++) n += g->topics[t].partitions_n;
    return n;
}

/* "m0 (a b c; had a-0 b-1 of generation 1), m1 …; a has 2, b has 1" */
static void
tell(const char *rule, const struct game *g)
{
    char text[480];
    int at = 0;
#define ADD(...) \
    if (at < (int)sizeof text - 60) at += snprintf(text + at, sizeof text - (size_t)at, __VA_ARGS__)
    for (int32_t t = 0; t < g->topics_n; t++)
        if (g->topics[t].partitions_n) ADD("%s has %d, ", names[t], g->topics[t].partitions_n);
    for (int32_t i = 0; i < g->members_n; i++) {
        const struct assign_member *m = &g->members[i];
        ADD("%s%s:", i ? "; " : "", ids[i]);
        for (int32_t t = 0; t < m->topics_n; t++) ADD(" %.1s", (const char *)m->topics[t].p);
        if (m->owned_n) ADD(", had");
        for (int32_t o = 0; o < m->owned_n; o++)
            ADD(" %.1s-%d", (const char *)m->owned[o].topic.p, m->owned[o].partition);
        if (m->owned_n) ADD(" in generation %d", m->generation);
    }
    judge_case(rule, "%s", text);
}

static struct assignment
ask(struct game *g, __typeof__(assign_sticky) *assignor, int32_t *owner)
{
    /* All of it on the heap, and exactly as long as it is: who reads beyond is seen. */
    struct assign_member *members = malloc((size_t)g->members_n * sizeof *members + 1);
    struct assign_topic *topics = malloc((size_t)g->topics_n * sizeof *topics + 1);
    memcpy(members, g->members, (size_t)g->members_n * sizeof *members);
    memcpy(topics, g->topics, (size_t)g->topics_n * sizeof *topics);
    for (int32_t i = 0; i < partitions_n(g); i++) owner[i] = -2;
    assignor(members, g->members_n, topics, g->topics_n, &g->a, owner);
    free(members);
    free(topics);
    return (struct assignment){g->members, g->topics, g->members_n, g->topics_n, owner};
}

static int32_t *
room(const struct game *g)
{
    return malloc((size_t)partitions_n(g) * sizeof(int32_t) + !partitions_n(g));
}

enum ask { VALID = 1, BALANCED = 2, FEW = 4, SAME = 8, ALL = 15 };

static void
try_one(const char *rule, struct game *g, int what)
{
    int32_t *yours = room(g), *again = room(g), *right = room(g);
    char why[120] = "";
    tell(rule, g);
    struct assignment r = ask(g, reference_assign_sticky, right);
    struct assignment y = ask(g, student_assign_sticky, yours);
    bool valid = is_valid(&y, why, sizeof why);
    if (what & VALID || !valid) judge_text(valid ? "fine" : why, "fine");
    if (valid && what & BALANCED)
        judge_text(is_balanced(&y, why, sizeof why) ? "even" : why, "even");
    if (valid && what & FEW) {
        char got[40], wanted[40];
        (void)snprintf(wanted, sizeof wanted, "at most %d move", moves(&r));
        (void)snprintf(got, sizeof got, "%d move", moves(&y));
        judge_text(moves(&y) <= moves(&r) ? wanted : got, wanted);
    }
    if (valid && what & SAME) {
        (void)ask(g, student_assign_sticky, again);
        judge_text(memcmp(yours, again, (size_t)partitions_n(g) * sizeof *yours) == 0 ? "the same"
                                                                                      : "another",
                   "the same");
    }
    free(yours), free(again), free(right);
}

/* What the reference gives out is what they have. */
static void
play_on(struct game *g, int32_t generation)
{
    int32_t *owner = room(g), at = 0;
    (void)ask(g, reference_assign_sticky, owner);
    for (int32_t m = 0; m < MEMBERS; m++) g->members[m].owned_n = 0, g->members[m].generation = -1;
    for (int32_t t = 0; t < g->topics_n; t++)
        for (int32_t p = 0; p < g->topics[t].partitions_n; p++, at++)
            if (owner[at] >= 0) {
                owns(g, owner[at], t, p);
                g->members[owner[at]].generation = generation;
            }
    free(owner);
}

static void
one_by_one(void)
{
    struct game g;
    begin(&g, 2, 3, 1, 0);
    try_one("everything", &g, VALID);
    for (int32_t m = 0; m < 2; m++) g.members[m].topics_n = 1;
    try_one("everything", &g, VALID); /* nobody subscribes to b */
    end(&g);
    begin(&g, 3, 0, 0, 0);
    try_one("everything", &g, VALID);
    end(&g);
    begin(&g, 4, 3, 0, 0);
    try_one("everything", &g, VALID);
    try_one("balance", &g, BALANCED);
    end(&g);
    begin(&g, 3, 4, 3, 3);
    try_one("balance", &g, BALANCED);
    try_one("same", &g, SAME);
    play_on(&g, 1);
    try_one("stays", &g, FEW);
    try_one("same", &g, SAME);
    g.members_n = 4; /* a new one */
    try_one("few-moves", &g, FEW);
    try_one("balance", &g, BALANCED);
    play_on(&g, 2);
    g.members_n = 2; /* two are gone */
    try_one("few-moves", &g, FEW);
    try_one("balance", &g, BALANCED);
    end(&g);
}

static void
claims(void)
{
    struct game g;
    begin(&g, 2, 2, 0, 0);
    owns(&g, 0, 0, 1), owns(&g, 1, 0, 1);
    g.members[0].generation = 4, g.members[1].generation = 5;
    try_one("generation", &g, FEW);
    g.members[0].generation = 6;
    try_one("generation", &g, FEW);
    g.members[1].generation = 6;
    try_one("disputed", &g, ALL);
    end(&g);
    begin(&g, 3, 3, 0, 0);
    for (int32_t m = 0; m < 3; m++) owns(&g, m, 0, 2);
    g.members[0].generation = g.members[1].generation = 5, g.members[2].generation = 4;
    tell("disputed", &g);
    int32_t *owner = room(&g);
    (void)ask(&g, student_assign_sticky, owner);
    /* Whose it is nobody knows: it is given out as any other, and behind a-0 and a-1. */
    judge_text(owner[2] == 0 && owner[0] != 0 && owner[1] != 0 ? "m0 keeps a-2" : "a-2 is free",
               "a-2 is free");
    free(owner);
    end(&g);
    begin(&g, 2, 2, 2, 0);
    owns(&g, 0, 0, 0), owns(&g, 0, 1, 0), owns(&g, 0, 0, 5), owns(&g, 0, 2, 0);
    g.members[0].topics_n = 1; /* it has left b and c */
    try_one("gone", &g, VALID);
    try_one("gone", &g, BALANCED);
    end(&g);
}

static void
unequal(void)
{
    struct game g;
    begin(&g, 2, 2, 6, 0);
    g.members[1].topics_n = 1; /* m1 wants a only */
    try_one("unequal", &g, VALID | BALANCED);
    owns(&g, 0, 0, 0), owns(&g, 0, 0, 1); /* and m0 had it */
    try_one("unequal", &g, VALID | BALANCED);
    end(&g);
    begin(&g, 3, 4, 4, 4);
    for (int32_t m = 0; m < 3; m++) {
        g.subscribed[m][0] = slice_cstr(names[m]);
        g.members[m].topics_n = 1;
    }
    try_one("unequal", &g, VALID | BALANCED);
    end(&g);
}

static void
draw_one(void)
{
    struct game g;
    begin(&g, 1 + (int32_t)judge_dice(MEMBERS), (int32_t)judge_dice(5), (int32_t)judge_dice(5),
          (int32_t)judge_dice(4));
    if (judge_dice(3) == 0)
        for (int32_t m = 0; m < MEMBERS; m++) {
            g.members[m].topics_n = 0;
            for (int32_t t = 0; t < TOPICS; t++)
                if (judge_dice(2)) g.subscribed[m][g.members[m].topics_n++] = slice_cstr(names[t]);
        }
    if (judge_dice(4)) play_on(&g, 1);
    g.members_n = 1 + (int32_t)judge_dice(MEMBERS);
    if (judge_dice(5) == 0 &&
        g.members[0].owned_n) { /* one that was away claims what it had once */
        int32_t other = (int32_t)judge_dice(MEMBERS);
        g.members[other].generation = (int32_t)judge_dice(3);
        if (g.members[other].owned_n < OWNED)
            g.owned[other][g.members[other].owned_n++] = g.owned[0][0];
    }
    bool is_uniform = true;
    for (int32_t m = 0; m < g.members_n; m++) is_uniform &= g.members[m].topics_n == TOPICS;
    /* Where subscriptions differ there is more than one way to be even, and not all need as few moves. */
    try_one("random", &g, VALID | BALANCED | SAME | (is_uniform ? FEW : 0));
    end(&g);
}

int
main(void)
{
    one_by_one();
    claims();
    unequal();
    for (int i = 0; i < 2000; i++) draw_one();
    return 0;
}
