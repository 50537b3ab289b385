"""gregor play as a child process, and its control over HTTP (openapi.yaml below its address)."""

import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

Json = Dict[str, Any]
Step = Union[str, Mapping[str, Any]]
Who = Union[str, Sequence[str], "Fault"]  # "b1", ["b1", "b2"], "leader(orders-0)", or whom a fault met
Time = Union[str, float]  # "5m", or seconds

START_S = 30
ANSWER_S = 660  # more than the longest wait that there is
STORY_END = "the faults of the scenario end"

# What stands in the braces of hold, delay, lose, break, repeat and answer; all else beside them.
_OF_FRAMES = {"answer", "listener", "topic", "partition", "client", "group", "transactional-id", "from", "to", "skip", "count", "nth", "chance"}


class GregorError(Exception):
    """The cluster does not start, does not answer, or refuses."""


class Mistake(GregorError):
    """A step or a condition that is none; the text is what gregor lint says of it."""


class TimedOut(GregorError):
    """A condition did not come true in time."""


class Fault:
    """Something that was done. What lasts ends by end(), or behind a `with`."""

    def __init__(self, cluster: "Cluster", said: Json) -> None:
        self._cluster = cluster
        self.name: str = said["name"]
        self.names: List[str] = said["names"]  # of a preset those of all its steps
        self.story: List[str] = [line["text"] for line in said["story"]]

    def end(self) -> None:
        self._cluster.ask("DELETE", f"faults/{urllib.parse.quote(self.name, safe='')}")

    def __enter__(self) -> "Fault":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __repr__(self) -> str:
        return f"<Fault {self.name}: {'; '.join(self.story)}>"


class Report:
    """What came of it all: `report` is report.json of the run's folder."""

    def __init__(self, report: Json, folder: Union[str, Path]) -> None:
        self.report = report
        self.folder = Path(folder)
        self.verdict: str = report["verdict"]
        self.reasons: List[str] = report["reasons"]
        self.anomalies: List[Json] = report["anomalies"]

    @property
    def passed(self) -> bool:
        """Nothing that was promised was broken. (inconclusive: nothing was promised, so there was nothing to judge.)"""
        return self.verdict in ("pass", "inconclusive")

    @property
    def broken(self) -> List[Json]:
        """The anomalies that no setting permits."""
        return [a for a in self.anomalies if not a["allowed"]]

    def story(self) -> str:
        """The sentences that decided it: all up to the test at the end, and the verdict."""
        try:
            lines = (self.folder / "story.txt").read_text(encoding="utf-8").splitlines()
        except OSError:
            return ""
        head = lines.index("") + 1 if "" in lines else 0
        sentences: List[str] = []
        for line in lines[head:]:
            if line[:5].strip().isdigit() or not sentences:
                sentences.append(line)
            else:
                sentences[-1] += "\n" + line
        end = next((i for i, s in enumerate(sentences) if STORY_END in s), len(sentences) - 1)
        return "\n".join([*sentences[:end], *sentences[-1:]])

    def __str__(self) -> str:
        told = [f"verdict: {self.verdict}", *(f"  {r}" for r in self.reasons)]
        for a in self.broken[:5]:
            told += ["", f"{a['rule']} ({a['witness']}):", a["story"]]
        return "\n".join([*told, "", "what happened:", self.story(), "", f"the run: {self.folder}",
                          f"  gregor explain {self.folder}", f"  gregor replay {self.folder}"])


def find_gregor() -> str:
    """The program: GREGOR of the environment, the one on the PATH, or the one in this package."""
    if named := os.environ.get("GREGOR"):
        if not os.access(named, os.X_OK):
            raise GregorError(f"GREGOR={named} is no program")
        return named
    bundled = Path(__file__).with_name("bin") / "gregor"
    found = shutil.which("gregor") or (str(bundled) if os.access(bundled, os.X_OK) else None)
    if not found:
        raise GregorError("no program gregor: neither in GREGOR, nor on the PATH, nor in this package")
    return found


def _yaml(value: Any) -> Any:
    """A value of a step as JSON, which the parser of steps takes: a number of seconds is no time, so say "3s"."""
    return value.name if isinstance(value, Fault) else value


