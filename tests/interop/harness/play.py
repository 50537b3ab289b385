"""A cluster of the simulator on real ports: gregor play as a child process."""

import json
import signal
import subprocess

from . import paths
from .claim import LIMIT_S, Failed

GREGOR = paths.BUILD / "gregor"


class Play:
    """A running gregor play; what is typed goes to `say`, and `end` gives its report."""

    def __init__(self, folder, *options, program=GREGOR):
        self.out = folder / "out"
        self.errors = open(folder / "stderr", "w+")
        self.process = subprocess.Popen(
            [str(program), "play", "--listen", "127.0.0.1:0", "--json", "--out", str(self.out), *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        first = self.process.stdout.readline()
        if not first:
            raise Failed(f"gregor play did not serve: {self.said()}")
        self.bootstrap = json.loads(first)["bootstrap"]
        self.control = json.loads(first).get("control")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def said(self):
        """What it printed about mistakes."""
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read()

    def end(self, how=None):
        """Ends it in order, by a word or a signal; returns the report."""
        if how is None:
            self.say("end")
        else:
            self.process.send_signal(how)
        rest, _ = self.process.communicate(timeout=LIMIT_S)
        if not rest:
            raise Failed(f"no report; exit status {self.process.returncode}: {self.said()[-500:]}")
        return json.loads(rest)

    def folder(self):
        return next(self.out.iterdir())

    def replay(self):
        """What gregor replay says of the run."""
        done = subprocess.run([str(GREGOR), "replay", str(self.folder())], capture_output=True, text=True)
        return done.stdout + done.stderr

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


__all__ = ["Play"]
