#include "tests/lib/test.h"

#include "broker/base/arena.h"
#include "broker/metadata/image.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/schema.h"
#include "broker/record/builder.h"

static struct mem mem;
static struct arena scratch;
static struct image im;
static int64_t next_offset;

/* What the last delta said. */
static int told, told_created, told_deleted, told_partitions, told_brokers, told_gone, told_configs;
static bool told_features;

static void
changed(void *owner, const struct image_delta *d)
{
    (void)owner;
    told++;
    told_created = (int)d->created_topics.n;
    told_deleted = (int)d->deleted_topics.n;
    told_partitions = (int)d->partitions.n;
    told_brokers = (int)d->brokers.n;
    told_gone = (int)d->gone_brokers.n;
    told_configs = (int)d->configs.n;
    told_features = d->features_changed;
}

static const struct image_ops ops = {changed};

static int
begin(void **state)
{
    (void)state;
    test_mem_init(&mem);
    arena_init(&scratch, &mem, 0);
    image_init(&im, &mem, (struct siphash_key){1, 2}, &ops, NULL);
    next_offset = 0;
    told = 0;
    return 0;
}

static int
end(void **state)
{
    (void)state;
    image_release(&im);
    arena_release(&scratch);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
    return 0;
}

static struct slice
framed(enum k_msg msg, int16_t version, const void *rec)
{
    struct writer w = writer_mem(&mem);
    writer_uvarint(&w, 1);
    writer_uvarint(&w, (uint32_t)k_messages[msg].api_key);
    writer_uvarint(&w, (uint32_t)version);
    assert_true(codec_write(msg, version, rec, &w, NULL));
    struct slice s = arena_dup(&scratch, writer_slice(&w));
    writer_release(&w);
    return s;
}

static const char *
put(enum k_msg msg, int16_t version, const void *rec)
{
    return image_apply(&im, framed(msg, version, rec), next_offset++, 1, &scratch);
}

static void
batch_end(void)
{
    image_batch_end(&im, next_offset - 1, 1);
}

static const char *
put_broker(int32_t id, int64_t epoch)
{
    struct k_register_broker_record r;
    codec_default(K_MSG_REGISTER_BROKER_RECORD, &r);
    struct k_register_broker_record_broker_endpoint ends[] = {
        {S("PLAINTEXT"), S("host"), 9092, 0},
        {S("INTERNAL"), S("inside"), 9094, 0},
    };
    struct k_register_broker_record_broker_feature feature = {S("metadata.version"), 7, 33};
    struct uuid dir = {{9}};
    r.broker_id = id;
    r.broker_epoch = epoch;
    r.incarnation_id = (struct uuid){{(uint8_t)id}};
    r.end_points = ends;
    r.end_points_n = 2;
    r.features = &feature;
    r.features_n = 1;
    r.rack = S("r1");
    r.log_dirs = &dir;
    r.log_dirs_n = 1;
    return put(K_MSG_REGISTER_BROKER_RECORD, 4, &r);
}

static const char *
put_topic(struct slice name, uint8_t id)
{
    struct k_topic_record r;
    codec_default(K_MSG_TOPIC_RECORD, &r);
    r.name = name;
    r.topic_id = (struct uuid){{id}};
    return put(K_MSG_TOPIC_RECORD, 0, &r);
}

static const char *
put_partition(uint8_t topic, int32_t index)
{
    struct k_partition_record r;
    codec_default(K_MSG_PARTITION_RECORD, &r);
    int32_t replicas[] = {3, 1, 2}, isr[] = {3, 1};
    int32_t elr[] = {2};
    struct uuid dirs[] = {{{3}}, {{1}}, {{2}}};
    r.topic_id = (struct uuid){{topic}};
    r.partition_id = index;
    r.replicas = replicas, r.replicas_n = 3;
    r.isr = isr, r.isr_n = 2;
    r.eligible_leader_replicas = elr, r.eligible_leader_replicas_n = 1;
    r.directories = dirs, r.directories_n = 3;
    r.leader = 3;
    r.leader_epoch = r.partition_epoch = 0;
    return put(K_MSG_PARTITION_RECORD, 2, &r);
}

