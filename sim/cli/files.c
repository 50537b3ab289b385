#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/cli/cli.h"

#define FILE_MAX_BYTES (1LL << 30)
#define PIECE_BYTES 65536

bool
file_read_rest(struct arena *a, FILE *f, struct slice *ret)
{
    struct writer w = writer_mem(a->mem);
    w.ceiling_bytes = FILE_MAX_BYTES;
    rewind(f);
    for (;;) {
        uint8_t *room = writer_room(&w, PIECE_BYTES);
        size_t n = room ? fread(room, 1, PIECE_BYTES, f) : 0;
        if (room) w.n -= PIECE_BYTES - (int64_t)n;
        if (n == 0) break;
    }
    int err = w.err ? EFBIG : errno;
    bool ok = !w.err && !ferror(f);
    if (ok) *ret = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    errno = err;
    return ok;
}

bool
file_read_all(struct arena *a, const char *path, struct slice *ret)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    bool ok = file_read_rest(a, f, ret);
    int err = errno;
    (void)fclose(f);
    errno = err;
    return ok;
}

bool
file_write_all(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");
    if (!f) return false;
    bool ok = fwrite(bytes.p, 1, (size_t)bytes.n, f) == (size_t)bytes.n;
    return fclose(f) == 0 && ok;
}

bool
make_dir(const char *path)
{
    char part[4096];
    size_t n = strlen(path);
    if (n >= sizeof part) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != 0) continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) < 0 && errno != EEXIST) return false;
    }
    return true;
}

bool
read_sibling(void *arena, struct slice path, struct slice *ret)
{
    struct arena *a = arena;
    return file_read_all(a, (const char *)arena_dup(a, path).p, ret);
}
