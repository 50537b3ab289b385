/* What the tests of messages in text have in common: memory, and a writer for what is said. */
#ifndef TESTS_SECURITY_FIXTURE_H
#define TESTS_SECURITY_FIXTURE_H

#include "tests/lib/test.h"

#include "broker/base/arena.h"
#include "broker/base/bytes.h"
#include "broker/base/check.h"

static struct mem mem;
static struct arena arena;
static struct writer said;

static int
set_up(void **state)
{
    (void)state;
    test_mem_init(&mem);
    arena_init(&arena, &mem, 0);
    said = writer_mem(&mem);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    mem_release(&mem);
    return 0;
}

#endif
