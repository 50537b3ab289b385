/* Looks through a message by its description: is every string in it UTF-8? */
#ifndef TESTS_LIB_TEXTS_H
#define TESTS_LIB_TEXTS_H

#include "broker/protocol/codec.h"

bool texts_are_utf8(enum k_msg msg, int16_t version, const void *m);

#endif
