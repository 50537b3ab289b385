"""Settings that make the difference that they promise. Each claim gives one or a few to a real daemon."""

import signal
import socket
import struct
import threading
import time
from contextlib import contextmanager

from asks import asker
from claim import claim
from daemon import Daemon, is_closed, settle
from differ import schema
from ports import free_port
from wire import Client, batch, fetch_body, frame, request

TOPIC = 2
UNKNOWN_TOPIC, COORDINATOR_NOT_AVAILABLE, INVALID_SESSION_TIMEOUT, INVALID_REPLICATION_FACTOR = 3, 15, 26, 38
UNSUPPORTED_VERSION = 35


def metadata(b, topic, create=True):
    answer = b.ask("Metadata", 9, {"Topics": [{"Name": topic}], "AllowAutoTopicCreation": create})
    return answer["Topics"][0]


def served(b, topic):
    settle(lambda: metadata(b, topic)["ErrorCode"] == 0 and
           all(p["ErrorCode"] == 0 for p in metadata(b, topic)["Partitions"]), f"{topic} is not there")
    return metadata(b, topic)["Partitions"]


def configs(b, topic):
    answer = b.ask("DescribeConfigs", 4, {"Resources": [
        {"ResourceType": TOPIC, "ResourceName": topic, "ConfigurationKeys": None}]})
    return {c["Name"]: c["Value"] for c in answer["Results"][0]["Configs"]}


class Unserved(Daemon):
    """A daemon where the topic that others wait for cannot be."""

    def wait(self):
        settle(lambda: any(" serves " in line for line in self.lines()), "it does not serve")


@claim
def topics_are_made_by_num_partitions_and_only_if_they_may(binary, folder):
    with Daemon(binary, folder, settings={"num.partitions": 3}) as d, asker(d) as b:
        assert len(served(b, "made")) == 3
    (folder / "second").mkdir()
    with Unserved(binary, folder / "second", settings={"auto.create.topics.enable": "false"}) as d, asker(d) as b:
        assert metadata(b, "not-made")["ErrorCode"] == UNKNOWN_TOPIC
        time.sleep(0.3)
        assert metadata(b, "not-made")["ErrorCode"] == UNKNOWN_TOPIC


@claim
def new_topics_have_the_default_replication_factor(binary, folder):
    with Unserved(binary, folder, settings={"default.replication.factor": 2}) as d, asker(d) as b:
        answer = b.ask("CreateTopics", 7, {"Topics": [
            {"Name": "two", "NumPartitions": 1, "ReplicationFactor": -1, "Assignments": [], "Configs": []}],
            "timeoutMs": 10000})
        assert answer["Topics"][0]["ErrorCode"] == INVALID_REPLICATION_FACTOR, answer


@claim
def clients_are_told_the_rack(binary, folder):
    with Daemon(binary, folder, settings={"broker.rack": "east"}) as d, asker(d) as b:
        assert b.ask("Metadata", 9, {"Topics": []})["Brokers"][0]["Rack"] == "east"


@claim
def idle_connections_are_closed_after_connections_max_idle_ms(binary, folder):
    with Daemon(binary, folder, settings={"connections.max.idle.ms": 500}) as d, Client(d.port) as c:
        c.api_versions()
        assert is_closed(c, within=60), "it stays open"


def begin_fetch_session(b, session=0, epoch=0):
    """(error, the session's id) of a fetch of one partition."""
    answer = b.ask("Fetch", 12, {
        "ReplicaId": -1, "MaxWaitMs": 0, "MinBytes": 0, "MaxBytes": 1000, "SessionId": session, "SessionEpoch": epoch,
        "Topics": [{"Topic": "t", "Partitions": [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1000}]}]})
    return answer["ErrorCode"], answer["SessionId"]


@claim
def so_many_fetch_sessions_are_kept_as_the_cache_has_slots(binary, folder):
    with Daemon(binary, folder, settings={"max.incremental.fetch.session.cache.slots": 2}) as d, asker(d) as b:
        served(b, "t")
        first, second = begin_fetch_session(b)[1], begin_fetch_session(b)[1]
        assert first and second and first != second
        assert begin_fetch_session(b) == (0, 0), "a third one, younger than those that are there"
        assert begin_fetch_session(b, first, 1) == (0, first), "the first one is gone"
        assert begin_fetch_session(b, first, -1) == (0, 0), "it is closed"
        assert begin_fetch_session(b)[1], "there is room again"
    (folder / "second").mkdir()
    with Daemon(binary, folder / "second",
                settings={"max.incremental.fetch.session.cache.slots": 0}) as d, asker(d) as b:
        served(b, "t")
        assert begin_fetch_session(b) == (0, 0)


