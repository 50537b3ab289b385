/* What unit tests share: cmocka with the headers that it wants, and memory from malloc. */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/mem.h"

/* malloc and free, 1 GiB. */
struct mem_source test_mem_source(void);
void test_mem_init(struct mem *m);

#define assert_slice(got, text) \
    do { \
        struct slice got_ = (got); \
        assert_int_equal(got_.n, (int64_t)sizeof(text) - 1); \
        assert_memory_equal(got_.p ? (const void *)got_.p : "", text, sizeof(text) - 1); \
    } while (0)

#endif
