/* Any bytes as a properties file and what it sets: nothing but errors with their place, and text that is
 * UTF-8, comes of it. */
#include "broker/base/check.h"
#include "broker/base/utf8.h"
#include "broker/protocol/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    struct arena a;
    struct properties p;
    struct config c;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    struct writer why = writer_mem(&mem), warnings = writer_mem(&mem);
    config_init(&c, &mem, CONFIG_BROKER);
    bool ok = properties_parse(slice(data, (int64_t)size), &a, &p, &why);
    if (!ok) CHECK(why.n > 0);
    for (int32_t i = 0; ok && i < p.n; i++)
        CHECK(utf8_is_valid(p.v[i].key) && utf8_is_valid(p.v[i].value));
    if (ok) CHECK(config_load(&c, S("file"), &p, &warnings, &why) == (why.n == 0));
    config_release(&c);
    mem_release(&mem);
    return 0;
}