@claim
def a_fetch_gets_at_most_fetch_max_bytes_beyond_its_first_batch(binary, folder):
    with Daemon(binary, folder, settings={"fetch.max.bytes": 1024}) as d, Client(d.port) as c:
        d.keep(5, size=900, client=c)
        _, high, data = c.fetch("kept", 0)
        assert high == 5 and len(data) < 2048, f"{len(data)} bytes"


@claim
def sessions_are_no_longer_than_group_max_session_timeout_ms(binary, folder):
    def join(b, ms):
        return b.ask("JoinGroup", 5, {"GroupId": "g", "SessionTimeoutMs": ms, "RebalanceTimeoutMs": ms, "MemberId": "",
                                      "GroupInstanceId": None, "ProtocolType": "consumer",
                                      "Protocols": [{"Name": "range", "Metadata": b""}]})["ErrorCode"]

    with Daemon(binary, folder, settings={"group.max.session.timeout.ms": 7000}) as d, asker(d) as b:
        settle(lambda: join(b, 7001) not in (14, 15, 16), "there is no coordinator")
        assert join(b, 7001) == INVALID_SESSION_TIMEOUT
        assert join(b, 7000) not in (0, INVALID_SESSION_TIMEOUT)  # it is to come again with the id that it got


@claim
def only_the_protocols_of_group_coordinator_rebalance_protocols_are_served(binary, folder):
    def beat(b):
        return b.ask("ConsumerGroupHeartbeat", 1, {
            "GroupId": "g", "MemberId": "m", "MemberEpoch": 0, "InstanceId": None, "RackId": None,
            "RebalanceTimeoutMs": 1000, "SubscribedTopicNames": ["t"], "SubscribedTopicRegex": None,
            "ServerAssignor": None, "TopicPartitions": []})["ErrorCode"]

    with Daemon(binary, folder, settings={"group.coordinator.rebalance.protocols": "classic"}) as d, asker(d) as b:
        assert beat(b) == UNSUPPORTED_VERSION
    with Daemon(binary, folder) as d, asker(d) as b:
        assert beat(b) != UNSUPPORTED_VERSION


@claim
def a_description_of_topics_ends_at_max_request_partition_size_limit(binary, folder):
    with Daemon(binary, folder, settings={"max.request.partition.size.limit": 2, "num.partitions": 5}) as d, asker(d) as b:
        served(b, "five")
        answer = b.ask("DescribeTopicPartitions", 0, {"Topics": [{"Name": "five"}], "ResponsePartitionLimit": 100,
                                                      "Cursor": None})
        assert len(answer["Topics"][0]["Partitions"]) == 2 and answer["NextCursor"]["PartitionIndex"] == 2, answer


@claim
def the_metadata_log_rolls_at_metadata_log_segment_bytes(binary, folder):
    with Daemon(binary, folder, settings={"metadata.log.segment.bytes": 8 << 20}) as d, asker(d) as b:
        served(b, "t")
        for i in range(300):
            value = ",".join(["0:1"] * 7000 + [f"0:{i}"])
            answer = b.ask("IncrementalAlterConfigs", 1, {"Resources": [
                {"ResourceType": TOPIC, "ResourceName": "t", "Configs": [
                    {"Name": "leader.replication.throttled.replicas", "ConfigOperation": 0, "Value": value}]}]})
            assert answer["Responses"][0]["ErrorCode"] == 0, answer
        logs = sorted((d.data / "__cluster_metadata-0").glob("*.log"))
        assert len(logs) > 1, "one segment"
        assert all(log.stat().st_size <= 8 << 20 for log in logs), [log.stat().st_size for log in logs]


@claim
def the_metadata_log_rolls_at_the_internal_size_for_tests(binary, folder):
    with Daemon(binary, folder, settings={"internal.metadata.log.segment.bytes": 3000}) as d, asker(d) as b:
        served(b, "t")
        for i in range(100):
            answer = b.ask("IncrementalAlterConfigs", 1, {"Resources": [
                {"ResourceType": TOPIC, "ResourceName": "t", "Configs": [
                    {"Name": "retention.ms", "ConfigOperation": 0, "Value": str(1000000 + i)}]}]})
            assert answer["Responses"][0]["ErrorCode"] == 0, answer
        logs = sorted((d.data / "__cluster_metadata-0").glob("*.log"))
        assert len(logs) > 1, "one segment"


