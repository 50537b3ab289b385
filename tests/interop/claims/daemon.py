"""The daemon as a process: it stops in order, comes back with what it had, and says when it serves."""

import re
import socket

from harness.claim import Skip, claim, expect, expect_equal

LINES = [f"kept {i}" for i in range(200)]


def running(t, **arguments):
    node = t.node(**arguments)
    node.start()
    node.wait()
    return node


def again(node):
    node.start()
    node.wait()


@claim("starts", "kcat")
def restarts(t):
    """After SIGTERM and a start, topics and records are there, and new ones follow."""
    node = running(t)
    try:
        t.produce("kept", LINES, "-z", "lz4", at=node.address)
        status = node.stop()
        expect(status in ((0,) if t.kind == "gregord" else (0, 143)), f"SIGTERM: {node.how_it_ended()}")
        expect((node.log_dir / ".kafka_cleanshutdown").exists(), "no .kafka_cleanshutdown after SIGTERM")
        again(node)
        t.produce("kept", ["later"], at=node.address)
        expect_equal(t.consume("kept", at=node.address), LINES + ["later"], "records")
    finally:
        node.kill()


@claim("starts", "kcat")
def survives_kill(t):
    """After kill -9 and a start, every acknowledged record is there, and new ones follow."""
    node = running(t)
    try:
        t.produce("kept", LINES, at=node.address)
        node.kill()
        again(node)
        t.produce("kept", ["later"], at=node.address)
        expect_equal(t.consume("kept", at=node.address), LINES + ["later"], "records")
    finally:
        node.kill()


@claim("starts", "kcat")
def group_survives_kill(t):
    """A group's committed offset survives kill -9 of the broker."""
    node = running(t)
    try:
        t.produce("kept", LINES, at=node.address)
        read = ("-G", "keepers", "-q", "-X", "auto.offset.reset=earliest", "-c")
        expect_equal(t.kcat(*read, 50, "kept", at=node.address).splitlines(), LINES[:50], "first part")
        node.kill()
        again(node)
        expect_equal(t.kcat(*read, 50, "kept", at=node.address).splitlines(), LINES[50:100], "second part")
    finally:
        node.kill()


@claim("gregord", "starts", "kcat")
def alone(t):
    """gregord without any option serves on localhost:9092 and keeps its data in ./gregor-data."""
    for port in (9092, 9093):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("", port))
            except OSError:
                raise Skip(f"port {port} is in use") from None
    node = t.node()
    node.overrides, node.port, node.controller_port = {}, 9092, 9093
    node.start()
    try:
        node.wait()
        said = (node.folder / "log").read_text()
        expect(len(re.findall(r"\b9092\b", said)) >= 1, f"no line says where it serves: {said!r}")
        at = "localhost:9092"
        t.produce("alone", LINES, at=at)
        expect_equal(t.consume("alone", at=at), LINES, "records")
        read = t.kcat("-G", "readers", "-q", "-X", "auto.offset.reset=earliest", "-c", 1, "alone", at=at)
        expect_equal(read.strip(), LINES[0], "what a group reads")
        expect((node.folder / "gregor-data" / "meta.properties").exists(), "no gregor-data/meta.properties")
    finally:
        node.kill()


@claim("gregord", "starts", "kcat")
def config_file(t):
    """gregord reads a server.properties by --config; an --override wins over it."""
    node = t.node()
    file = node.folder / "server.properties"
    rows = {**node.settings(), "num.partitions": 2, "log.dirs": node.folder / "of-the-file"}
    file.write_text("# comment\n" + "".join(f"{k}={v}\n" for k, v in rows.items()))
    node.config_file, node.overrides = file, {"log.dirs": node.log_dir}
    node.start()
    try:
        node.wait()
        t.produce("configured", ["x"], at=node.address)
        expect(node.log_dir.is_dir() and not (node.folder / "of-the-file").exists(), "log.dirs was not overridden")
        expect_equal(len(list(node.log_dir.glob("configured-*"))), 2, "partitions of a topic made on demand")
    finally:
        node.kill()
