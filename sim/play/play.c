#include "sim/play/play.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "sim/play/control.h"
#include "sim/play/play_internal.h"
#include "sim/play/terminal.h"

#define SLICE_NS (5 * NS_PER_MS)    /* of the world's time between two looks at the sockets */
#define LEAP_NS (50 * NS_PER_MS)    /* when it is to go ahead far */
#define WATCH_NS NS_PER_MS          /* and while somebody waits for a condition */
#define LAG_MAX_NS (50 * NS_PER_MS) /* of the clock: who is further behind gives up catching up */
#define WAIT_MAX_MS 20
#define FLUSH_NS NS_PER_S

static int64_t
clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t
play_wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* ---- inputs ---- */

/* Written down first: should the input end the process, it is known which it was. */
static void
play_take(void *ctx, struct input *in)
{
    struct play *p = ctx;
    in->at_ns = world_now_ns(p->world);
    if (p->log) input_write(p->log, in);
    gate_take(p->gate, in);
}

/* Once the doors are closed the world goes on to its verdict, and nobody is left to be told. */
static void
play_bytes(void *ctx, int64_t id, struct slice bytes)
{
    struct play *p = ctx;
    if (p->door) door_bytes(p->door, id, bytes);
}

static void
play_full(void *ctx, int64_t id, bool is_full)
{
    struct play *p = ctx;
    if (p->door) door_full(p->door, id, is_full);
}

static void
play_closed(void *ctx, int64_t id)
{
    struct play *p = ctx;
    if (p->door) door_closed(p->door, id);
}

static const struct gate_ops live_ops = {
    .bytes = play_bytes, .full = play_full, .closed = play_closed};

/* ---- words ---- */

static void
play_show(struct play *p)
{
    struct writer *out = &p->editor.out;
    fflush(stdout);
    for (int64_t at = 0; at < out->n;) {
        ssize_t n = write(STDOUT_FILENO, out->p + at, (size_t)(out->n - at));
        if (n < 0 && errno != EINTR && errno != EAGAIN) break;
        if (n > 0) at += n;
    }
    out->n = 0;
}

/* "crash b1" is {crash: b1}; what is in braces is a step as a timeline has it. */
static struct slice
step_of_words(struct arena *a, struct slice words)
{
    struct writer w = writer_mem(a->mem);
    int64_t space = slice_find(words, ' ', 0);
    if (words.p[0] == '{') {
        writer_bytes(&w, words);
    } else {
        writer_bytes(&w, S("{"));
        writer_bytes(&w, space < 0 ? words : slice_sub(words, 0, space));
        writer_bytes(&w, S(": "));
        if (space >= 0) writer_bytes(&w, slice_trim(slice_sub(words, space, words.n)));
        writer_bytes(&w, S("}"));
    }
    struct slice text = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return text;
}

bool
play_step(struct play *p, struct slice words, struct diags *wrong)
{
    struct slice text = step_of_words(p->a, words);
    struct input in = {
        .kind = INPUT_STEP, .id = -1, .at_ns = world_now_ns(p->world), .bytes = text};
    if (p->log) input_write(p->log, &in);
    return run_take_step(p->run, text, wrong);
}

/* Above the line that is being typed. */
static void
play_tell(struct play *p, struct slice text)
{
    if (p->edits) line_hide(&p->editor), play_show(p);
    while (text.n && text.p[text.n - 1] <= ' ') text.n--;
    p->params.tell(p->params.ctx, text);
}

static void
play_typed_step(struct play *p, struct slice words)
{
    struct diags wrong;
    struct writer w = writer_mem(p->a->mem);
    bool is_step = play_step(p, words, &wrong);
    struct slice missed = is_step ? run_step_missed(p->run) : SLICE_NULL;
    if (!is_step) diags_print(&wrong, &w);
    /* At a terminal it is in the story, which is shown. */
    if (missed.p && !p->edits) fmt_str(&w, "this met nobody: "), fmt_slice(&w, missed);
    if (w.n) play_tell(p, writer_slice(&w));
    writer_release(&w);
}

