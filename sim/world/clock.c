#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/world/fault.h"
#include "sim/world/internal.h"

int64_t
clock_when(const struct clock *c, int64_t mono_ns)
{
    if (mono_ns == TIME_NEVER) return TIME_NEVER;
    if (!c->ppm) return c->anchor_ns + (mono_ns - c->base_ns);
    clock_wide t = (clock_wide)(mono_ns - c->base_ns) * CLOCK_MILLION / (CLOCK_MILLION + c->ppm);
    int64_t at = c->anchor_ns + (int64_t)t;
    while (clock_mono(c, at) < mono_ns) at++;
    return at;
}

void
fault_clock_step(struct machine *m, int64_t ms)
{
    m->host->clock.wall_ms += ms;
    uint8_t text[64];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_slice(&w, m->name);
    fmt_str(&w, " by ");
    fmt_i64(&w, ms);
    fmt_str(&w, " ms");
    watch_fault(m->world, S("clock step"), writer_slice(&w));
}

static void
run_faster(struct machine *m, int64_t ppm)
{
    struct world *w = m->world;
    struct clock *c = &m->host->clock;
    c->base_ns = clock_mono(c, w->now_ns);
    c->anchor_ns = w->now_ns;
    c->ppm = ppm;
    for (int64_t i = 0; i < w->machines.n; i++)
        if (w->machines.v[i]->m.host == m->host) mach_wake(w->machines.v[i]);
}

int64_t
world_wall_ms(const struct world *w)
{
    return w->options.wall_ms + w->now_ns / NS_PER_MS;
}

void
fault_clock_heal(struct machine *m)
{
    struct world *w = m->world;
    struct clock *c = &m->host->clock;
    int64_t wrong_ms = clock_wall_ms(c, w->now_ns) - world_wall_ms(w);
    if (!c->ppm && !wrong_ms) return; /* nothing happened, so nothing is told */
    if (c->ppm) run_faster(m, 0);
    c->wall_ms -= wrong_ms;
    watch_fault(w, S("clock healed"), m->name);
}

void
fault_clock_drift(struct machine *m, int64_t ppm)
{
    CHECK(ppm > -CLOCK_MILLION);
    struct world *w = m->world;
    run_faster(m, ppm);
    uint8_t text[64];
    struct writer t = writer_fixed(text, sizeof text);
    fmt_slice(&t, m->name);
    fmt_str(&t, " by ");
    fmt_i64(&t, ppm);
    fmt_str(&t, " ppm");
    watch_fault(w, S("clock drift"), writer_slice(&t));
}