@claim
def the_metadata_log_rolls_after_metadata_log_segment_ms(binary, folder):
    with Daemon(binary, folder, settings={"metadata.log.segment.ms": 1, "metadata.max.idle.interval.ms": 20}) as d:
        logs = d.data / "__cluster_metadata-0"
        settle(lambda: len(list(logs.glob("*.log"))) > 5, "it does not roll")
        d.keep(3)
        assert d.stop() == 0, d.last_line()
        d.restart()
        d.check_kept()


def in_kernel(port, other_port):
    """(bytes to be sent, bytes to be read) of the socket at `port` whose other end is `other_port`."""
    with open("/proc/net/tcp") as f:
        for line in f.readlines()[1:]:
            _, local, remote, _, queues = line.split()[:5]
            if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (port, other_port):
                return tuple(int(q, 16) for q in queues.split(":"))
    return 0, 0


def is_steady(ask):
    """The value, when it has been the same for a while."""
    last, since = ask(), time.monotonic()
    while time.monotonic() - since < 0.3:
        time.sleep(0.02)
        if ask() != last:
            last, since = ask(), time.monotonic()
    return last


def most_received(binary, folder, settings):
    """What a connection takes while nobody reads."""
    folder.mkdir()
    with Daemon(binary, folder, settings=settings) as d, Client(d.port) as c:
        d.process.send_signal(signal.SIGSTOP)
        c.socket.setblocking(False)
        for _ in range(400):
            try:
                c.socket.send(bytes(65536))
            except BlockingIOError:
                time.sleep(0.002)
        at = c.socket.getsockname()[1]
        return is_steady(lambda: in_kernel(d.port, at)[1])


def most_sent(binary, folder, settings):
    """What waits in the kernel for a client that does not read."""
    folder.mkdir()
    with Daemon(binary, folder, settings=settings) as d, Client(d.port) as c:
        for _ in range(8):
            assert c.produce("kept", batch([bytes(900000)]))[0] == 0
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", d.port))
            s.sendall(request(1, 4, fetch_body("kept", 0, maximum=8 << 20)))
            at = s.getsockname()[1]
            settle(lambda: in_kernel(d.port, at)[0] > 0, "no answer")
            return is_steady(lambda: in_kernel(d.port, at)[0])


@claim
def the_kernel_holds_as_much_as_the_socket_buffers_say(binary, folder):
    small = 8192
    few = most_received(binary, folder / "1", {"socket.receive.buffer.bytes": small})
    assert few <= 4 * small, few
    assert most_received(binary, folder / "2", {"socket.receive.buffer.bytes": -1}) > 4 * small
    few = most_sent(binary, folder / "3", {"socket.send.buffer.bytes": small})
    assert few <= 4 * small, few
    assert most_sent(binary, folder / "4", {}) > 4 * small


@claim
def a_followers_kernel_holds_as_much_as_replica_socket_receive_buffer_bytes_says(binary, folder):
    small = 8192

    def most(home, settings):
        home.mkdir()
        # The Fetch that is under way waits until there are records: they are what comes.
        first, second, between = pair(binary, home, of_both={"broker.session.timeout.ms": 60000},
                                      **{"replica.fetch.wait.max.ms": 20000}, **settings)
        with running(first, second, between) as b:
            make(b, "both", [1, 2])
            settle(lambda: any(q["Topics"] for q in fetches(between)), "nobody fetches")
            second.process.send_signal(signal.SIGSTOP)
            with Client(first.port) as c:
                for _ in range(8):
                    assert c.produce("both", batch([bytes(900000)]), acks=1)[0] == 0
            def held():
                return max((int(line.split()[4].split(":")[1], 16) for line in open("/proc/net/tcp").readlines()[1:]
                            if int(line.split()[2].split(":")[1], 16) == between.port), default=0)
            settle(lambda: held() > 0, "no answer")
            return is_steady(held)

    few = most(folder / "1", {"replica.socket.receive.buffer.bytes": small})
    assert few <= 4 * small, few
    assert most(folder / "2", {}) > 4 * small


def waiting_fetch(topic, client):
    """A request that waits three seconds for what does not come."""
    body = fetch_body(topic, 0, wait=3000, minimum=1 << 20)
    head = struct.pack(">hhi", 1, 4, 7) + struct.pack(">h", len(client)) + client
    return frame(head + body)


