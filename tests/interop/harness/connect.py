"""Kafka Connect's distributed workers, and the little that is asked of their REST interface."""

import json
import time
import urllib.error
import urllib.request

from . import paths
from .app import App
from .claim import LIMIT_S, Failed
from .node import java
from .patience import Patience
from .target import eventually

from ports import free_port  # of tests/lib, which node.py has put on the path

STRING = "org.apache.kafka.connect.storage.StringConverter"


class Refused(Exception):
    """The REST interface answered with an error."""


class Worker(App):
    """A distributed worker. Workers of the same group share out connectors and their tasks."""

    def __init__(self, t, bootstrap, group, **settings):
        self.port = free_port()
        folder = t.scratch()
        rows = {
            "bootstrap.servers": bootstrap, "group.id": group,
            "config.storage.topic": f"{group}-configs", "offset.storage.topic": f"{group}-offsets",
            "status.storage.topic": f"{group}-status", "offset.storage.partitions": 5,
            "config.storage.replication.factor": -1, "offset.storage.replication.factor": -1,
            "status.storage.replication.factor": -1,
            "key.converter": STRING, "value.converter": STRING,
            "listeners": f"http://127.0.0.1:{self.port}", "offset.flush.interval.ms": 500,
            # Else a worker that is gone is missed for 5 minutes before others take its tasks.
            "scheduled.rebalance.max.delay.ms": 1000, "session.timeout.ms": 6000, "heartbeat.interval.ms": 1500,
            **{key.replace("_", "."): value for key, value in settings.items()},
        }
        file = folder / "worker.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in rows.items()))
        super().__init__("the Connect worker", java(paths.INSTALLED / "connect",
                         "org.apache.kafka.connect.cli.ConnectDistributed", file, heap="256m"), folder)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def ask_rest(self, path, body=None, method=None):
        """What the REST interface answers, from its JSON."""
        request = urllib.request.Request(f"http://{self.address}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                text = answer.read()
        except urllib.error.HTTPError as e:
            raise Refused(f"{e.code}: {e.read().decode(errors='replace')[:300]}") from e
        except OSError as e:
            raise Refused(str(e)) from e
        return json.loads(text) if text else None

    def ask_until(self, holds, path, what, **more):
        """Asks until the answer is as wanted; what is no answer counts as a wrong one."""
        last = []

        def right():
            try:
                last[:] = [self.ask_rest(path, **more)]
            except Refused as e:
                last[:] = [str(e)]
                return False
            return holds(last[0])

        eventually(lambda: right() or not self.is_alive(), limit_s=3 * LIMIT_S, every_s=0.3)
        if not right():
            raise Failed(f"{what}: {json.dumps(last[0])[:400]}; {self.stuck()}")
        return last[0]

    def wait(self):
        """Returns when it serves and belongs to its group."""
        self.ask_until(lambda x: isinstance(x, list), "/connectors", "it does not serve")

    def create(self, name, **config):
        """Makes a connector, and waits until it and a task run."""
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        patience = Patience(2 * LIMIT_S)
        while True:
            try:
                self.ask_rest(f"/connectors/{name}/config", config, "PUT")
                break
            except Refused as e:  # 409 while the group shares out its work
                if not str(e).startswith("409") or not patience.lasts():
                    raise Failed(f"connector {name} is refused: {e}") from e
                time.sleep(0.3)
        self.await_running(name)

    def await_running(self, name, workers=None):
        """Waits until all of a connector runs (on one of these workers); returns the address of its first task's."""
        allowed = None if workers is None else {w.address for w in workers}

        def runs(status):
            parts = [status["connector"], *status["tasks"]]
            return status["tasks"] and all(p["state"] == "RUNNING" and (allowed is None or p["worker_id"] in allowed)
                                           for p in parts)

        status = self.ask_until(runs, f"/connectors/{name}/status", f"connector {name} does not run")
        return status["tasks"][0]["worker_id"]