static const char *
remove_topic(uint8_t id)
{
    struct k_remove_topic_record r;
    codec_default(K_MSG_REMOVE_TOPIC_RECORD, &r);
    r.topic_id = (struct uuid){{id}};
    return put(K_MSG_REMOVE_TOPIC_RECORD, 0, &r);
}

static const char *
put_config(int8_t type, struct slice resource, struct slice name, struct slice value)
{
    struct k_config_record r;
    codec_default(K_MSG_CONFIG_RECORD, &r);
    r.resource_type = type;
    r.resource_name = resource;
    r.name = name;
    r.value = value;
    return put(K_MSG_CONFIG_RECORD, 0, &r);
}

static const char *
put_feature(struct slice name, int16_t level)
{
    struct k_feature_level_record r;
    codec_default(K_MSG_FEATURE_LEVEL_RECORD, &r);
    r.name = name;
    r.feature_level = level;
    return put(K_MSG_FEATURE_LEVEL_RECORD, 0, &r);
}

static const char *
put_transaction(enum k_msg msg)
{
    union {
        struct k_begin_transaction_record begin;
        struct k_end_transaction_record end;
        struct k_abort_transaction_record abort;
    } r;
    codec_default(msg, &r);
    return put(msg, 0, &r);
}

/* ---- brokers ----------------------------------------------------------------------------------- */

static void
a_registration_is_kept_whole(void **state)
{
    (void)state;
    next_offset = 40;
    assert_null(put_broker(2, 39));
    struct image_broker *b = image_broker(&im, 2);
    assert_non_null(b);
    assert_int_equal(b->epoch, 39);
    assert_int_equal(b->registered_offset, 40);
    assert_true(b->is_fenced);
    assert_slice(b->rack, "r1");
    assert_slice(image_endpoint(b, S("INTERNAL"))->host, "inside");
    assert_int_equal(image_endpoint(b, S("INTERNAL"))->port, 9094);
    assert_null(image_endpoint(b, S("SSL")));
    assert_int_equal(b->features[0].max, 33);
    assert_int_equal(b->log_dirs[0].b[0], 9);
    assert_int_equal(b->cordoned_log_dirs_n, -1);
    assert_false(image_broker_is_active(&im, 2));
    assert_null(image_broker(&im, 3));
}

static void
a_second_registration_replaces_the_first(void **state)
{
    (void)state;
    assert_null(put_broker(2, 39));
    assert_null(put_broker(2, 50));
    assert_int_equal(im.brokers.n, 1);
    assert_int_equal(image_broker(&im, 2)->epoch, 50);
}

static void
brokers_stand_in_the_order_of_their_ids(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 5; i++) assert_null(put_broker((i * 3 + 1) % 5, i));
    for (int32_t i = 0; i < 5; i++) assert_int_equal(im.brokers.v[i]->id, i);
}

static const char *
put_change(int32_t id, int64_t epoch, int8_t fenced, int8_t shutdown)
{
    struct k_broker_registration_change_record r;
    codec_default(K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, &r);
    r.broker_id = id;
    r.broker_epoch = epoch;
    r.fenced = fenced;
    r.in_controlled_shutdown = shutdown;
    return put(K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, 3, &r);
}

static void
a_broker_is_active_between_unfencing_and_shutdown(void **state)
{
    (void)state;
    assert_null(put_broker(1, 5));
    assert_null(put_change(1, 5, -1, 0));
    assert_true(image_broker_is_active(&im, 1));
    assert_null(put_change(1, 5, 0, 1));
    assert_false(image_broker_is_active(&im, 1));
    assert_false(image_broker(&im, 1)->is_fenced);
    assert_null(put_change(1, 5, 1, 0));
    assert_true(image_broker(&im, 1)->is_fenced);
}

