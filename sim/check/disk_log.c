#include "sim/check/disk_log.h"

#include "broker/record/batch.h"

struct looking {
    struct mem *mem;
    struct machine *m;
    struct slice subject;
    struct found_log *ret;
};

/* "…/orders-0/00000000000000000000.log" */
static bool
is_segment(struct slice path, struct slice subject)
{
    int64_t slash = path.n - 1;
    while (slash > 0 && path.p[slash] != '/') slash--;
    struct slice dir = slice_sub(path, 0, MAX(0, slash));
    if (!slice_ends(path, S(".log")) || !slice_ends(dir, subject)) return false;
    return dir.n == subject.n || dir.p[dir.n - subject.n - 1] == '/';
}

static void
look(void *ctx, struct slice path, int64_t size)
{
    struct looking *l = ctx;
    uint8_t head[BATCH_HEADER_BYTES];
    if (!is_segment(path, l->subject)) return;
    for (int64_t at = 0; at + BATCH_HEADER_BYTES <= size;) {
        if (disk_peek(l->m, path, IMAGE_CACHED, at, head, sizeof head) != sizeof head) return;
        struct found f = {.base = (int64_t)load_be64(head),
                          .epoch = (int32_t)load_be32(head + 12),
                          .crc = load_be32(head + 17)};
        int64_t length = (int32_t)load_be32(head + 8);
        f.last = f.base + (int32_t)load_be32(head + 23);
        if (length < BATCH_HEADER_BYTES - BATCH_SPAN_BYTES || at + BATCH_SPAN_BYTES + length > size)
            return;
        VEC_PUSH(l->mem, &l->ret->v, f);
        at += BATCH_SPAN_BYTES + length;
    }
}

void
disk_log_read(struct mem *mem, struct machine *m, struct slice subject, struct found_log *ret)
{
    struct looking l = {mem, m, subject, ret};
    disk_peek_all(m, IMAGE_CACHED, look, &l);
}
