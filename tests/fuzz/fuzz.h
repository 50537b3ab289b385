/* A fuzzer is one file tests/fuzz/fuzz_NAME.c with this function; it returns 0 and must not leak. Its corpus
 * lies in tests/fuzz/corpus/NAME/ (every file there is also run by `make check`). */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
