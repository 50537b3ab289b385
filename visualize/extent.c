/* What there is in a trace that could be drawn: for whoever asks for a moment or a partition. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "visualize/run.h"

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
