/* What a directory holds, in the form that dir_list() promises. */
#ifndef OS_DIR_H
#define OS_DIR_H

#include "broker/env/env.h"

/* Sorted by bytes, without "." and ".."; *ret_p comes from malloc. */
enum env_err os_dir_list(int root_fd, const char *path, uint8_t **ret_p, int64_t *ret_n);

#endif