class Cluster:
    """A cluster that runs, from here to finish() or close().

    scenario: a file whose cluster, topics, clients and timeline take part; else `brokers` nodes, each broker and controller.
    speed: how much faster than the wall clock, or "max". out: where the run's folder goes; a temporary folder if not said.
    """

    def __init__(self, scenario: Optional[Union[str, Path]] = None, *, brokers: Optional[int] = None, speed: Union[str, float] = 1,
                 seed: Optional[int] = None, out: Optional[Union[str, Path]] = None, gregor: Optional[str] = None) -> None:
        self._out = None if out else tempfile.TemporaryDirectory(prefix="gregor-", ignore_cleanup_errors=True) \
            if "ignore_cleanup_errors" in tempfile.TemporaryDirectory.__init__.__code__.co_varnames else tempfile.TemporaryDirectory(prefix="gregor-")
        self.out = Path(out if out else self._out.name if self._out else ".")
        command = [str(gregor or find_gregor()), "play", *([str(scenario)] if scenario else []), "--listen", "127.0.0.1:0",
                   "--control", "127.0.0.1:0", "--json", "--ends-with-input", "--speed", str(speed), "--out", str(self.out)]
        if brokers is not None:
            command += ["--brokers", str(brokers)]
        if seed is not None:
            command += ["--seed", str(seed)]
        self.report: Optional[Report] = None
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log)
        try:
            self.bootstrap: str
            self.control: str
            self.bootstrap, self.control = self._addresses()
        except BaseException:
            self.close()
            raise
        self._at = urllib.parse.urlsplit(self.control)

    def _addresses(self) -> Tuple[str, str]:
        late = threading.Timer(START_S, self._process.kill)
        late.start()
        line = self._process.stdout.readline() if self._process.stdout else b""
        late.cancel()
        if not line:
            self._process.wait()
            self._log.seek(0)
            raise GregorError(f"gregor play did not start: {self._log.read().decode(errors='replace').strip()}")
        said = json.loads(line)
        return said["bootstrap"], said["control"]

    # ---- the control ----

    def ask(self, method: str, path: str, body: Optional[str] = None, query: Optional[Mapping[str, Any]] = None) -> Any:
        """One request to the control (see its openapi.yaml), and its answer."""
        if self.report:
            raise GregorError("the run has ended")
        url = self._at.path + path + ("?" + urllib.parse.urlencode(query) if query else "")
        c = http.client.HTTPConnection(self._at.hostname or "", self._at.port, timeout=ANSWER_S)
        try:
            c.request(method, url, None if body is None else body.encode())
            answer = c.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as e:
            raise GregorError(f"gregor play does not answer ({e!r}); exit status {self._process.poll()}") from e
        finally:
            c.close()
        if answer.headers.get_content_type() != "application/json":
            return raw.decode()
        said = json.loads(raw)
        if answer.status == 200:
            return said
        if answer.status == 400:
            raise Mistake(said.get("lint", said["error"]).rstrip())
        raise (TimedOut if answer.status == 408 else GregorError)(said["error"])

    # ---- topics ----

    def create_topic(self, name: str, partitions: int = 1, rf: Optional[int] = None, config: Optional[Mapping[str, Any]] = None) -> None:
        """Makes a topic by the cluster's own administrator, and waits until each partition has a leader. rf: all brokers, up to three."""
        before = len(self.story())
        inner: Json = {"create": name, "partitions": partitions, "rf": rf or min(3, sum(n["is_broker"] for n in self.state()["nodes"]))}
        if config:
            inner["config"] = {key: str(value) for key, value in config.items()}
        self.do({"admin": inner})
        asked, end = f"the administrator asked to create {name},", time.monotonic() + START_S
        while not (said := [text for _, text in self.story(before) if text.startswith(asked)]):
            if time.monotonic() > end:
                raise TimedOut(f"no controller has made {name} in {START_S} s")
            time.sleep(0.01)
        if not said[0].endswith(": done"):
            raise GregorError(said[0])
        for partition in range(partitions):
            self.wait(f"leader of {name}-{partition}")

    # ---- faults ----

    def do(self, step: Step) -> Fault:
        """Any step of a timeline (gregor reference lists them), in words, "crash b1", or as a dict, {"crash": "b1", "for": "3s"}."""
        return Fault(self, self.ask("POST", "faults", step if isinstance(step, str) else json.dumps(step)))

    def _verb(self, verb: str, what: Any, beside: Mapping[str, Any]) -> Fault:
        step = {verb: _yaml(what)}
        for key, value in beside.items():
            step[key.rstrip("_").replace("_", "-")] = _yaml(value)
        return self.do(step)

    def _of_frames(self, verb: str, rpc: str, fields: Mapping[str, Any]) -> Fault:
        inner: Json = {"rpc": rpc}
        beside: Json = {}
        for key, value in fields.items():
            key = key.rstrip("_").replace("_", "-")
            (inner if key in _OF_FRAMES else beside)[key] = value
        return self._verb(verb, inner, beside)

    def crash(self, who: Who = "leader(orders-0)", **beside: Any) -> Fault:
        """kill -9. who: b1, [b1, b2], leader(orders-0), controller, coordinator(readers), all … beside: for_="3s", as_="old"."""
        return self._verb("crash", who, beside)

    def power(self, who: Who, **beside: Any) -> Fault:
        """Its host loses power: what was not synced may be gone."""
        return self._verb("power", who, beside)

    def pause(self, who: Who, **beside: Any) -> Fault:
        """Its process stands still, as in a long collection of garbage."""
        return self._verb("pause", who, beside)

    def resume(self, who: Who) -> Fault:
        return self._verb("resume", who, {})

    def restart(self, who: Who = "all") -> Fault:
        return self._verb("restart", who, {})

    def shutdown(self, who: Who, **beside: Any) -> Fault:
        """It stops in order."""
        return self._verb("shutdown", who, beside)

    def wipe(self, who: Who) -> Fault:
        """It dies and its disk is replaced by an empty one."""
        return self._verb("wipe", who, {})

    def cut(self, one: Union[Who, Mapping[str, Any]], other: Who = "rest", **beside: Any) -> Fault:
        """No byte between the two sides; {"from": …, "to": …} as `one` cuts one way only."""
        return self._verb("cut", one if isinstance(one, dict) else [one, other], beside)

    def slow(self, one: Union[Who, Mapping[str, Any]], other: Who = "rest", **beside: Any) -> Fault:
        """by="50ms..200ms", bandwidth="1MiB", loss=100 (of a thousand)."""
        return self._verb("slow", one if isinstance(one, dict) else [one, other], beside)

    def disk(self, who: Who, **beside: Any) -> Fault:
        """fail=["sync"], full="1MiB", slow=1000 …"""
        return self._verb("disk", who, beside)

    def hold(self, rpc: str, **fields: Any) -> Fault:
        """Requests (answer=False) or answers (answer=True) of one kind wait until the fault ends."""
        return self._of_frames("hold", rpc, fields)

    def delay(self, rpc: str, by: str, **fields: Any) -> Fault:
        return self._of_frames("delay", rpc, {**fields, "by": by})

    def lose(self, rpc: str, *, answer: bool, **fields: Any) -> Fault:
        """answer=False: the request never comes; True: it is done and its answer never comes."""
        return self._of_frames("lose", rpc, {**fields, "answer": answer})

    def break_(self, rpc: str, *, answer: bool, **fields: Any) -> Fault:
        """The connection breaks. answer=False: before the request comes; True: after it is done and before its answer."""
        return self._of_frames("break", rpc, {**fields, "answer": answer})

    def repeat(self, rpc: str, **fields: Any) -> Fault:
        return self._of_frames("repeat", rpc, fields)

    def answer(self, rpc: str, error: str, **fields: Any) -> Fault:
        """Requests are answered with this error: nth=2, count=1, topic="orders", client="billing", group=…, done=True …"""
        return self._of_frames("answer", rpc, {**fields, "error": error})

    def preset(self, name: str, **parameters: Any) -> Fault:
        """One of presets(), what people meet by its name: preset("leader-lost", broker="leader(orders-0)", lasting="5s")."""
        filled = {key.rstrip("_").replace("_", "-"): _yaml(value) for key, value in parameters.items()}
        return self.do({"preset": name, **({"with": filled} if filled else {})})

    def presets(self) -> List[Json]:
        said: List[Json] = self.ask("GET", "presets")["presets"]
        return said

    def heal(self, what: Union[str, Fault] = "all") -> Json:
        """Ends this fault (or one by its name), or all."""
        if what == "all":
            said: Json = self.ask("DELETE", "faults")
            return said
        said = self.ask("DELETE", f"faults/{urllib.parse.quote(what.name if isinstance(what, Fault) else what, safe='')}")
        return said

    def faults(self) -> List[Json]:
        """Those that last."""
        said: List[Json] = self.ask("GET", "faults")["faults"]
        return said

    # ---- looking and waiting ----

    def wait(self, condition: str, within: float = 30) -> None:
        """Until it holds; TimedOut after `within` seconds of the wall clock, with a sentence that says how it stands.

        "leader of orders-0 is not b1", "isr of orders-0 is full", "isr full", "serving b1", "request EndTxn seen", or a condition of
        the scenario language: "{high-watermark-of: orders-0, min: 100}".
        """
        self.ask("GET", "wait", query={"for": condition, "within": f"{round(within * 1000)}ms"})

    def state(self) -> Json:
        said: Json = self.ask("GET", "state")
        return said

    def partition(self, name: str) -> Json:
        """Leader, epochs, ISR, high watermark and ends of the logs of "orders-0"."""
        for p in self.state()["partitions"]:
            if p["name"] == name:
                found: Json = p
                return found
        raise GregorError(f"there is no partition {name}")

    def leader(self, name: str) -> Optional[str]:
        """The name of who leads it, "b1"; None: nobody."""
        leader = self.partition(name)["leader"]
        return None if leader < 0 else f"b{leader}"

    def verdict(self) -> Json:
        """So far; what clients were told is judged by finish()."""
        said: Json = self.ask("GET", "verdict")
        return said

    def story(self, start: int = 0) -> List[Tuple[float, str]]:
        """What happened so far: a list of (seconds, sentence)."""
        return [(line["at_ms"] / 1000, line["text"]) for line in self.ask("GET", "story", query={"from": start})["story"]]

    def timeline(self) -> str:
        """The last minute, drawn: SVG."""
        said: str = self.ask("GET", "timeline.svg")
        return said

    # ---- time ----

    def now(self) -> float:
        """Seconds of the cluster's life."""
        said: float = self.ask("GET", "time")["now_ms"] / 1000
        return said

    def advance(self, by: Time) -> None:
        """The cluster's time goes on by this at once ("5m", or seconds): sessions end, timers fire. Clients outside do not age with it."""
        self.ask("POST", "time", json.dumps({"advance": by if isinstance(by, str) else f"{round(by * 1000)}ms"}))

    def speed(self, times: Union[str, float]) -> None:
        self.ask("POST", "time", json.dumps({"speed": times}))

    def stop_time(self) -> None:
        self.ask("POST", "time", json.dumps({"pause": True}))

    def go_on(self) -> None:
        self.ask("POST", "time", json.dumps({"pause": False}))

    # ---- the end ----

    def finish(self) -> Report:
        """Heals everything, lets it converge, judges, writes the run down: a Report. The clients should have ended."""
        if not self.report:
            said = self.ask("POST", "finish")
            self._process.communicate()  # it prints the report, too, and may have to wait for somebody to take it
            self.report = Report(said["report"], said["folder"])
        return self.report

    def close(self) -> None:
        """Ends it without a verdict, unless it has one."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
        self._log.close()

    def keep(self, folder: Union[str, Path]) -> None:
        """Moves the run's folder there: a temporary one goes with this object."""
        if not self.report:
            raise GregorError("the run has not ended")
        shutil.copytree(self.report.folder, folder)
        self.report.folder = Path(folder)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._out:
            self._out.cleanup()
