"""Options and settings that are wrong: one line says which, where it stands and what would do."""

import struct
import subprocess

from claim import claim
from daemon import Daemon, clean_environment
from ports import free_port
from wire import LIMIT_S, METADATA, Client


def said(binary, folder, *arguments, environment=None):
    """(status, what it printed to its errors)"""
    done = subprocess.run([str(binary), *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S,
                          stdin=subprocess.DEVNULL, env={**clean_environment(), **(environment or {})})
    return done.returncode, done.stderr


def refuses(binary, folder, arguments, *words, status=(1, 3), environment=None):
    got, errors = said(binary, folder, *arguments, environment=environment)
    assert got in status, f"{arguments}: status {got}: {errors}"
    lines = [line for line in errors.splitlines() if line.strip()]
    assert len(lines) == 1, f"{arguments}: {len(lines)} lines: {errors}"
    for word in words:
        assert str(word) in lines[0], f'{arguments}: "{word}" is not in: {lines[0]}'


@claim
def options_that_do_not_exist_are_named(binary, folder):
    for arguments, words in [
        (["--confg", "x"], ('"--confg"', "--config")),
        (["--wat"], ('"--wat"', "--help")),
        (["-x"], ('"-x"',)),
        (["server.properties"], ("server.properties", "--config")),
        (["--config"], ("--config", "value")),
        (["--override"], ("--override", "value")),
        (["--override", "x"], ("NAME=VALUE",)),
        (["--override", "=x"], ("NAME=VALUE",)),
        (["--memory", "lots"], ("lots", "512m")),
        (["--memory", "1m"], ("16m",)),
        (["--memory", "99999999999999999999g"], ("--memory",)),
        (["--help=x"], ("--help",)),
    ]:
        refuses(binary, folder, arguments, *words, status=(3,))


@claim
def files_that_cannot_be_read_are_named(binary, folder):
    (folder / "folder").mkdir()
    refuses(binary, folder, ["--config", "missing.properties"], "missing.properties", "No such file", status=(3,))
    refuses(binary, folder, ["--config", "folder"], "folder", "directory", status=(3,))
    (folder / "huge").write_text("#" * (5 << 20))
    refuses(binary, folder, ["--config", "huge"], "huge", "large", status=(3,))


@claim
def syntax_errors_have_line_and_column(binary, folder):
    file = folder / "server.properties"
    for text, place in [
        (b"node.id=1\nlisteners=\\uZZZZ\n", ":2:"),
        (b"node.id=1\n\n# fine\n  broken\\u12\n", ":4:"),
        (b"a=b\\", None),
    ]:
        file.write_bytes(text)
        if place:
            refuses(binary, folder, ["--config", file], f"server.properties{place}")
    for text in (b"\xff\xfe\0n\0o", b"\0" * 100, b"=\n=\n", b":::\n", b"\\\n\\\n\\\n", b"a" * 100000):
        file.write_bytes(text)
        got, errors = said(binary, folder, "--config", file)
        assert got in (1, 3) and len(errors.strip().splitlines()) == 1, f"{text[:20]}: {got} {errors[:300]}"


def combined(**changes):
    """The arguments of a node that would start, with changes."""
    port, controller = free_port(), free_port()
    settings = {
        "process.roles": "broker,controller", "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}", "log.dirs": "data",
    }
    settings.update({k.replace("_", "."): v for k, v in changes.items()})
    return [x for k, v in settings.items() if v is not None for x in ("--override", f"{k}={v}")]


@claim
def values_that_do_not_fit_are_named_with_their_limits(binary, folder):
    for name, value, *words in [
        ("num.partitions", "0"), ("num.partitions", "many"), ("num.partitions", "99999999999"),
        ("log.segment.bytes", "-1"), ("log.segment.bytes", "1.5"),
        ("auto.create.topics.enable", "perhaps"), ("compression.type", "rar"),
        ("log.cleanup.policy", "burn"), ("min.insync.replicas", "0"),
        ("socket.request.max.bytes", "0"), ("node.id", "x"), ("node.id", "-5"),
        ("process.roles", "broker,cook"), ("broker.session.timeout.ms", ""),
        ("log.message.timestamp.type", "Yesterday"),
    ]:
        refuses(binary, folder, combined() + ["--override", f"{name}={value}"], name, "--override", *words)


@claim
def settings_that_contradict_each_other_are_refused(binary, folder):
    for changes, words in [
        ({"listeners": ""}, ("listener",)),
        ({"listeners": "PLAINTEXT"}, ("listeners",)),
        ({"listeners": "PLAINTEXT://127.0.0.1:99999,CONTROLLER://127.0.0.1:9"}, ("99999",)),
        ({"listeners": "PLAINTEXT://127.0.0.1:x,CONTROLLER://127.0.0.1:9"}, ("listeners",)),
        ({"listeners": "PLAINTEXT://:9092,PLAINTEXT://:9093,CONTROLLER://:9094"}, ("PLAINTEXT",)),
        ({"listeners": "PLAINTEXT://127.0.0.1:9092"}, ("controller.listener.names",)),
        ({"controller_listener_names": "NOBODY"}, ("CONTROLLER",)),
        ({"controller_quorum_voters": "1@127.0.0.1"}, ("controller.quorum.voters",)),
        ({"controller_quorum_voters": "x@127.0.0.1:9"}, ("controller.quorum.voters",)),
        ({"controller_quorum_voters": "7@127.0.0.1:9093"}, ("controller.quorum.voters", "1")),
        ({"controller_quorum_voters": "1@a:1,1@b:2"}, ("controller.quorum.voters",)),
        ({"inter_broker_listener_name": "NOBODY"}, ("NOBODY",)),
        ({"advertised_listeners": "PLAINTEXT://:9092,OTHER://x:1"}, ("advertised.listeners",)),
        ({"process_roles": ""}, ("process.roles",)),
        ({"log_dirs": ""}, ("log.dirs",)),
        ({"log_dirs": "a,b"}, ("log.dirs",)),
        ({"log_dirs": None, "log_dir": "a,b"}, ("log.dir: more than one directory", "a,b")),
    ]:
        refuses(binary, folder, combined(**changes), *words)


MAP = "PLAINTEXT:PLAINTEXT,X:PLAINTEXT,CONTROLLER:PLAINTEXT"
AS_BROKER = {"process_roles": "broker", "listeners": "PLAINTEXT://127.0.0.1:9", "controller_quorum_voters": "2@127.0.0.1:9"}
AS_CONTROLLER = {"process_roles": "controller", "listeners": "CONTROLLER://127.0.0.1:9"}
TWO = "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"
# What Apache Kafka 4.4 refuses, of who a node is, where it listens and what its quorum is (its KafkaConfig was asked).
MISFITS = [
    ({"node_id": None}, ("node.id is required",)),
    ({"broker_id": "2"}, ("node.id=1", "broker.id=2")),
    ({"log_retention_hours": "0"}, ("log.retention.hours=0",)),
    ({"replica_lag_time_max_ms": "400"}, ("replica.fetch.wait.max.ms=500", "replica.lag.time.max.ms=400")),
    ({"listeners": TWO.replace("19093", "19092")}, ("port", "PLAINTEXT")),
    ({"listeners": TWO + ",,"}, ("listeners", "empty item")),
    ({"listeners": TWO.replace("127.0.0.1", "0.0.0.0")}, ("0.0.0.0", "advertised.listeners")),
    ({"listeners": "CONTROLLER://127.0.0.1:19093"}, ("a broker needs a listener",)),
    ({"listeners": "SSL://:19092,CONTROLLER://:19093"}, ("SSL", "not supported")),
    ({"listeners": "X://:19092,CONTROLLER://:19093"}, ("X", "listener.security.protocol.map")),
    ({"listeners": "X://:19092,CONTROLLER://:19093", "listener_security_protocol_map": MAP},
     ("PLAINTEXT", "inter.broker.listener.name")),
    ({"listener_security_protocol_map": "PLAINTEXT:PLAINTEXT"}, ("CONTROLLER", "listener.security.protocol.map")),
    ({"listener_security_protocol_map": ""}, ("PLAINTEXT", "listener.security.protocol.map")),
    ({"listener_security_protocol_map": "PLAINTEXT,CONTROLLER:PLAINTEXT"}, ("listener.security.protocol.map",)),
    ({"listener_security_protocol_map": MAP + ",UNUSED:BAR"}, ("UNUSED:BAR",)),
    ({"advertised_listeners": ""}, ("advertised.listeners",)),
    ({"advertised_listeners": "PLAINTEXT://0.0.0.0:19092"}, ("0.0.0.0",)),
    ({"advertised_listeners": "CONTROLLER://127.0.0.1:19093"}, ("advertised.listeners", "brokers")),
    ({"advertised_listeners": "PLAINTEXT://h:1,CONTROLLER://0.0.0.0:1"}, ("0.0.0.0",)),
    ({"advertised_listeners": "PLAINTEXT://h:1,PLAINTEXT://g:1"}, ("two have the name PLAINTEXT",)),
    ({"advertised_listeners": "h:1"}, ("advertised.listeners", "h:1")),
    ({"listeners": TWO + ",X://:19094", "listener_security_protocol_map": MAP, "advertised_listeners": "X://h:1"},
     ("PLAINTEXT", "not advertised")),
    ({"listeners": TWO + ",X://:19094", "listener_security_protocol_map": MAP, "advertised_listeners": "PLAINTEXT://h:1",
      "inter_broker_listener_name": "X"}, ("inter.broker.listener.name", "X")),
    ({"inter_broker_listener_name": "CONTROLLER"}, ("inter.broker.listener.name", "CONTROLLER")),
    ({"inter_broker_listener_name": ""}, ("inter.broker.listener.name",)),
    ({"inter_broker_listener_name": "PLAINTEXT", "security_inter_broker_protocol": "PLAINTEXT"}, ("both set",)),
    ({"security_inter_broker_protocol": "SSL"}, ("SSL", "not advertised")),
    ({"security_inter_broker_protocol": "plaintext"}, ("security.inter.broker.protocol", "SASL_SSL")),
    ({"controller_listener_names": ""}, ("controller.listener.names",)),
    ({"controller_listener_names": "CONTROLLER,NOBODY"}, ("NOBODY",)),
    ({"controller_listener_names": "PLAINTEXT,CONTROLLER"}, ("a broker needs a listener",)),
    ({"controller_listener_names": "controller"}, ("CONTROLLER",)),
    ({"early_start_listeners": "NOBODY"}, ("early.start.listeners", "NOBODY")),
    ({"controller_quorum_voters": None}, ("controller.quorum.voters", "controller.quorum.bootstrap.servers")),
    ({"controller_quorum_voters": ""}, ("controller.quorum.voters", "controller.quorum.bootstrap.servers")),
    ({**AS_BROKER, "controller_listener_names": "PLAINTEXT"}, ("controller.listener.names", "PLAINTEXT")),
    ({**AS_BROKER, "listeners": TWO}, ("controller.listener.names", "CONTROLLER")),
    ({**AS_BROKER, "controller_quorum_voters": "1@127.0.0.1:9"}, ("controller.quorum.voters", "process.roles")),
    ({**AS_BROKER, "controller_quorum_voters": None}, ("controller.quorum.voters",)),
    ({**AS_CONTROLLER, "listeners": TWO}, ("a controller that is no broker",)),
    ({**AS_CONTROLLER, "controller_quorum_voters": "2@127.0.0.1:9"}, ("controller.quorum.voters",)),
    ({**AS_CONTROLLER, "inter_broker_listener_name": "CONTROLLER"}, ("inter.broker.listener.name",)),
    ({**AS_CONTROLLER, "inter_broker_listener_name": "NOBODY"}, ("NOBODY",)),
]


@claim
def what_kafka_refuses_to_start_with_is_refused(binary, folder):
    file = folder / "server.properties"
    for changes, words in MISFITS:
        pairs = combined(**changes)[1::2]
        file.write_text("".join(f"{pair}\n" for pair in pairs))
        refuses(binary, folder, ["--config", file], *words, status=(1,))


@claim
def what_kafka_starts_with_starts(binary, folder):
    for i, changes in enumerate((
        {"node.id": None, "broker.id": 1},
        {"broker.id": 1, "inter.broker.listener.name": "plaintext"},
        {"log.dirs": None, "log.dir": "of-old"},
        {"listener.security.protocol.map": " plaintext:plaintext , Controller : PLAINTEXT,UNUSED:SSL"},
        {"security.inter.broker.protocol": "PLAINTEXT", "early.start.listeners": "CONTROLLER"},
    )):
        (folder / str(i)).mkdir()
        with Daemon(binary, folder / str(i), settings=changes) as d:
            d.serves()
    d = Daemon(binary, folder)
    d.settings["listeners"] = d.settings["listeners"].lower()
    with d:
        d.serves()


@claim
def a_listener_that_is_not_advertised_is_kept_from_clients(binary, folder):
    """Kafka registers those of advertised.listeners only; an empty host there means this host."""
    hidden = free_port()
    d = Daemon(binary, folder)
    d.settings.update({"listeners": d.settings["listeners"] + f",X://127.0.0.1:{hidden}",
                       "listener.security.protocol.map": MAP, "advertised.listeners": f"PLAINTEXT://:{d.port}"})
    with d:
        body = struct.pack(">i", 0)
        with Client(d.port) as c:
            assert struct.unpack_from(">i", c.call(METADATA, 1, body))[0] == 1
        with Client(hidden) as c:
            assert struct.unpack_from(">i", c.call(METADATA, 1, body))[0] == 0, "it is told of"


@claim
def a_wrong_variable_is_named(binary, folder):
    refuses(binary, folder, combined(), "num.partitions", "KAFKA_NUM_PARTITIONS",
            environment={"KAFKA_NUM_PARTITIONS": "lots"})
    refuses(binary, folder, combined(), "CLUSTER_ID", environment={"CLUSTER_ID": "no good\n"})
