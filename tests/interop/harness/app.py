"""Applications of the claims' own: Java programs from apps/java, compiled when first used, that run beside a claim."""

import hashlib
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from . import paths
from .claim import LIMIT_S, Failed
from .node import clean_environment, java
from .patience import ended, eventually
from .target import run


def compiled(jars, sources):
    """The folder of these programs, compiled; made anew when a source has changed."""
    name = hashlib.sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()[:16]
    folder = paths.INSTALLED / "classes" / name
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        run(["javac", "-d", made, "-cp", f"{jars}/*", *sources])
        try:
            made.rename(folder)
        except OSError:  # another run was quicker
            shutil.rmtree(made)
    return folder


class App:
    """A program that runs until it is closed or killed; what it prints is kept, line by line."""

    def __init__(self, name, argv, folder):
        self.name, self.folder, self.lines = name, Path(folder), []
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(x) for x in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log, text=True, cwd=self.folder, env=clean_environment())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def await_line(self, wanted, since=0, limit_s=2 * LIMIT_S):
        """Waits until it has printed that line, counted from the given one on; returns the line's number."""

        def found():
            return wanted in self.lines[since:] or self.process.poll() is not None

        eventually(found, limit_s=limit_s)
        if wanted not in self.lines[since:]:
            raise Failed(f"{self.name} did not say \"{wanted}\" but {self.lines[since:][-3:]}: {self.stuck()}")
        return self.lines.index(wanted, since)

    def ask(self, command, end="end"):
        """Sends a line; returns the lines it prints until the one that ends the answer."""
        since = len(self.lines)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.lines[since:self.await_line(end, since)]

    def how(self):
        """How it fares, for a person: how it ended, and the last words of its log."""
        status = self.process.poll()
        said = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        causes = [x for x in said if x.startswith("Caused by:")]
        last = (causes or said or ["(no words)"])[-1]
        return f"{'it runs' if status is None else f'it ended with {status}'}: {last}"

    def stuck(self):
        """The same of one that was awaited in vain. What it waits for itself its threads say, and only now: they stand beside its log."""
        if self.is_alive():
            with open(self.folder / "threads", "ab") as file:
                subprocess.run(["jcmd", str(self.process.pid), "Thread.print"], stdout=file, stderr=file)
        return self.how()

    def errors(self):
        """The last errors that a Java program has told of, for a person."""
        said = (self.folder / "log").read_text(errors="replace").splitlines()
        return "; ".join([x[:300] for x in said if "] ERROR " in x][-3:]) or "it told of no errors"

    def is_alive(self):
        return self.process.poll() is None

    def close(self):
        """Ends it in order, by the end of its input; fails unless it ends well."""
        self.process.stdin.close()
        status = self._ended(2 * LIMIT_S)
        if status != 0:
            raise Failed(f"{self.name} did not close in order: {self.stuck()}")

    def stop(self):
        """Ends it in order, by a signal."""
        self.process.send_signal(signal.SIGTERM)
        if self._ended(2 * LIMIT_S) not in (0, 128 + signal.SIGTERM):
            raise Failed(f"{self.name} did not stop in order: {self.stuck()}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self._ended(LIMIT_S)

    def _ended(self, limit_s):
        if not ended(self.process, limit_s):
            return None
        self._reader.join(limit_s)
        return self.process.returncode


def streams_worker(t, bootstrap, topology, application, *settings, folder=None):
    """Starts one worker of a Kafka Streams application (apps/java/Streams.java); same folder, same local state."""
    folder = folder or t.scratch()
    jars = paths.INSTALLED / "streams"
    argv = java(jars, "Streams", topology, bootstrap, application, folder / "state", *settings, heap="256m")
    at = argv.index("-cp") + 1
    argv[at] += f":{compiled(jars, sorted(paths.APPS_JAVA.glob('*.java')))}"
    return App(f"{topology} worker", argv, folder)
