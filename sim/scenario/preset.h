/* Presets: what happens to clusters, as short timelines with a name. Each is a file in presets/, a YAML document that is
 * built into the program:
 *
 *     preset: leader-lost
 *     about: what happens             finds: which mistakes of applications it finds
 *     with: {broker: {is: busiest, about: which one}}          parameters, and what they are if nobody says
 *     steps: [{crash: <broker>, for: 15s}]                     the first has no trigger, the others follow it
 *
 * A step that names one is replaced by its steps while it is read, so that a timeline, a typed line and whoever else
 * gives steps as text have them all. */
#ifndef SIM_SCENARIO_PRESET_H
#define SIM_SCENARIO_PRESET_H

#include "sim/scenario/load.h"

struct preset_file {
    const char *name, *text;
};
extern const struct preset_file preset_files[]; /* generated from presets/, by name */
extern const int32_t preset_files_n;

/* The steps that this one stands for; itself, if it names no preset. None: it is wrong, and that has been said. */
struct trees preset_expand(struct load *l, struct tree *step);
/* A file as a document; it is our own, so nothing can be wrong with it. */
struct tree *preset_read(struct arena *a, int32_t i);

#endif
