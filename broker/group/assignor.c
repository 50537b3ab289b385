#include "broker/group/assignor.h"

static const struct {
    char name[8];
    void (*run)(struct assign_input *in);
} assignors[SERVER_ASSIGNORS_N] = {
    [SERVER_UNIFORM] = {"uniform", assign_uniformly},
    [SERVER_RANGE] = {"range", assign_ranges},
};

int
server_assignor_of(struct slice name)
{
    for (int i = 0; i < SERVER_ASSIGNORS_N; i++)
        if (slice_eq(name, slice_cstr(assignors[i].name))) return i;
    return -1;
}

struct slice
server_assignor_name(enum server_assignor a)
{
    return slice_cstr(assignors[a].name);
}

void
assign(enum server_assignor a, struct assign_input *in)
{
    assignors[a].run(in);
}

bool
assign_is_uniform(const struct assign_input *in)
{
    for (int32_t i = 0; i < in->members_n; i++)
        if (in->members[i].topics_n != in->topics_n) return false;
    return true;
}
