/* What there is in a trace that could be drawn: for whoever asks for a moment or a partition. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "visualize/facts.h"
#include "visualize/filter.h"

void
visualize_extent(struct mem *mem, struct trace_reader *reader, struct view_extent *ret,
                 struct writer *ret_partitions)
{
    struct run r;
    run_load(&r, mem, reader, RUN_FOREVER);
    *ret = (struct view_extent){.start_ns = r.start_ns, .end_ns = r.end_ns};
    for (int64_t i = 0; i < r.partitions.n; i++) {
        if (i) fmt_char(ret_partitions, ' ');
        fmt_slice(ret_partitions, r.partitions.v[i].name);
    }
    run_release(&r);
}

bool
visualize_filter_fits(struct mem *mem, struct trace_reader *reader, const struct filter *f,
                      struct writer *why)
{
    struct run r;
    struct facts facts;
    bool told = !f->why;
    run_load(&r, mem, reader, RUN_FOREVER);
    int32_t p = filter_partition(f, &r);
    facts_make(&facts, &r, p >= 0 ? p : run_main_partition(&r));
    for (int64_t i = 0; i < facts.v.n; i++)
        told = told || (facts.v.v[i].number == f->why && facts.v.v[i].chain.n);
    if (filter_stranger(f, &r).p) {
        fmt_str(why, "no machine is called ");
        fmt_slice(why, filter_stranger(f, &r));
    } else if (p == -2) {
        fmt_str(why, "this run has no such partition");
    } else if (!told) {
        fmt_str(why, "why: takes the number of a sentence that has causes (gregor explain)");
    }
    facts_release(&facts);
    run_release(&r);
    return !why->n;
}
