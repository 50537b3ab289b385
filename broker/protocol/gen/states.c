/* What this program makes of each configuration (config_states.yaml), and the page for people about it,
 * CONFIGS.md. A name that stands in no group or in two, or that no configuration has, stops the build. */
#include <string.h>

#include "broker/protocol/gen/gen.h"

static const char *const state_names[] = {"heeded", "harmless", "warned", "refused"};

struct states {
    struct doc *doc;
    yaml_node_t *at_start;
};

struct states *
states_load(const char *dir)
{
    struct states *s = xalloc(sizeof *s);
    s->doc = doc_load(dir, "config_states.yaml");
    s->at_start = map_need(s->doc, doc_root(s->doc), "at_start");
    return s;
}

static bool
seq_has(struct doc *d, yaml_node_t *seq, const char *name)
{
    for (int i = 0; i < seq_count(d, seq); i++)
        if (strcmp(node_text(d, seq_at(d, seq, i)), name) == 0) return true;
    return false;
}

static enum k_config_state
parse_state(struct doc *d, yaml_node_t *n)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(node_text(d, n), state_names[i]) == 0) return (enum k_config_state)i;
    doc_fail(d, n, "unknown state \"%s\"", node_text(d, n));
}

struct config_state
states_of(struct states *s, const char *section, const char *name)
{
    static const char *const keys[] = {"state", "why", "test", "names", NULL};
    struct doc *d = s->doc;
    yaml_node_t *groups = map_need(d, doc_root(d), section), *found = NULL;
    for (int i = 0; i < seq_count(d, groups); i++) {
        yaml_node_t *g = seq_at(d, groups, i);
        map_only(d, g, keys);
        if (!seq_has(d, map_need(d, g, "names"), name)) continue;
        if (found) doc_fail(d, g, "%s: \"%s\" has a state already", section, name);
        found = g;
    }
    if (!found) doc_fail(d, groups, "%s: \"%s\" has no state", section, name);
    struct config_state state = {.state = parse_state(d, map_need(d, found, "state"))};
    bool heeded = state.state == K_CS_HEEDED;
    state.why = node_text(d, map_need(d, found, heeded ? "test" : "why"));
    state.at_start = strcmp(section, "broker") == 0 && seq_has(d, s->at_start, name);
    if (state.at_start && !heeded) doc_fail(d, found, "at_start: \"%s\" is not heeded", name);
    return state;
}

static bool
section_has(struct doc *configs, const char *section, const char *name)
{
    yaml_node_t *list = map_need(configs, doc_root(configs), section);
    for (int i = 0; i < seq_count(configs, list); i++)
        if (strcmp(node_text(configs, map_need(configs, seq_at(configs, list, i), "name")), name) ==
            0)
            return true;
    return false;
}

void
states_check_names(struct states *s, struct doc *configs, const char *section)
{
    struct doc *d = s->doc;
    yaml_node_t *groups = map_need(d, doc_root(d), section);
    for (int i = 0; i < seq_count(d, groups); i++) {
        yaml_node_t *names = map_need(d, seq_at(d, groups, i), "names");
        for (int k = 0; k < seq_count(d, names); k++) {
            const char *name = node_text(d, seq_at(d, names, k));
            if (!section_has(configs, section, name))
                doc_fail(d, seq_at(d, names, k), "no configuration \"%s\"", name);
        }
    }
}

/* ---- the page -------------------------------------------------------------------------------- */

FILE *
page_open(const char *out)
{
    char *path = xformat("%s/CONFIGS.md", out);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    fputs(
        "# Settings\n\n"
        "What `gregord` makes of each of Kafka's settings. Written by `make configs-page` from\n"
        "`schema/configs.yaml` and `schema/config_states.yaml`; change those.\n\n"
        "- **heeded**: it makes the difference that it makes in Kafka; the file named shows it.\n"
        "  *At start* means that a change at run time is refused, although Kafka allows it.\n"
        "- **harmless**: it means nothing here, for the reason told.\n"
        "- **warned**: it is taken and makes no difference; the log says so when its value is not "
        "the default.\n"
        "- **refused**: it promises what is not there; a value that is not the default stops the "
        "start, and a\n"
        "  change at run time is refused.\n",
        f);
    return f;
}

void
page_section(FILE *f, const char *title)
{
    fprintf(f, "\n## %s\n\n| name | default | state | |\n|---|---|---|---|\n", title);
}

void
page_row(FILE *f, const char *name, const char *value, const struct config_state *s)
{
    const char *quote = s->state == K_CS_HEEDED ? "`" : "";
    fprintf(f, "| `%s` | ", name);
    if (value && *value) fprintf(f, "`%s`", value);
    fprintf(f, " | %s | %s%s%s%s |\n", state_names[s->state], s->at_start ? "at start; " : "",
            quote, s->why, quote);
}