static void
play_help(struct play *p, struct slice about)
{
    struct writer w = writer_mem(p->a->mem);
    struct arena a;
    arena_init(&a, p->a->mem, 0);
    run_help(&a, about, &w);
    play_tell(p, writer_slice(&w));
    arena_release(&a);
    writer_release(&w);
}

static void
play_line(struct play *p, struct slice line)
{
    struct slice help = S("help");
    line = slice_trim(line);
    if (!line.n) return;
    if (slice_eq(line, S("end"))) p->is_over = true;
    else if (slice_eq(line, help)) play_help(p, SLICE_EMPTY);
    else if (slice_starts(line, S("help ")))
        play_help(p, slice_trim(slice_sub(line, help.n, line.n)));
    else play_typed_step(p, line);
}

static void
play_found(struct play *p, enum lines_found found, struct slice line)
{
    if (found == LINES_ONE) play_line(p, line);
    else if (found == LINES_TOO_LONG) play_tell(p, S("this line is too long to be a command"));
}

/* What comes behind `end` is not taken. */
static void
play_take_lines(struct play *p, struct slice bytes)
{
    while (!p->is_over && bytes.n) {
        struct slice line;
        enum lines_found found = lines_next(&p->lines, &bytes, &line);
        play_found(p, found, line);
    }
}

static void
play_input_ended(struct play *p)
{
    struct slice line;
    enum lines_found found = lines_end(&p->lines, &line);
    play_found(p, found, line);
    p->terminal_ended = true;
    p->is_over = p->is_over || p->params.ends_with_input;
}

/* ---- at a terminal ---- */

static void
line_typed(void *ctx, struct slice line)
{
    play_line(ctx, line);
}

/* Ctrl-D is the end of whoever types. */
static void
line_ended(void *ctx)
{
    ((struct play *)ctx)->is_over = true;
}

static int64_t
line_goes_on(void *ctx, struct slice line, void (*each)(void *of, struct slice word), void *of)
{
    const struct play *p = ctx;
    struct arena a;
    arena_init(&a, p->a->mem, 0);
    struct words words = {.arena = &a};
    int64_t there = run_complete(p->run, line, &words).n;
    for (int64_t i = 0; i < words.v.n; i++) each(of, words.v.v[i]);
    VEC_RELEASE(a.mem, &words.v);
    arena_release(&a);
    return there;
}

static const struct line_ops line_ops = {line_typed, line_ended, line_goes_on};

static void
play_edit_lines(struct play *p)
{
    p->edits = p->params.edits_lines && terminal_begin();
    if (!p->edits) return;
    line_init(&p->editor, p->a->mem, &line_ops, p);
    line_show(&p->editor);
    play_show(p);
}

static void
play_edits_end(struct play *p)
{
    if (!p->edits) return;
    line_hide(&p->editor);
    play_show(p);
    line_release(&p->editor);
    p->edits = false;
    terminal_end();
}

/* What has happened since, above the line. */
static void
play_tell_story(struct play *p)
{
    if (!p->edits || p->told == run_story_lines(p->run)) return;
    struct writer w = writer_mem(p->a->mem);
    for (; p->told < run_story_lines(p->run); p->told++) {
        int64_t at_ns;
        struct slice text = run_story_line(p->run, p->told, &at_ns);
        w.n = 0;
        fmt_seconds(&w, at_ns), fmt_str(&w, "  "), fmt_slice(&w, text);
        play_tell(p, writer_slice(&w));
    }
    writer_release(&w);
    line_show(&p->editor);
    play_show(p);
}

static void
play_read_terminal(struct play *p)
{
    char bytes[LINE_MAX_BYTES];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0) {
        play_input_ended(p);
    } else if (p->edits) {
        line_take(&p->editor, slice(bytes, n));
        play_show(p);
    } else {
        play_take_lines(p, slice(bytes, n));
    }
}

/* ---- time ---- */

static bool
is_unbound(const struct play *p)
{
    return p->pace.leap_ns > world_now_ns(p->world) ||
           (p->pace.permille == 0 && door_connections(p->door) == 0);
}

