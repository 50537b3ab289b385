#include "sim/scenario/table.h"

#include "broker/base/check.h"

#define FIELDS(array) \
    { \
        (array), (int32_t)ARRAY_LEN(array) \
    }
#define AT(type, member) (uint32_t) offsetof(struct type, member)
#define ARG(member) AT(args, member)

/* clang-format off */

/* ---- the document ---- */

static const struct field document_v[] = {
    {"scenario", VALUE_TREE, 0, "the version of this format: 1; the first key", NULL},
    {"name", VALUE_WORD, AT(scenario, name), "names the run's folder; what others extend", NULL},
    {"about", VALUE_TEXT, AT(scenario, about), "what it shows, in a sentence", NULL},
    {"extends", VALUE_TREE, 0, "another scenario of this file, or NAME of NAME.yaml beside it: maps merge, all else replaces (`about`, `catches` and `must-fail` are not taken over)", NULL},
    {"seed", VALUE_COUNT, AT(scenario, seed), "decides all that is left to chance; 1 if not given; --seed overrides it", "0..9223372036854775807"},
    {"run", VALUE_TIME, AT(scenario, run_ns), "how long the story lasts; if not given, until steps, clients and random faults have ended", NULL},
    {"converge", VALUE_TIME, AT(scenario, converge_ns), "within this time all must serve again after everything was healed; if not given, it follows from the time-outs", NULL},
    {"cluster", VALUE_TREE, 0, "brokers, controllers, their configuration, network and disks", NULL},
    {"topics", VALUE_TREE, 0, "by name; made before the clients start", NULL},
    {"clients", VALUE_TREE, 0, "by name: producers and consumers", NULL},
    {"timeline", VALUE_TREE, 0, "the steps: what happens, and when", NULL},
    {"random", VALUE_TREE, 0, "faults drawn from the seed", NULL},
    {"swarm", VALUE_TREE, 0, "{}: what the scenario does not say is drawn from the seed, cluster, settings, topics, clients and faults; what it says goes before. The draw is kept as the scenario of the run's folder", NULL},
    {"expect", VALUE_TREE, 0, "what must hold", NULL},
    {"catches", VALUE_TREE, 0, "for each switch the exact set of rules that fire when it is on (`gregor run --bug ID`); none: it fails for another reason", NULL},
};
const struct fields document_fields = FIELDS(document_v);

static const struct field cluster_v[] = {
    {"brokers", VALUE_COUNT, AT(cluster, brokers), "b1, b2 …; 3 if not said", "1..64"},
    {"controllers", VALUE_COUNT, AT(cluster, controllers), "k1, k2 …, separate machines; 0 (if not said): brokers are controllers too", "0..9"},
    {"combined", VALUE_COUNT, AT(cluster, combined), "with `controllers: 0`: how many of the brokers are controllers; all, up to 3, if not said", "1..9"},
    {"config", VALUE_SETTINGS, AT(cluster, config), "of every node, in Kafka's own names", NULL},
    {"users", VALUE_TREE, 0, "names and passwords: {alice: wonder}. Clients may then show who they are (`user`), those of `gregor play` must, by PLAIN, or by SCRAM once a password of it was set. The file and what is recorded have the passwords as they are: take none that is used elsewhere", NULL},
    {"nodes", VALUE_TREE, 0, "of one node, by its name: {b1: {config: {…}, rack: a}}; goes before those of all", NULL},
    {"network", VALUE_TREE, 0, "of every link", NULL},
    {"disk", VALUE_TREE, 0, "of every machine", NULL},
    {"memory", VALUE_SIZE, AT(cluster, memory), "ceiling of each machine; 256MiB if not said", "8MiB..64GiB"},
};
const struct fields cluster_fields = FIELDS(cluster_v);

static const struct field node_v[] = {
    {"config", VALUE_SETTINGS, AT(node_spec, config), "of this node, in Kafka's own names", NULL},
    {"rack", VALUE_WORD, AT(node_spec, rack), "broker.rack (it is registered and told to clients; replicas are placed without heed of it)", NULL},
};
const struct fields node_fields = FIELDS(node_v);

static const struct field network_v[] = {
    {"latency", VALUE_RANGE, AT(cluster, latency), "one way, between two machines", NULL},
    {"loopback", VALUE_RANGE, AT(cluster, loopback), "within a machine", NULL},
    {"bandwidth", VALUE_SIZE, AT(cluster, bandwidth), "bytes per second and direction; no limit if not said", NULL},
    {"split", VALUE_COUNT, AT(cluster, split), "how many of a thousand segments are cut in two", "0..1000"},
};
const struct fields network_fields = FIELDS(network_v);

static const struct field disk_v[] = {
    {"fsync", VALUE_RANGE, AT(cluster, fsync), "how long a sync takes", NULL},
    {"write", VALUE_RANGE, AT(cluster, write), "how long a write takes", NULL},
    {"read", VALUE_RANGE, AT(cluster, read), "how long a read takes", NULL},
    {"name", VALUE_RANGE, AT(cluster, name), "how long opening, renaming, listing take", NULL},
    {"rate", VALUE_SIZE, AT(cluster, disk_rate), "bytes per second, on top of these", NULL},
    {"capacity", VALUE_SIZE, AT(cluster, capacity), "of each disk", "64KiB..1000000GiB"},
};
const struct fields disk_fields = FIELDS(disk_v);

static const struct field topic_v[] = {
    {"partitions", VALUE_COUNT, AT(topic, partitions), "1 if not said", "1..10000"},
    {"rf", VALUE_COUNT, AT(topic, rf), "replicas of each partition; all brokers, up to 3, if not said", "1..64"},
    {"leader", VALUE_WORD, AT(topic, leader), "a broker: it leads partition 0, the next one partition 1 …, the other replicas follow in a ring", NULL},
    {"assignment", VALUE_TREE, 0, "a list for each partition, leader first: [[b1, b2, b3]]; it overrides the three fields above", NULL},
    {"config", VALUE_TOPIC_SETTINGS, AT(topic, config), "of the topic, in Kafka's own names", NULL},
};
const struct fields topic_fields = FIELDS(topic_v);

