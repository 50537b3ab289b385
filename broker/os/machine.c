#include "broker/os/machine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/os/memory.h"
#include "broker/os/socket.h"
#include "broker/work/work.h"

static struct siphash_key
seed_from_kernel(void)
{
    struct siphash_key key;
    CHECK(getrandom(&key, sizeof key, 0) == (ssize_t)sizeof key);
    return key;
}

static void
init_env(struct os_machine *m, const struct os_machine_params *p)
{
    char name[256] = "localhost";
    gethostname(name, sizeof name - 1);
    struct env_params params = {
        .source = os_memory(),
        .memory_ceiling_bytes = p->memory_ceiling_bytes,
        .seed = p->seed ? *p->seed : seed_from_kernel(),
        .now_ns = os_now_ns(),
        .wall_ms = os_wall_ms(),
        .crc32c = work_crc32c(),
        .notes_on = p->notes_on,
        .notes_left_out = p->notes_left_out,
        .hostname = slice_cstr(name),
    };
    env_init(&m->env, &params);
}

struct os_machine *
os_machine_new(struct os_loop *l, const struct os_machine_params *p)
{
    int root = AT_FDCWD;
    if (p->root) root = open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->root && root < 0) return NULL;
    struct os_machine *m = os_zalloc(sizeof *m);
    m->loop = l;
    m->ops = p->ops;
    m->ctx = p->ctx;
    m->root_fd = root;
    m->accepted_fd = -1;
    list_init(&m->socks);
    list_init(&m->listeners);
    list_init(&m->files);
    list_init(&m->locks);
    list_push_back(&l->machines, &m->node);
    init_env(m, p);
    return m;
}

/* Jobs in flight read and fill the machine's buffers: they are waited for, and find a machine that
 * takes no events any more. */
static void
await_jobs(struct os_machine *m)
{
    m->env.dead = true;
    while (m->jobs_n > 0) os_loop_turn(m->loop, NS_PER_S);
}

void
os_machine_free(struct os_machine *m)
{
    await_jobs(m);
    LIST_EACH(&m->socks, s, struct os_sock, node) os_sock_drop(s);
    LIST_EACH(&m->listeners, l, struct os_listener, node) os_listener_drop(l);
    os_disk_drop(m);
    LIST_EACH(&m->files, f, struct os_file, node) os_file_unref(f);
    CHECK(list_is_empty(&m->files));
    list_remove(&m->node);
    env_release(&m->env);
    if (m->root_fd >= 0) close(m->root_fd);
    free(m);
}

/* ---- effects ---- */

static void
os_fatal(struct os_machine *m, struct slice why)
{
    m->ops->fatal(m->ctx, m, why);
}

static void
accept_offered(struct os_machine *m, const struct effect *e)
{
    CHECK(m->accepted_fd >= 0 && (uint64_t)e->n == m->accepted_handle);
    int fd = m->accepted_fd;
    m->accepted_fd = -1;
    os_sock_accept(m, e->conn, fd);
}

static void
send_segs(struct effect *e)
{
    os_sock_send(e->conn, e->segs, e->segs_n);
    e->segs = NULL;
}

static void
os_carry_out(struct os_machine *m, struct effect *e)
{
    switch (e->kind) {
    case EF_OP: os_disk_start(m, e->op); break;
    case EF_LISTEN: os_listen(m, e->listener, e->path, e->n); break;
    case EF_UNLISTEN: os_unlisten(m, e->listener, e->slot); break;
    case EF_CONNECT: os_sock_connect(m, e->conn, e->path, e->n); break;
    case EF_ACCEPT: accept_offered(m, e); break;
    case EF_SEND: send_segs(e); break;
    case EF_PAUSE: os_sock_pause(e->conn); break;
    case EF_RESUME: os_sock_resume(e->conn); break;
    case EF_CLOSE: os_sock_close(e->conn); break;
    case EF_BREAK_RANGES: os_sock_break_ranges(m, e->file->slot, e->n); break;
    case EF_FATAL: os_fatal(m, e->path); break;
    }
}

void
os_machine_carry_out(struct os_machine *m)
{
    for (int64_t i = 0; m->ops->note && i < m->env.notes.n; i++)
        m->ops->note(m->ctx, m, m->env.notes.v[i]);
    for (int64_t i = 0; i < m->env.effects.n; i++) os_carry_out(m, &m->env.effects.v[i]);
    env_effects_clear(&m->env);
}

/* ---- steps ---- */

void
os_machine_enter(struct os_machine *m)
{
    m->env.now_ns = os_now_ns();
    m->env.wall_ms = os_wall_ms();
}

void
os_machine_deliver(struct os_machine *m, struct event *ev)
{
    if (m->env.dead) {
        buf_unref(ev->buf);
        return;
    }
    ev->now_ns = os_now_ns();
    ev->wall_ms = os_wall_ms();
    env_deliver(&m->env, ev);
    os_machine_carry_out(m);
}
