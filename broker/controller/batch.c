/* The batch in the making, and the notes that go with it. */
#include "broker/controller/internal.h"

#include "broker/protocol/record_frame.h"

#define NOT_PROPOSED INT64_MAX

void
batch_add(struct controller *c, enum k_msg msg, int16_t version, const void *rec)
{
    struct writer w = writer_mem(&c->env->mem);
    CHECK(metadata_record_write(&w, msg, version, rec, NULL));
    VEC_PUSH(&c->env->mem, &c->batch, mem_dup(&c->env->mem, writer_slice(&w)));
    writer_release(&w);
}

void
batch_cut(struct controller *c, int64_t n)
{
    while (c->batch.n > n) mem_free_slice(&c->env->mem, c->batch.v[--c->batch.n]);
}

static void
drop_note(struct controller *c, struct pending_note *p)
{
    list_remove(&p->node);
    mem_free_slice(&c->env->mem, p->subject);
    mem_free_slice(&c->env->mem, p->text);
    MEM_DELETE(&c->env->mem, p);
}

void
batch_drop(struct controller *c)
{
    batch_cut(c, 0);
    LIST_EACH(&c->notes, it, struct pending_note, node)
        if (it->offset == NOT_PROPOSED) drop_note(c, it);
}

static void
apply_batch(struct controller *c, int64_t base)
{
    for (int64_t i = 0; i < c->batch.n; i++) {
        const char *err =
            image_apply(&c->image, c->batch.v[i], base + i, c->epoch, &c->env->scratch);
        CHECK(err == NULL);
    }
    image_batch_end(&c->image, c->last_offset, c->epoch);
}

void
notes_place(struct controller *c, int64_t offset)
{
    LIST_EACH(&c->notes, it, struct pending_note, node) {
        if (it->offset != NOT_PROPOSED) continue;
        it->offset = offset;
        it->v[it->n++] = offset;
    }
}

bool
batch_propose(struct controller *c)
{
    if (c->batch.n == 0) return true;
    int64_t base = c->ops->next_offset(c->owner);
    if (!c->ops->propose(c->owner, c->epoch, c->batch.v, (int32_t)c->batch.n)) {
        batch_drop(c);
        return false;
    }
    /* What is decided next goes right behind it. */
    CHECK(base > c->last_offset && base > c->image.offset);
    CHECK(c->ops->next_offset(c->owner) == base + c->batch.n);
    c->last_offset = base + c->batch.n - 1;
    c->is_idle = false;
    notes_place(c, c->last_offset);
    apply_batch(c, base);
    batch_cut(c, 0);
    return true;
}

/* ---- notes ------------------------------------------------------------------------------------- */

static void
note_at(struct controller *c, int64_t offset, enum note_kind kind, struct slice subject,
        struct slice text, const int64_t *v, int32_t n)
{
    if (!c->env->notes_on) return;
    struct pending_note *p = MEM_NEW(&c->env->mem, struct pending_note);
    p->offset = offset;
    p->kind = kind;
    p->subject = mem_dup(&c->env->mem, subject);
    p->text = mem_dup(&c->env->mem, text);
    p->n = MIN(n, NOTE_NUMBERS);
    memcpy(p->v, v, (size_t)p->n * sizeof *v);
    list_push_back(&c->notes, &p->node);
}

void
decision_note(struct controller *c, enum note_kind kind, struct slice subject, struct slice text,
              const int64_t *v, int32_t n)
{
    CHECK(n < NOTE_NUMBERS);
    note_at(c, NOT_PROPOSED, kind, subject, text, v, n);
}

void
notes_tell(struct controller *c, int64_t high_watermark)
{
    LIST_EACH(&c->notes, it, struct pending_note, node) {
        if (it->offset >= high_watermark) break;
        if (c->env->notes_on) note_queue(c->env, it->kind, it->subject, it->text, it->v, it->n);
        drop_note(c, it);
    }
}

void
notes_drop(struct controller *c)
{
    LIST_EACH(&c->notes, it, struct pending_note, node) drop_note(c, it);
}

static void
fmt_ids(struct writer *w, const char *name, struct ids a)
{
    fmt_str(w, name);
    for (int32_t i = 0; i < a.n; i++) {
        if (i > 0) fmt_char(w, ',');
        fmt_i64(w, a.v[i]);
    }
}

void
note_partition(struct controller *c, const struct image_partition *p, int64_t offset)
{
    struct writer subject = writer_mem(&c->env->mem), text = writer_mem(&c->env->mem);
    fmt_slice(&subject, p->topic->name);
    fmt_char(&subject, '-'), fmt_i64(&subject, p->index);
    fmt_ids(&text, "replicas=", p->replicas);
    fmt_ids(&text, " isr=", p->isr);
    fmt_ids(&text, " elr=", p->elr);
    fmt_ids(&text, " last=", p->last_known_elr);
    bool is_unclean = p->recovery_state == RECOVERY_RECOVERING;
    int64_t v[] = {p->leader, p->leader_epoch, p->partition_epoch, is_unclean, offset};
    note_at(c, offset, NOTE_PARTITION_CHANGE, writer_slice(&subject), writer_slice(&text), v, 5);
    writer_release(&subject), writer_release(&text);
}

static void
note_delta(struct controller *c, const struct image_delta *d)
{
    if (!c->env->notes_on) return;
    for (int64_t i = 0; i < d->created_topics.n; i++) {
        const struct image_topic *t = d->created_topics.v[i];
        const struct image_partition *p = image_topic_partition(t, 0);
        int64_t v[] = {t->partitions_n, p ? p->replicas.n : 0};
        note_at(c, d->offset, NOTE_TOPIC_CREATED, t->name, SLICE_EMPTY, v, 2);
    }
    for (int64_t i = 0; i < d->deleted_topics.n; i++) {
        int64_t v[] = {d->deleted_topics.v[i].partitions_n};
        note_at(c, d->offset, NOTE_TOPIC_DELETED, d->deleted_topics.v[i].name, SLICE_EMPTY, v, 1);
    }
    for (int64_t i = 0; i < d->partitions.n; i++) note_partition(c, d->partitions.v[i], d->offset);
}

static void
take_decision(void *owner, const struct image_delta *d)
{
    note_delta(owner, d);
    duties_take(owner, d);
}

const struct image_ops decision_ops = {.changed = take_decision};

/* ---- texts ------------------------------------------------------------------------------------- */

struct slice
text_end(struct arena *a, struct writer *w)
{
    struct slice s = arena_dup(a, writer_slice(w));
    writer_release(w);
    return s;
}
