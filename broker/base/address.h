/* Where somebody listens, as people write it: "host:port". An address of IPv6 stands in brackets, for it has
 * colons itself: "[::1]:9092". Everywhere else in the program, and in Kafka's records and messages, the host is
 * without brackets. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "broker/base/fmt.h"

/* As Kafka reads it: the port is what follows the last colon, so an IPv6 address is also understood without its
 * brackets. The host may be empty (all addresses of the computer); the port is 0 to 65535. */
bool address_parse(struct slice text, struct slice *ret_host, int32_t *ret_port);
/* With brackets where they are needed. */
void fmt_address(struct writer *w, struct slice host, int32_t port);

#endif
