"""Runs claims one after the other against one target and reports each in a line."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from . import paths
from .node import Node, NodeError, SMALL_JVM
from .patience import ended
from .target import Target

ONE = Path(__file__).with_name("one.py")
LINES_SHOWN = 30  # of each log, when a claim does not hold
EXPECTED_SKIPS = paths.INTEROP / "expected-skips"


class Host:
    """Keeps one daemon serving for the claims; a daemon that dies of a claim is replaced by a fresh one.

    A daemon that did not start twice is not tried again: each try may take the whole time limit of a start.
    """

    def __init__(self, where, folder, binary):
        self.where, self.folder, self.binary = where, folder, binary
        self.node = None
        self.failed_starts = []

    def target(self, *, serving=True):
        """The target for a claim; one that starts its own daemons needs none that serves."""
        folder, binary = str(self.folder), str(self.binary)
        if self.where not in ("gregord", "kafka"):
            return Target("running", self.where, None, folder, binary)
        if not serving:
            return Target(self.where, "", None, folder, binary)
        if self.node is None:
            self._start()
        return Target(self.where, self.node.address, str(self.node.log_dir), folder, binary)

    def _start(self):
        if len(self.failed_starts) == 2:
            raise NodeError(f"{self.where} did not start before: {self.failed_starts[-1]}")
        folder = tempfile.mkdtemp(prefix="broker-", dir=self.folder)
        node = Node(self.where, folder, binary=self.binary, jvm=SMALL_JVM)
        try:
            node.start()
            node.wait()
        except (NodeError, OSError, subprocess.SubprocessError) as e:
            node.kill()
            self.failed_starts.append(str(e))
            raise NodeError(str(e)) from e
        self.node = node

    def death(self):
        """How the daemon ended since the last look, or None."""
        if self.node is None or self.node.is_alive():
            return None
        how, self.node = self.node.how_it_ended(), None
        return f"{self.where} ended by {how}"

    def close(self):
        """Ends the daemon in order; returns what was wrong with that, or None."""
        if self.node is None:
            return None
        status = self.node.stop()
        accepted = (0, 143) if self.where == "kafka" else (0,)
        return None if status in accepted else f"after SIGTERM: {self.node.how_it_ended()}"


def expected_skips(where):
    """The patterns of claims that may be skipped against this target."""
    kind = where if where in ("gregord", "kafka") else "running"
    rows = (line.split(None, 2) for line in EXPECTED_SKIPS.read_text().splitlines()
            if line.strip() and not line.startswith("#"))
    return [pattern for target, pattern, _ in rows if target == kind]


def judge(claim, host, folder):
    """Returns (verdict, words) of one claim."""
    try:
        target = host.target(serving="starts" not in claim.needs)
    except NodeError as e:
        return "not ok", str(e)
    why = target.unmet(claim.needs)
    if why:
        return "skip", why
    verdict, words = _in_a_process(claim, target, folder)
    death = host.death()
    return ("not ok", death) if death else (verdict, words)


def _in_a_process(claim, target, folder):
    result = folder / "result"
    result.unlink(missing_ok=True)
    python = paths.VENV_PYTHON if paths.VENV_PYTHON.exists() else sys.executable
    with open(folder / f"{claim.name}.log", "wb") as log:
        child = subprocess.Popen([python, "-B", str(ONE), claim.name, str(result)], stdin=subprocess.PIPE,
                                 stdout=log, stderr=log, start_new_session=True)
        try:
            with suppress(BrokenPipeError), child.stdin:
                child.stdin.write(target.to_json().encode())
            if not ended(child, claim.limit_s):
                return "not ok", f"no verdict within {claim.limit_s} s"
        finally:
            _end_group(child)
    if not result.exists():
        return "not ok", f"the claim's process ended with {child.returncode}: {_last_line(log.name)}"
    found = json.loads(result.read_text())
    return found["verdict"], found["words"]


def _end_group(child):
    """Ends the claim's process and whatever it left behind; all are in the session that it leads."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def _last_line(path):
    lines = Path(path).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(no words)"


def last_words(folder, since):
    """The end of what daemons and clients have printed since then, indented: where the folder is lost, it tells why."""
    logs = [p for p in sorted(folder.rglob("*log")) if p.is_file() and p.stat().st_mtime > since - 1]
    logs = [p for p in logs if p.name == "log" or p.parent == folder]
    return "".join(f"    {line}\n" for log in logs for line in
                   (f"-- {log.relative_to(folder)}", *log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]))


def run_all(claims, where, *, binary, keep):
    """Judges the claims, prints a line for each and the sum; returns the exit status."""
    paths.INSTALLED.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=paths.INSTALLED))
    host = Host(where, folder, binary)
    allowed = expected_skips(where)
    counts = Counter()
    try:
        for claim in claims:
            began, since = time.monotonic(), time.time()
            verdict, words = judge(claim, host, folder)
            if verdict == "skip" and not any(fnmatch(claim.name, p) for p in allowed):
                verdict, words = "not ok", f"unexpected skip: {words}"
            counts[verdict] += 1
            report(verdict, time.monotonic() - began, claim, words)
            if verdict == "not ok":
                print(last_words(folder, since), end="", flush=True)
    finally:
        why = host.close()
    if why:
        counts["not ok"] += 1
        print(f"not ok  {where} stops in order: {why}")
    if counts["not ok"] or keep:
        print(f"logs: {os.path.relpath(folder)}")
    else:
        shutil.rmtree(folder)
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] or not counts["ok"] else 0


def report(verdict, seconds, claim, words):
    tail = f" -- {words}" if words else ""
    print(f"{verdict:7}{seconds:6.1f} s  {claim.name}: {claim.says.rstrip('.')}{tail}", flush=True)