static const struct field client_v[] = {
    {"produce", VALUE_WORD, AT(client_spec, produce), "the topic that it writes to", NULL},
    {"consume", VALUE_WORD, AT(client_spec, consume), "the topic that it reads, all partitions", NULL},
    {"subscribe", VALUE_TREE, 0, "a topic, or a list of them, that it reads as a member of a group", NULL},
    {"group", VALUE_WORD, AT(client_spec, group), "with `subscribe`: the group's name", NULL},
    {"members", VALUE_COUNT, AT(client_spec, members), "with `subscribe`: this many members, NAME1, NAME2 …; one, NAME, if not said", "1..64"},
    {"protocol", VALUE_CHOICE, AT(client_spec, protocol), "with `subscribe`: group.protocol; classic if not said; streams: a streams group whose one subtopology reads all the topics", "classic|consumer|streams"},
    {"store", VALUE_BOOL, AT(client_spec, store), "with `protocol: streams`: it keeps a store, whose changelog (GROUP-store-changelog) the cluster makes; with group.streams.num.standby.replicas others keep copies", NULL},
    {"topology", VALUE_COUNT, AT(client_spec, topology), "with `protocol: streams`: the epoch of the topology that it comes with; 0 if not said. A group takes none but its first, and an older one", "0..1000000"},
    {"assignor", VALUE_CHOICE, AT(client_spec, assignor), "with `subscribe`: who gets what; range if not said, uniform with `protocol: consumer`, which has these two", "range|roundrobin|sticky|cooperative-sticky|uniform"},
    {"instance", VALUE_WORD, AT(client_spec, instance), "with `subscribe`: group.instance.id, a static member; of several members each with its number", NULL},
    {"session", VALUE_TIME, AT(client_spec, session_ns), "with `subscribe`: session.timeout.ms; 45s if not said; with the other protocols the cluster says it, and heartbeat", "1ms..1d"},
    {"heartbeat", VALUE_TIME, AT(client_spec, heartbeat_ns), "with `subscribe`: heartbeat.interval.ms; 3s, or a third of the session if that is less", "1ms..1d"},
    {"max-poll", VALUE_TIME, AT(client_spec, max_poll_ns), "with `subscribe`: max.poll.interval.ms; 5m if not said", "1ms..1d"},
    {"commit", VALUE_CHOICE, AT(client_spec, commits), "with `subscribe`: before it works on records, after it (if not said), or auto: now and then", "before|after|auto"},
    {"copy-to", VALUE_WORD, AT(client_spec, copy_to), "with `subscribe`: a topic. Each piece of work is a transaction: what it has read is copied there, and its offset is committed with the copies", NULL},
    {"auto-commit-interval", VALUE_TIME, AT(client_spec, auto_commit_ns), "with `commit: auto`: auto.commit.interval.ms; 5s if not said", "1ms..1d"},
    {"poll-records", VALUE_COUNT, AT(client_spec, poll_records), "with `subscribe`: max.poll.records; 500 if not said", "1..1000000"},
    {"work", VALUE_TIME, AT(client_spec, work_ns), "with `subscribe`: how long it works on each record; no time if not said", "0ms..1d"},
    {"share", VALUE_WORD, AT(client_spec, share), "the topic of which it is given records as a member of a share group; with `members`, `poll-records`, `work`, `until`", NULL},
    {"share-group", VALUE_WORD, AT(client_spec, share_group), "with `share`: the group's name", NULL},
    {"release-every", VALUE_COUNT, AT(client_spec, release_every), "with `share`: each so-many-th record is given back; 0 (if not said): none", "0..1000000"},
    {"reject-every", VALUE_COUNT, AT(client_spec, reject_every), "with `share`: each so-many-th record is rejected; 0 (if not said): none", "0..1000000"},
    {"fails-at-every", VALUE_COUNT, AT(client_spec, fails_at_every), "with `share`: of the record at each so-many-th offset it says nothing, as who fails at it again and again; 0 (if not said): none", "0..1000000"},
    {"dies-at-every", VALUE_COUNT, AT(client_spec, dies_at_every), "with `share`: of all records that come along with the one at each so-many-th offset it says nothing, as who dies of it again and again, with what it holds; 0 (if not said): none", "0..1000000"},
    {"metadata-max-age", VALUE_TIME, AT(client_spec, metadata_max_age_ns), "metadata.max.age.ms: when new partitions are found at the latest; 5m if not said", "1ms..1d"},
    {"rack", VALUE_WORD, AT(client_spec, rack), "client.rack: with `consume` or `subscribe` it reads from the replica there, if the brokers have a `replica.selector.class`", NULL},
    {"user", VALUE_WORD, AT(client_spec, user), "one of the cluster's `users`: it shows who it is on each connection", NULL},
    {"password", VALUE_TEXT, AT(client_spec, password), "with `user`: what it shows instead of its password: a wrong one, or one that it is to get later", NULL},
    {"mechanism", VALUE_CHOICE, AT(client_spec, mechanism), "with `user`: by which it shows that; PLAIN if not said. A password of SCRAM is none until it was set (`ask`, AlterUserScramCredentials)", "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512"},
    {"rate", VALUE_RATE, AT(client_spec, rate_mhz), "records: 200/s; 100/s if not said", NULL},
    {"start", VALUE_TIME, AT(client_spec, start_ns), "when it begins; at once if not said", NULL},
    {"until", VALUE_TIME, AT(client_spec, until_ns), "when a producer's last record is sent; when a member leaves its group", NULL},
    {"acks", VALUE_ACKS, AT(client_spec, acks), "0, 1 or all (if not said)", NULL},
    {"idempotent", VALUE_TRISTATE, AT(client_spec, idempotent), "true if not said and acks are all", NULL},
    {"transactional-id", VALUE_WORD, AT(client_spec, transactional_id), "with `produce`: it sends in transactions; with `copy-to`: its own name if not said. Of two clients with the same id the later one fences the other", NULL},
    {"transaction", VALUE_COUNT, AT(client_spec, txn_records), "with `transactional-id`: records in each transaction; 5 if not said", "1..10000"},
    {"abort-every", VALUE_COUNT, AT(client_spec, abort_every), "with `transactional-id` or `copy-to`: each so-many-th transaction is aborted; 0 (if not said): none", "0..1000000"},
    {"transaction-timeout", VALUE_TIME, AT(client_spec, txn_timeout_ns), "transaction.timeout.ms; 10s if not said", "1ms..15m"},
    {"transaction-version", VALUE_COUNT, AT(client_spec, txn_version), "the greatest transaction.version that it goes by; 2 if not said", "1..2"},
    {"in-flight", VALUE_COUNT, AT(client_spec, in_flight), "requests per connection; 5 if not said", "1..1000"},
    {"batch", VALUE_SIZE, AT(client_spec, batch_bytes), "batch.size", "0B..64MiB"},
    {"max-request", VALUE_SIZE, AT(client_spec, max_request_bytes), "max.request.size; 1MiB if not said", "1KiB..64MiB"},
    {"linger", VALUE_TIME, AT(client_spec, linger_ns), "linger.ms", NULL},
    {"codec", VALUE_CHOICE, AT(client_spec, codec), "compression", "none|gzip|snappy|lz4|zstd"},
    {"retries", VALUE_COUNT, AT(client_spec, retries), "as often as time allows if not said", NULL},
    {"request-timeout", VALUE_TIME, AT(client_spec, request_timeout_ns), "request.timeout.ms; 1s if not said", "1ms..1h"},
    {"produce-timeout", VALUE_TIME, AT(client_spec, produce_timeout_ns), "how long the leader may wait for replicas before it answers; as request-timeout if not said", "1ms..1h"},
    {"delivery-timeout", VALUE_TIME, AT(client_spec, delivery_timeout_ns), "delivery.timeout.ms; 10s if not said", "1ms..1d"},
    {"value-bytes", VALUE_COUNT, AT(client_spec, value_bytes), "each value has at least this many bytes", "8..16777216"},
    {"keys", VALUE_COUNT, AT(client_spec, keys), "the number of different keys: k0, k1 … take turns, and each key has its partition; 0 (if not said): no keys, and a partition that is drawn gets all records until they fill a batch, then another one", NULL},
    {"tombstones", VALUE_COUNT, AT(client_spec, tombstones), "each so many-th record has no value, and so deletes its key; 0 (if not said): none", NULL},
    {"from", VALUE_CHOICE, AT(client_spec, from_latest), "where a consumer begins", "earliest|latest"},
    {"since", VALUE_TIME, AT(client_spec, since_ns), "instead: a consumer begins with the records of this time of the cluster's life", NULL},
    {"isolation", VALUE_CHOICE, AT(client_spec, read_committed), "of a consumer", "read-uncommitted|read-committed"},
    {"max-wait", VALUE_TIME, AT(client_spec, max_wait_ns), "fetch.max.wait.ms", "0ms..1h"},
};
const struct fields client_fields = FIELDS(client_v);

