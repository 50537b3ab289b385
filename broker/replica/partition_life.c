#include "broker/replica/partition_life.h"

#define IS(x) (1u << (x))
#define ANY_ROLE \
    (IS(PARTITION_NONE) | IS(PARTITION_FOLLOWER) | IS(PARTITION_LEADER) | IS(PARTITION_OFFLINE))
#define NO_PART (IS(PARTITION_NONE) | IS(PARTITION_OFFLINE))

static const struct {
    unsigned next;   /* lives that may come next */
    unsigned begins; /* roles that may be taken over */
    unsigned lasts;  /* roles that may be kept */
} lives[PARTITION_LIVES] = {
    /* Dropped at once: its log could not be opened. */
    [PARTITION_OPENING] = {IS(PARTITION_OPEN) | IS(PARTITION_ASIDE) | IS(PARTITION_DOOMED) |
                               IS(PARTITION_DROPPED),
                           NO_PART, NO_PART},
    [PARTITION_ASIDE] = {IS(PARTITION_OPENING) | IS(PARTITION_DOOMED), NO_PART, NO_PART},
    [PARTITION_OPEN] = {IS(PARTITION_CUTTING) | IS(PARTITION_DROPPED), ANY_ROLE, ANY_ROLE},
    /* A leader that is still cutting what it followed into would count on records that go: its epoch would begin
     * above its end, its high watermark could pass the cut. */
    [PARTITION_CUTTING] = {IS(PARTITION_OPEN) | IS(PARTITION_DOOMED), NO_PART,
                           NO_PART | IS(PARTITION_FOLLOWER)},
    [PARTITION_DOOMED] = {IS(PARTITION_DROPPED), NO_PART, NO_PART},
    [PARTITION_DROPPED] = {0, NO_PART, NO_PART},
};

static const unsigned next_role[PARTITION_ROLES] = {
    [PARTITION_NONE] = ANY_ROLE,
    [PARTITION_FOLLOWER] = ANY_ROLE,
    [PARTITION_LEADER] = ANY_ROLE,
    [PARTITION_OFFLINE] = NO_PART,
};

bool
partition_life_may_follow(enum partition_life from, enum partition_life to)
{
    return lives[from].next & IS(to);
}

bool
partition_role_may_follow(enum partition_role from, enum partition_role to)
{
    return next_role[from] & IS(to);
}

bool
partition_role_begins_in(enum partition_life life, enum partition_role role)
{
    return lives[life].begins & IS(role);
}

bool
partition_role_lasts_in(enum partition_life life, enum partition_role role)
{
    return lives[life].lasts & IS(role);
}
