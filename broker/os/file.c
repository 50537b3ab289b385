#include "broker/os/file.h"

#include <stdlib.h>
#include <unistd.h>

#include "broker/os/memory.h"

struct closing {
    struct os_job job;
    int fd;
};

/* Also closing may wait for the disk: the last name may be gone, and the blocks go with it. */
static void
close_run(struct os_job *job)
{
    close(CONTAINER_OF(job, struct closing, job)->fd);
}

static void
close_done(struct os_job *job)
{
    free(CONTAINER_OF(job, struct closing, job));
}

static bool
inode_eq(const struct os_inode *a, const struct os_inode *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->born_s == b->born_s &&
           a->born_ns == b->born_ns;
}

static bool
inode_is_poisoned(const struct os_loop *l, const struct os_inode *inode)
{
    for (int32_t i = 0; i < l->poisoned_n; i++)
        if (inode_eq(&l->poisoned[i], inode)) return true;
    return false;
}

struct os_file *
os_file_new(struct os_machine *m, int fd, const struct os_inode *inode)
{
    struct os_file *f = os_zalloc(sizeof *f);
    *f = (struct os_file){.m = m, .fd = fd, .refs = 1, .inode = *inode};
    f->poisoned = inode_is_poisoned(m->loop, inode);
    list_push_back(&m->files, &f->node);
    return f;
}

struct os_file *
os_file_ref(struct os_file *f)
{
    f->refs++;
    return f;
}

void
os_file_unref(struct os_file *f)
{
    CHECK(f->refs > 0);
    if (--f->refs > 0) return;
    struct closing *c = os_zalloc(sizeof *c);
    c->job = (struct os_job){.run = close_run, .done = close_done};
    c->fd = f->fd;
    os_loop_submit(f->m->loop, &c->job);
    list_remove(&f->node);
    free(f);
}

void
os_file_poison(struct os_file *f)
{
    struct os_loop *l = f->m->loop;
    if (!inode_is_poisoned(l, &f->inode)) {
        size_t bytes = (size_t)(l->poisoned_n + 1) * sizeof *l->poisoned;
        struct os_inode *grown = realloc(l->poisoned, bytes);
        CHECK(grown);
        l->poisoned = grown;
        l->poisoned[l->poisoned_n++] = f->inode;
    }
    LIST_EACH(&l->machines, m, struct os_machine, node) {
        LIST_EACH(&m->files, other, struct os_file, node) {
            if (inode_eq(&other->inode, &f->inode)) other->poisoned = true;
        }
    }
}