static int64_t
slice_ns(const struct play *p)
{
    if (p->control && control_is_waited_for(p->control)) return WATCH_NS;
    return is_unbound(p) ? LEAP_NS : SLICE_NS;
}

/* Where the world's time is to be now. A world that is too slow for its clock, or whose process was stopped, goes on from
 * where it is: it does not run through what it missed at once. */
static int64_t
play_due_ns(struct play *p)
{
    struct pace *c = &p->pace;
    int64_t now = world_now_ns(p->world), wall = play_wall_ns();
    int64_t permille = c->permille ? c->permille : 1000;
    int64_t due = c->at_ns + (wall - c->wall_ns) / 1000 * permille;
    bool unbound = is_unbound(p);
    if (unbound || c->is_paused || (due - now) / permille * 1000 > LAG_MAX_NS) {
        c->at_ns = now;
        c->wall_ns = wall;
        due = now + (unbound ? slice_ns(p) : 0);
        if (c->leap_ns > now) due = MIN(due, c->leap_ns);
    }
    if (c->is_paused && !unbound) return now;
    /* Inputs of one moment are taken one after the other, with nothing between them: so a replay knows the order. */
    return MAX(due, now + 1);
}

static int64_t
play_wait_ms(const struct play *p)
{
    const struct pace *c = &p->pace;
    if (is_unbound(p)) return 0;
    int64_t permille = c->permille ? c->permille : 1000;
    int64_t next = world_next_ns(p->world);
    if (next == INT64_MAX || c->is_paused) return WAIT_MAX_MS;
    int64_t wall = c->wall_ns + (next - c->at_ns) / permille * 1000 - play_wall_ns();
    return MIN(MAX((wall + NS_PER_MS - 1) / NS_PER_MS, 0), WAIT_MAX_MS);
}

/* What a killed process leaves is good up to the last second. */
static void
play_flush(struct play *p)
{
    int64_t wall = clock_ns(CLOCK_MONOTONIC);
    if (!p->log || wall - p->flushed_ns < FLUSH_NS) return;
    p->flushed_ns = wall;
    fflush(p->log);
}

/* Until something comes, or the world is to go on. True: something can be read from the terminal. */
static bool
play_wait(struct play *p)
{
    struct pollfd own[1 + WEB_POLLS_MAX];
    int n = p->control ? control_polls(p->control, own) : 0;
    bool listens = p->params.reads_terminal && !p->terminal_ended;
    if (listens) own[n] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    door_wait(p->door, play_wait_ms(p), own, n + listens);
    return listens && own[n].revents;
}

/* Once, until all who wait have come in. */
static void
play_tell_starved(struct play *p)
{
    int why = door_starved_errno(p->door);
    if (!why && p->control) why = control_starved_errno(p->control);
    if (why && !p->has_told_starved) {
        struct writer w = writer_mem(p->a->mem);
        fmt_str(&w, "who connects has to wait: "), fmt_str(&w, strerror(why));
        play_tell(p, writer_slice(&w));
        writer_release(&w);
        if (p->edits) line_show(&p->editor), play_show(p);
    }
    p->has_told_starved = why != 0;
}

/* A broker that is down has no port. */
static void
play_doors(struct play *p)
{
    for (int32_t i = 1; i <= p->params.ports_n; i++) {
        uint8_t room[24];
        struct writer name = writer_fixed(room, sizeof room);
        fmt_char(&name, 'b'), fmt_i64(&name, i);
        door_serves(p->door, i, machine_is_up(world_machine(p->world, writer_slice(&name))));
    }
}

