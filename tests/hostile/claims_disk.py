"""Files that are damaged, missing or somebody else's: the daemon mends what can be mended without losing
anything acknowledged; otherwise it ends, and one line says what is wrong, where, and what would be right."""

import os
import shutil
import socket
import struct
import subprocess
from contextlib import contextmanager

from asks import asker
from claim import Skip, claim
from daemon import TOPIC, Daemon, settle
from wire import batch

LOG = f"{TOPIC}-0"
COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR = 14, 16
# A broker that died comes back when its session has ended: a short one.
SMALL = {"log.segment.bytes": 1 << 20, "log.index.interval.bytes": 64, "broker.session.timeout.ms": 800,
         "broker.heartbeat.interval.ms": 100}


def filled(binary, folder, *, kill=True, n=30, size=20, settings=None, until=None, **daemon):
    """A daemon that has kept something (and written such a file) and is gone."""
    d = Daemon(binary, folder, settings={**SMALL, **(settings or {})}, **daemon)
    d.start()
    try:
        d.wait()
        d.keep(n, size)
        if until and kill:
            settle(lambda: any(d.data.glob(until)), f"{until} is not written")
    finally:
        if kill:
            d.kill()
        else:
            d.stop()
    return d


def recovers(d):
    """It starts, has everything, takes more, and has that too after a second start."""
    try:
        d.restart()
        d.check_kept()
        d.keep(3)
        assert d.stop() == 0, d.last_line()
        d.restart()
        d.check_kept()
        assert d.stop() == 0, d.last_line()
    finally:
        d.kill()


def refuses(d, *words):
    """It ends by itself with a status that is not 0, and its last line has these words."""
    before = len(d.lines())
    d.start()
    status, line = d.ends()
    said = d.lines()[before:]
    assert status == 1, f"status {status}: {line}"
    errors = [text for text in said if text.startswith("gregord:") or " error " in text]
    assert len(errors) == 1, f"{len(errors)} error lines: {errors}"
    for word in words:
        assert str(word) in errors[0], f'"{word}" is not in: {errors[0]}'


@contextmanager
def each_damage(binary, folder, name, damages, **filled_arguments):
    yield
    for i, (what, damage) in enumerate(damages):
        sub = folder / str(i)
        sub.mkdir()
        d = filled(binary, sub, until=name, **filled_arguments)
        paths = sorted(d.data.glob(name))
        assert paths, f"there is no {name}: {sorted(p.name for p in (d.data / LOG).iterdir())}"
        for path in paths:
            damage(path)
        try:
            recovers(d)
        except AssertionError as e:
            raise AssertionError(f"{what}: {e}") from e


def overwrite(data):
    return lambda path: path.write_bytes(data)


def append(data):
    return lambda path: path.write_bytes(path.read_bytes() + data)