/* ---- steps ---- */

static const struct field step_v[] = {
    {"at", VALUE_TIME, AT(step, at_ns), "at this time of the cluster's life (0 is when all topics are there)", NULL},
    {"then", VALUE_TIME, AT(step, at_ns), "so long after the step before it", NULL},
    {"when", VALUE_TREE, 0, "as soon as a condition holds, looked at from when the step before it has fired", NULL},
    {"every", VALUE_TEXT, AT(step, every), "repeatedly: 2s..5s x 4. The first time comes this long after the step before it (after the beginning, if there is none), each other one this long after the last; a range is drawn from each time. x 4 means four times in all; without x, to the end of the run", NULL},
    {"as", VALUE_WORD, AT(step, as), "a name for the machines that the step met and for the fault that it began; later steps write $name", NULL},
    {"after", VALUE_TIME, AT(step, at_ns), "with `when`: so much later", NULL},
};
const struct fields step_fields = FIELDS(step_v);

static const struct field cut_beside[] = {
    {"for", VALUE_TIME, ARG(for_ns), "heals by itself after so long", NULL},
};
static const struct field flap_beside[] = {
    {"down", VALUE_TIME, ARG(down_ns), "how long it is cut each time", "1ms..1d"},
    {"up", VALUE_TIME, ARG(up_ns), "how long it is whole each time", "1ms..1d"},
    {"for", VALUE_TIME, ARG(for_ns), "heals by itself after so long", NULL},
};
static const struct field slow_beside[] = {
    {"by", VALUE_RANGE, ARG(by), "the latency that it has instead", NULL},
    {"bandwidth", VALUE_SIZE, ARG(bandwidth), "bytes per second that it has instead", NULL},
    {"loss", VALUE_COUNT, ARG(permille), "how many of a thousand segments must be sent again", "0..900"},
    {"for", VALUE_TIME, ARG(for_ns), "heals by itself after so long", NULL},
};
static const struct field pause_beside[] = {
    {"for", VALUE_TIME, ARG(for_ns), "resumes by itself after so long", NULL},
};
static const struct field crash_beside[] = {
    {"at-op", VALUE_COUNT, ARG(at_op), "not at once but at its n-th disk operation from now, which takes effect in part", "1..1000000"},
    {"for", VALUE_TIME, ARG(for_ns), "starts again by itself after this time", NULL},
};
static const struct field roll_beside[] = {
    {"gap", VALUE_TIME, ARG(for_ns), "between two of them, after the first serves again", NULL},
};
#define WHO_ASKS \
    {"client", VALUE_TEXT, ARG(client), "only of who asks by this client.id", NULL}, \
    {"group", VALUE_TEXT, ARG(group), "only of requests that name this group", NULL}, \
    {"transactional-id", VALUE_TEXT, ARG(transactional_id), "only of requests that name this transactional id", NULL}, \
    {"principal", VALUE_TEXT, ARG(principal), "only on connections of this user, User:alice or alice (`users` of the cluster); User:ANONYMOUS: of nobody who has shown who he is", NULL}
#define WHICH_OF_THEM \
    {"skip", VALUE_COUNT, ARG(skip), "lets this many through first", NULL}, \
    {"count", VALUE_COUNT, ARG(count), "at most this many; all if not said", NULL}, \
    {"nth", VALUE_COUNT, ARG(only_nth), "only the n-th from now on", "1..1000000"}, \
    {"chance", VALUE_COUNT, ARG(chance), "how many of a thousand, drawn from the seed; all if not said", "1..1000"}
#define WHAT_IT_NAMES \
    {"listener", VALUE_CHOICE, ARG(listener), "of which listener; outside: the real ports of `gregor play`", "any|broker|controller|outside"}, \
    {"topic", VALUE_WORD, ARG(topic), "only frames that name it", NULL}, \
    {"partition", VALUE_COUNT, ARG(topic_partition), "only frames that name this one of the topic", NULL}
