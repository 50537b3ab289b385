"""What a claim is judged against, and the verbs that claims are written with."""

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import paths
from .claim import APP_PARTS, Failed, Skip
from .node import Cluster, Node, SMALL_JVM, java
from .patience import eventually

TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "transactions": "org.apache.kafka.tools.TransactionsCommand",
    "features": "org.apache.kafka.tools.FeatureCommand",
    "client-metrics": "org.apache.kafka.tools.ClientMetricsCommand",
    "configs": "kafka.admin.ConfigCommand",
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "console-share-consumer": "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    "share-groups": "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    "streams-groups": "org.apache.kafka.tools.streams.StreamsGroupCommand",
    "metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "dump-log": "org.apache.kafka.tools.DumpLogSegments",
    "broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "acls": "org.apache.kafka.tools.AclCommand",
    "reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "cluster": "org.apache.kafka.tools.ClusterTool",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
}
# They give an answer half a minute of the clock, which is little on a busy machine. Claims have limits of their own, which heed that.
GROUP_TOOLS = {"consumer-groups", "share-groups", "streams-groups"}
GIVES_UP_S = 600


def gone(parts):
    """Why one of these needs cannot be met here, or None."""
    if "kcat" in parts and not shutil.which("kcat"):
        return "kcat is not installed: tests/interop/setup debian"
    if parts & {"kafka-python", "confluent-kafka"} and not paths.VENV_PYTHON.exists():
        return "the Python clients are not installed: tests/interop/setup python"
    if "mutants" in parts and not (paths.BUILD / "mutants" / "gregor").exists():
        return "build/mutants/gregor is not there: make mutants"
    if "clients" in parts and not paths.CLIENTS.exists():
        return "aiokafka and kafkajs are not installed: tests/interop/setup clients"
    if "go" in parts and not (paths.INSTALLED / "go.stamp").exists():
        return "franz-go is not installed: tests/interop/setup go"
    if "browser" in parts and not (paths.BROWSER.exists() and shutil.which("chromium")):
        return "Chromium and playwright-core are not installed: tests/interop/setup browser"
    if "java" in parts and not paths.TOOLS_JARS.exists():
        return "Kafka's tools are not installed: tests/interop/setup java"
    absent = sorted(x for x in parts & APP_PARTS if not (paths.INSTALLED / f"{x}.stamp").exists())
    if "postgresql" in parts and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        absent.append("postgresql")
    if absent:
        return f"{absent[0]} is not installed: tests/interop/setup apps"
    return None


@dataclass
class Target:
    """A broker that serves. kind is gregord, kafka or running (somebody else's, of which we see no files)."""

    kind: str
    bootstrap: str
    log_dir: str | None
    folder: str
    binary: str

    def to_json(self):
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text):
        return Target(**json.loads(text))

    def unmet(self, needs):
        """Why a claim with these needs is skipped against this target, or None."""
        if "gregord" in needs and self.kind != "gregord":
            return "only gregord is started like this"
        if "files" in needs and not self.log_dir:
            return "the broker's files are not ours to read"
        if "starts" in needs and self.kind == "running":
            return "needs daemons that the claim itself starts"
        return gone(needs)

    # --- names and places ---

    def unique(self, stem):
        """A name of a topic or group that no claim before has used, also on a broker that is not fresh."""
        return f"{stem}-{time.time_ns() // 1000:x}-{next(_numbers)}"

    def scratch(self):
        """A new folder under this run's."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def partition_dir(self, topic, partition=0):
        folder = Path(self.log_dir) / f"{topic}-{partition}"
        if not folder.is_dir():
            raise Failed(f"no folder {folder.name} in log.dirs")
        return folder

    # --- daemons of a claim's own ---

    def node(self, **arguments):
        return Node(self.kind, self.scratch(), jvm=SMALL_JVM, binary=self.binary, **arguments)

    def cluster(self, size=3, **arguments):
        return Cluster(self.kind, self.scratch(), size, jvm=SMALL_JVM, binary=self.binary, **arguments)

    # --- clients ---

    def kcat(self, *args, at=None, **more):
        """Runs kcat and returns what it printed. Its mode is the first argument (-P, -C, ...)."""
        argv = ["kcat", "-b", at or self.bootstrap, "-X", "socket.timeout.ms=60000", "-m", 60, *args]
        return run([str(x) for x in argv], **more)

    def produce(self, topic, lines, *args, **more):
        """Produces one record a line with kcat; it fails unless every record was acknowledged."""
        return self.kcat("-P", "-t", topic, *args, input="".join(f"{x}\n" for x in lines), **more)

    def consume(self, topic, *args, **more):
        """Reads a topic to its end with kcat; returns the lines."""
        return self.kcat("-C", "-q", "-t", topic, "-e", *args, **more).splitlines()

    def tool(self, name, *args, connect=True, **more):
        """Runs one of Kafka's tools and returns what it printed."""
        where = ["--bootstrap-server", self.bootstrap] if connect else []
        if name in GROUP_TOOLS:
            where += ["--timeout", 1000 * GIVES_UP_S]
        return run(java(paths.TOOLS_JARS, TOOLS[name], *map(str, [*where, *args])), **more)


_numbers = itertools.count(1)


def run(argv, *, input=None, status=0, errors=False, cwd=None):
    """Runs a command to its end; fails with its last words when the status is not the expected one.

    No time limit of its own: the claim's ends the whole process group.
    """
    done = subprocess.run(
        argv, input=input, stdin=subprocess.DEVNULL if input is None else None, cwd=cwd,
        capture_output=True, text=True, errors="replace", env={**os.environ, "LC_ALL": "C.UTF-8"})
    if status is not None and done.returncode != status:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        last = next((x for x in said if "rror" in x or "xception" in x), said[-1] if said else "")
        raise Failed(f"{_name(argv)} exited with {done.returncode}: {last}")
    return done.stdout + done.stderr if errors else done.stdout


def _name(argv):
    if argv[0] != "java":
        return Path(argv[0]).name
    return argv[argv.index("-cp") + 2].rpartition(".")[2]


__all__ = ["Target", "Skip", "eventually", "run", "gone"]
