"""The daemon as a process: signals at any time, and files that go away underneath."""

import random
import shutil
import signal
import socket
import threading
import time

from asks import asker
from claim import Skip, claim
from daemon import TOPIC, Daemon, settle
from wire import LIMIT_S, Client, Closed, batch


@claim
def a_stop_in_the_middle_of_a_start_is_in_order(binary, folder):
    """Before it looks at signals there is nothing to put in order: then the signal itself ends it."""
    d = Daemon(binary, folder)
    try:
        for i in range(30):
            d.start()
            time.sleep(i * 0.003)
            status = d.stop()
            assert status in (0, -signal.SIGTERM), f"status {status}: {d.last_line()}"
        d.restart()
        d.keep(2)
        d.check_kept()
        assert d.stop() == 0, d.last_line()
    finally:
        d.kill()


@claim
def a_killed_node_does_not_wait_for_its_own_session(binary, folder):
    with Daemon(binary, folder, settings={"broker.session.timeout.ms": 3600000}) as d:
        for _ in range(3):
            d.keep(2)
            d.kill()
            d.restart()
            d.check_kept()


@claim
def a_storm_of_signals_is_one_request_to_stop(binary, folder):
    dice = random.Random(4)
    with Daemon(binary, folder) as d:
        d.keep(5)
        for _ in range(500):
            d.process.send_signal(dice.choice((signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG)))
        d.serves()
        for _ in range(50):
            d.process.send_signal(dice.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))
        status = d.process.wait(LIMIT_S)
        assert status == 0, f"status {status}: {d.last_line()}"
        d.restart()
        d.check_kept()


@claim
def a_stop_under_load_loses_nothing(binary, folder):
    kept, lock = [], threading.Lock()

    def write(number):
        try:
            with Client(d.port) as c:
                for i in range(1 << 20):
                    value = b"%d of %d" % (i, number)
                    error, offset = c.produce(TOPIC, batch([value]))
                    if error == 0:
                        with lock:
                            kept.append((offset, value))
        except (OSError, Closed):
            pass

    with Daemon(binary, folder) as d:
        writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for w in writers:
            w.start()
        time.sleep(1.5)
        assert d.stop() == 0, d.last_line()
        for w in writers:
            w.join()
        assert kept, "nothing was written"
        d.restart()
        d.kept = sorted(kept)
        d.check_kept_at_least()
        assert d.stop() == 0, d.last_line()


@claim
def a_directory_deleted_underneath_ends_it_with_a_word(binary, folder):
    with Daemon(binary, folder, settings={"log.segment.bytes": 1 << 20}) as d:
        d.keep(3)
        d.data.rename(folder / "gone")  # so that nothing is made anew in it meanwhile
        shutil.rmtree(folder / "gone")
        try:
            d.keep(4, 900000)
        except (OSError, Closed, AssertionError):
            pass
        status, line = d.ends()
        assert status == 1 and str(d.data) in line and "no such file" in line, f"status {status}: {line}"


@claim
def commits_go_on_when_their_coordinator_dies(binary, folder):
    """The three daemons of the README, which say nothing of internal topics: a dead one takes no offsets with it."""
    cluster = {"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"}
    daemons = []
    for i in (1, 2, 3):
        (folder / str(i)).mkdir()
        daemons.append(Daemon(binary, folder / str(i), environment=cluster))
    voters = ",".join(f"{i}@127.0.0.1:{d.controller_port}" for i, d in enumerate(daemons, 1))
    for i, d in enumerate(daemons, 1):
        d.settings.update({
            "node.id": i, "controller.quorum.voters": voters, "default.replication.factor": 3, "min.insync.replicas": 2,
            "offsets.topic.replication.factor": None, "process.roles": None, "controller.listener.names": None,
            "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500})
        d.start()

    def coordinator(of):
        """Its id, as one of the daemons says; 0: none."""
        with asker(of) as b:
            answer = b.ask("FindCoordinator", 3, {"Key": "g", "KeyType": 0})
        return answer["NodeId"] if answer and answer["ErrorCode"] == 0 else 0

    def commit(of, offset):
        where = coordinator(of)
        if not where or daemons[where - 1].process.poll() is not None:
            return False
        with asker(daemons[where - 1]) as b:
            answer = b.ask("OffsetCommit", 8, {"GroupId": "g", "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
                {"Name": "t", "Partitions": [{"PartitionIndex": 0, "CommittedOffset": offset}]}]})
        return answer is not None and answer["Topics"][0]["Partitions"][0]["ErrorCode"] == 0

    try:
        settle(lambda: all(any(" serves " in line for line in d.lines()) for d in daemons), "they do not serve")
        with asker(daemons[0]) as b:
            settle(lambda: b.ask("Metadata", 9, {"Topics": [{"Name": "t"}], "AllowAutoTopicCreation": True})
                   ["Topics"][0]["ErrorCode"] == 0, "there is no topic")
        settle(lambda: commit(daemons[0], 7), "no commit succeeds")
        dead = coordinator(daemons[0])
        daemons[dead - 1].kill()
        left = daemons[dead % 3]
        settle(lambda: coordinator(left) not in (0, dead), "nobody else coordinates")
        with asker(daemons[coordinator(left) - 1]) as b:
            def committed():
                answer = b.ask("OffsetFetch", 5, {"GroupId": "g", "Topics": [{"Name": "t", "PartitionIndexes": [0]}]})
                return answer["ErrorCode"], answer["Topics"] and answer["Topics"][0]["Partitions"][0]["CommittedOffset"]

            settle(lambda: committed()[0] == 0, "it does not load")
            assert committed()[1] == 7, committed()
        settle(lambda: commit(left, 8), "commits have ended")
    finally:
        for d in daemons:
            d.kill()


@claim
def a_daemon_without_settings_is_reached_from_this_machine_only(binary, folder):
    d = Daemon(binary, folder)
    d.settings = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:  # an address of this machine that is not loopback, if it has one
            probe.connect(("192.0.2.1", 9))
            outside = probe.getsockname()[0]
        except OSError:
            outside = None
    for taken in (9092, 9093):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", taken)) == 0:
                raise Skip(f"port {taken} is in use")
    d.start()
    try:
        settle(lambda: any(" serves on port 9092" in line for line in d.lines()), "it does not serve")
        with Client(9092) as c:
            c.api_versions()
        if outside and not outside.startswith("127."):
            with socket.socket() as s:
                assert s.connect_ex((outside, 9092)) != 0, f"{outside} reaches it"
    finally:
        d.kill()


@claim
def a_controller_alone_says_its_port(binary, folder):
    d = Daemon(binary, folder, settings={"process.roles": "controller"})
    d.settings["listeners"] = f"CONTROLLER://127.0.0.1:{d.controller_port}"
    d.start()
    try:
        settle(lambda: any(f" serves on port {d.controller_port}," in line for line in d.lines()), "it does not say so")
    finally:
        d.kill()