static const struct field frame_fields_v[] = {
    {"rpc", VALUE_API, ARG(api), "a kind of request as Kafka names it: Fetch", NULL},
    {"answer", VALUE_TRISTATE, ARG(answer), "true: its answers; false: the requests; else both", NULL},
    WHAT_IT_NAMES,
    WHO_ASKS,
    {"from", VALUE_TARGET, ARG(from), "the machine that sends the frame", NULL},
    {"to", VALUE_TARGET, ARG(to), "the machine that it is for", NULL},
    WHICH_OF_THEM,
};
static const struct field request_fields_v[] = {
    {"rpc", VALUE_API, ARG(api), "a kind of request as Kafka names it: Produce", NULL},
    WHAT_IT_NAMES,
    WHO_ASKS,
    {"from", VALUE_TARGET, ARG(from), "the machine that asks", NULL},
    {"to", VALUE_TARGET, ARG(to), "the broker that is asked", NULL},
    WHICH_OF_THEM,
};
static const struct field hold_beside[] = {
    {"for", VALUE_TIME, ARG(for_ns), "released by itself after so long", NULL},
};
static const struct field delay_beside[] = {
    {"by", VALUE_RANGE, ARG(by), "each waits so long", NULL},
    {"for", VALUE_TIME, ARG(for_ns), "ends by itself after so long", NULL},
};
static const struct field meddle_beside[] = {
    {"for", VALUE_TIME, ARG(for_ns), "ends by itself after so long", NULL},
};
static const struct field answer_beside[] = {
    {"error", VALUE_WORD, ARG(error), "an error that Kafka gives to such a request; `gregor lint` says which there are. It stands where Kafka puts it: at the whole answer, at each topic or group, or at each partition that was asked about", NULL},
    {"done", VALUE_BOOL, ARG(is_done), "the request is done all the same, and the error takes the place of what the broker said; only with errors that leave this open", NULL},
    {"for", VALUE_TIME, ARG(for_ns), "ends by itself after so long", NULL},
};
static const struct field clock_beside[] = {
    {"step", VALUE_TIME, ARG(step_ns), "the wall clock jumps ahead", NULL},
    {"back", VALUE_TIME, ARG(down_ns), "the wall clock jumps back", NULL},
    {"drift", VALUE_NUMBER, ARG(drift), "runs faster by this many millionths (negative: slower)", "-900000..9000000"},
};
static const struct field disk_beside[] = {
    {"fail", VALUE_DISK_OPS, ARG(fail), "read, write or sync, or a list of them: they fail", NULL},
    {"path", VALUE_TEXT, ARG(path), "only files whose path contains this", NULL},
    {"count", VALUE_COUNT, ARG(count), "how many times; if not said, until it is healed", NULL},
    {"full", VALUE_SIZE, ARG(full), "this many bytes are left on the disk", NULL},
    {"slow", VALUE_COUNT, ARG(percent), "operations take this many percent of their time", "1..1000000"},
    {"slow-sync", VALUE_COUNT, ARG(sync_percent), "syncs take this many percent of their time", "1..1000000"},
    {"for", VALUE_TIME, ARG(for_ns), "ends by itself after this time", NULL},
    {"misdirect", VALUE_BOOL, ARG(misdirects), "the next write lands a few pages further on", NULL},
    {"erase", VALUE_BOOL, ARG(erases), "the files of `path` are gone", NULL},
    {"shorten", VALUE_SIZE, ARG(shorten), "cuts the files of `path` to this many bytes", NULL},
    {"rot", VALUE_COUNT, ARG(rot), "flips a bit in this many places of each file of `path`", "1..100000"},
    {"offset", VALUE_COUNT, ARG(rot_offset), "with `rot`: in this byte of the first such file, not in drawn places", NULL},
    {"short-reads", VALUE_COUNT, ARG(permille), "how many of a thousand reads give less than was asked for", "0..1000"},
    {"heal", VALUE_BOOL, ARG(heals), "takes fail, full, slow, slow-sync and short-reads back", NULL},
};
static const struct field ask_beside[] = {
    {"rpc", VALUE_API, ARG(api), "a kind of request as Kafka names it: Fetch", NULL},
    {"version", VALUE_COUNT, ARG(version), "of the request; the latest if not said", "0..100"},
    {"listener", VALUE_CHOICE, ARG(listener), "on which listener; that of brokers if not said; users: where one must show who one is (`users` of the cluster)", "any|broker|controller|users"},
    {"send", VALUE_TREE, ARG(sent), "the request's fields, with Kafka's names; those left out have their defaults. A value is a number, a text, bytes as `0x00ff`, true, false, null; an error's name; `$NAME/topics/0/topicId`, of the answer to the question with `as: NAME`; `leader(orders-0)`, `follower(orders-0)`, `leader-epoch(orders-0)`, `partition-epoch(orders-0)`, `high-watermark(orders-0)`, `broker-epoch(2)`, `quorum-leader`, `quorum-epoch`, `now` (the asker's clock, ms); to a number one may be added: `leader-epoch(orders-0)+1`. Records: {count, producer-id, producer-epoch, base-sequence, base-offset, attributes, timestamp, last-offset-delta, bad-crc, key, name}, or {again: NAME}, the same bytes once more, and with producer-id, producer-epoch and base-sequence beside it the same records from another producer", NULL},
    {"answer", VALUE_TREE, ARG(wanted), "what must be answered: these fields have these values, others are not looked at; `not X`, `>= X`, `<= X`, `any`, of lists, texts and ids `some` and `none`, of records how many. `answer: none`: the connection is closed; `answer: any`: whatever comes, or nothing. Else the rule wrong-answer fires", NULL},
    {"takes", VALUE_RANGE, ARG(takes), "how long after the question the answer comes: 300ms (at most), 500ms..800ms. Else wrong-answer fires, too", NULL},
    {"within", VALUE_TIME, ARG(within_ns), "it is asked again for so long, as long as there is no answer, or an error that passes (a coordinator that loads)", NULL},
    {"by", VALUE_WORD, ARG(name), "who asks: `asker` if not said. What one asker asks one node goes over one connection, in order", NULL},
};
static const struct field admin_inner[] = {
    {"create", VALUE_WORD, ARG(create), "makes a topic", NULL},
    {"partitions", VALUE_COUNT, ARG(partitions), "with `create`, `add-partitions`: how many there are then", "1..10000"},
    {"rf", VALUE_COUNT, ARG(rf), "with `create`: replicas of each partition", "1..64"},
    {"config", VALUE_TREE, 0, "with `create`, `alter`, `alter-broker`, `alter-group`: settings in Kafka's own names; `default` takes one back", NULL},
    {"delete", VALUE_WORD, ARG(remove), "deletes a topic", NULL},
    {"add-partitions", VALUE_WORD, ARG(extend), "gives a topic more partitions", NULL},
    {"alter", VALUE_WORD, ARG(alter), "changes settings of a topic", NULL},
    {"alter-broker", VALUE_BROKERS, 0, "changes settings of these brokers; `default`: of all that have none of their own", NULL},
    {"alter-group", VALUE_WORD, ARG(alter_group), "changes settings of a group", NULL},
    {"delete-records", VALUE_PARTITION, ARG(trim), "deletes records from the beginning of a partition", NULL},
    {"before", VALUE_BEFORE, 0, "with `delete-records`: those before this offset; high-watermark (if not said): all that are committed", NULL},
    {"elect", VALUE_PARTITION, ARG(elect), "its preferred leader", NULL},
    {"leader", VALUE_TARGET, ARG(leader), "with `elect`: this replica is made the preferred one before (its order among the replicas changes)", NULL},
    {"unclean", VALUE_BOOL, ARG(unclean), "with `elect`: any replica that lives, in their order, when none in sync does", NULL},
    {"reassign", VALUE_PARTITION, ARG(reassign), "asks that a partition is on other brokers, or on the same ones in another order; gregord takes only the latter so far, and refuses the former", NULL},
    {"replicas", VALUE_TARGET, ARG(replicas), "with `reassign`: these, the preferred leader first; if not said, that what is under way is taken back", NULL},
};