static void
the_last_epoch_that_served_outlives_registrations_that_did_not(void **state)
{
    (void)state;
    assert_null(put_broker(1, 5));
    assert_int_equal(image_broker(&im, 1)->served_epoch, NO_BROKER_EPOCH);
    assert_null(put_change(1, 5, -1, 0));
    assert_int_equal(image_broker(&im, 1)->served_epoch, 5);
    assert_null(put_change(1, 5, 1, 0));
    assert_null(put_broker(1, 8));
    assert_null(put_broker(1, 9));
    assert_int_equal(image_broker(&im, 1)->served_epoch, 5);
    assert_null(put_change(1, 9, -1, 0));
    assert_int_equal(image_broker(&im, 1)->served_epoch, 9);
}

static void
a_change_under_another_broker_epoch_is_an_error(void **state)
{
    (void)state;
    assert_null(put_broker(1, 5));
    assert_non_null(put_change(1, 4, -1, 0));
    assert_non_null(put_change(2, 5, -1, 0));
}

static void
an_unregistered_broker_is_gone_and_told_so(void **state)
{
    (void)state;
    assert_null(put_broker(1, 5));
    struct k_unregister_broker_record r;
    codec_default(K_MSG_UNREGISTER_BROKER_RECORD, &r);
    r.broker_id = 1;
    r.broker_epoch = 4;
    assert_non_null(put(K_MSG_UNREGISTER_BROKER_RECORD, 0, &r));
    r.broker_epoch = 5;
    assert_null(put(K_MSG_UNREGISTER_BROKER_RECORD, 0, &r));
    batch_end();
    assert_null(image_broker(&im, 1));
    assert_int_equal(told_brokers, 0);
    assert_int_equal(told_gone, 1);
}

/* ---- topics ------------------------------------------------------------------------------------ */

static void
topics_are_found_by_name_and_by_id_and_sorted(void **state)
{
    (void)state;
    assert_null(put_topic(S("b"), 2));
    assert_null(put_topic(S("c"), 3));
    assert_null(put_topic(S("a"), 1));
    assert_slice(im.topics.v[0]->name, "a");
    assert_slice(im.topics.v[2]->name, "c");
    assert_ptr_equal(image_topic(&im, S("b")), image_topic_by_id(&im, (struct uuid){{2}}));
    assert_null(image_topic(&im, S("bb")));
    assert_null(image_topic_by_id(&im, UUID_ZERO));
}

static void
a_topic_cannot_be_created_twice(void **state)
{
    (void)state;
    assert_null(put_topic(S("a"), 1));
    assert_non_null(put_topic(S("a"), 2));
    assert_non_null(put_topic(S("b"), 1));
}

static void
a_partition_is_kept_whole(void **state)
{
    (void)state;
    assert_null(put_topic(S("a"), 1));
    assert_null(put_partition(1, 0));
    struct image_partition *p = image_partition(&im, S("a"), 0);
    assert_int_equal(p->replicas.n, 3);
    assert_int_equal(p->replicas.v[0], 3);
    assert_int_equal(p->isr.n, 2);
    assert_int_equal(p->leader, 3);
    assert_int_equal(p->elr.v[0], 2);
    assert_int_equal(image_partition_directory(p, 1).b[0], 1);
    assert_true(uuid_is_zero(image_partition_directory(p, 7)));
    assert_null(image_partition(&im, S("a"), 1));
    assert_null(image_partition(&im, S("a"), -1));
    assert_non_null(put_partition(2, 0));
    assert_non_null(put_partition(1, -1));
}

