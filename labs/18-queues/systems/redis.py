"""Redis: a stream, and a group of consumers in it. Written to disk by its append-only file, as Redis does it if not told otherwise once
that is on: once a second."""

import shutil
import subprocess
import threading
import time
from pathlib import Path

import redis
from ports import free_port

from .common import IDLE_S, LIMIT_S


class Redis:
    name = "Redis, a stream"

    def __init__(self, folder):
        self.folder, self.port, self.process = Path(folder), free_port(), None

    def start(self):
        self.folder.mkdir(exist_ok=True)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder),
                                             "--appendonly", "yes"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + LIMIT_S
        while True:
            try:
                return self.client().ping()
            except redis.exceptions.ConnectionError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(f"Redis does not serve: {self.folder}/log") from None
                time.sleep(0.05)

    def client(self):
        return redis.Redis("127.0.0.1", self.port)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def make(self, place, shared=False, bounded=False):
        self.most = 1000 if bounded else None

    def write(self, place, messages, at_once=True):
        client = self.client()
        pipe = client.pipeline(transaction=False)
        for i, (_, value) in enumerate(messages, 1):
            (pipe if at_once else client).xadd(place, {"v": value}, maxlen=self.most, approximate=False)
            if at_once and (i % 500 == 0 or i == len(messages)):
                pipe.execute()

    def _join(self, place, group):
        client = self.client()
        try:
            client.xgroup_create(place, group, "0", mkstream=True)
        except redis.exceptions.ResponseError as e:
            if "BUSYGROUP" not in str(e):
                raise
        return client

    def read(self, place, group, n):
        """Everything that is there for a group, up to n messages, acknowledged."""
        client, values = self._join(place, group), []
        while len(values) < n:
            told = client.xreadgroup(group, "reader", {place: ">"}, count=500, block=int(IDLE_S * 1000))
            if not told:
                break
            entries = told[0][1] if isinstance(told, list) else next(iter(told.values()))[0]
            values += [fields[b"v"] for _, fields in entries]
            client.xack(place, group, *[number for number, _ in entries])
        return values

    def share(self, place, group, work, ready, done):
        """Two consumers of one group."""
        def worker(i):
            client = self._join(place, group)
            ready[i].set()
            while not done.is_set():
                told = client.xreadgroup(group, f"worker-{i}", {place: ">"}, count=10, block=100)
                if not told:
                    continue
                entries = told[0][1] if isinstance(told, list) else next(iter(told.values()))[0]
                for number, fields in entries:
                    work(i, fields[b"v"])
                    client.xack(place, group, number)
        return [threading.Thread(target=worker, args=(i,)) for i in range(2)]

    def kept(self, place, _):
        return self.client().xlen(place)


def is_there():
    return shutil.which("redis-server")