static const struct field preset_beside[] = {
    {"with", VALUE_TREE, 0, "its parameters", NULL},
};

const struct verb verbs[VERBS_N] = {
    [VERB_CRASH] = {VERB_CRASH, {"crash", VALUE_TARGET, ARG(target), "the process dies (kill -9); what it wrote stays, synced or not", NULL}, {0}, FIELDS(crash_beside), "{at: 2s, crash: leader(orders-0), as: old}"},
    [VERB_POWER] = {VERB_POWER, {"power", VALUE_TARGET, ARG(target), "the machine loses power; what was synced is kept, and a part of the rest that is drawn by chance", NULL}, {0}, FIELDS(crash_beside), "{at: 2s, power: b1, at-op: 40, for: 3s}"},
    [VERB_RESTART] = {VERB_RESTART, {"restart", VALUE_TARGET, ARG(target), "starts what is down; kills and starts what is not", NULL}, {0}, {0}, "{at: 4s, restart: $old}"},
    [VERB_SHUTDOWN] = {VERB_SHUTDOWN, {"shutdown", VALUE_TARGET, ARG(target), "asks a node to shut down cleanly, as SIGTERM does; a producer to send what it has and no more, a member to leave its group in order", NULL}, {0}, {0}, "{at: 3s, shutdown: b2}"},
    [VERB_ROLL] = {VERB_ROLL, {"roll", VALUE_TARGET, ARG(target), "one after the other is shut down cleanly, starts again and serves", NULL}, {0}, FIELDS(roll_beside), "{at: 2s, roll: brokers, gap: 500ms}"},
    [VERB_PAUSE] = {VERB_PAUSE, {"pause", VALUE_TARGET, ARG(target), "the process stands still, its kernel goes on: the long garbage collection", NULL}, {0}, FIELDS(pause_beside), "{at: 2s, pause: leader(orders-0), for: 3s}"},
    [VERB_RESUME] = {VERB_RESUME, {"resume", VALUE_TARGET, ARG(target), "goes on after a pause", NULL}, {0}, {0}, "{at: 5s, resume: b1}"},
    [VERB_WIPE] = {VERB_WIPE, {"wipe", VALUE_TARGET, ARG(target), "empties the disk; the node dies if it runs", NULL}, {0}, {0}, "{at: 2s, wipe: b3}"},
    [VERB_CUT] = {VERB_CUT, {"cut", VALUE_SIDES, 0, "no byte passes between two sides; with from and to: one way only", NULL}, {0}, FIELDS(cut_beside), "{at: 4s, cut: {from: b1, to: controllers}, as: apart}"},
    [VERB_FLAP] = {VERB_FLAP, {"flap", VALUE_SIDES, 0, "a cut that comes and goes", NULL}, {0}, FIELDS(flap_beside), "{at: 1s, flap: [b1, [b2, b3]], down: 200ms, up: 300ms}"},
    [VERB_HEAL] = {VERB_HEAL, {"heal", VALUE_TARGET, ARG(target), "ends a cut, flap, slow link, hold, delay, answer … by its name, or `all` of them", NULL}, {0}, {0}, "{at: 6s, heal: $apart}"},
    [VERB_SLOW] = {VERB_SLOW, {"slow", VALUE_SIDES, 0, "a slow link between two sides, or one way", NULL}, {0}, FIELDS(slow_beside), "{at: 1900ms, slow: {from: b1, to: [b2, b3]}, by: 300ms}"},
    [VERB_RESET] = {VERB_RESET, {"reset", VALUE_SIDES, 0, "breaks all connections between two sides", NULL}, {0}, {0}, "{at: 3s, reset: [b1, b2]}"},
    [VERB_HALF_OPEN] = {VERB_HALF_OPEN, {"half-open", VALUE_SIDES, 0, "the second side's ends of connections break, the first hears nothing of it", NULL}, {0}, {0}, "{at: 3s, half-open: [b1, b2]}"},
    [VERB_HOLD] = {VERB_HOLD, {"hold", VALUE_FIELDS, 0, "requests or answers of one kind wait at their sender, and all behind them on their connection", NULL}, FIELDS(frame_fields_v), FIELDS(hold_beside), "{at: 1s, hold: {rpc: Fetch, answer: true, listener: controller, to: b1}, as: held}"},
    [VERB_DELAY] = {VERB_DELAY, {"delay", VALUE_FIELDS, 0, "requests or answers of one kind come so much later, and all behind them on their connection", NULL}, FIELDS(frame_fields_v), FIELDS(delay_beside), "{at: 1s, delay: {rpc: Produce, answer: true, client: p1}, by: 200ms..1s, for: 5s}"},
    [VERB_LOSE] = {VERB_LOSE, {"lose", VALUE_FIELDS, 0, "a request never comes, or (answer: true) is done and its answer never comes; nor does anything behind it, until somebody gives the connection up", NULL}, FIELDS(frame_fields_v), FIELDS(meddle_beside), "{at: 1s, lose: {rpc: EndTxn, answer: true, nth: 2}}"},
    [VERB_BREAK] = {VERB_BREAK, {"break", VALUE_FIELDS, 0, "the connection breaks before a request comes, or (answer: true) after it is done and before its answer", NULL}, FIELDS(frame_fields_v), FIELDS(meddle_beside), "{at: 1s, break: {rpc: Produce, answer: true, topic: orders, count: 1}}"},
    [VERB_REPEAT] = {VERB_REPEAT, {"repeat", VALUE_FIELDS, 0, "a request comes to the broker twice, as from a proxy that tries again; who asked gets one answer", NULL}, FIELDS(request_fields_v), FIELDS(meddle_beside), "{at: 1s, repeat: {rpc: Produce, topic: orders, chance: 100}, for: 5s}"},
    [VERB_ANSWER] = {VERB_ANSWER, {"answer", VALUE_FIELDS, 0, "requests of clients are answered with an error. The broker does not see what is answered so; what else such a request is about it does as ever. What changes nothing (Fetch, Metadata …) it sees, and the error takes the place of its answer", NULL}, FIELDS(request_fields_v), FIELDS(answer_beside), "{at: 1s, answer: {rpc: Produce, topic: orders, partition: 0, count: 3}, error: NOT_ENOUGH_REPLICAS}"},
    [VERB_RELEASE] = {VERB_RELEASE, {"release", VALUE_TARGET, ARG(target), "lets go what a hold holds", NULL}, {0}, {0}, "{at: 2s, release: $held}"},
    [VERB_CLOCK] = {VERB_CLOCK, {"clock", VALUE_TARGET, ARG(target), "its clock jumps or drifts", NULL}, {0}, FIELDS(clock_beside), "{at: 1s, clock: b2, step: 1h}"},
    [VERB_DISK] = {VERB_DISK, {"disk", VALUE_TARGET, ARG(target), "its disk fails, fills up, slows down, rots or loses files, also of a machine that is down", NULL}, {0}, FIELDS(disk_beside), "{at: 1s, disk: b1, fail: [sync], count: 1}"},
    [VERB_ADMIN] = {VERB_ADMIN, {"admin", VALUE_FIELDS, 0, "what an administrator asks of the cluster, by a client of its own", NULL}, FIELDS(admin_inner), {0}, "{at: 5s, admin: {delete-records: orders-0, before: 900}}"},
    [VERB_ASK] = {VERB_ASK, {"ask", VALUE_TARGET, ARG(target), "a client puts a question to this node, as it stands, also one that no client would ask, and the answer must be Kafka's", NULL}, {0}, FIELDS(ask_beside), "{at: 2s, ask: leader(orders-0), rpc: DeleteGroups, send: {groupsNames: [readers]}, answer: {results: [{errorCode: NON_EMPTY_GROUP}]}}"},
    [VERB_PRESET] = {VERB_PRESET, {"preset", VALUE_WORD, ARG(name), "one of the presets below: its steps, the first of them now", NULL}, {0}, FIELDS(preset_beside), "{at: 2s, preset: leader-lost, with: {broker: leader(orders-0), lasting: 5s}}"},
    [VERB_NOTE] = {VERB_NOTE, {"note", VALUE_TEXT, ARG(name), "nothing happens but a line in the story", NULL}, {0}, {0}, "{at: 5s, note: from here on all is well}"},
};

