/* Acknowledgements: a member says what became of records that it holds. */
#include "broker/base/check.h"
#include "broker/share/flight.h"
#include "errors.h"

int16_t
ack_batches_check(const struct ack_batch *v, int32_t n, bool may_renew)
{
    for (int32_t i = 0; i < n; i++) {
        if (v[i].first < 0 || v[i].last < v[i].first) return K_ERR_INVALID_REQUEST;
        if (i > 0 && v[i].first <= v[i - 1].last) return K_ERR_INVALID_REQUEST;
        if (v[i].types_n < 1) return K_ERR_INVALID_REQUEST;
        if (v[i].types_n > 1 && v[i].types_n - 1 != v[i].last - v[i].first)
            return K_ERR_INVALID_REQUEST;
        for (int32_t k = 0; k < v[i].types_n; k++)
            if (v[i].types[k] < ACK_GAP || v[i].types[k] > (may_renew ? ACK_RENEW : ACK_REJECT))
                return K_ERR_INVALID_REQUEST;
    }
    return 0;
}

/* What lies below the start was done with before, and is let pass. */
static int16_t
check_held(const struct flight *f, const struct ack_batch *b, struct slice member_id)
{
    if (b->last < f->start) return 0;
    if (b->last >= f->end) return K_ERR_INVALID_REQUEST;
    for (int64_t i = 0; i < f->runs.n; i++) {
        const struct flight_run *r = &f->runs.v[i];
        if (r->last < b->first || r->first > b->last) continue;
        if (!flight_is_held_by(r, member_id) || r->write) return K_ERR_INVALID_RECORD_STATE;
    }
    return 0;
}

struct deciding {
    const struct delivery_rule *rule;
    int64_t lock_ns;
    bool *decided;
};

static void
decide(struct flight *f, int64_t first, int64_t last, enum ack_type type, const struct deciding *d)
{
    first = MAX(first, f->start);
    if (first > last) return;
    int64_t i = flight_split(f, first);
    (void)flight_split(f, last + 1);
    for (; i < f->runs.n && f->runs.v[i].first <= last; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (type == ACK_RENEW) {
            r->lock_ns = d->lock_ns;
            continue;
        }
        r->next = delivery_after(type, r->count, d->rule);
        r->is_rejected = type == ACK_REJECT && r->next == DELIVERY_ARCHIVING;
        r->write = FLIGHT_DECIDED;
        *d->decided = true;
    }
}

static void
decide_batch(struct flight *f, const struct ack_batch *b, const struct deciding *d)
{
    if (b->types_n == 1) {
        decide(f, b->first, b->last, (enum ack_type)b->types[0], d);
        return;
    }
    for (int32_t i = 0, end; i < b->types_n; i = end) {
        for (end = i + 1; end < b->types_n && b->types[end] == b->types[i];) end++;
        decide(f, b->first + i, b->first + end - 1, (enum ack_type)b->types[i], d);
    }
}

int16_t
flight_acknowledge(struct flight *f, const struct ack_batch *v, int32_t n, struct slice member_id,
                   const struct delivery_rule *rule, int64_t lock_ns, bool *ret_decided)
{
    struct deciding d = {rule, lock_ns, ret_decided};
    *ret_decided = false;
    for (int32_t i = 0; i < n; i++) {
        int16_t err = check_held(f, &v[i], member_id);
        if (err) return err;
    }
    for (int32_t i = 0; i < n; i++) decide_batch(f, &v[i], &d);
    flight_tidy(f);
    return 0;
}