static void
only_a_named_leader_raises_the_leader_epoch(void **state)
{
    (void)state;
    struct k_partition_change_record r;
    assert_null(put_topic(S("a"), 1));
    assert_null(put_partition(1, 0));
    struct image_partition *p = image_partition(&im, S("a"), 0);
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    int32_t isr[] = {3};
    r.topic_id = (struct uuid){{1}};
    r.partition_id = 0;
    r.isr = isr, r.isr_n = 1;
    assert_null(put(K_MSG_PARTITION_CHANGE_RECORD, 2, &r));
    assert_int_equal(p->isr.n, 1);
    assert_int_equal(p->leader_epoch, 0);
    assert_int_equal(p->partition_epoch, 1);
    assert_int_equal(p->elr.n, 1);
    r.isr = NULL, r.isr_n = -1;
    r.leader = 3;
    r.eligible_leader_replicas_n = 0;
    assert_null(put(K_MSG_PARTITION_CHANGE_RECORD, 2, &r));
    assert_int_equal(p->leader_epoch, 1);
    assert_int_equal(p->partition_epoch, 2);
    assert_int_equal(p->isr.n, 1);
    assert_int_equal(p->elr.n, 0);
    r.partition_id = 1;
    assert_non_null(put(K_MSG_PARTITION_CHANGE_RECORD, 2, &r));
}

static void
clearing_the_elr_changes_only_partitions_that_have_one(void **state)
{
    (void)state;
    struct k_clear_elr_record r;
    codec_default(K_MSG_CLEAR_ELR_RECORD, &r);
    assert_null(put_topic(S("a"), 1));
    assert_null(put_partition(1, 0));
    batch_end();
    r.topic_name = S("a");
    assert_null(put(K_MSG_CLEAR_ELR_RECORD, 0, &r));
    batch_end();
    assert_int_equal(told_partitions, 1);
    assert_int_equal(image_partition(&im, S("a"), 0)->elr.n, 0);
    assert_int_equal(image_partition(&im, S("a"), 0)->partition_epoch, 1);
    r.topic_name = SLICE_EMPTY;
    assert_null(put(K_MSG_CLEAR_ELR_RECORD, 0, &r));
    assert_int_equal(image_partition(&im, S("a"), 0)->partition_epoch, 1);
    r.topic_name = S("nothere");
    assert_non_null(put(K_MSG_CLEAR_ELR_RECORD, 0, &r));
}

static void
a_removed_topic_takes_its_settings_along(void **state)
{
    (void)state;
    assert_null(put_topic(S("a"), 1));
    assert_null(put_partition(1, 0));
    assert_null(put_config(RESOURCE_TOPIC, S("a"), S("retention.ms"), S("1")));
    batch_end();
    assert_null(remove_topic(1));
    batch_end();
    assert_int_equal(told_deleted, 1);
    assert_int_equal(told_partitions, 0);
    assert_int_equal(told_configs, 1);
    assert_null(image_config(&im, RESOURCE_TOPIC, S("a")));
    assert_int_equal(im.partitions_n, 0);
    assert_non_null(remove_topic(1));
}

/* ---- deltas ------------------------------------------------------------------------------------ */

static void
each_change_is_told_once(void **state)
{
    (void)state;
    assert_null(put_topic(S("a"), 1));
    assert_null(put_partition(1, 0));
    assert_null(put_partition(1, 0));
    assert_null(put_broker(1, 5));
    assert_null(put_change(1, 5, -1, 0));
    batch_end();
    assert_int_equal(told, 1);
    assert_int_equal(told_created, 1);
    assert_int_equal(told_partitions, 1);
    assert_int_equal(told_brokers, 1);
    batch_end();
    assert_int_equal(told, 1);
}

static void
what_came_and_went_in_one_batch_is_not_told(void **state)
{
    (void)state;
    assert_null(put_topic(S("a"), 1));
    assert_null(put_partition(1, 0));
    assert_null(remove_topic(1));
    batch_end();
    assert_int_equal(told, 0);
}

static void
a_name_can_be_deleted_and_created_anew_in_one_batch(void **state)
{
    (void)state;
    assert_null(put_topic(S("a"), 1));
    batch_end();
    assert_null(remove_topic(1));
    assert_null(put_topic(S("a"), 2));
    batch_end();
    assert_int_equal(told_created, 1);
    assert_int_equal(told_deleted, 1);
}

/* ---- transactions ------------------------------------------------------------------------------ */