/* ---- conditions ---- */

static const struct field sent_beside[] = {
    {"nth", VALUE_COUNT, ARG(nth), "the n-th such frame from now on; 1 if not said", "1..2147483647"},
    {"answer", VALUE_TRISTATE, ARG(answer), "true: the answer; false (if not said): the request", NULL},
    {"listener", VALUE_CHOICE, ARG(listener), "of which listener", "any|broker|controller"},
    {"topic", VALUE_WORD, ARG(topic), "only frames that name it", NULL},
    {"partition", VALUE_COUNT, ARG(topic_partition), "only frames that name this one of the topic", NULL},
    {"from", VALUE_TARGET, ARG(from), "the machine that sends the frame", NULL},
    {"to", VALUE_TARGET, ARG(to), "the machine that it is for", NULL},
};
static const struct field leader_beside[] = {
    {"is", VALUE_IS, ARG(is), "who it is (none: nobody); anyone who lives if not said", NULL},
    {"not", VALUE_TARGET, ARG(is_not), "who it is not", NULL},
};
static const struct field isr_beside[] = {
    {"is", VALUE_IS, ARG(is), "exactly these; `all`: every replica; `none`: nobody", NULL},
    {"with", VALUE_TARGET, ARG(with), "these are in it", NULL},
    {"without", VALUE_TARGET, ARG(without), "these are not", NULL},
    {"size", VALUE_COUNT, ARG(size), "this many", NULL},
};
static const struct field controller_beside[] = {
    {"not", VALUE_TARGET, ARG(is_not), "who it is not", NULL},
};
static const struct field count_beside[] = {
    {"min", VALUE_COUNT, ARG(min), "at least this many", NULL},
    {"max", VALUE_COUNT, ARG(max), "at most this many", NULL},
};
static const struct field silence_beside[] = {
    {"max", VALUE_TIME, ARG(for_ns), "at most this long", NULL},
};
static const struct field min_beside[] = {
    {"min", VALUE_COUNT, ARG(min), "at least so far", NULL},
};

