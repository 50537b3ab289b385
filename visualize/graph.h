/* A drawing as a graph whose every position is pinned: nodes and edges say where they are, and Graphviz
 * only paints (layout "nop2"). Made with libcgraph; coordinates in points, y downwards from the top. */
#ifndef VISUALIZE_GRAPH_H
#define VISUALIZE_GRAPH_H

#include <graphviz/cgraph.h>

#include "broker/base/arena.h"
#include "broker/base/fmt.h"

struct graph {
    struct mem *mem;
    struct arena texts;
    Agraph_t *g;
    int64_t height; /* y of the bottom: known before anything is placed */
};

void graph_open(struct graph *g, struct mem *mem, const char *name, int64_t height);
void graph_close(struct graph *g);
/* A node with a table for a label, its left upper corner at x, y. html: without the enclosing < >. */
void graph_table(struct graph *g, struct slice name, int64_t x, int64_t y, int64_t width,
                 int64_t height, struct slice html);
/* A line of text, its left end at x. */
void graph_text(struct graph *g, struct slice name, int64_t x, int64_t y, int64_t width,
                int64_t size, const char *colour, bool is_bold, struct slice text);
/* An arrow that leaves one node at (x, y0) to the right, and comes back into another at (x, y1). */
/* The same, ending at x + width. */
void graph_text_right(struct graph *g, struct slice name, int64_t x, int64_t y, int64_t width,
                      int64_t size, const char *colour, struct slice said);
void graph_bow(struct graph *g, struct slice from, struct slice to, int64_t x, int64_t y0,
               int64_t y1, int64_t out, const char *colour, bool is_broken);
/* The DOT text. */
void graph_write(struct graph *g, struct writer *w);
/* Painted as SVG by libgvc. False: the library could not (a plugin is missing). */
bool graph_paint(struct graph *g, struct writer *w);

#endif