static void
nothing_of_a_transaction_is_seen_before_its_end(void **state)
{
    (void)state;
    assert_null(put_transaction(K_MSG_BEGIN_TRANSACTION_RECORD));
    assert_null(put_topic(S("a"), 1));
    batch_end();
    assert_null(image_topic(&im, S("a")));
    assert_int_equal(told, 0);
    assert_null(put_broker(7, 1));
    assert_null(put_transaction(K_MSG_END_TRANSACTION_RECORD));
    batch_end();
    assert_non_null(image_topic(&im, S("a")));
    assert_int_equal(image_broker(&im, 7)->registered_offset, 2);
    assert_int_equal(told, 1);
    assert_int_equal(told_created, 1);
}

static void
an_aborted_transaction_leaves_nothing(void **state)
{
    (void)state;
    assert_null(put_transaction(K_MSG_BEGIN_TRANSACTION_RECORD));
    assert_null(put_topic(S("a"), 1));
    assert_null(put_transaction(K_MSG_ABORT_TRANSACTION_RECORD));
    batch_end();
    assert_null(image_topic(&im, S("a")));
    assert_int_equal(told, 0);
    assert_null(put_topic(S("b"), 2));
    assert_non_null(image_topic(&im, S("b")));
}

static void
transactions_out_of_order_are_errors(void **state)
{
    (void)state;
    assert_non_null(put_transaction(K_MSG_END_TRANSACTION_RECORD));
    assert_non_null(put_transaction(K_MSG_ABORT_TRANSACTION_RECORD));
    assert_null(put_transaction(K_MSG_BEGIN_TRANSACTION_RECORD));
    assert_non_null(put_transaction(K_MSG_BEGIN_TRANSACTION_RECORD));
}