const struct cond_row conds[CONDS_N] = {
    [COND_SENT] = {COND_SENT, {"sent", VALUE_API, ARG(api), "a request (or answer) of this kind is sent", NULL}, FIELDS(sent_beside), true, false, false, "when: {sent: AlterPartition, from: leader(orders-0)}"},
    [COND_LEADER] = {COND_LEADER, {"leader-of", VALUE_PARTITION, ARG(partition), "who leads the partition, as the controllers have it", NULL}, FIELDS(leader_beside), true, true, true, "when: {leader-of: orders-0, not: $old}"},
    [COND_ISR] = {COND_ISR, {"isr-of", VALUE_PARTITION, ARG(partition), "who is in sync, as the controllers have it", NULL}, FIELDS(isr_beside), true, true, true, "{isr-of: orders-0, is: all, within: 5s, after: last-fault}"},
    [COND_FENCED] = {COND_FENCED, {"fenced", VALUE_TARGET, ARG(target), "these brokers are fenced", NULL}, {0}, true, true, true, "when: {fenced: $old}"},
    [COND_SERVING] = {COND_SERVING, {"serving", VALUE_TARGET, ARG(target), "these brokers run and are not fenced", NULL}, {0}, true, true, true, "{serving: b1, within: 3s, after: last-fault}"},
    [COND_CONTROLLER] = {COND_CONTROLLER, {"controller-is", VALUE_IS, ARG(is), "who is the active controller (any: somebody who lives)", NULL}, FIELDS(controller_beside), true, true, true, "when: {controller-is: any, not: $old}"},
    [COND_HW] = {COND_HW, {"high-watermark-of", VALUE_PARTITION, ARG(partition), "the leader's high watermark", NULL}, FIELDS(min_beside), true, true, true, "when: {high-watermark-of: orders-0, min: 100}"},
    [COND_ACKED] = {COND_ACKED, {"acked", VALUE_WORD, ARG(name), "records of this producer that were acknowledged; of a member with `copy-to`: copies that were committed", NULL}, FIELDS(count_beside), true, true, true, "{acked: p1, min: 400}"},
    [COND_READ] = {COND_READ, {"read", VALUE_WORD, ARG(name), "records that this consumer has read", NULL}, FIELDS(count_beside), true, true, true, "{read: c1, min: 400}"},
    [COND_PROCESSED] = {COND_PROCESSED, {"processed", VALUE_WORD, ARG(name), "records that this member has worked on", NULL}, FIELDS(count_beside), true, true, true, "{processed: c1, min: 400}"},
    [COND_ROUNDS] = {COND_ROUNDS, {"generation-of", VALUE_WORD, ARG(name), "the newest generation that a member of this group is in", NULL}, FIELDS(count_beside), true, true, true, "{generation-of: readers, max: 4}"},
    [COND_OWNED] = {COND_OWNED, {"owned", VALUE_WORD, ARG(name), "each partition that the group subscribes to has one owner among its members that live", NULL}, {0}, true, true, true, "{owned: readers, within: 5s, after: $old}"},
    [COND_COPIED] = {COND_COPIED, {"copied", VALUE_WORD, ARG(name), "of each partition of the streams group as many of its other members keep a copy as group.streams.num.standby.replicas says (all of them, if they are fewer)", NULL}, {0}, true, true, true, "{copied: readers, within: 5s, after: $old}"},
    [COND_SKIPPED] = {COND_SKIPPED, {"skipped", VALUE_WORD, ARG(name), "offsets that this consumer, or member of a group, never saw, as they were removed before it came to them; the story says which", NULL}, FIELDS(count_beside), true, true, true, "{skipped: c1, max: 0}"},
    [COND_SILENCE] = {COND_SILENCE, {"longest-silence", VALUE_WORD, ARG(name), "the longest time in which this producer waited for an acknowledgement and had none, up to its `until`", NULL}, FIELDS(silence_beside), false, false, true, "{longest-silence: p1, max: 3s}"},
    [COND_REQUESTS] = {COND_REQUESTS, {"requests", VALUE_WORD, ARG(name), "requests that this machine has sent", NULL}, FIELDS(count_beside), true, true, true, "{requests: p1, max: 5000}"},
    [COND_BYTES] = {COND_BYTES, {"bytes", VALUE_WORD, ARG(name), "bytes of requests and answers that this machine has sent", NULL}, FIELDS(count_beside), true, true, true, "{bytes: b1, max: 1000000}"},
    [COND_LOGINS] = {COND_LOGINS, {"logins", VALUE_WORD, ARG(name), "how often a broker was satisfied that this machine is the `user` that it says, each time included that it shows that anew", NULL}, FIELDS(count_beside), true, true, true, "{logins: p1, max: 0}"},
    [COND_ELECTIONS] = {COND_ELECTIONS, {"elections-of", VALUE_PARTITION, ARG(partition), "how often somebody came to lead it, the first time included and the test at the end of the run left out", NULL}, FIELDS(count_beside), true, true, true, "{elections-of: orders-0, max: 2}"},
    [COND_REMOVED] = {COND_REMOVED, {"removed", VALUE_PARTITION, ARG(partition), "records of it that retention or DeleteRecords removed", NULL}, FIELDS(count_beside), true, true, true, "{removed: orders-0, min: 1}"},
    [COND_FAILED] = {COND_FAILED, {"failed", VALUE_WORD, ARG(name), "records of this producer that failed for sure", NULL}, FIELDS(count_beside), true, true, true, "{failed: p1, min: 1}"},
    [COND_UNKNOWN] = {COND_UNKNOWN, {"unknown", VALUE_WORD, ARG(name), "records of this producer whose fate nobody told it", NULL}, FIELDS(count_beside), true, true, true, "{unknown: p1, max: 10}"},
};

/* ---- random faults and expectations ---- */

static const struct field random_v[] = {
    {"from", VALUE_TIME, AT(nemesis, from_ns), "when it begins; 1s if not said", NULL},
    {"until", VALUE_TIME, AT(nemesis, until_ns), "when it ends; with the last producer, or after 10s if there is none, if not said", NULL},
    {"every", VALUE_RANGE, AT(nemesis, every), "time from one fault to the next; 100ms..1s if not said", "1ms..1d"},
    {"lasting", VALUE_RANGE, AT(nemesis, lasting), "how long each lasts; 100ms..3s if not said", "1ms..1d"},
    {"at-once", VALUE_COUNT, AT(nemesis, at_once), "how many may last at the same time; 2 if not said", "1..1000"},
    {"down", VALUE_COUNT, AT(nemesis, down), "how many brokers, and how many controllers, may be down or paused at the same time; 1 if not said", "0..64"},
    {"faults", VALUE_TREE, 0, "by kind: its weight among all; those below with the weights that stand there if not said", NULL},
};
const struct fields random_fields = FIELDS(random_v);

