#include "broker/log/found_swaps.h"
#include "broker/log/swap_holds.h"

void
found_swaps_init(struct found_swaps *f)
{
    *f = (struct found_swaps){.first_cleaned = INT64_MAX};
}

void
found_swaps_release(struct found_swaps *f, struct mem *mem)
{
    VEC_RELEASE(mem, &f->bases);
}

bool
found_swaps_take(struct found_swaps *f, struct commitlog *log, struct slice name,
                 int64_t base_offset, struct slice suffix, struct files_remove *remove)
{
    if (slice_eq(suffix, S(".log.swap"))) {
        VEC_PUSH(&log->env->mem, &f->bases, base_offset);
        return true;
    }
    bool is_cleaned = slice_ends(suffix, S(".cleaned"));
    if (!is_cleaned && !slice_ends(suffix, S(".swap"))) return false;
    if (is_cleaned) {
        MARK(log->env, CLEANED_LEFT_OVER);
        f->first_cleaned = MIN(f->first_cleaned, base_offset);
    }
    files_remove_add(remove, log, log_path(log, name));
    return true;
}

void
found_swaps_decide(struct found_swaps *f, struct commitlog *log, struct files_remove *remove)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < f->bases.n; i++) {
        int64_t base = f->bases.v[i];
        if (swap_holds(base, f->first_cleaned)) {
            f->bases.v[kept++] = base;
            continue;
        }
        MARK(log->env, SWAP_UNDONE);
        files_remove_add(remove, log, log_file_path(log, base, S(".log.swap")));
    }
    f->bases.n = kept;
}

/* Where the old one has gone already, a place for the new one is made. */
static struct segment *
segment_of_swap(struct commitlog *log, int64_t base)
{
    if (!log_has_segment(log, base)) {
        segment_found(log, base, 0, env_wall_ms(log->env));
        int64_t i = log->segments.n - 1;
        struct segment *s = log->segments.v[i];
        for (; i > 0 && log->segments.v[i - 1]->base_offset > base; i--)
            log->segments.v[i] = log->segments.v[i - 1];
        log->segments.v[i] = s;
    }
    return log->segments.v[log_segment_at(log, base)];
}

int64_t
found_swaps_place(const struct found_swaps *f, struct commitlog *log, struct files_remove *remove)
{
    for (int64_t i = 0; i < f->bases.n; i++) {
        int64_t base = f->bases.v[i];
        struct segment *s = segment_of_swap(log, base);
        s->written = -1;
        s->is_swap = true;
        /* Of those that aborted in the old one, whose markers may be gone: who believes it waits for these. */
        files_remove_add(remove, log, log_file_path(log, base, S(".txnindex")));
    }
    return f->bases.n ? f->bases.v[0] : INT64_MAX;
}

bool
found_swaps_name_next(struct commitlog *log, struct op *op)
{
    int64_t i = 0;
    while (i < log->segments.n && !log->segments.v[i]->is_swap) i++;
    if (i == log->segments.n) return false;
    struct segment *s = log->segments.v[i];
    MARK(log->env, SWAP_FINISHED);
    log_names_changed(log);
    struct slice from = segment_path(s);
    s->is_swap = false;
    path_rename(log->env, op, from, segment_path(s));
    return true;
}
