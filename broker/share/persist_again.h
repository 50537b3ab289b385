/* Whether a share coordinator that answered so is asked again. */
#ifndef SHARE_PERSIST_AGAIN_H
#define SHARE_PERSIST_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

bool persist_is_asked_again(int16_t err);

#endif
