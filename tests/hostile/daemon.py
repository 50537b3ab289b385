"""A gregord of ours: started in a folder, ended by its pid, asked whether it still serves."""

import os
import signal
import subprocess
import time
from contextlib import nullcontext
from pathlib import Path

from ports import free_port
from wire import LIMIT_S, Client, Closed, batch, values_of

TOPIC = "kept"
NOT_LEADER, NOT_ENOUGH_REPLICAS = 6, 19


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("KAFKA_") and k != "CLUSTER_ID"}


def led(ask):
    """The answer once somebody leads: on a busy machine the only broker's session may lapse for a moment."""
    end = time.monotonic() + LIMIT_S
    while True:
        answer = ask()
        if answer[0] not in (NOT_LEADER, NOT_ENOUGH_REPLICAS) or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def sleeps(pid, seconds=2):
    """Its loop has nothing to do meanwhile: it neither runs nor waits for a core (a busy machine may give it little of one)."""
    def awake_s():
        running_ns, waiting_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return (int(running_ns) + int(waiting_ns)) / 1e9
    before, begin = awake_s(), time.monotonic()
    time.sleep(seconds)
    awake, took = awake_s() - before, time.monotonic() - begin
    assert awake < 0.6 * took, f"it is awake for {awake:.2f} s of {took:.2f} s"


class Daemon:
    """Values that it acknowledged are remembered, so that it can be seen whether they are still there."""

    def __init__(self, binary, folder, *, settings=None, arguments=(), environment=None, data="data", nofile=None,
                 host="127.0.0.1"):
        self.binary, self.folder, self.data, self.host = binary, folder, folder / data, host
        self.port, self.controller_port = free_port(), free_port()
        self.arguments, self.environment = list(arguments), dict(environment or {})
        self.settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "log.dirs": self.data,
            "offsets.topic.replication.factor": 1,
            **(settings or {}),
        }
        self.limit = ["prlimit", f"--nofile={nofile}:{nofile}"] if nofile else []
        self.process, self.kept = None, []
        self.is_sanitized = any(s in binary.read_bytes() for s in (b"__asan_init", b"__tsan_init"))

    def __enter__(self):
        self.start()
        self.wait()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        argv = [*self.limit, str(self.binary), *self.arguments]
        for name, value in self.settings.items():
            if value is not None:
                argv += ["--override", f"{name}={value}"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            env={**clean_environment(), **self.environment})

    def wait(self):
        end = time.monotonic() + LIMIT_S
        while True:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.last_line()}"
            assert time.monotonic() < end, f"it does not serve: {self.last_line()}"
            try:
                with Client(self.port, timeout=10, host=self.host) as c:
                    c.make_topic(TOPIC)
                    if c.fetch(TOPIC, 0)[0] == 0:
                        return
            except (OSError, Closed):
                pass
            time.sleep(0.02)

    def restart(self):
        self.start()
        self.wait()

    def stop(self, limit_s=LIMIT_S):
        """In order; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(limit_s)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT_S)

    def ends(self, limit_s=LIMIT_S):
        """It ends by itself: the exit status and what it said last."""
        try:
            status = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it goes on: {self.last_line()}") from None
        return status, self.last_line()

    def lines(self):
        log = self.folder / "log"
        return log.read_text(errors="replace").strip().splitlines() if log.exists() else []

    def says(self, *texts, limit_s=LIMIT_S):
        """A line with all of these, sooner or later; it is returned."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            for line in self.lines():
                if all(t in line for t in texts):
                    return line
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.last_line()}"
            time.sleep(0.05)
        raise AssertionError(f"it does not say {texts}: {self.last_line()}")

    def last_line(self):
        return (self.lines() or ["(nothing)"])[-1]

    def rss_mib(self):
        """Sanitizers keep what was freed: their figures say nothing, and are left out."""
        if self.is_sanitized:
            return 0
        with open(f"/proc/{self.process.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    # ---- what a friend does ----

    def keep(self, n=1, size=20, client=None):
        """Writes n batches of one value each, acknowledged by all."""
        with nullcontext(client) if client else Client(self.port, host=self.host) as c:
            for _ in range(n):
                value = b"value %d " % len(self.kept) + b"." * size
                error, offset = led(lambda: c.produce(TOPIC, batch([value])))
                assert error == 0, f"produce says {error}"
                self.kept.append((offset, value))

    def check_kept(self, start=0):
        """Everything acknowledged is there, nothing is doubled, the order is kept."""
        found = self.read_all(start)
        assert found == self.kept, f"{len(self.kept)} values were acknowledged, {len(found)} read: {found[-1:]}"

    def check_kept_at_least(self):
        """Likewise; what was not acknowledged may be there as well."""
        found = set(self.read_all())
        missing = [v for v in self.kept if v not in found]
        assert not missing, f"{len(missing)} of {len(self.kept)} are lost, {missing[0]} is the first"

    def read_all(self, start=0):
        """[(offset, value)] to the end."""
        found, at = [], start
        with Client(self.port, host=self.host) as c:
            while True:
                error, high, data = led(lambda: c.fetch(TOPIC, at))
                assert error == 0, f"fetch at {at} says {error}"
                more = [v for v in values_of(data) if v[0] >= at]
                if not more:
                    break
                found += more
                at = more[-1][0] + 1
        assert at == high, f"reading ends at {at}, the high watermark is {high}"
        return found

    def serves(self, mib=200):
        assert self.process.poll() is None, f"it died with {self.process.returncode}: {self.last_line()}"
        self.keep()
        assert self.rss_mib() < mib, f"it takes {self.rss_mib():.0f} MiB"


def is_closed(client, within=LIMIT_S):
    """The daemon has closed this connection (whatever it still said)."""
    client.socket.settimeout(within)
    try:
        while client.socket.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def settle(true, what):
    """Comes true in time."""
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)
