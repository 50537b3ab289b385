/* The report of several runs: one file, in which each run's own report stands on a line of its own, so that
 * it can be read as JSON and searched line by line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/cli.h"

bool
reports_open(struct reports *r, struct arena *a, const char *dir)
{
    const char *path = (const char *)arena_format(a, "%s/report.json", dir).p;
    *r = (struct reports){0};
    if (make_dir(dir)) r->file = fopen(path, "wb");
    if (!r->file) {
        fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
        return false;
    }
    fputs("{\"schema\":1,\"runs\":[", r->file);
    return true;
}

void
reports_add(struct reports *r, FILE *json)
{
    char line[4096];
    rewind(json);
    if (!r->file || !fgets(line, sizeof line, json)) return;
    fputs(r->n++ ? ",\n" : "\n", r->file);
    do {
        line[strcspn(line, "\n")] = 0;
        fputs(line, r->file);
    } while (fgets(line, sizeof line, json));
}

void
reports_close(struct reports *r)
{
    if (!r->file) return;
    fputs("\n]}\n", r->file);
    if (ferror(r->file) | fclose(r->file)) perror("gregor: report.json");
    r->file = NULL;
}
