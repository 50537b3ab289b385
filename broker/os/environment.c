#include "broker/os/settings.h"

/* Variables of the images that are not settings of the broker: for Java, for its logging, for their own
 * scripts. */
static const char *const not_settings[] = {
    "HEAP_OPTS",
    "OPTS",
    "JMX_OPTS",
    "JMX_PORT",
    "JMX_HOSTNAME",
    "VERSION",
    "HOME",
    "JVM_PERFORMANCE_OPTS",
    "GC_LOG_OPTS",
    "LOG4J_OPTS",
    "LOG4J_ROOT_LOGLEVEL",
    "LOG4J_LOGGERS",
    "TOOLS_LOG4J_LOGLEVEL",
    "DEBUG",
    "CLUSTER_ID",
};

static bool
is_setting(struct slice name)
{
    for (int i = 0; i < ARRAY_LEN(not_settings); i++)
        if (slice_eq(name, slice_cstr(not_settings[i]))) return false;
    return name.n > 0;
}

/* A run of three underscores is a dash, of two an underscore, one is a dot; longer ones are taken from
 * the left. */
static void
setting_name(struct slice name, struct writer *w)
{
    for (int64_t i = 0; i < name.n; i++) {
        struct slice rest = slice_sub(name, i, name.n);
        if (slice_starts(rest, S("___"))) {
            fmt_char(w, '-');
            i += 2;
        } else if (slice_starts(rest, S("__"))) {
            fmt_char(w, '_');
            i += 1;
        } else {
            fmt_char(w, rest.p[0] == '_' ? '.' : (char)ascii_lower(rest.p[0]));
        }
    }
}

static void
add_variable(struct os_settings *s, struct slice variable, struct slice value)
{
    struct slice name = slice_sub(variable, 6, variable.n);
    if (!is_setting(name)) return;
    struct writer w = writer_mem(s->mem);
    setting_name(name, &w);
    os_settings_add(s, writer_slice(&w), value, variable);
    writer_release(&w);
}

void
os_environment_parse(struct os_settings *s, const char *const *environment,
                     struct slice *ret_cluster_id)
{
    *ret_cluster_id = SLICE_NULL;
    for (; *environment; environment++) {
        struct slice text = slice_cstr(*environment);
        int64_t equals = slice_find(text, '=', 0);
        if (equals < 0) continue;
        struct slice name = slice_sub(text, 0, equals), value = slice_sub(text, equals + 1, text.n);
        if (slice_eq(name, S("CLUSTER_ID")) && value.n) *ret_cluster_id = mem_dup(s->mem, value);
        if (slice_starts(name, S("KAFKA_"))) add_variable(s, name, value);
    }
}
