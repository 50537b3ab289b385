#include "sim/scenario/outside.h"

#include "sim/scenario/run_internal.h"

bool
run_take_step(struct run *r, struct slice text, struct writer *wrong)
{
    struct diags d;
    diags_init(&d, r->a);
    int32_t n = steps_of_text(r->a, r->s, text, &r->typed, &d);
    if (n) play_steps(r, &r->typed.v[r->typed.n - n], n);
    else diags_print(&d, wrong);
    return n > 0;
}
