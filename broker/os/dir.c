#include "broker/os/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/env/env.h"
#include "broker/os/errors.h"
#include "broker/os/memory.h"

struct entries {
    struct dirent **v;
    int n;
};

static int
is_real(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int64_t
encoded_bytes(const struct entries *all)
{
    int64_t n = 0;
    for (int i = 0; i < all->n; i++) n += DIR_ENTRY_HEAD_BYTES + (int64_t)strlen(all->v[i]->d_name);
    return n;
}

/* An entry that is gone by now is left out. */
static void
encode(int fd, const char *name, struct writer *w)
{
    struct stat st;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return;
    if (S_ISLNK(st.st_mode) && fstatat(fd, name, &st, 0) < 0) return;
    dir_print(w, &(struct dir_entry){.is_dir = S_ISDIR(st.st_mode),
                                     .size = S_ISDIR(st.st_mode) ? 0 : st.st_size,
                                     .modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 +
                                                    st.st_mtim.tv_nsec / 1000000,
                                     .name = slice_cstr(name)});
}

enum env_err
os_dir_list(int root_fd, const char *path, uint8_t **ret_p, int64_t *ret_n)
{
    int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return os_err(errno);
    struct entries all = {0};
    all.n = scandirat(fd, ".", &all.v, is_real, by_bytes);
    if (all.n < 0) {
        enum env_err err = os_err(errno);
        close(fd);
        return err;
    }
    int64_t cap = encoded_bytes(&all);
    struct writer w = writer_fixed(os_alloc((size_t)cap + 1), cap);
    for (int i = 0; i < all.n; i++) {
        encode(fd, all.v[i]->d_name, &w);
        free(all.v[i]);
    }
    free(all.v);
    close(fd);
    CHECK(!w.err);
    *ret_p = w.p;
    *ret_n = w.n;
    return ENV_OK;
}