@claim
def clients_are_not_read_beyond_queued_max_request_bytes(binary, folder):
    limits = {"queued.max.request.bytes": 40000, "socket.request.max.bytes": 40000}
    with Daemon(binary, folder, settings=limits) as d, Client(d.port) as early, Client(d.port, timeout=1) as late:
        for _ in range(3):
            early.send(waiting_fetch("kept", b"x" * 15000))
        # Only the first of a connection is worked on; the others are read all the same.
        def is_read():
            try:
                late.api_versions()
                return True
            except TimeoutError:
                return False
        settle(lambda: not is_read(), "requests are read on and on")
        early.socket.close()
        late.socket.settimeout(None)
        assert late.answer()
        with Client(d.port) as c:
            assert c.api_versions()
    (folder / "second").mkdir()
    with Daemon(binary, folder / "second") as d, Client(d.port) as early, Client(d.port) as late:
        for _ in range(3):
            early.send(waiting_fetch("kept", b"x" * 15000))
        time.sleep(0.3)
        assert late.api_versions()


def metadata_end(b):
    answer = b.ask("DescribeQuorum", 1, {"Topics": [
        {"TopicName": "__cluster_metadata", "Partitions": [{"PartitionIndex": 0}]}]})
    return answer["Topics"][0]["Partitions"][0]["HighWatermark"]


@claim
def an_idle_quorum_writes_every_metadata_max_idle_interval_ms(binary, folder):
    with Daemon(binary, folder, settings={"metadata.max.idle.interval.ms": 20}) as d, asker(d) as b:
        first = metadata_end(b)
        settle(lambda: metadata_end(b) > first + 5, "nothing is written")
    (folder / "second").mkdir()
    with Daemon(binary, folder / "second", settings={"metadata.max.idle.interval.ms": 0}) as d, asker(d) as b:
        first = metadata_end(b)
        time.sleep(1.2)
        assert metadata_end(b) == first, "it writes"


@claim
def internal_topics_are_made_as_their_settings_say(binary, folder):
    given = {
        "offsets.topic.num.partitions": 4, "offsets.topic.segment.bytes": 2000000, "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 3, "transaction.state.log.segment.bytes": 3000000,
        "transaction.state.log.min.isr": 1, "transaction.state.log.replication.factor": 1}
    with Daemon(binary, folder, settings=given) as d, asker(d) as b:
        assert len(served(b, "__consumer_offsets")) == 4
        assert configs(b, "__consumer_offsets")["segment.bytes"] == "2000000"
        assert len(served(b, "__transaction_state")) == 3
        found = configs(b, "__transaction_state")
        assert found["segment.bytes"] == "3000000" and found["min.insync.replicas"] == "1", found


@claim
def a_request_has_at_most_socket_request_max_bytes(binary, folder):
    with Daemon(binary, folder, settings={"socket.request.max.bytes": 100000}) as d:
        d.keep(1, size=90000)
        with Client(d.port) as c:
            c.send(struct.pack(">i", 100001) + b"\0" * 100)
            assert is_closed(c)
        assert any("100001" in line and "socket.request.max.bytes allows 100000" in line for line in d.lines()), d.lines()
        d.serves()


# ---- two daemons, and somebody who listens between them ----

class Between(threading.Thread):
    """Passes on what comes in at its port, and keeps whole frames of those who connect."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.to, self.frames = port, []
        self.server = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.server.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                a = self.server.accept()[0]
                b = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            for pair in ((a, b, True), (b, a, False)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, a, b, keep):
        held = b""
        try:
            while data := a.recv(65536):
                b.sendall(data)
                held += data if keep else b""
                while len(held) > 3 and len(held) >= 4 + struct.unpack(">i", held[:4])[0]:
                    n = 4 + struct.unpack(">i", held[:4])[0]
                    self.frames.append(held[4:n])
                    held = held[n:]
        except OSError:
            pass
        for s in (a, b):
            s.close()


def pair(binary, folder, *, of_both=None, **settings):
    """A broker that is the quorum, too, and a second broker, which reaches it through somebody between."""
    first = Daemon(binary, folder, settings={"process.roles": "broker,controller", "default.replication.factor": 2,
                                             **(of_both or {})})
    between = Between(first.port)
    first.settings["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{between.port}"
    home = folder / "second-home"
    home.mkdir()
    second = Daemon(binary, home, environment={"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"}, settings={
        "process.roles": "broker", "node.id": 2, "default.replication.factor": 2, **(of_both or {}), **settings})
    first.environment = second.environment
    second.settings["listeners"] = f"PLAINTEXT://127.0.0.1:{second.port}"
    second.settings["controller.quorum.voters"] = first.settings["controller.quorum.voters"]
    return first, second, between


def fetches(between):
    """The followers' requests among the frames."""
    request = schema.api("Fetch").request
    for f in list(between.frames):
        key, version, _, client = struct.unpack_from(">hhih", f)
        if key == 1:
            yield request.decode(version, f[10 + max(client, 0) + request.is_flexible(version):])


