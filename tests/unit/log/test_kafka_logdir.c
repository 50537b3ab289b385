/* The log directory of a real Kafka 4.4.0 node: our log opens it, finds what Kafka's own files say, and
 * rebuilds those files from the batches to the same bytes. */
#include "broker/log/internal.h"
#include "tests/unit/log/fixture.h"

#include <zstd.h>

static struct slice
unpack(const char *path)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    static uint8_t packed[1 << 20];
    size_t n = fread(packed, 1, sizeof packed, in);
    fclose(in);
    size_t room = 64 << 20;
    uint8_t *out = malloc(room);
    size_t got = ZSTD_decompress(out, room, packed, n);
    assert_false(ZSTD_isError(got));
    return slice(out, (int64_t)got);
}

static int64_t
octal(const uint8_t *p)
{
    int64_t v = 0;
    for (int i = 0; i < 11; i++) v = v * 8 + (p[i] - '0');
    return v;
}

/* Regular files of a tar archive, "data/" taken off. */
static void
untar(struct disk *d, struct slice tar)
{
    for (int64_t at = 0; at + 512 <= tar.n && tar.p[at];) {
        const char *name = (const char *)tar.p + at;
        int64_t size = octal(tar.p + at + 124);
        if (tar.p[at + 156] == '0' || tar.p[at + 156] == 0) {
            const char *path = strstr(name, "data/");
            assert_non_null(path);
            disk_put_file(d, path + 5, slice(tar.p + at + 512, size));
        } else {
            char dir[160];
            const char *path = strstr(name, "data/");
            snprintf(dir, sizeof dir, "%s", path ? path + 5 : "");
            if (*dir && dir[strlen(dir) - 1] == '/') dir[strlen(dir) - 1] = 0;
            if (*dir) names_put(&d->now, dir, NULL), names_put(&d->safe, dir, NULL);
        }
        at += 512 + (size + 511) / 512 * 512;
    }
}

struct expected {
    const char *dir;
    int64_t end;
    int aborted;
    bool compact;
};

static const struct expected logs[] = {
    {"demo-0", 24, 2, false},
    {"demo-2", 10, 0, false},
    {"__consumer_offsets-0", 28, 0, true},
    {"__consumer_offsets-1", 9, 0, true},
    {"__transaction_state-0", 13, 0, true},
    {"__cluster_metadata-0", 141, 0, false},
};

static void
open_dir(struct fixture *f, struct disk *d, const struct expected *e, bool clean)
{
    body_start(&f->body, d);
    f->config = log_config_default();
    f->config.may_have_gaps = e->compact;
    f->ops = (struct commitlog_ops){.ready = fixture_ready, .failed = fixture_failed};
    f->is_ready = false;
    memset(&f->log, 0, sizeof f->log);
    struct commitlog_params p = {
        .dir = slice_cstr(e->dir),
        .name = slice_cstr(e->dir),
        .config = &f->config,
        .ops = &f->ops,
        .owner = f,
        .clean = clean,
    };
    commitlog_open(&f->log, &f->body.env, &p);
    body_run(&f->body);
    assert_true(f->is_ready);
    assert_int_equal(f->ready, LOG_OK);
}

static struct slice
kafka_file(struct disk *d, const char *dir, const char *file)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return disk_file(d, path);
}

static void
assert_same(struct slice a, struct slice b)
{
    assert_int_equal(a.n, b.n);
    if (a.n) assert_memory_equal(a.p, b.p, (size_t)a.n);
}

/* Kafka's snapshot is the beginning of ours, but for the checksum: behind it the earlier batches stand. */
static void
assert_same_producers(struct slice ours, struct slice kafka)
{
    const int64_t version = 2, checksum = 4, skipped = version + checksum;
    assert_in_range(kafka.n, skipped, ours.n);
    assert_memory_equal(ours.p, kafka.p, version);
    assert_memory_equal(ours.p + skipped, kafka.p + skipped, (size_t)(kafka.n - skipped));
}

/* What is rebuilt, against Kafka's files. */
static void
check_rebuilt(struct fixture *f, struct disk *d, const struct expected *e)
{
    struct mem *mem = &f->body.env.mem;
    struct writer w = writer_mem(mem);
    char name[64];
    epoch_cache_print(&f->log.epochs, &w);
    assert_same(writer_slice(&w), kafka_file(d, e->dir, "leader-epoch-checkpoint"));
    w.n = 0;
    producer_snapshot_print(f->log.producers, CRC32C_PORTABLE, &w);
    snprintf(name, sizeof name, "%020d.snapshot", (int)e->end);
    assert_same_producers(writer_slice(&w), kafka_file(d, e->dir, name));
    w.n = 0;
    txn_index_print(&f->log.aborted, 0, INT64_MAX, &w);
    if (e->aborted)
        assert_same(writer_slice(&w), kafka_file(d, e->dir, "00000000000000000000.txnindex"));
    assert_int_equal(f->log.aborted.v.n, e->aborted);
    w.n = 0;
    struct segment *s = log_active(&f->log);
    segment_seal(s);
    index_print_offsets(&s->index, &w);
    index_print_times(&s->index, &w);
    if (strcmp(e->dir, "__cluster_metadata-0") != 0) {
        struct slice o = kafka_file(d, e->dir, "00000000000000000000.index");
        struct slice t = kafka_file(d, e->dir, "00000000000000000000.timeindex");
        assert_same(slice(w.p, o.n), o);
        assert_same(slice(w.p + o.n, w.n - o.n), t);
    }
    writer_release(&w);
}

static void
kafkas_files_are_understood_and_rebuilt(void **state)
{
    struct slice tar = unpack(*state);
    for (int clean = 0; clean < 2; clean++) {
        for (int i = 0; i < ARRAY_LEN(logs); i++) {
            struct disk *d = disk_new(1), *kept = disk_new(1);
            struct fixture f = {0};
            untar(d, tar);
            untar(kept, tar);
            open_dir(&f, d, &logs[i], clean);
            assert_int_equal(commitlog_assigned_end(&f.log), logs[i].end);
            assert_false(uuid_is_zero(f.log.topic_id));
            if (!clean) check_rebuilt(&f, kept, &logs[i]);
            assert_int_equal(f.log.aborted.v.n, logs[i].aborted);
            fixture_close(&f);
            disk_free(d);
            disk_free(kept);
        }
    }
    free((void *)(uintptr_t)tar.p);
}

int
main(int argc, char **argv)
{
    static char path[] = "tests/golden/vectors/logdir-4.4.0.tar.zst";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(kafkas_files_are_understood_and_rebuilt,
                                  argc > 1 ? argv[1] : path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
