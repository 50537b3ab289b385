/* What a client is told when a share coordinator has refused, and whether that ends the share partition here. */
#ifndef SHARE_CLIENT_ERROR_H
#define SHARE_CLIENT_ERROR_H

#include <stdbool.h>
#include <stdint.h>

int16_t share_client_error(int16_t err);
/* What is known here is not so any more, or nobody knows of it: it begins anew with the next fetch. */
bool share_error_is_final(int16_t err);

#endif
