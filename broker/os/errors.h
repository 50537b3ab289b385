/* What the operating system's error numbers mean to a machine. */
#ifndef OS_ERRORS_H
#define OS_ERRORS_H

#include "broker/env/env.h"

/* 0 is ENV_OK; what no machine can tell apart is ENV_EIO. */
enum env_err os_err(int error_number);

#endif
