/* Credentials of SCRAM, by user and mechanism. */
#include "broker/base/search.h"
#include "broker/metadata/objects.h"

static int
scram_compare(const struct image_scram *s, struct slice user, int8_t mechanism)
{
    int c = slice_cmp(s->user, user);
    return c ? c : s->mechanism - mechanism;
}

/* Where it stands, or would. */
static int64_t
scrams_place(const struct image *im, struct slice user, int8_t mechanism)
{
    LOWER_BOUND(at, im->scrams.n, i, scram_compare(&im->scrams.v[i], user, mechanism) < 0);
    return at;
}

const struct image_scram *
image_scram(const struct image *im, struct slice user, int8_t mechanism)
{
    int64_t at = scrams_place(im, user, mechanism);
    if (at == im->scrams.n || scram_compare(&im->scrams.v[at], user, mechanism)) return NULL;
    return &im->scrams.v[at];
}

void
scram_remove(struct image *im, struct slice user, int8_t mechanism)
{
    int64_t at = scrams_place(im, user, mechanism);
    if (at == im->scrams.n || scram_compare(&im->scrams.v[at], user, mechanism)) return;
    struct image_scram *s = &im->scrams.v[at];
    mem_free_slice(im->mem, s->user);
    mem_free_slice(im->mem, s->salt);
    mem_free_slice(im->mem, s->stored_key);
    mem_free_slice(im->mem, s->server_key);
    VEC_REMOVE_AT(&im->scrams, at);
}

void
scram_set(struct image *im, const struct image_scram *s)
{
    struct image_scram copy = *s;
    copy.user = mem_dup(im->mem, s->user);
    copy.salt = mem_dup(im->mem, s->salt);
    copy.stored_key = mem_dup(im->mem, s->stored_key);
    copy.server_key = mem_dup(im->mem, s->server_key);
    scram_remove(im, copy.user, copy.mechanism);
    int64_t at = scrams_place(im, copy.user, copy.mechanism);
    VEC_PUSH(im->mem, &im->scrams, copy);
    memmove(&im->scrams.v[at + 1], &im->scrams.v[at],
            (size_t)(im->scrams.n - 1 - at) * sizeof copy);
    im->scrams.v[at] = copy;
}
