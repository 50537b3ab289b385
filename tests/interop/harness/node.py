"""One daemon process, gregord or Apache Kafka, started by us in a folder of its own and ended by its pid.

A node's settings are Kafka's own and the same for both kinds, so that a claim compares like with like:
gregord gets them as --override, Apache Kafka as a file, after its storage was formatted.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import paths, wire
from .claim import LIMIT_S
from .patience import Patience, ended

sys.path.insert(0, str(paths.ROOT / "tests/lib"))

from ports import free_port  # noqa: E402

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
START_LIMIT_S = {"gregord": LIMIT_S, "kafka": 2 * LIMIT_S}
SMALL_JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]


class NodeError(Exception):
    """A node did not start, or ended by itself."""


def java(jars, *args, heap="128m", options=None):
    """The argument vector that runs a Java main class from a folder of jars."""
    return ["java", f"-Xmx{heap}", *(SMALL_JVM if options is None else options),
            f"-Dlog4j2.configurationFile={paths.LOG4J}", "-cp", f"{jars}/*", *args]


def clean_environment():
    """Ours, less what would configure a daemon behind our back."""
    return {k: v for k, v in os.environ.items()
            if not k.startswith("KAFKA_") and k not in ("CLUSTER_ID", "JAVA_TOOL_OPTIONS")}


class Node:
    """A daemon of one kind. It may be started again after it was stopped or killed: its folder stays."""

    def __init__(self, kind, folder, *, node_id=1, settings=None, jvm=(), heap="512m",
                 binary=paths.BUILD / "gregord"):
        self.kind, self.node_id, self.binary = kind, node_id, Path(binary)
        self.folder = Path(folder)
        self.host, self.port, self.controller_port = "127.0.0.1", free_port(), free_port()
        self.voters = f"{node_id}@{self.host}:{self.controller_port}"
        self.extra, self.jvm, self.heap = dict(settings or {}), list(jvm), heap
        self.environment = {}
        self.overrides, self.config_file = None, None  # gregord: what to give it instead of the settings
        self.process = None
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def log_dir(self):
        return self.folder / "data"

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def settings(self):
        listeners = (f"PLAINTEXT://{self.host}:{self.port},"
                     f"CONTROLLER://{self.host}:{self.controller_port}")
        return {
            "process.roles": "broker,controller",
            "node.id": self.node_id,
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": self.voters,
            "log.dirs": self.log_dir,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # Kafka's 3 s cost each group of a claim so much. Not 0: kafka-python asks for its topics' metadata
            # 100 ms after it has subscribed, and a leader that has joined before shares out nothing, for good.
            "group.initial.rebalance.delay.ms": 1000,
            **self.extra,
        }

    def start(self):
        """Starts the process; see wait()."""
        make = self._gregord if self.kind == "gregord" else self._kafka
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                make(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**clean_environment(), "CLUSTER_ID": CLUSTER_ID, **self.environment})

    def _gregord(self):
        if not self.binary.exists():
            raise NodeError(f"{self.binary.name} is not built: make")
        argv = [str(self.binary)]
        if self.config_file:
            argv += ["--config", str(self.config_file)]
        overrides = self.settings() if self.overrides is None else self.overrides
        for key, value in overrides.items():
            argv += ["--override", f"{key}={value}"]
        return argv

    def _kafka(self):
        if not paths.BROKER_JARS.exists():
            raise NodeError("Apache Kafka is not installed: tests/interop/setup java")
        file = self.folder / "server.properties"
        rows = self.settings().items()
        file.write_text("".join(f"{key}={value}\n" for key, value in rows))
        if not (self.log_dir / "meta.properties").exists():
            subprocess.run(
                java(paths.BROKER_JARS, "kafka.tools.StorageTool", "format",
                     "-t", CLUSTER_ID, "-c", str(file)),
                check=True, capture_output=True, timeout=2 * LIMIT_S)
        return java(paths.BROKER_JARS, "kafka.Kafka", str(file), heap=self.heap, options=self.jvm)

    def wait(self, expected_brokers=1, limit_s=None):
        """Returns when the node answers and knows so many unfenced brokers."""
        limit_s = limit_s or START_LIMIT_S[self.kind]
        patience = Patience(limit_s)
        while True:
            try:
                wire.api_versions(self.host, self.port)
                if len(wire.brokers(self.host, self.port)) >= expected_brokers:
                    return
                why = "it answers but knows too few brokers"
            except wire.WireError as e:
                why = str(e)
            if not self.is_alive():
                raise NodeError(f"{self.kind} ended while starting: {self.how_it_ended()}")
            if not patience.lasts():
                raise NodeError(f"{self.kind} does not serve after "
                                f"{limit_s} s: {why}: {self.last_line()}")
            time.sleep(0.01)

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, limit_s=LIMIT_S):
        """Ends the node in order; returns its exit status, negative when it had to be killed."""
        return self._end(signal.SIGTERM, limit_s)

    def kill(self):
        return self._end(signal.SIGKILL, 10)

    def _end(self, how, limit_s):
        if not self.process:
            return 0
        if self.is_alive():
            self.process.send_signal(how)
        if not ended(self.process, limit_s):
            self.process.kill()
        return self.process.wait()

    def last_line(self):
        """The last line that the daemon printed: usually what it died of."""
        try:
            lines = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else "(it printed nothing)"

    def how_it_ended(self):
        status = self.process.returncode
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return f"{how}: {self.last_line()}"


class Cluster:
    """Several combined nodes, each broker and controller, with one quorum; of one kind, or as kinds says."""

    def __init__(self, kind, folder, size=3, *, kinds=None, settings=None, **node_arguments):
        kinds = kinds or (kind,) * size
        common = {
            "default.replication.factor": size,
            "min.insync.replicas": size // 2 + 1,
            "offsets.topic.replication.factor": size,
            # Six of Apache Kafka's nodes that start at once on a busy machine: its minute is not enough.
            "initial.broker.registration.timeout.ms": 300_000,
            **(settings or {}),
        }
        self.nodes = [Node(x, Path(folder) / f"node-{i}", node_id=i, settings=common, **node_arguments)
                      for i, x in enumerate(kinds, 1)]
        voters = ",".join(n.voters for n in self.nodes)
        for node in self.nodes:
            node.voters = voters

    @property
    def bootstrap(self):
        return ",".join(n.address for n in self.nodes)

    def node(self, node_id):
        return next(n for n in self.nodes if n.node_id == node_id)

    def __enter__(self):
        try:
            for node in self.nodes:
                node.start()
            limit_s = max(START_LIMIT_S[node.kind] for node in self.nodes)  # each waits for all
            for node in self.nodes:
                node.wait(len(self.nodes), limit_s)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        for node in self.nodes:
            node.kill()
