#include "broker/os/settings.h"

#define MEMORY_DEFAULT_BYTES ((int64_t)4 << 30)
#define MEMORY_MIN_BYTES ((int64_t)16 << 20)

enum option { OPT_CONFIG, OPT_OVERRIDE, OPT_MEMORY, OPT_HELP, OPT_VERSION, OPTIONS_N };

static const struct {
    const char *name, *value, *help;
} options[OPTIONS_N] = {
    [OPT_CONFIG] = {"--config", "FILE", "read settings from a server.properties"},
    [OPT_OVERRIDE] = {"--override", "NAME=VALUE",
                      "one setting, before all others; may be repeated"},
    [OPT_MEMORY] =
        {"--memory", "SIZE",
         "the most that the node may use, as 512m or 4g (default 4g); of it a request may\n"
         "                          have an eighth"},
    [OPT_HELP] = {"--help", NULL, "print this"},
    [OPT_VERSION] = {"--version", NULL, "print the version"},
};

static const char *const help_head =
    "usage: gregord [--config FILE] [--override NAME=VALUE]... [--memory SIZE]\n"
    "\n"
    "A Kafka broker and controller. Without --config: one node on localhost:9092 (its controller "
    "on\n"
    "9093), which only this machine reaches, and which keeps its data in ./gregor-data. Nobody is "
    "asked who\n"
    "he is: whoever reaches a listener may do everything.\n"
    "\n";

static const char *const help_tail =
    "\n"
    "Settings have Kafka's names. Variables KAFKA_A_B=v set a.b=v (__ for _, ___ for -), "
    "CLUSTER_ID\n"
    "the id that a new cluster gets. The file is overridden by variables, these by --override.\n"
    "\n"
    "SIGTERM, SIGINT and SIGHUP stop the node in order; asked again, a second later or more, it "
    "ends at\n"
    "once. Exit status: 0 stopped in order, 1 the node cannot go on, 3 wrong usage, 4 internal "
    "error.\n"
    "\n"
    "examples:\n"
    "  gregord\n"
    "  gregord --config server.properties --override log.dirs=/var/lib/gregor\n"
    "  KAFKA_LISTENERS=PLAINTEXT://localhost:19092,CONTROLLER://localhost:19093 gregord --override "
    "num.partitions=3\n";

void
os_options_help(struct writer *w)
{
    fmt_str(w, help_head);
    for (int i = 0; i < OPTIONS_N; i++) {
        int64_t start = w->n;
        fmt_str(w, "  ");
        fmt_str(w, options[i].name);
        fmt_char(w, ' ');
        if (options[i].value) fmt_str(w, options[i].value);
        while (w->n - start < 26 && !w->err) fmt_char(w, ' ');
        fmt_str(w, options[i].help);
        fmt_char(w, '\n');
    }
    fmt_str(w, help_tail);
}

/* ---- messages ---- */

static bool
complain(struct writer *why, const char *before, struct slice text, const char *after)
{
    fmt_str(why, before);
    fmt_char(why, '"');
    fmt_slice(why, text);
    fmt_char(why, '"');
    fmt_str(why, after);
    return false;
}

/* Letters in common at the start and at the end: enough to guess what was meant. */
static int64_t
likeness(struct slice a, struct slice b)
{
    int64_t n = MIN(a.n, b.n), head = 0, tail = 0;
    while (head < n && a.p[head] == b.p[head]) head++;
    while (tail < n - head && a.p[a.n - 1 - tail] == b.p[b.n - 1 - tail]) tail++;
    return head + tail;
}

static bool
unknown_option(struct writer *why, struct slice name)
{
    complain(why, "unknown option ", name, "");
    for (int i = 0; i < OPTIONS_N; i++) {
        struct slice known = slice_cstr(options[i].name);
        if (likeness(name, known) < MAX(name.n, known.n) - 2) continue;
        complain(why, "; did you mean ", known, "?");
        return false;
    }
    fmt_str(why, "; --help lists them");
    return false;
}

/* ---- values ---- */

static bool
parse_override(struct os_options *o, struct slice value, struct writer *why)
{
    int64_t equals = slice_find(value, '=', 0);
    struct slice name = slice_trim(slice_sub(value, 0, MAX(equals, 0)));
    if (name.n == 0)
        return complain(why, "--override ", value,
                        ": expected NAME=VALUE, as in --override log.dirs=./data");
    os_settings_add(&o->overrides, name, slice_trim(slice_sub(value, equals + 1, value.n)),
                    S("--override"));
    return true;
}

static bool
parse_memory(struct os_options *o, struct slice value, struct writer *why)
{
    int shift = value.n == 0                         ? 0
              : (value.p[value.n - 1] | 0x20) == 'g' ? 30
              : (value.p[value.n - 1] | 0x20) == 'm' ? 20
                                                     : 0;
    int64_t n = 0;
    bool ok = shift && slice_to_i64(slice_sub(value, 0, value.n - 1), &n) && n > 0 && n <= 1 << 20;
    if (!ok) return complain(why, "--memory ", value, ": expected a size as 512m or 4g");
    o->memory_bytes = n << shift;
    if (o->memory_bytes >= MEMORY_MIN_BYTES) return true;
    return complain(why, "--memory ", value, ": a node needs at least 16m");
}

static bool
take_daemon_option(struct os_options *o, enum option option, struct slice value, struct writer *why)
{
    switch (option) {
    case OPT_CONFIG: o->config = value; return true;
    case OPT_OVERRIDE: return parse_override(o, value, why);
    case OPT_MEMORY: return parse_memory(o, value, why);
    case OPT_HELP: o->help = true; return true;
    case OPT_VERSION: o->version = true; return true;
    case OPTIONS_N: break;
    }
    UNREACHABLE();
}

static int
find_option(struct slice name)
{
    for (int i = 0; i < OPTIONS_N; i++)
        if (slice_eq(name, slice_cstr(options[i].name))) return i;
    return -1;
}

bool
os_options_parse(struct os_options *o, struct mem *mem, int argc, const char *const *argv,
                 struct writer *why)
{
    *o = (struct os_options){.memory_bytes = MEMORY_DEFAULT_BYTES, .overrides.mem = mem};
    for (int i = 1; i < argc; i++) {
        struct slice arg = slice_cstr(argv[i]), value = SLICE_NULL;
        if (!slice_starts(arg, S("-")))
            return complain(why, "unexpected argument ", arg, "; a file is given by --config FILE");
        int64_t equals = slice_find(arg, '=', 0);
        struct slice name = equals < 0 ? arg : slice_sub(arg, 0, equals);
        int option = find_option(name);
        if (option < 0) return unknown_option(why, name);
        if (equals >= 0) value = slice_sub(arg, equals + 1, arg.n);
        if (!options[option].value && value.p)
            return complain(why, "option ", name, " takes no value");
        if (options[option].value && !value.p && ++i < argc) value = slice_cstr(argv[i]);
        if (options[option].value && !value.p)
            return complain(why, "option ", name, " needs a value");
        if (!take_daemon_option(o, option, value, why)) return false;
    }
    return true;
}
