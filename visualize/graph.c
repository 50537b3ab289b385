#include "visualize/graph.h"

#include <errno.h>
#include <fcntl.h>
#include <graphviz/gvc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "visualize/svg.h"

/* The libraries take char * where they mean const. */
static char *
text(struct graph *g, struct slice s)
{
    return (char *)(uintptr_t)arena_dup(&g->texts, s).p;
}

static char *
literal(struct graph *g, const char *s)
{
    return text(g, slice_cstr(s));
}

static void
set(struct graph *g, void *of, const char *name, struct slice value)
{
    agsafeset(of, literal(g, name), text(g, value), literal(g, ""));
}

static void
set_html(struct graph *g, void *of, struct slice html)
{
    char *label = agstrdup_html(g->g, text(g, html));
    agsafeset(of, literal(g, "label"), label, literal(g, ""));
    agstrfree(g->g, label);
}

static void
default_of(struct graph *g, int kind, const char *name, const char *value)
{
    agattr(g->g, kind, literal(g, name), literal(g, value));
}

void
graph_open(struct graph *g, struct mem *mem, const char *name, int64_t height)
{
    *g = (struct graph){.mem = mem, .height = height};
    arena_init(&g->texts, mem, 0);
    agseterr(AGERR);
    g->g = agopen(literal(g, name), Agdirected, NULL);
    CHECK(g->g);
    default_of(g, AGRAPH, "bgcolor", "white");
    default_of(g, AGRAPH, "pad", "0.17");
    default_of(g, AGRAPH, "fontname", "Helvetica");
    default_of(g, AGNODE, "shape", "plaintext");
    default_of(g, AGNODE, "margin", "0");
    default_of(g, AGNODE, "fontname", "Helvetica");
    default_of(g, AGNODE, "fontsize", "10");
    default_of(g, AGEDGE, "arrowsize", "0.7");
}

void
graph_close(struct graph *g)
{
    agclose(g->g);
    arena_release(&g->texts);
}

static void
put_point(struct writer *w, int64_t x, int64_t y)
{
    fmt_i64(w, x);
    fmt_char(w, ',');
    fmt_i64(w, y);
}

static Agnode_t *
node(struct graph *g, struct slice name, int64_t x, int64_t y)
{
    char room[64];
    struct writer w = writer_fixed(room, sizeof room);
    Agnode_t *n = agnode(g->g, text(g, name), 1);
    put_point(&w, x, g->height - y);
    set(g, n, "pos", writer_slice(&w));
    return n;
}

/* Inches with two decimals, from points. */
static struct slice
inches(struct writer *w, int64_t points)
{
    int64_t hundredths = (points * 100 + 36) / 72;
    w->n = 0;
    fmt_i64(w, hundredths / 100);
    fmt_char(w, '.');
    fmt_padded(w, hundredths % 100, 2);
    return writer_slice(w);
}

void
graph_table(struct graph *g, struct slice name, int64_t x, int64_t y, int64_t width, int64_t height,
            struct slice html)
{
    char room[32];
    struct writer w = writer_fixed(room, sizeof room);
    Agnode_t *n = node(g, name, x + width / 2, y + height / 2);
    set(g, n, "width", inches(&w, width));
    set(g, n, "height", inches(&w, height));
    set_html(g, n, html);
}