static void
play_live(void *ctx, struct run *r, struct world *w)
{
    struct play *p = ctx;
    p->run = r;
    p->world = w;
    p->gate = gate_new(p->a, r, w, &live_ops, p);
    p->pace.at_ns = world_now_ns(w);
    p->pace.wall_ns = play_wall_ns();
    p->params.serves(p->params.ctx, p->params.ports, p->params.ports_n,
                     p->control ? control_address(p->control) : SLICE_NULL);
    play_edit_lines(p);
    while (!p->is_over && !p->params.is_over()) {
        bool typed = play_wait(p);
        int64_t due = play_due_ns(p);
        while (world_now_ns(w) < due) {
            world_run_until(w, MIN(due, world_now_ns(w) + slice_ns(p)));
            if (p->control) control_look(p->control);
        }
        play_tell_story(p);
        if (typed) play_read_terminal(p);
        play_doors(p);
        door_read(p->door, play_take, p);
        if (p->control) control_work(p->control);
        play_tell_starved(p);
        play_flush(p);
    }
    play_edits_end(p);
    struct input end = {.kind = INPUT_END, .id = -1, .at_ns = world_now_ns(w)};
    if (p->log) input_write(p->log, &end);
    door_close(p->door);
    p->door = NULL;
}

struct play *
play_new(struct arena *a, const struct play_params *params, int32_t *ret_taken)
{
    struct play *p = ARENA_NEW(a, struct play);
    p->a = a;
    p->params = *params;
    p->pace.permille = params->speed_permille;
    p->door = door_open(a->mem, params->ports, params->ports_n, ret_taken);
    if (!p->door) return NULL;
    if (params->control_port) {
        *ret_taken = *params->control_port;
        p->control = control_new(p, params->control_port);
        if (!p->control) {
            int why = errno;
            play_free(p);
            errno = why;
            return NULL;
        }
    }
    p->outside = (struct run_outside){.ports = params->ports,
                                      .ports_n = params->ports_n,
                                      .wall_ms = clock_ns(CLOCK_REALTIME) / NS_PER_MS,
                                      .live = play_live,
                                      .ctx = p};
    return p;
}

const struct run_outside *
play_outside(struct play *p)
{
    return &p->outside;
}

void
play_record(struct play *p, FILE *log, FILE *trace, struct slice folder)
{
    p->log = log;
    p->trace = trace;
    p->folder = folder;
    input_write_head(log, p->outside.wall_ms, p->outside.ports, p->outside.ports_n);
}

void
play_ended(struct play *p, struct slice report)
{
    if (p->control) control_ended(p->control, report, p->folder);
}

void
play_free(struct play *p)
{
    if (p->door) door_close(p->door);
    p->door = NULL;
    if (p->control) control_free(p->control);
    p->control = NULL;
}

/* ---- again ---- */

struct again {
    struct arena *a;
    struct input_reader reader;
    struct run_outside outside;
};

static void
nobody_hears_bytes(void *ctx, int64_t id, struct slice bytes)
{
    (void)ctx, (void)id, (void)bytes;
}

static void
nobody_waits(void *ctx, int64_t id, bool is_full)
{
    (void)ctx, (void)id, (void)is_full;
}

static void
nobody_is_left(void *ctx, int64_t id)
{
    (void)ctx, (void)id;
}

static const struct gate_ops deaf_ops = {
    .bytes = nobody_hears_bytes, .full = nobody_waits, .closed = nobody_is_left};

static void
again_live(void *ctx, struct run *r, struct world *w)
{
    struct again *g = ctx;
    struct gate *gate = gate_new(g->a, r, w, &deaf_ops, NULL);
    struct input in;
    while (input_next(&g->reader, &in)) {
        if (in.at_ns > world_now_ns(w)) world_run_until(w, in.at_ns);
        if (in.kind == INPUT_END) return;
        if (in.kind != INPUT_STEP) {
            gate_take(gate, &in);
            continue;
        }
        struct diags wrong; /* told when it was typed */
        (void)run_take_step(r, in.bytes, &wrong);
    }
}

const struct run_outside *
play_again(struct arena *a, struct slice log)
{
    struct again *g = ARENA_NEW(a, struct again);
    g->a = a;
    if (!input_open(&g->reader, log)) return NULL;
    g->outside = (struct run_outside){.ports = g->reader.ports,
                                      .ports_n = g->reader.ports_n,
                                      .wall_ms = g->reader.wall_ms,
                                      .live = again_live,
                                      .ctx = g};
    return &g->outside;
}