def half(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    if data:
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


# ---- what follows from the log is made again ----

def derived(binary, folder, name, extra=(), **arguments):
    damages = [("garbage", overwrite(b"\xde\xad\xbe\xef" * 40)), ("empty", overwrite(b"")), ("cut", half),
               ("a flipped byte", flip), ("gone", os.unlink), *extra]
    with each_damage(binary, folder, name, damages, **arguments):
        pass


@claim
def indexes_are_rebuilt_after_a_crash(binary, folder):
    d = filled(binary, folder, n=40, size=60000)
    for name in ("*.index", "*.timeindex"):
        for i, path in enumerate(sorted((d.data / LOG).glob(name))):
            (overwrite(b"\xff" * 100), half, os.unlink, flip)[i % 4](path)
    recovers(d)


@claim
def indexes_are_not_trusted_after_a_clean_end(binary, folder):
    for i, damage in enumerate((overwrite(b"\xff" * 96), overwrite(b"\0" * 96), half, os.unlink, append(b"\1"))):
        sub = folder / str(i)
        sub.mkdir()
        d = filled(binary, sub, kill=False, n=40, size=60000)
        for name in ("*.index", "*.timeindex"):
            for path in (d.data / LOG).glob(name):
                damage(path)
        recovers(d)


@claim
def producer_snapshots_are_rebuilt(binary, folder):
    derived(binary, folder, f"{LOG}/*.snapshot", kill=False, n=5)


@claim
def leader_epochs_are_rebuilt(binary, folder):
    derived(binary, folder, f"{LOG}/leader-epoch-checkpoint", n=5,
            extra=[("a wrong version", overwrite(b"7\n1\n0 0\n")), ("counts that lie", overwrite(b"0\n5\n0 0\n")),
                   ("epochs beyond the end", overwrite(b"0\n2\n0 0\n9 1000000\n")),
                   ("epochs that fall", overwrite(b"0\n2\n5 0\n1 3\n"))])


@claim
def checkpoints_are_done_without(binary, folder):
    for kind in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint"):
        sub = folder / kind
        sub.mkdir()
        derived(binary, sub, kind, kill=False, n=3,
                extra=[("negative", overwrite(f"0\n1\n{TOPIC} 0 -5\n".encode())),
                       ("not a number", overwrite(f"0\n1\n{TOPIC} 0 x\n".encode()))])


@claim
def a_checkpoint_beyond_the_end_hides_nothing(binary, folder):
    for i, kind in enumerate(("recovery-point-offset-checkpoint", "replication-offset-checkpoint")):
        sub = folder / str(i)
        sub.mkdir()
        d = filled(binary, sub, n=5)
        (d.data / kind).write_text(f"0\n1\n{TOPIC} 0 {1 << 60}\n")
        recovers(d)


@claim
def the_clean_marker_may_say_anything(binary, folder):
    for i, text in enumerate((b"", b"{", b"\xff" * 50, b'{"version":0,"brokerEpoch":99999999999999999999}')):
        sub = folder / str(i)
        sub.mkdir()
        d = filled(binary, sub, kill=False, n=3)
        (d.data / ".kafka_cleanshutdown").write_bytes(text)
        recovers(d)


# ---- the log itself ----

@claim
def a_torn_tail_is_cut_and_nothing_else(binary, folder):
    for i, tail in enumerate((b"\0" * 500, b"\xff" * 61, os.urandom(300), batch([b"lost"], base=30)[:-1],
                              batch([b"bad sum"], base=30, crc=1), struct.pack(">qi", 30, 1 << 30) + bytes(100))):
        sub = folder / str(i)
        sub.mkdir()
        d = filled(binary, sub)
        log = max((d.data / LOG).glob("*.log"))
        log.write_bytes(log.read_bytes() + tail)
        recovers(d)


@claim
def garbage_files_in_a_log_directory_are_left_alone(binary, folder):
    d = filled(binary, folder)
    for name in ("00000000000000000000.log.deleted", "99999999999999999999.log", "notes.txt", "0.log",
                 "00000000000000000007.index", "-0000000000000000001.log", "00000000000000000003.snapshot"):
        (d.data / LOG / name).write_bytes(b"\xff" * 10)
    (d.data / "stranger").mkdir()
    (d.data / "stranger-0").mkdir()
    (d.data / "file-0").write_text("x")
    recovers(d)


@claim
def bytes_that_rot_are_not_served(binary, folder):
    """A flipped byte in the middle of what was acknowledged: after a crash the log ends there, and what is
    served is a whole prefix."""
    d = filled(binary, folder)
    log = min((d.data / LOG).glob("*.log"))
    data = bytearray(log.read_bytes())
    at = len(data) // 2
    data[at] ^= 1
    log.write_bytes(data)
    (d.data / "recovery-point-offset-checkpoint").write_text("0\n0\n")
    whole = [v for v in d.kept if (v[0] + 1) * len(data) // len(d.kept) <= at]
    try:
        d.restart()
        d.kept = whole
        d.check_kept()
        assert any(LOG in line and (" warn " in line or " error " in line) for line in d.lines()), \
            "nothing is said of the records that are gone"
    finally:
        d.kill()


# ---- who this node is ----

@claim
def meta_properties_of_others_are_refused(binary, folder):
    d = filled(binary, folder, n=2, environment={"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"})
    meta = d.data / "meta.properties"
    good = meta.read_text()
    wrong = [
        ("cluster.id=MkU3OEVBNTcwNTJENDM2Qk", "cluster.id=AAAAAAAAAAAAAAAAAAAAAQ", ("cluster", "MkU3OEVBNTcwNTJENDM2Qk")),
        ("node.id=1", "node.id=7", ("another node", "node.id", "7")),
        ("version=1", "version=9", ("version",)),
        ("version=1\n", "", ("broker.id",)),
        ("version=1\n", "version=0\n", ("broker.id",)),
        ("node.id=1", "broker.id=1", ("node.id",)),
        ("cluster.id=MkU3OEVBNTcwNTJENDM2Qk\n", "", ("cluster.id",)),
        ("directory.id=", "directory.id=???", ("directory.id",)),
        ("node.id=1", "node.id=one", ("node.id",)),
        (good, "\xff\xfe garbage", ()),
        (good, "", ()),
        (good, "x" * 100000, ()),
    ]
    for old, new, words in wrong:
        assert old in good
        meta.write_text(good.replace(old, new), encoding="latin-1")
        refuses(d, "meta.properties", *words)
    meta.write_text(good)
    recovers(d)


@claim
def meta_properties_of_the_past_are_taken(binary, folder):
    """As Apache Kafka 4.4 does: version 0 names the id otherwise and stays, who lacks a directory.id gets one."""
    d = filled(binary, folder, n=2, environment={"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"})
    meta = d.data / "meta.properties"
    cluster = "cluster.id=MkU3OEVBNTcwNTJENDM2Qk\n"
    for version, head in ((0, "version=0\nbroker.id=1\n"), (0, "broker.id=1\n"), (1, "version=1\nnode.id=1\n")):
        meta.write_text(head + cluster)
        recovers(d)
        lines = meta.read_text().splitlines()
        assert f"version={version}" in lines and ("node.id=1" if version else "broker.id=1") in lines, lines
        given = [line for line in lines if line.startswith("directory.id=")]
        assert len(given) == 1 and len(given[0]) == len("directory.id=") + 22, lines
        recovers(d)
        assert given[0] in meta.read_text(), "it has another id now"


@claim
def log_directories_are_made_with_all_that_is_missing_above(binary, folder):
    with Daemon(binary, folder, data="far/below/./data/") as d:
        d.serves()
    assert (folder / "far/below/data/meta.properties").exists()


@claim
def quorum_state_that_is_damaged_is_refused(binary, folder):
    d = filled(binary, folder, n=2)
    state = d.data / "__cluster_metadata-0/quorum-state"
    good = state.read_bytes()
    for text in (b"garbage", b"", b"{}", good[:-5], good.replace(b'"leaderEpoch":', b'"leaderEpoch":-'),
                 b"[" * 60000, good.replace(b'"data_version":0', b'"data_version":9')):
        assert text != good
        state.write_bytes(text)
        refuses(d, "quorum-state")
    state.write_bytes(good)
    recovers(d)


@claim
def a_metadata_log_with_a_torn_tail_recovers(binary, folder):
    d = filled(binary, folder)
    log = max((d.data / "__cluster_metadata-0").glob("*.log"))
    log.write_bytes(log.read_bytes() + os.urandom(200))
    recovers(d)


@claim
def the_first_checkpoint_of_a_quorum_must_be_whole(binary, folder):
    d = Daemon(binary, folder, settings=SMALL)
    d.settings["controller.quorum.voters"] = None
    d.settings["controller.quorum.bootstrap.servers"] = f"127.0.0.1:{d.controller_port}"
    with d:
        d.keep(2)
        d.kill()
        first = d.data / "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint"
        assert first.exists(), f"there is none: {os.listdir(first.parent)}"
        good = first.read_bytes()
        for text in (b"", b"garbage" * 30, good[:-3], bytes(b ^ 255 if i == len(good) // 2 else b
                                                            for i, b in enumerate(good))):
            first.write_bytes(text)
            refuses(d, first.name)
        first.write_bytes(good)
        recovers(d)


@claim
def the_directory_of_another_topic_is_put_aside(binary, folder):
    d = filled(binary, folder, n=3)
    meta = d.data / LOG / "partition.metadata"
    good = meta.read_text()
    meta.write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ")
    before = {p.name: p.read_bytes() for p in (d.data / LOG).glob("*.log")}
    try:
        d.restart()
        assert any(LOG in line and "stray" in line for line in d.lines()), f"nothing is said: {d.last_line()}"
        d.stop()
    finally:
        d.kill()
    stray, = d.data.glob(f"{LOG}.*-stray")
    assert before == {p.name: p.read_bytes() for p in stray.glob("*.log")}, "what was put aside was written to"
    shutil.rmtree(d.data / LOG)
    stray.rename(d.data / LOG)
    meta.write_text(good)
    recovers(d)


@claim
def directories_of_deleted_partitions_are_put_aside(binary, folder):
    d = filled(binary, folder, n=3)
    gone = d.data / "gone-0"
    shutil.copytree(d.data / LOG, gone)
    (d.data / "mine-0").mkdir()  # no log: somebody else's business
    try:
        d.restart()
        settle(lambda: not gone.exists(), "the stray directory stays where it is")
        assert any("gone-0" in line and "stray" in line for line in d.lines()), f"nothing is said: {d.last_line()}"
    finally:
        d.kill()
    stray, = d.data.glob("gone-0.*-stray")
    assert {p.name for p in stray.glob("*.log")} == {p.name for p in (d.data / LOG).glob("*.log")}
    assert (d.data / "mine-0").is_dir()
    recovers(d)


# ---- the computer ----

@claim
def a_directory_in_use_is_refused(binary, folder):
    d = filled(binary, folder, n=2)
    d.restart()
    other = Daemon(binary, folder / "other", data="../data")
    other.folder.mkdir()
    try:
        refuses(other, "data", "in use")
        d.check_kept()
    finally:
        other.kill()
        d.kill()


@claim
def a_port_in_use_is_refused(binary, folder):
    for kind in ("port", "controller_port"):
        sub = folder / kind
        sub.mkdir()
        d = Daemon(binary, sub)
        with socket.socket() as s:
            s.bind(("127.0.0.1", getattr(d, kind)))
            s.listen()
            refuses(d, getattr(d, kind), "in use")


@claim
def a_name_with_addresses_of_both_kinds_means_that_of_ipv4(binary, folder):
    (folder / "hosts").write_text("::1 localhost\n127.0.0.1 localhost\n")
    own_hosts = f"mount --bind {folder}/hosts /etc/hosts"
    if subprocess.run(["unshare", "--mount", "sh", "-c", own_hosts], capture_output=True).returncode:
        raise Skip("a process of its own /etc/hosts cannot be had here")
    d = Daemon(binary, folder)
    d.settings["listeners"] = f"PLAINTEXT://localhost:{d.port},CONTROLLER://localhost:{d.controller_port}"
    d.binary, d.arguments = "unshare", ["--mount", "sh", "-c", f'{own_hosts} && exec "$0" "$@"', str(binary)]
    with d:  # it is asked at 127.0.0.1
        d.keep()
        assert d.stop() == 0, d.last_line()


@claim
def directories_that_cannot_be_written_are_refused(binary, folder):
    file = folder / "file"
    file.write_text("x")
    refuses(Daemon(binary, folder, data="file"), file, "is not a directory")
    refuses(Daemon(binary, folder, data="file/below"), file, "not a directory")
    refuses(Daemon(binary, folder, data="file/far/below"), file, "not a directory")
    if os.path.isdir("/proc/self"):
        d = Daemon(binary, folder)
        d.settings["log.dirs"] = "/proc/gregor"
        refuses(d, "/proc/gregor: no directories can be made in /proc")


@claim
def a_directory_without_permission_is_refused(binary, folder):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        raise Skip("root may write everywhere, and there is no setpriv")
    data = folder / "data"
    data.mkdir()
    data.chmod(0o555)
    folder.chmod(0o755)
    d = Daemon(binary, folder)
    if os.geteuid() == 0:
        (folder / "log").touch()
        d.binary = "setpriv"
        d.arguments = ["--reuid=65534", "--regid=65534", "--clear-groups", str(binary)]
        if subprocess.run(["setpriv", *d.arguments, "--version"], capture_output=True).returncode:
            raise Skip("nobody may run the binary here")
    refuses(d, data, "permission")


@claim
def a_full_disk_loses_nothing_acknowledged(binary, folder):
    mount = folder / "small"
    mount.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", mount],
                                           capture_output=True).returncode:
        raise Skip("a small file system cannot be mounted here")
    try:
        d = Daemon(binary, folder, data="small/data", settings=SMALL)
        with d:
            try:
                for _ in range(200):
                    d.keep(1, 100000)
                raise AssertionError("20 MB went into 6")
            except (AssertionError, OSError, Exception) as e:
                assert "went into" not in str(e), e
            if d.process.poll() is None:
                d.stop()
            assert any("space" in line for line in d.lines()), f"nothing is said of it: {d.last_line()}"
        subprocess.run(["mount", "-o", "remount,size=60m", mount], check=True)
        # What was not acknowledged may be there or not: only what was must be.
        d.restart()
        d.check_kept_at_least()
        d.keep(2)
        d.kill()
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


@claim
def the_metadata_log_may_have_a_directory_of_its_own(binary, folder):
    """It may be moved there, with the directory's id; to begin anew there is refused."""
    data, other, name = folder / "data", folder / "metadata", "__cluster_metadata-0"
    d = Daemon(binary, folder)
    with d:
        d.keep(3)
        assert d.stop() == 0, d.last_line()
    d.settings["metadata.log.dir"] = other
    d.start()
    status, line = d.ends()
    assert status == 1 and str(other) in line and name in line, f"status {status}: {line}"
    shutil.rmtree(other)
    other.mkdir()
    (data / name).rename(other / name)
    (data / "meta.properties").rename(other / "meta.properties")
    with d:
        d.check_kept()
        assert not (data / name).exists() and (data / f"{TOPIC}-0").exists() and not (other / f"{TOPIC}-0").exists()
        d.keep(2)
        assert d.stop() == 0, d.last_line()
        d.restart()
        d.check_kept()
    ids = {line for f in (data, other) for line in (f / "meta.properties").read_text().split() if "directory" in line}
    assert len(ids) == 2, ids


@claim
def a_metadata_log_without_its_beginning_is_refused(binary, folder):
    d = Daemon(binary, folder, settings={"metadata.log.segment.ms": 1, "metadata.max.idle.interval.ms": 20})
    with d:
        settle(lambda: len(list((d.data / "__cluster_metadata-0").glob("*.log"))) > 3, "it does not roll")
        assert d.stop() == 0, d.last_line()
        (d.data / "__cluster_metadata-0" / f"{0:020}.log").unlink()
        refuses(d, "the metadata log", "its first segment files are missing")


@claim
def a_metadata_log_directory_is_locked_and_checked(binary, folder):
    other = folder / "metadata"
    (folder / "second").mkdir()
    with Daemon(binary, folder, settings={"metadata.log.dir": other}) as d:
        second = Daemon(binary, folder / "second", settings={"metadata.log.dir": other})
        second.start()
        status, line = second.ends()
        assert status == 1 and str(other) in line and "in use" in line, f"status {status}: {line}"
        d.keep(1)
        assert d.stop() == 0, d.last_line()
        meta = other / "meta.properties"
        meta.write_text(meta.read_text().replace("cluster.id=", "cluster.id=x"))
        d.start()
        status, line = d.ends()
        assert status == 1 and str(meta) in line and "cluster.id" in line, f"status {status}: {line}"


@claim
def groups_whose_batch_cannot_be_decompressed_are_not_served_but_tried_again(binary, folder):
    """Passing it over would lose offsets without a word. Whoever asks is told to come again; when it can be read, it is."""
    where = [{"Name": TOPIC, "PartitionIndexes": [0]}]
    d = Daemon(binary, folder, settings={"offsets.topic.num.partitions": 1, "broker.session.timeout.ms": 800,
                                         "broker.heartbeat.interval.ms": 100})

    def commit(b):
        b.ask("FindCoordinator", 3, {"Key": "g", "KeyType": 0})
        answer = b.ask("OffsetCommit", 8, {"GroupId": "g", "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
            {"Name": TOPIC, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 7}]}]})
        return answer["Topics"][0]["Partitions"][0]["ErrorCode"]

    def committed(b):
        answer = b.ask("OffsetFetch", 5, {"GroupId": "g", "Topics": where})
        return answer["ErrorCode"], [t["Partitions"][0]["CommittedOffset"] for t in answer["Topics"]]

    def told():
        return len([line for line in d.lines() if "cannot be loaded: a batch cannot be decompressed" in line])

    with d, asker(d) as b:
        settle(lambda: commit(b) == 0, "no commit succeeds")
        assert d.stop() == 0, d.last_line()
    log = d.data / "__consumer_offsets-0" / f"{0:020}.log"
    whole = log.read_bytes()
    base, _, delta = struct.unpack_from(">q15si", whole, last_batch(whole))
    log.write_bytes(whole + batch(payload=b"this was never compressed", codec=1, count=1, base=base + delta + 1))
    d.restart()
    try:
        with asker(d) as b:
            settle(lambda: told() >= 4, "it is not tried again")
            seen = committed(b)
            assert seen[0] in (COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR), seen
            assert told() < 12, "without back-off"
        assert d.stop() == 0, d.last_line()
        log.write_bytes(whole)
        d.restart()
        with asker(d) as b:
            settle(lambda: committed(b) == (0, [7]), "what was committed is gone")
    finally:
        d.kill()


def last_batch(batches):
    """Where it begins."""
    at = 0
    while at + 12 + struct.unpack_from(">i", batches, at + 8)[0] < len(batches):
        at += 12 + struct.unpack_from(">i", batches, at + 8)[0]
    return at