const struct nemesis_fault nemesis_faults[] = {
    {"crash", 4, "a node dies and starts again"},
    {"power", 3, "a node loses power and starts again; fewer brokers than min.insync.replicas at a time, until they are in sync again"},
    {"shutdown", 2, "a node stops in order and starts again"},
    {"pause", 3, "a node stands still for a while"},
    {"cut", 2, "a node is cut off from all others, both ways"},
    {"cut-one-way", 3, "no byte from one node to another"},
    {"cut-client", 2, "no byte from a client to a node, or back"},
    {"split", 2, "all machines fall into two halves, sometimes only one way"},
    {"flap", 1, "a link between two nodes comes and goes"},
    {"slow", 2, "a link between two nodes is slow"},
    {"reset", 2, "the connections between two nodes break"},
    {"hold-fetch", 3, "one node's fetches, or the answers to them, wait"},
    {"hold-alter", 3, "one AlterPartition, or its answer, waits"},
    {"hold-produce", 2, "one answer to a produce request waits"},
    {"slow-disk", 2, "a node's disk is slow"},
    {"clock", 1, "a node's wall clock jumps"},
    {"elect", 2, "the preferred leader is asked for"},
    {"crash-at-op", 3, "a node dies at one of its next disk operations, and starts again"},
    {"power-at-op", 3, "a node loses power at one of its next disk operations, as many as `power` may"},
    {"wipe", 1, "a broker's disk is replaced by an empty one; as many as `power` may, and none that is a controller, too: a voter without its votes can elect a second leader"},
    {"slow-sync", 2, "a node's syncs are slow, up to a hundred times"},
    {"sync-fails", 1, "a sync of a node fails, and what it should have kept is gone; its machine starts anew. As many as `power` may"},
    {"write-fails", 1, "writes of a node fail, to any file or to files of one kind; it starts again"},
    {"read-fails", 1, "reads of a node fail; it starts again"},
    {"disk-full", 1, "a node's disk fills up; it gets room, and starts again"},
    {"short-reads", 1, "reads of a node give less than was asked for"},
    {"rot", 1, "a bit flips on a broker's disk, in a record batch where its checksum sees it, or in an index or a snapshot; the disk is replaced, as with `wipe`"},
    {"misdirect", 1, "a write to a broker's logs lands elsewhere; the disk is replaced, as with `wipe`"},
    {"half-open", 1, "a node's connections with another break, and only it knows"},
    {"hold", 4, "requests, or answers, of one drawn kind wait at a node, so that they come late, or after others"},
    {"clock-drift", 1, "a node's clocks run up to a twentieth too fast or too slow from then on"},
    {"elections", 3, "two to five elections of drawn replicas of a partition: all are asked for at once, or each as soon as the one before is decided; often while fetches wait, so that all fall into one round trip"},
    {"delete-records", 0, "records before a drawn offset are deleted"},
    {"topics", 0, "a topic is made, or one that was made so is deleted"},
    {"add-partitions", 0, "a topic gets one more partition"},
    {"alter-topic", 0, "a topic's size of segments, or its size or time of retention, changes"},
    {"alter-broker", 0, "a setting of a broker, or of all, changes while it runs: cleaning, indexes, flushes, how often groups are assigned anew"},
    {"reassign", 0, "an administrator asks that a partition is on drawn brokers, as many as it is on, or now and then that it stays where it was"},
    {"crash-client", 0, "a client dies and starts again"},
    {"pause-client", 0, "a client stands still for a while"},
    {"hold-end", 0, "one end of a transaction, or the answer to it, waits"},
    {"coordinator", 0, "the coordinator of a group or a transaction ends, stands still or is superseded when it is asked for something (a commit, an end, a join …), or has just answered"},
    {"answer", 0, "one to five requests of clients, of one drawn kind, are answered with a drawn error that passes"},
    {"lose", 0, "a request of a drawn kind, or its answer, is lost, and its connection says nothing more"},
    {"break", 0, "a connection breaks before a request of a drawn kind, or after it is done and before its answer"},
    {"delay", 0, "requests, or answers, of a drawn kind come late"},
    {"repeat", 0, "some requests of clients, of a drawn kind, come twice"},
    {"crash-cleaning", 0, "a node dies at one of the disk operations with which it compacts a log, and starts again"},
    {"power-cleaning", 0, "a node loses power at one of them; as many as `power` may"},
    {"describe", 0, "nothing breaks: now and then for a while coordinators are asked what they know of the clients' groups and transactional ids, and of all of them, and leaders what they know of producers, where a log begins and ends, which record is of a time, and how the cluster stands"},
};
const int32_t nemesis_faults_n = (int32_t)ARRAY_LEN(nemesis_faults);
_Static_assert(ARRAY_LEN(nemesis_faults) <= NEMESIS_FAULTS_MAX, "each kind has a place to be counted");

static const struct field expect_v[] = {
    {"always", VALUE_TREE, 0, "rules that never fire. All rules are watched in every run; naming one says what the scenario is about", NULL},
    {"never", VALUE_TREE, 0, "rules that do not fire here, not even where the configuration permits it", NULL},
    {"may", VALUE_TREE, 0, "rules that are allowed to fire here", NULL},
    {"eventually", VALUE_TREE, 0, "conditions that come true, with `within` and `after`", NULL},
    {"at-end", VALUE_TREE, 0, "conditions that hold when all is healed and read", NULL},
    {"must-fail", VALUE_TREE, 0, "rules that must fire, and how", NULL},
};
const struct fields expect_fields = FIELDS(expect_v);

static const struct field eventually_v[] = {
    {"within", VALUE_TIME, ARG(within_ns), "so long after `after`", NULL},
    {"after", VALUE_AFTER, 0, "last-fault, $name of a step, or a time; the beginning if not said", NULL},
};
const struct fields eventually_fields = FIELDS(eventually_v);

static const struct field must_fail_v[] = {
    {"check", VALUE_WORD, AT(must_fail, rule), "the rule", NULL},
    {"min", VALUE_COUNT, AT(must_fail, min), "at least this many records; 1 if not said", NULL},
    {"max", VALUE_COUNT, AT(must_fail, max), "at most this many; no limit if not said", NULL},
    {"explains", VALUE_TREE, 0, "words that the story of each such record has, in this order", NULL},
};
const struct fields must_fail_fields = FIELDS(must_fail_v);

const struct word targets[] = {
    {"b1, k1, p1", "a machine by its name"},
    {"[b1, b2]", "several"},
    {"all", "every broker and controller"},
    {"brokers, controllers, clients", "all of a kind (a combined node is both)"},
    {"leader(orders-0)", "who leads the partition"},
    {"followers(orders-0)", "its other replicas"},
    {"controller", "the active controller"},
    {"quorum-leader", "the controller that was elected last, even if it is not active yet"},
    {"quorum-followers", "the other controllers"},
    {"client(orders-service)", "the client of this client.id, in the world or outside of it"},
    {"principal(alice)", "whose connections are of this user now (`users` of the cluster)"},
    {"busiest", "the broker that leads most partitions of topics that are not Kafka's own"},
    {"coordinator(readers)", "the broker that coordinates the group, or the transactions of this transactional id"},
    {"any(2)", "this many running brokers, drawn from the seed"},
    {"rest", "in a pair of sides: every machine that the other side does not name"},
    {"$old", "whom the step with `as: old` met"},
};
const int32_t targets_n = (int32_t)ARRAY_LEN(targets);

/* clang-format on */

static const char *const kinds[] = {
    [VALUE_TEXT] = "text",
    [VALUE_WORD] = "a name",
    [VALUE_COUNT] = "a number",
    [VALUE_NUMBER] = "a number",
    [VALUE_BOOL] = "true or false",
    [VALUE_TRISTATE] = "true or false",
    [VALUE_TIME] = "a time: 200ms",
    [VALUE_RANGE] = "a time or a range: 1ms..5ms",
    [VALUE_RATE] = "a rate: 200/s",
    [VALUE_SIZE] = "a size: 16KiB",
    [VALUE_TARGET] = "a target",
    [VALUE_SIDES] = "two sides: [b1, [b2, k1]] or {from: b1, to: b2}",
    [VALUE_PARTITION] = "a partition: orders-0",
    [VALUE_API] = "a kind of request: Fetch",
    [VALUE_CHOICE] = "one of",
    [VALUE_ACKS] = "0, 1 or all",
    [VALUE_DISK_OPS] = "read, write, sync, or a list of them",
    [VALUE_SETTINGS] = "a map of configurations",
    [VALUE_TOPIC_SETTINGS] = "a map of configurations",
    [VALUE_BROKERS] = "a target, or default",
    [VALUE_BEFORE] = "an offset, or high-watermark",
    [VALUE_IS] = "a target, or none",
    [VALUE_AFTER] = "last-fault, $name or a time",
    [VALUE_FIELDS] = "a map",
    [VALUE_TREE] = "see there",
};

const char *
value_kind_text(enum value_kind k)
{
    return kinds[k];
}
