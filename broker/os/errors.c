#include "broker/os/errors.h"

#include <errno.h>

enum env_err
os_err(int error_number)
{
    switch (error_number) {
    case 0: return ENV_OK;
    case ENOSPC:
    case EDQUOT: return ENV_ENOSPC;
    case ENOENT:
    case ENOTDIR: return ENV_ENOENT;
    case EEXIST: return ENV_EEXIST;
    case ENOTEMPTY: return ENV_ENOTEMPTY;
    case EACCES:
    case EPERM:
    case EROFS: return ENV_EACCES;
    case EMFILE:
    case ENFILE: return ENV_EMFILE;
    case EINVAL:
    case EISDIR:
    case EFBIG:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV: return ENV_EINVAL;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return ENV_EHOST;
    case ECONNREFUSED: return ENV_ECONNREFUSED;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN: return ENV_ETIMEDOUT;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE: return ENV_ECONNRESET;
    case EADDRINUSE: return ENV_EADDRINUSE;
    default: return ENV_EIO;
    }
}
