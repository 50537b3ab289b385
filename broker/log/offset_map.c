#include "broker/log/offset_map.h"

#include "broker/base/check.h"

#define CLEARED_AT_ONCE (32 << 10) /* slots: less than a megabyte */
#define MILLION 1000000LL

int64_t
offset_map_slots(int64_t keys, int64_t bytes, int64_t load_millionths)
{
    int64_t most = MAX(bytes / OFFSET_SLOT_BYTES, 2);
    if (keys >= most || keys > INT64_MAX / MILLION) return most;
    int64_t wanted = keys * MILLION / MAX(load_millionths, 1) + 2;
    return MIN(wanted, most);
}

void
offset_map_init(struct offset_map *m, struct mem *mem, struct siphash_key key, int64_t slots_n,
                int64_t load_millionths)
{
    CHECK(slots_n >= 2);
    *m = (struct offset_map){.mem = mem, .key = key, .slots_n = slots_n, .latest = -1};
    int64_t load = MIN(MAX(load_millionths, 1), MILLION);
    m->max = slots_n / MILLION * load + slots_n % MILLION * load / MILLION;
    m->max = MIN(MAX(m->max, 1), slots_n - 1);
    m->slots = mem_alloc_dirty(mem, slots_n * OFFSET_SLOT_BYTES);
}

bool
offset_map_clear_some(struct offset_map *m)
{
    int64_t n = MIN(m->slots_n - m->cleared_n, CLEARED_AT_ONCE);
    if (n) memset(m->slots + m->cleared_n, 0, (size_t)(n * OFFSET_SLOT_BYTES));
    m->cleared_n += n;
    return m->cleared_n == m->slots_n;
}

void
offset_map_release(struct offset_map *m)
{
    if (m->slots) mem_free(m->mem, m->slots, m->slots_n * OFFSET_SLOT_BYTES);
    *m = (struct offset_map){0};
}

/* Where the hash is, or the free slot in which it would be: one always is. */
static struct offset_slot *
slot_of_hash(const struct offset_map *m, struct siphash_wide hash)
{
    int64_t i = (int64_t)(((hash.lo >> 32) * (uint64_t)m->slots_n) >> 32);
    for (;; i = i + 1 == m->slots_n ? 0 : i + 1) {
        struct offset_slot *s = &m->slots[i];
        if (s->after == 0 || (s->hash.lo == hash.lo && s->hash.hi == hash.hi)) return s;
    }
}

bool
offset_map_put(struct offset_map *m, struct slice key, int64_t offset)
{
    CHECK(m->cleared_n == m->slots_n);
    CHECK(offset >= 0);
    if (m->n >= m->max) return false;
    struct siphash_wide hash = key_hash(m->key, key);
    struct offset_slot *s = slot_of_hash(m, hash);
    if (s->after == 0) m->n++;
    s->hash = hash;
    s->after = MAX(s->after, offset + 1);
    return true;
}

int64_t
offset_map_get(const struct offset_map *m, struct slice key)
{
    return slot_of_hash(m, key_hash(m->key, key))->after - 1;
}