/* As a table with one cell, because only in tables text keeps to a side. */
static void
put_text(struct graph *g, struct slice name, const struct box *b, int64_t size, const char *align,
         const char *colour, bool is_bold, struct slice said)
{
    struct writer w = writer_mem(g->mem);
    fmt_str(&w, "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"0\"><TR><TD "
                "ALIGN=\"");
    fmt_str(&w, align);
    fmt_str(&w, "\" FIXEDSIZE=\"TRUE\" WIDTH=\"");
    fmt_i64(&w, b->width);
    fmt_str(&w, "\" HEIGHT=\"");
    fmt_i64(&w, b->height);
    fmt_str(&w, "\"><FONT COLOR=\"");
    fmt_str(&w, colour);
    fmt_str(&w, "\" POINT-SIZE=\"");
    fmt_i64(&w, size);
    fmt_str(&w, is_bold ? "\"><B>" : "\">");
    for (int64_t i = 0; i < said.n; i++) {
        char c = (char)said.p[i];
        if (c == '&') fmt_str(&w, "&amp;");
        else if (c == '<') fmt_str(&w, "&lt;");
        else if (c == '>') fmt_str(&w, "&gt;");
        else fmt_char(&w, c);
    }
    if (!said.n) fmt_char(&w, ' ');
    fmt_str(&w, is_bold ? "</B></FONT></TD></TR></TABLE>" : "</FONT></TD></TR></TABLE>");
    graph_table(g, name, b->x, b->y, b->width, b->height, writer_slice(&w));
    writer_release(&w);
}

void
graph_text(struct graph *g, struct slice name, int64_t x, int64_t y, int64_t width, int64_t size,
           const char *colour, bool is_bold, struct slice said)
{
    put_text(g, name, &(struct box){x, y, width, size + 6}, size, "LEFT", colour, is_bold, said);
}

void
graph_text_right(struct graph *g, struct slice name, int64_t x, int64_t y, int64_t width,
                 int64_t size, const char *colour, struct slice said)
{
    put_text(g, name, &(struct box){x, y, width, size + 6}, size, "RIGHT", colour, false, said);
}

void
graph_bow(struct graph *g, struct slice from, struct slice to, int64_t x, int64_t y0, int64_t y1,
          int64_t out, const char *colour, bool is_broken)
{
    Agnode_t *a = agnode(g->g, text(g, from), 0), *b = agnode(g->g, text(g, to), 0);
    CHECK(a && b);
    Agedge_t *e = agedge(g->g, a, b, NULL, 1);
    char room[160];
    struct writer w = writer_fixed(room, sizeof room);
    fmt_str(&w, "e,");
    put_point(&w, x, g->height - y1);
    fmt_char(&w, ' ');
    put_point(&w, x, g->height - y0);
    fmt_char(&w, ' ');
    put_point(&w, x + out, g->height - y0);
    fmt_char(&w, ' ');
    put_point(&w, x + out, g->height - y1);
    fmt_char(&w, ' ');
    put_point(&w, x + 8, g->height - y1);
    set(g, e, "pos", writer_slice(&w));
    set(g, e, "color", slice_cstr(colour));
    set(g, e, "penwidth", is_broken ? S("2") : S("1.5"));
    if (is_broken) set(g, e, "style", S("dashed"));
}

void
graph_write(struct graph *g, struct writer *w)
{
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    CHECK(f);
    agwrite(g->g, f);
    fclose(f);
    writer_bytes(w, slice(out, (int64_t)n));
    free(out);
}

/* ---- painting ---- */

static bool
write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done <= 0) return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* Never returns: the process is the painter's. */
static _Noreturn void
paint_into(Agraph_t *g, int fd)
{
    char *out = NULL;
    unsigned int n = 0;
    GVC_t *c = gvContext();
    bool ok = c && gvLayout(c, g, "nop2") == 0 && gvRenderData(c, g, "svg", &out, &n) == 0 && out;
    _exit(ok && write_all(fd, out, n) ? 0 : 1);
}

static void
read_all(int fd, struct writer *w)
{
    char room[16384];
    for (ssize_t n; (n = read(fd, room, sizeof room)) > 0;) writer_bytes(w, slice(room, n));
}

/* In a process of its own. The library keeps pointers into what it has freed from one context to the next
 * (seen in 2.43, its font cache), and loads plugins that leak. */
bool
graph_paint(struct graph *g, struct writer *w)
{
    int ends[2], status = -1;
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    pid_t child = fork();
    if (child == 0) paint_into(g->g, ends[1]);
    close(ends[1]);
    if (child > 0) {
        read_all(ends[0], w);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
