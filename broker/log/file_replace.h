/* Replaces a small file as a whole, so that after a crash at any point it holds the old contents or
 * the new: writes PATH.tmp, syncs it, renames it over PATH, syncs the directory. When done() says
 * ENV_OK the new contents are durable. A failure of any step is final. */
#ifndef LOG_FILE_REPLACE_H
#define LOG_FILE_REPLACE_H

#include "broker/env/env.h"

struct file_replace {
    void (*done)(struct file_replace *r); /* set by the owner */
    enum env_err err;
    /* private */
    struct env *env;
    struct op op;
    struct file file;
    struct slice path, tmp, dir;
    struct buf *contents;
    int32_t at;
};

/* The path and contents are copied. */
void file_replace(struct env *env, struct file_replace *r, struct slice path,
                  struct slice contents);
static inline bool
file_replace_is_pending(const struct file_replace *r)
{
    return r->at != 0;
}

/* Reads a small file as a whole. err ENV_ENOENT: there is none; ENV_ETOOBIG: above max_bytes. */
struct file_slurp {
    void (*done)(struct file_slurp *s); /* set by the owner */
    enum env_err err;
    struct buf *buf; /* the contents: one reference, the owner's; NULL on error */
    /* private */
    struct env *env;
    struct op op;
    struct file file;
    int64_t size;
    int32_t at;
};
void file_slurp(struct env *env, struct file_slurp *s, struct slice path, int64_t max_bytes);

#endif
