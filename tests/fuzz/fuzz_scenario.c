/* Any bytes as a scenario: it loads, or what is wrong is said. What loads is looked at by lint, too. */
#include "broker/base/check.h"
#include "sim/scenario/diag.h"
#include "sim/scenario/scenario.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    struct arena a;
    struct diags d;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    diags_init(&d, &a);
    struct source s = {.path = S("fuzz.yaml"), .text = slice(data, (int64_t)size)};
    struct load_options o = {0};
    struct scenarios got = scenario_load(&a, &s, &o, &d);
    CHECK(got.n > 0 || d.errors > 0);
    for (int32_t i = 0; d.errors == 0 && i < got.n; i++) scenario_lint(got.v[i], &d);
    struct writer w = writer_mem(&mem);
    diags_print(&d, &w);
    CHECK(!w.err && (d.errors == 0 || w.n > 0));
    mem_release(&mem);
    return 0;
}
