#include "sim/scenario/outside.h"

#include "sim/scenario/run_internal.h"

bool
run_take_step(struct run *r, struct slice text, struct writer *wrong)
{
    struct diags d;
    diags_init(&d, r->a);
    const struct step *s = step_of_text(r->a, r->s, text, &r->typed, &d);
    if (s) act(r, s);
    else diags_print(&d, wrong);
    return s != NULL;
}
