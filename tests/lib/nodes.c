#include "tests/lib/nodes.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/test.h"

#define SETTINGS 24

struct machine *nodes[NODES];
static struct node_params params[NODES];
static struct node_setting settings[NODES][SETTINGS];
static char texts[NODES][SETTINGS][80];

void
nodes_forget(void)
{
    memset(nodes, 0, sizeof nodes);
    memset(params, 0, sizeof params);
}

void
nodes_set(int i, const char *name, const char *value)
{
    int n = params[i].settings_n++;
    assert_true(n < SETTINGS);
    (void)snprintf(texts[i][n], sizeof texts[i][n], "%s", value);
    settings[i][n] = (struct node_setting){slice_cstr(name), slice_cstr(texts[i][n]), S("test")};
}

static void
start_node(struct env *env, void *args)
{
    env->machine = node_new(env, args);
}

static void
add(struct world *w, int i, const char *name, struct slice cluster_id)
{
    nodes_set(i, "controller.listener.names", "CONTROLLER");
    nodes_set(i, "log.dirs", "data");
    params[i].settings = settings[i];
    params[i].cluster_id = cluster_id;
    params[i].version = S("test");
    struct machine_params p = {
        .name = slice_cstr(name), .kind = S("broker"), .start = start_node, .args = &params[i]};
    nodes[i] = world_add(w, &p);
    machine_start(nodes[i]);
}

void
nodes_add_voter(struct world *w, int i)
{
    static const char *const names[NODES] = {"b1", "b2", "b3"};
    char text[80];
    (void)snprintf(text, sizeof text, "%d", i + 1);
    nodes_set(i, "node.id", text);
    nodes_set(i, "process.roles", "broker,controller");
    nodes_set(i, "controller.quorum.voters", "1@b1:9093,2@b2:9093,3@b3:9093");
    (void)snprintf(text, sizeof text, "PLAINTEXT://b%d:9092,CONTROLLER://b%d:9093", i + 1, i + 1);
    nodes_set(i, "listeners", text);
    add(w, i, names[i], NODES_CLUSTER_ID);
}

void
nodes_add_apart(struct world *w, int i, struct slice cluster_id)
{
    static const char *const names[NODES] = {"k1", "b1", "b2"};
    char text[80];
    (void)snprintf(text, sizeof text, "%d", i == K1 ? 101 : i);
    nodes_set(i, "node.id", text);
    nodes_set(i, "process.roles", i == K1 ? "controller" : "broker");
    nodes_set(i, "controller.quorum.voters", "101@k1:9093");
    (void)snprintf(text, sizeof text, i == K1 ? "CONTROLLER://%s:9093" : "PLAINTEXT://%s:9092",
                   names[i]);
    nodes_set(i, "listeners", text);
    add(w, i, names[i], cluster_id);
}

struct node *
nodes_get(int i)
{
    return nodes[i]->env.machine;
}
