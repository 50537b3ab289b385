"""Whatever the daemon has little of is shared out, refused or waited for: nobody's greed ends it."""

import random
import struct
import time
from contextlib import contextmanager

from asks import asker
from claim import claim
from daemon import TOPIC, Daemon, is_closed, led, settle
from ports import free_port
from wire import (API_VERSIONS, CREATE_TOPICS, FIND_COORDINATOR, INCREMENTAL_ALTER_CONFIGS, JOIN_GROUP, LIMIT_S,
                  OFFSET_COMMIT, PRODUCE, Client, Closed, batch, frame, header, produce_body, request, string)


def write_to(d, topics, partitions, offset):
    with Client(d.port) as c:
        for t in range(topics):
            for p in range(partitions):
                answer = led(lambda p=p, t=t: c.produce(f"t{t}", batch(), partition=p))
                assert answer == (0, offset), f"t{t}-{p}: {answer}"


def make(d, topics, partitions):
    with Client(d.port) as c:
        for t in range(topics):
            error = c.create_topic(f"t{t}", partitions)
            assert error == 0, f"topic {t}: error {error}"


def lives_with(d, topics, partitions):
    """It makes them, writes to them, and serves them after a stop in order, and after none."""
    make(d, topics, partitions)
    write_to(d, topics, partitions, 0)
    d.keep(3)
    assert d.stop() == 0, d.last_line()
    d.restart()
    write_to(d, topics, partitions // 5, 1)
    d.kill()
    d.restart()
    write_to(d, topics, partitions // 5, 2)
    d.serves()
    d.check_kept()
    assert d.stop() == 0, d.last_line()


# ---- descriptors ----

@claim
def with_64_descriptors_it_serves_hundreds_of_partitions(binary, folder):
    with Daemon(binary, folder, nofile=64) as d:
        lives_with(d, 20, 10)
        assert any("only 64 files may be open" in line for line in d.lines()), "it does not warn"


@claim
def with_256_descriptors_it_makes_400_partitions_at_once(binary, folder):
    with Daemon(binary, folder, nofile=256) as d:
        lives_with(d, 1, 400)


@claim
def with_1024_descriptors_it_serves_thousands_of_partitions(binary, folder):
    with Daemon(binary, folder, nofile=1024) as d:
        make(d, 30, 100)
        d.keep(3)
        assert d.stop() == 0, d.last_line()
        d.restart()
        d.serves()
        d.check_kept()


@claim
def with_fewer_than_64_descriptors_it_says_so_and_does_not_start(binary, folder):
    d = Daemon(binary, folder, nofile=48)
    d.start()
    status, words = d.ends()
    assert status == 1 and "64 files" in words, f"{status}: {words}"


@claim
def a_restart_opens_few_files(binary, folder):
    with Daemon(binary, folder) as d:
        make(d, 1, 300)
        write_to(d, 1, 300, 0)
        assert d.open_files() > 300, "a log that is written to has its file open"
        assert d.stop() == 0, d.last_line()
        d.start()
        most = 0
        while sum("serves" in line for line in d.lines()) < 2:
            most = max(most, d.open_files())
        d.wait()
        assert most < 150, f"{most} files were open at once"
        settle(lambda: d.open_files() < 40, "clean logs keep their files open")


# ---- memory ----

@contextmanager
def two_brokers(binary, folder, **arguments):
    """Every topic has a replica on both, and takes nothing from a leader that is alone."""
    together = {"default.replication.factor": 2, "min.insync.replicas": 2, "replica.lag.time.max.ms": 3000,
                "replica.fetch.wait.max.ms": 100, "offsets.topic.replication.factor": 1}
    arguments["environment"] = {"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"}
    for name in ("one", "two"):
        (folder / name).mkdir()
    one = Daemon(binary, folder / "one", settings=together, **arguments)
    two = Daemon(binary, folder / "two", settings={
        **together, "process.roles": "broker", "node.id": 2, "listeners": f"PLAINTEXT://127.0.0.1:{free_port()}",
        "controller.quorum.voters": one.settings["controller.quorum.voters"]}, **arguments)
    try:
        one.start()
        two.start()
        for d in (one, two):
            settle(lambda d=d: any("serves" in line for line in d.lines()), "it does not serve")
        with Client(one.port) as c:
            settle(lambda: c.create_assigned("both", [1, 2]) in (0, 36), "the topic is not made")
            settle(lambda: c.produce("both", batch())[0] == 0, "nothing can be written")
        yield one, two
    finally:
        one.kill()
        two.kill()


def hold(port, n, size):
    """A connection each that holds so many bytes of a frame that does not end."""
    held = []
    for _ in range(n):
        c = Client(port, timeout=5)
        try:
            c.send(struct.pack(">i", 4 << 20) + header(PRODUCE, 3) + bytes(size))
        except OSError:
            pass
        held.append(c)
    return held


@claim
def a_crowd_that_fills_the_memory_closes_no_follower(binary, folder):
    """Each holds little, all together more than clients may: the follower's requests are not the ones to go."""
    with two_brokers(binary, folder, arguments=["--memory", "64m"]) as (one, _), Client(one.port) as friend:
        crowds = []
        end = time.monotonic() + 8
        while time.monotonic() < end:  # longer than a follower may lag
            crowds.append(hold(one.port, 100, 60000))
            error, _ = friend.produce("both", batch([b"x" * 30000]))
            assert error == 0, f"produce says {error}: the follower is gone"
            if len(crowds) > 8:
                for c in crowds.pop(0):
                    c.socket.close()
        assert any("holds most" in line for line in one.lines()), "the memory was not filled"
        for c in (c for crowd in crowds for c in crowd):
            c.socket.close()
        assert not [line for line in one.lines() if "CHECK" in line]


@claim
def a_crowd_at_the_controller_ends_no_term_of_office(binary, folder):
    """Votes, fetches and heartbeats have memory of their own."""
    with two_brokers(binary, folder, arguments=["--memory", "64m"]) as (one, _), Client(one.port) as friend:
        terms = sum("is active" in line for line in one.lines())
        crowds = []
        for _ in range(12):
            crowds.append(hold(one.controller_port, 100, 60000))
            assert friend.produce("both", batch())[0] == 0
        assert any("holds most" in line for line in one.lines()), "the memory was not filled"
        time.sleep(10)  # a session of a broker that is not heard of ends after nine seconds
        assert friend.produce("both", batch())[0] == 0, "the other broker was fenced"
        assert sum("is active" in line for line in one.lines()) == terms, "the controller has changed"


@claim
def a_request_that_is_too_large_is_refused_with_the_limit(binary, folder):
    with Daemon(binary, folder, arguments=["--memory", "64m"], settings={"socket.request.max.bytes": 5 << 20}) as d:
        for size, words in ((6 << 20, "socket.request.max.bytes allows 5242880"), (-7, "not Kafka's protocol")):
            with Client(d.port) as c:
                c.send(struct.pack(">i", size))
                assert is_closed(c)
            settle(lambda w=words: any(w in line for line in d.lines()), f"it does not say: {words}")
        assert d.stop() == 0
    with Daemon(binary, folder, arguments=["--memory", "64m"]) as d:
        with Client(d.port) as c:
            c.send(struct.pack(">i", 9 << 20))
            assert is_closed(c)
        settle(lambda: any("an eighth of --memory allows 8388608" in line for line in d.lines()), "not said")


@claim
def fetch_sessions_take_a_part_of_the_memory_and_no_more(binary, folder):
    """Each names thousands of partitions that need not even be there. Who gets no session is served without."""
    parts = [{"Partition": i, "FetchOffset": 0, "PartitionMaxBytes": 1} for i in range(5000)]
    with Daemon(binary, folder, arguments=["--memory", "64m"]) as d, asker(d) as b:
        ids = []
        for i in range(8):
            answer = b.ask("Fetch", 12, {"ReplicaId": -1, "MaxWaitMs": 0, "MinBytes": 0, "MaxBytes": 1000, "SessionEpoch": 0,
                                         "Topics": [{"Topic": f"none-{i}", "Partitions": parts}]})
            ids.append(answer["SessionId"])
            assert answer["ErrorCode"] == 0 and len(answer["Responses"][0]["Partitions"]) == 5000
        assert ids[0] and not ids[-1], ids


# ---- the log ----

@claim
def garbage_fills_no_log(binary, folder):
    """Whatever is said because of a peer is said some times, and then counted."""
    dice = random.Random(4)
    with Daemon(binary, folder) as d:
        before, sent = len(d.lines()), 0
        end = time.monotonic() + 12  # longer than lines are counted together
        while time.monotonic() < end:
            for kind in range(5):
                garbage = (frame(dice.randbytes(30)), struct.pack(">i", -dice.randrange(1 << 30)),
                           request(PRODUCE, 3, dice.randbytes(50)), request(99, 0, b""), frame(b"\0\3"))[kind]
                with Client(d.port) as c:
                    c.send(garbage)
                    is_closed(c)
                    sent += 1
            if sent == 500:
                with Client(d.port) as c:
                    for i in range(200):
                        c.create_topic(f"made{i}", 1)
        said = d.lines()[before:]
        counts = [line for line in said if "more of these in the last" in line]
        assert len(said) < 500 and counts, f"{sent} times garbage, {len(said)} lines"
        d.serves()
        assert d.stop() == 0, d.last_line()


# ---- what is remembered ----

NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE, LOADING, POLICY_VIOLATION, MEMBER_ID_REQUIRED = 16, 15, 14, 44, 79
SMALL = ["--memory", "32m"]


def many(c, requests):
    """Answers' bodies, of requests that are sent many at a time: (key, version, body)."""
    for begin in range(0, len(requests), 100):
        some = requests[begin:begin + 100]
        c.send(b"".join(request(*r) for r in some))
        for _ in some:
            yield c.answer()[4:]


def join_body(group, member="", metadata=b""):
    return (string(group) + struct.pack(">ii", 1800000, 300000) + string(member) + string("consumer") +
            struct.pack(">i", 1) + string("range") + struct.pack(">i", len(metadata)) + metadata)


def commit_body(group, topic):
    return (string(group) + struct.pack(">i", -1) + string("") + struct.pack(">q", -1) + struct.pack(">i", 1) +
            string(topic) + struct.pack(">iiq", 1, 0, 5) + string("m" * 1000))


@contextmanager
def coordinator(binary, folder):
    settings = {"offsets.topic.num.partitions": 1, "group.initial.rebalance.delay.ms": 0}
    with Daemon(binary, folder, settings=settings, arguments=SMALL) as d, Client(d.port) as c:
        c.call(FIND_COORDINATOR, 0, string("friends"))
        settle(lambda: commit(c, "friends") == 0, "there is no coordinator")
        yield d, c
        assert commit(c, "friends") == 0, "a group that was there is not served any more"
        d.serves()
        assert d.stop() == 0, d.last_line()
        assert not [line for line in d.lines() if "CHECK" in line or "exhausted" in line]


def commit(c, group):
    return struct.unpack(">h", c.call(OFFSET_COMMIT, 2, commit_body(group, TOPIC))[-2:])[0]


def until_refused(answers, errors, good, refused):
    """The errors are good until one says that there is no room; the next ones say so, too."""
    seen = [e for e in (errors(a) for a in answers)]
    assert seen[0] == good and seen[-1] == refused and set(seen) == {good, refused}, f"{seen[0]} {seen[-1]} {set(seen)}"


@claim
def groups_that_only_wait_for_members_are_bounded(binary, folder):
    with coordinator(binary, folder) as (_, c):
        until_refused(many(c, [(JOIN_GROUP, 4, join_body(f"group {i}")) for i in range(20000)]),
                      lambda a: struct.unpack_from(">h", a, 4)[0], MEMBER_ID_REQUIRED, COORDINATOR_NOT_AVAILABLE)


@claim
def members_that_wait_in_one_group_are_bounded(binary, folder):
    with coordinator(binary, folder) as (_, c):
        until_refused(many(c, [(JOIN_GROUP, 4, join_body("group")) for _ in range(40000)]),
                      lambda a: struct.unpack_from(">h", a, 4)[0], MEMBER_ID_REQUIRED, COORDINATOR_NOT_AVAILABLE)


@claim
def committed_offsets_are_bounded(binary, folder):
    with coordinator(binary, folder) as (_, c):
        until_refused(many(c, [(OFFSET_COMMIT, 2, commit_body(f"group {i}", TOPIC)) for i in range(6000)]),
                      lambda a: struct.unpack(">h", a[-2:])[0], 0, COORDINATOR_NOT_AVAILABLE)


@claim
def producers_are_bounded(binary, folder):
    with Daemon(binary, folder, arguments=SMALL) as d, Client(d.port) as c:
        def produce(producer, sequence):
            return struct.unpack_from(">h", c.call(PRODUCE, 3, produce_body(
                TOPIC, batch(producer=(producer, 0, sequence)))), 4 + 2 + len(TOPIC) + 4 + 4)[0]
        assert produce(1000000, 0) == 0
        bodies = [(PRODUCE, 3, produce_body(TOPIC, batch(producer=(i, 0, 0)))) for i in range(12000)]
        until_refused(many(c, bodies), lambda a: struct.unpack_from(">h", a, 4 + 2 + len(TOPIC) + 4 + 4)[0],
                      0, POLICY_VIOLATION)
        assert produce(1000000, 1) == 0, "a producer that was there is not served any more"
        assert d.stop() == 0, d.last_line()


@claim
def partitions_are_bounded(binary, folder):
    with Daemon(binary, folder, arguments=SMALL) as d, Client(d.port) as c:
        errors = [c.create_topic(f"t{i}", 100) for i in range(25)]
        assert errors[0] == 0 and errors[-1] == POLICY_VIOLATION and set(errors) == {0, POLICY_VIOLATION}, errors
        d.serves()
        assert d.stop() == 0, d.last_line()


@claim
def dynamic_configurations_are_bounded(binary, folder):
    long = ",".join(["0:1"] * 7000)

    def create(c, i):
        name = f"t{i}"
        body = c.call(CREATE_TOPICS, 2, struct.pack(">i", 1) + string(name) + struct.pack(">ihii", 1, 1, 0, 1) +
                      string("leader.replication.throttled.replicas") + string(long) + struct.pack(">ib", 60000, 0))
        return struct.unpack_from(">h", body, 4 + 4 + 2 + len(name))[0]
    with Daemon(binary, folder, arguments=SMALL) as d, Client(d.port) as c:
        errors = [create(c, i) for i in range(150)]
        assert errors[0] == 0 and errors[-1] == POLICY_VIOLATION and set(errors) == {0, POLICY_VIOLATION}, errors
        d.serves()
        assert d.stop() == 0, d.last_line()


# ---- connections ----

def alter_all(c, name, value):
    """Of all brokers, at run time."""
    body = c.call(INCREMENTAL_ALTER_CONFIGS, 0, struct.pack(">ib", 1, 4) + string("") + struct.pack(">i", 1) +
                  string(name) + struct.pack(">b", 0) + string(value) + b"\0")
    assert struct.unpack_from(">ih", body, 4) == (1, 0), body


def is_served(c, within=1.5):
    """It answers in that time; a client that asked already only waits for it."""
    c.socket.settimeout(within)
    try:
        if not getattr(c, "has_asked", False):
            c.has_asked = True
            c.send(request(API_VERSIONS, 0, b""))
        c.answer()
        c.has_asked = False
        c.socket.settimeout(LIMIT_S)
        return True
    except (TimeoutError, Closed):
        return False


@claim
def an_address_has_so_many_connections_and_no_more(binary, folder):
    with Daemon(binary, folder, settings={"max.connections.per.ip": 3}) as d:
        friends = []

        def one_more():
            c = Client(d.port)
            if is_served(c):
                friends.append(c)
            return len(friends) == 3
        settle(one_more, "fewer are let in than may come")
        for _ in range(5):
            with Client(d.port) as c:
                assert is_closed(c), "more are let in than may come"
        assert all(is_served(c) for c in friends)
        alter_all(friends[0], "max.connections.per.ip.overrides", "127.0.0.2:1,127.0.0.1:4")
        settle(lambda: is_served(Client(d.port)), "the override does not hold")
        assert any("max.connections.per.ip allows, 3" in line for line in d.lines())


@claim
def beyond_max_connections_a_client_waits_until_one_has_gone(binary, folder):
    with Daemon(binary, folder, settings={"max.connections": 2}) as d:
        first, second = Client(d.port), Client(d.port)
        assert is_served(first, 20) and is_served(second, 20)
        third, fourth = Client(d.port), Client(d.port)
        assert not is_served(third) and not is_served(fourth)
        second.socket.close()
        assert is_served(third, 20) and not is_served(fourth)
        alter_all(first, "max.connections", "3")
        assert is_served(fourth, 20)
        alter_all(fourth, "max.connections", "2")
        assert is_closed(third, 20), "the one that was used longest ago stays"
        assert is_served(first) and is_served(fourth)


@claim
def the_brokers_listener_is_served_beyond_max_connections(binary, folder):
    port, inner, controller = free_port(), free_port(), free_port()
    settings = {"listeners": f"CLIENTS://127.0.0.1:{port},INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}",
                "listener.security.protocol.map": "CLIENTS:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name": "INNER", "max.connections": 2,
                "controller.quorum.voters": f"1@127.0.0.1:{controller}"}
    d = Daemon(binary, folder, settings=settings)
    d.port = port
    with d:
        old, young = Client(port), Client(port)
        assert is_served(old, 20) and is_served(young, 20)
        assert not is_served(Client(port))
        assert is_served(Client(inner), 20), "the brokers' listener has no room"
        assert is_closed(old, 20), "the one that was used longest ago stays"
        assert is_served(young)


@claim
def a_listener_has_limits_of_its_own(binary, folder):
    port, other, controller = free_port(), free_port(), free_port()
    settings = {"listeners": f"ONE://127.0.0.1:{port},OTHER://127.0.0.1:{other},CONTROLLER://127.0.0.1:{controller}",
                "listener.security.protocol.map": "ONE:PLAINTEXT,OTHER:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name": "OTHER", "listener.name.one.max.connections": 1,
                "controller.quorum.voters": f"1@127.0.0.1:{controller}"}
    d = Daemon(binary, folder, settings=settings)
    d.port = other
    with d:
        clients = [Client(port), Client(port)]
        assert is_served(clients[0], 20) and not is_served(clients[1])
        assert all(is_served(Client(other), 20) for _ in range(3))
        clients[0].socket.close()
        assert is_served(clients[1], 20)


@claim
def connections_come_no_faster_than_allowed(binary, folder):
    with Daemon(binary, folder) as d:
        with Client(d.port) as c:
            alter_all(c, "max.connection.creation.rate", "5")
        begin, clients = time.monotonic(), [Client(d.port) for _ in range(20)]
        assert all(is_served(c, LIMIT_S) for c in clients)
        took = time.monotonic() - begin
        assert took > 2.5, f"20 connections in {took:.1f} s, at 5 a second"