@contextmanager
def running(first, second, between):
    first.start()
    second.start()
    try:
        with asker(first) as b:
            settle(lambda: len((b.ask("Metadata", 9, {"Topics": []}) or {"Brokers": []})["Brokers"]) == 2,
                   "there are not two brokers")
            yield b
    finally:
        second.kill()
        first.kill()
        between.server.close()


def make(b, topic, brokers):
    made = b.ask("CreateTopics", 7, {"timeoutMs": 10000, "Topics": [
        {"Name": topic, "NumPartitions": -1, "ReplicationFactor": -1, "Configs": [],
         "Assignments": [{"PartitionIndex": 0, "BrokerIds": brokers}]}]})
    assert made["Topics"][0]["ErrorCode"] == 0, made


@claim
def a_follower_asks_for_what_its_settings_say(binary, folder):
    first, second, between = pair(binary, folder, **{
        "replica.fetch.max.bytes": 1111, "replica.fetch.response.max.bytes": 2222, "replica.fetch.min.bytes": 33,
        "replica.fetch.wait.max.ms": 444})
    with running(first, second, between) as b:
        make(b, "both", [1, 2])
        settle(lambda: any(True for _ in fetches(between)), "nobody fetches")
        for q in fetches(between):
            assert (q["MaxBytes"], q["MinBytes"], q["MaxWaitMs"]) == (2222, 33, 444), q
            assert all(p["PartitionMaxBytes"] == 1111 for t in q["Topics"] for p in t["Partitions"]), q


@claim
def a_commit_waits_offsets_commit_timeout_ms_for_its_replicas(binary, folder):
    def commit(b):
        answer = b.ask("OffsetCommit", 8, {"GroupId": "g", "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
            {"Name": "__consumer_offsets", "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 1}]}]})
        return answer["Topics"][0]["Partitions"][0]["ErrorCode"]

    first, second, between = pair(binary, folder, of_both={
        "offsets.commit.timeout.ms": 300, "broker.session.timeout.ms": 60000, "offsets.topic.num.partitions": 1})
    with running(first, second, between) as b:
        make(b, "__consumer_offsets", [1, 2])
        settle(lambda: commit(b) == 0, "no commit succeeds")
        second.process.send_signal(signal.SIGSTOP)
        # The follower's session goes on, so that nothing else ends the waiting.
        settle(lambda: commit(b) == COORDINATOR_NOT_AVAILABLE, "commits wait on")


@claim
def expired_offsets_are_looked_for_every_offsets_retention_check_interval_ms(binary, folder):
    topics = [{"Name": "kept", "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 7}]}]

    def committed(b):
        answer = b.ask("OffsetFetch", 5, {"GroupId": "g", "Topics": [{"Name": "kept", "PartitionIndexes": [0]}]})
        return answer["Topics"][0]["Partitions"][0]["CommittedOffset"]

    with Daemon(binary, folder, settings={"offsets.retention.check.interval.ms": 50}) as d, asker(d) as b:
        def commit(ms):
            answer = b.ask("OffsetCommit", 4, {"GroupId": "g", "GenerationIdOrMemberEpoch": -1, "MemberId": "",
                                               "RetentionTimeMs": ms, "Topics": topics})
            return answer["Topics"][0]["Partitions"][0]["ErrorCode"]

        served(b, "__consumer_offsets")
        settle(lambda: commit(3600000) == 0 and committed(b) == 7, "no commit succeeds")
        assert commit(1) == 0
        settle(lambda: committed(b) == -1, "it stays")


class Deaf(threading.Thread):
    """A controller that closes every connection, and counts them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", free_port()))
        self.port, self.count = self.server.getsockname()[1], 0
        self.start()

    def run(self):
        while True:
            try:
                self.server.accept()[0].close()
            except OSError:
                return
            self.count += 1


@claim
def a_quorum_out_of_reach_is_tried_again_after_controller_quorum_retry_backoff_ms(binary, folder):
    deaf, daemons = [Deaf(), Deaf()], []
    try:
        for i, ms in enumerate((20, 600000)):
            (folder / str(i)).mkdir()
            d = Daemon(binary, folder / str(i), environment={"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"}, settings={
                "process.roles": "broker", "controller.quorum.voters": f"9@127.0.0.1:{deaf[i].port}",
                "controller.quorum.retry.backoff.ms": ms})
            d.settings["listeners"] = f"PLAINTEXT://127.0.0.1:{d.port}"
            daemons.append(d)
            d.start()
        settle(lambda: deaf[0].count >= 10 and deaf[1].count >= 1, "it is not tried again")
        assert deaf[1].count < 5, f"{deaf[1].count} times"
    finally:
        for d, s in zip(daemons, deaf):
            d.kill()
            s.server.close()
