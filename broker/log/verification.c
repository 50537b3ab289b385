#include "broker/log/verification.h"

_Static_assert(offsetof(struct verification, node) == 0, "a node is its verification");

void
verifications_init(struct verifications *vs, struct mem *mem, struct siphash_key key)
{
    vs->mem = mem;
    map_init(&vs->map, mem, key);
}

static void
verification_free(struct verifications *vs, struct verification *v)
{
    map_remove(&vs->map, &v->node);
    MEM_DELETE(vs->mem, v);
}

void
verifications_release(struct verifications *vs)
{
    MAP_EACH(&vs->map, v, struct verification, node) verification_free(vs, v);
    map_release(&vs->map);
}

static bool
verification_is_of(const struct map_node *node, const void *key)
{
    const struct verification *v = (const void *)node; /* its first member */
    return v->producer_id == *(const int64_t *)key;
}

struct verification *
verification_find(const struct verifications *vs, int64_t producer_id)
{
    struct map_node *n = map_find(&vs->map, map_hash_i64(&vs->map, producer_id, 0),
                                  verification_is_of, &producer_id);
    return n ? CONTAINER_OF(n, struct verification, node) : NULL;
}

/* Batches of one producer may arrive in any order once it sends several; the first of them decides. A later epoch may be another
 * client's, which speaks the other version. */
static void
take_waiting(struct verification *v, int16_t epoch, int32_t base_sequence, bool raises_epochs)
{
    if (epoch < v->epoch) return;
    if (epoch > v->epoch) v->raises_epochs = raises_epochs;
    if (epoch > v->epoch || base_sequence < v->lowest_sequence) v->lowest_sequence = base_sequence;
    v->epoch = epoch;
}

struct verification *
verification_begin(struct verifications *vs, int64_t producer_id, int16_t epoch,
                   int32_t base_sequence, bool raises_epochs, uint64_t guard, int64_t now_ms)
{
    struct verification *v = verification_find(vs, producer_id);
    if (v) {
        take_waiting(v, epoch, base_sequence, raises_epochs);
        return v;
    }
    v = MEM_NEW(vs->mem, struct verification);
    v->producer_id = producer_id;
    v->epoch = epoch;
    v->lowest_sequence = base_sequence;
    v->raises_epochs = raises_epochs;
    v->guard = guard;
    v->since_ms = now_ms;
    map_insert(&vs->map, &v->node, map_hash_i64(&vs->map, producer_id, 0));
    return v;
}

void
verification_end(struct verifications *vs, int64_t producer_id)
{
    struct verification *v = verification_find(vs, producer_id);
    if (v) verification_free(vs, v);
}

/* Under version 1 a transaction and the next have one epoch: who waits for the word that it is open gets that too late.
 * Under version 2 each has its own (KIP-890): a marker has the epoch that comes after the one of its transaction, and the next
 * transaction has just that. So one of the verification's epoch ends the transaction before. It may well come while
 * the coordinator is asked (and asked again, for as long as it ends that one): the append is not refused for it,
 * which would be fatal to the producer. */
void
verification_marked(struct verifications *vs, int64_t producer_id, int16_t epoch)
{
    struct verification *v = verification_find(vs, producer_id);
    if (!v || (v->raises_epochs && epoch <= v->epoch)) return;
    verification_free(vs, v);
}

void
verifications_expire(struct verifications *vs, int64_t before_ms)
{
    MAP_EACH(&vs->map, v, struct verification, node)
        if (v->since_ms < before_ms) verification_free(vs, v);
}

/* A later batch of a transaction must not become its first: the ones before it, which are on their way or were
 * refused, would be missing in the middle of what a reader sees. Under version 2 a transaction has an epoch
 * of its own, and so begins with sequence 0 (KAFKA-14920). */
bool
verification_allows(const struct verification *v, int32_t base_sequence, bool no_batches)
{
    if (v->raises_epochs && no_batches && base_sequence != 0) return false;
    return base_sequence <= v->lowest_sequence;
}