static void
a_clone_carries_the_open_transaction(void **state)
{
    (void)state;
    struct image copy;
    assert_null(put_transaction(K_MSG_BEGIN_TRANSACTION_RECORD));
    assert_null(put_topic(S("a"), 1));
    image_clone(&im, &copy);
    struct k_end_transaction_record r;
    codec_default(K_MSG_END_TRANSACTION_RECORD, &r);
    struct slice value = framed(K_MSG_END_TRANSACTION_RECORD, 0, &r);
    assert_null(image_apply(&copy, value, 9, 1, &scratch));
    assert_non_null(image_topic(&copy, S("a")));
    assert_null(image_topic(&im, S("a")));
    image_release(&copy);
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static void
a_clone_is_equal_and_independent(void **state)
{
    (void)state;
    struct image copy;
    assert_null(put_broker(1, 5));
    assert_null(put_topic(S("a"), 1));
    assert_null(put_partition(1, 0));
    assert_null(put_config(RESOURCE_TOPIC, S("a"), S("retention.ms"), S("1")));
    assert_null(put_feature(S("metadata.version"), 33));
    image_clone(&im, &copy);
    assert_int_equal(copy.offset, im.offset);
    assert_null(remove_topic(1));
    assert_int_equal(image_partition(&copy, S("a"), 0)->replicas.v[2], 2);
    assert_slice(image_config_value(&copy, RESOURCE_TOPIC, S("a"), S("retention.ms")), "1");
    assert_int_equal(image_feature_level(&copy, S("metadata.version")), 33);
    assert_slice(image_broker(&copy, 1)->endpoints[0].host, "host");
    assert_true(copy.has_history);
    image_release(&copy);
}

static void
settings_are_set_replaced_and_taken_back(void **state)
{
    (void)state;
    assert_null(put_config(RESOURCE_BROKER, SLICE_EMPTY, S("b"), S("1")));
    assert_null(put_config(RESOURCE_BROKER, SLICE_EMPTY, S("a"), S("2")));
    assert_null(put_config(RESOURCE_BROKER, SLICE_EMPTY, S("b"), S("3")));
    const struct image_config *c = image_config(&im, RESOURCE_BROKER, SLICE_EMPTY);
    assert_int_equal(c->values.n, 2);
    assert_slice(c->values.v[0].name, "a");
    assert_slice(c->values.v[1].value, "3");
    assert_null(put_config(RESOURCE_BROKER, SLICE_EMPTY, S("a"), SLICE_NULL));
    assert_null(put_config(RESOURCE_BROKER, SLICE_EMPTY, S("b"), SLICE_NULL));
    assert_null(image_config(&im, RESOURCE_BROKER, SLICE_EMPTY));
    assert_null(image_config_value(&im, RESOURCE_BROKER, SLICE_EMPTY, S("a")).p);
    batch_end();
    assert_int_equal(told_configs, 1);
}

static void
level_zero_takes_a_feature_back(void **state)
{
    (void)state;
    assert_null(put_feature(S("group.version"), 1));
    assert_int_equal(im.features_epoch, 0);
    assert_null(put_feature(S("group.version"), 0));
    assert_int_equal(image_feature_level(&im, S("group.version")), 0);
    assert_int_equal(im.features.n, 0);
    assert_int_equal(im.features_epoch, 1);
    batch_end();
    assert_true(told_features);
}

static void
controllers_are_kept_apart_from_brokers(void **state)
{
    (void)state;
    struct k_register_controller_record r;
    codec_default(K_MSG_REGISTER_CONTROLLER_RECORD, &r);
    struct k_register_controller_record_controller_endpoint e = {S("CONTROLLER"), S("k"), 9093, 0};
    r.controller_id = 101;
    r.end_points = &e, r.end_points_n = 1;
    assert_null(put(K_MSG_REGISTER_CONTROLLER_RECORD, 0, &r));
    assert_null(image_broker(&im, 101));
    assert_int_equal(image_endpoint(image_controller(&im, 101), S("CONTROLLER"))->port, 9093);
}

static void
a_snapshot_tells_what_is_gone_and_not_what_came_back(void **state)
{
    (void)state;
    assert_null(put_broker(1, 5));
    assert_null(put_broker(2, 6));
    assert_null(put_topic(S("a"), 1));
    assert_null(put_topic(S("b"), 2));
    batch_end();
    image_snapshot_begin(&im);
    assert_null(put_broker(1, 5));
    assert_null(put_topic(S("a"), 1));
    image_snapshot_end(&im, 50, 3);
    assert_int_equal(told_deleted, 1);
    assert_int_equal(told_gone, 1);
    assert_int_equal(told_created, 1);
    assert_int_equal(told_brokers, 1);
    assert_int_equal(im.offset, 49);
    assert_null(image_topic(&im, S("b")));
}

static void
the_checkpoint_of_a_format_is_no_history(void **state)
{
    (void)state;
    image_snapshot_begin(&im);
    assert_null(put_feature(S("metadata.version"), 33));
    image_snapshot_end(&im, 0, 0);
    assert_int_equal(image_feature_level(&im, S("metadata.version")), 33);
    assert_false(im.has_history);
    assert_int_equal(im.offset, -1);
    assert_null(put_feature(S("metadata.version"), 33));
    assert_true(im.has_history);
}

static void
what_cannot_be_understood_is_an_error(void **state)
{
    (void)state;
    struct k_topic_record r;
    codec_default(K_MSG_TOPIC_RECORD, &r);
    r.name = S("a");
    struct slice good = framed(K_MSG_TOPIC_RECORD, 0, &r);
    uint8_t bytes[64];
    memcpy(bytes, good.p, (size_t)good.n);
    assert_non_null(image_apply(&im, SLICE_EMPTY, 0, 1, &scratch));
    for (int64_t n = 0; n < good.n; n++)
        assert_non_null(image_apply(&im, slice(bytes, n), 0, 1, &scratch));
    assert_non_null(image_apply(&im, slice(bytes, good.n + 1), 0, 1, &scratch));
    bytes[0] = 2;
    assert_non_null(image_apply(&im, slice(bytes, good.n), 0, 1, &scratch));
    bytes[0] = 1, bytes[1] = 99;
    assert_non_null(image_apply(&im, slice(bytes, good.n), 0, 1, &scratch));
    bytes[1] = 6;
    assert_non_null(image_apply(&im, slice(bytes, good.n), 0, 1, &scratch));
    bytes[1] = 2, bytes[2] = 1;
    assert_non_null(image_apply(&im, slice(bytes, good.n), 0, 1, &scratch));
    bytes[2] = 0;
    assert_null(image_apply(&im, slice(bytes, good.n), 0, 1, &scratch));
}

static void
kinds_that_the_image_does_not_keep_are_passed_over(void **state)
{
    (void)state;
    struct k_no_op_record r;
    codec_default(K_MSG_NO_OP_RECORD, &r);
    assert_null(put(K_MSG_NO_OP_RECORD, 0, &r));
    batch_end();
    assert_int_equal(told, 0);
    assert_int_equal(im.offset, 0);
}

static void
a_record_batch_is_applied_from_its_base_offset(void **state)
{
    (void)state;
    struct batch_builder b;
    struct k_feature_level_record r;
    codec_default(K_MSG_FEATURE_LEVEL_RECORD, &r);
    r.name = S("metadata.version");
    r.feature_level = 33;
    builder_init(&b, &mem, 1 << 20);
    b.h.base_offset = 100;
    b.h.leader_epoch = 7;
    assert_true(builder_add(&b, 0, SLICE_NULL, framed(K_MSG_FEATURE_LEVEL_RECORD, 0, &r), NULL, 0));
    r.name = S("group.version");
    r.feature_level = 1;
    assert_true(builder_add(&b, 0, SLICE_NULL, framed(K_MSG_FEATURE_LEVEL_RECORD, 0, &r), NULL, 0));
    struct buf *buf = builder_finish(&b, CRC32C_PORTABLE, &mem);
    assert_null(image_apply_batch(&im, slice(buf->data, buf->n), &scratch));
    assert_int_equal(im.offset, 101);
    assert_int_equal(im.features_epoch, 101);
    assert_int_equal(im.epoch, 7);
    assert_int_equal(told, 1);
    assert_non_null(image_apply_batch(&im, slice(buf->data, buf->n - 1), &scratch));
    buf_unref(buf);
    builder_release(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_registration_is_kept_whole),
        TEST(a_second_registration_replaces_the_first),
        TEST(brokers_stand_in_the_order_of_their_ids),
        TEST(a_broker_is_active_between_unfencing_and_shutdown),
        TEST(a_change_under_another_broker_epoch_is_an_error),
        TEST(the_last_epoch_that_served_outlives_registrations_that_did_not),
        TEST(an_unregistered_broker_is_gone_and_told_so),
        TEST(topics_are_found_by_name_and_by_id_and_sorted),
        TEST(a_topic_cannot_be_created_twice),
        TEST(a_partition_is_kept_whole),
        TEST(only_a_named_leader_raises_the_leader_epoch),
        TEST(clearing_the_elr_changes_only_partitions_that_have_one),
        TEST(a_removed_topic_takes_its_settings_along),
        TEST(each_change_is_told_once),
        TEST(what_came_and_went_in_one_batch_is_not_told),
        TEST(a_name_can_be_deleted_and_created_anew_in_one_batch),
        TEST(nothing_of_a_transaction_is_seen_before_its_end),
        TEST(an_aborted_transaction_leaves_nothing),
        TEST(transactions_out_of_order_are_errors),
        TEST(a_clone_carries_the_open_transaction),
        TEST(a_clone_is_equal_and_independent),
        TEST(settings_are_set_replaced_and_taken_back),
        TEST(level_zero_takes_a_feature_back),
        TEST(controllers_are_kept_apart_from_brokers),
        TEST(a_snapshot_tells_what_is_gone_and_not_what_came_back),
        TEST(the_checkpoint_of_a_format_is_no_history),
        TEST(what_cannot_be_understood_is_an_error),
        TEST(kinds_that_the_image_does_not_keep_are_passed_over),
        TEST(a_record_batch_is_applied_from_its_base_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
