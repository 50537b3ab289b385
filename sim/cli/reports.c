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
reports_add(struct reports *r, struct slice json)
{
    if (!r->file || !json.n) return;
    fputs(r->n++ ? ",\n" : "\n", r->file);
    for (int64_t at = 0; at < json.n;) {
        int64_t end = slice_find(json, '\n', at);
        if (end < 0) end = json.n;
        fwrite(json.p + at, 1, (size_t)(end - at), r->file);
        at = end + 1;
    }
}

void
reports_close(struct reports *r)
{
    if (!r->file) return;
    fputs("\n]}\n", r->file);
    if (ferror(r->file) | fclose(r->file)) perror("gregor: report.json");
    r->file = NULL;
}
