"""Addresses of every form, and nodes that wait for somebody who is not there: they say for whom and why."""

import socket
import struct

from claim import Skip, claim
from daemon import Daemon
from ports import free_port
from wire import METADATA, Client


def need_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError as e:
        raise Skip(f"no IPv6 here: {e}") from None


def node(binary, folder, listen, speak, host):
    """listen: the host of listeners; speak: of voters; host: where a client finds it."""
    d = Daemon(binary, folder, host=host)
    d.settings["listeners"] = f"PLAINTEXT://{listen}:{d.port},CONTROLLER://{listen}:{d.controller_port}"
    d.settings["controller.quorum.voters"] = f"1@{speak}:{d.controller_port}"
    return d


def serves_so(d):
    with d:
        d.keep(2)
        d.check_kept()
        assert d.stop() == 0, d.last_line()


@claim
def a_node_serves_on_ipv6_alone(binary, folder):
    need_ipv6()
    serves_so(node(binary, folder, "[::1]", "[::1]", "::1"))


@claim
def ipv6_without_brackets_is_understood_as_kafka_does(binary, folder):
    need_ipv6()
    serves_so(node(binary, folder, "::1", "::1", "::1"))


@claim
def a_name_with_addresses_of_both_kinds_is_found(binary, folder):
    serves_so(node(binary, folder, "localhost", "localhost", "127.0.0.1"))


@claim
def all_addresses_are_listened_on(binary, folder):
    forms = [("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")]
    try:
        need_ipv6()
        forms += [("", "::1"), ("[::]", "::1"), ("[::]", "127.0.0.1")]
    except Skip:
        pass
    for i, (listen, host) in enumerate(forms):
        (folder / str(i)).mkdir()
        d = node(binary, folder / str(i), listen, "localhost", host)
        d.settings["advertised.listeners"] = f"PLAINTEXT://localhost:{d.port}"
        serves_so(d)


@claim
def bootstrap_servers_are_found_on_ipv6(binary, folder):
    need_ipv6()
    d = node(binary, folder, "[::1]", "[::1]", "::1")
    d.settings["controller.quorum.voters"] = None
    d.settings["controller.quorum.bootstrap.servers"] = f"[::1]:{d.controller_port}"
    serves_so(d)


@claim
def advertised_ipv6_is_told_without_brackets(binary, folder):
    need_ipv6()
    d = node(binary, folder, "[::1]", "[::1]", "::1")
    d.settings["advertised.listeners"] = f"PLAINTEXT://[::1]:{d.port}"
    with d, Client(d.port, host="::1") as c:
        told = c.call(METADATA, 4, struct.pack(">i", 0) + b"\0")  # of no topic: throttle, then the brokers
        count, number, length = struct.unpack_from(">iih", told, 4)
        host, port = told[14:14 + length], struct.unpack_from(">i", told, 14 + length)[0]
        assert (count, number, host, port) == (1, 1, b"::1", d.port), told


@claim
def an_address_that_is_none_is_named(binary, folder):
    for name, value in (
        ("controller.quorum.voters", "1@[::1:9093"),
        ("controller.quorum.voters", "1@[]:9093"),
        ("controller.quorum.voters", "1@:9093"),
        ("controller.quorum.voters", "1@localhost:+9093"),
        ("controller.quorum.voters", "1@local host:9093"),
        ("controller.quorum.bootstrap.servers", "[::1]"),
        ("controller.quorum.bootstrap.servers", "localhost:99999"),
        ("listeners", "PLAINTEXT://[::1]9092,CONTROLLER://:9093"),
        ("advertised.listeners", "PLAINTEXT://[::1:9092"),
    ):
        d = Daemon(binary, folder, settings={name: value})
        d.start()
        status, line = d.ends()
        assert status in (1, 3) and name in line, f"{name}={value}: status {status}: {line}"


def broker_of(binary, folder, controller):
    """A broker whose only controller is there."""
    d = Daemon(binary, folder, environment={"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"})
    d.settings["process.roles"] = "broker"
    d.settings["node.id"] = 2
    d.settings["listeners"] = f"PLAINTEXT://127.0.0.1:{d.port}"
    d.settings["controller.quorum.voters"] = f"1@{controller}"
    return d


@claim
def who_waits_for_a_controller_says_for_whom_and_why(binary, folder):
    port = free_port()
    for i, (controller, why) in enumerate((
        (f"127.0.0.1:{port}", "connection refused"),
        (f"no-such-host.invalid:{port}", "unknown host"),
    )):
        (folder / str(i)).mkdir()
        d = broker_of(binary, folder / str(i), controller)
        try:
            d.start()
            d.says("waits for the leader of the controller quorum", f"1@{controller}", why)
            assert d.stop() == 0, d.last_line()
        finally:
            d.kill()


@claim
def the_end_of_a_wait_is_told(binary, folder):
    for name in ("broker", "controller"):
        (folder / name).mkdir()
    k = Daemon(binary, folder / "controller", environment={"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"})
    k.settings["process.roles"] = "controller"
    k.settings["listeners"] = f"CONTROLLER://127.0.0.1:{k.controller_port}"
    b = broker_of(binary, folder / "broker", f"127.0.0.1:{k.controller_port}")
    try:
        b.start()
        b.says("waits for the leader of the controller quorum", "connection refused")
        k.start()
        b.says("has the leader of the controller quorum, after")
        b.wait()
        assert b.stop() == 0, b.last_line()
        assert k.stop() == 0, k.last_line()
        assert not [line for line in k.lines() if "warn" in line], k.lines()
    finally:
        b.kill()
        k.kill()


@claim
def a_session_that_must_end_first_is_told(binary, folder):
    for name in ("broker", "controller"):
        (folder / name).mkdir()
    k = Daemon(binary, folder / "controller", environment={"CLUSTER_ID": "MkU3OEVBNTcwNTJENDM2Qk"})
    k.settings["process.roles"] = "controller"
    k.settings["listeners"] = f"CONTROLLER://127.0.0.1:{k.controller_port}"
    b = broker_of(binary, folder / "broker", f"127.0.0.1:{k.controller_port}")
    try:
        k.start()
        b.start()
        b.wait()
        b.kill()
        b.start()
        b.says("waits for its registration", "registered as broker 2", "9000 ms")
        b.wait()
        assert b.stop() == 0, b.last_line()
        assert k.stop() == 0, k.last_line()
    finally:
        b.kill()
        k.kill()


@claim
def a_broker_that_nobody_takes_in_ends(binary, folder):
    d = broker_of(binary, folder, f"127.0.0.1:{free_port()}")
    d.settings["initial.broker.registration.timeout.ms"] = 1500
    d.start()
    status, line = d.ends()
    assert status == 1, f"status {status}: {line}"
    assert "initial.broker.registration.timeout.ms" in line and "connection refused" in line, line
