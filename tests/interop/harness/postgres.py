"""A PostgreSQL server of a claim's own, with logical decoding, in a folder that ends with it."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from ports import free_port  # of tests/lib, which node.py has put on the path

from .claim import LIMIT_S, Failed
from .target import eventually, run

USER = "postgres"


def binaries():
    """The folder of the newest server that Debian has installed, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def as_user(*argv):
    """The server refuses to run as root."""
    words = [str(x) for x in argv]
    return words if os.geteuid() else ["runuser", "-u", USER, "--", *words]


class Postgres:
    """A context: the server with an empty database."""

    DATABASE = "shopdb"

    def __init__(self):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="interop-postgres-"))
        if not os.geteuid():
            shutil.chown(self.folder, USER)
        self.process = None

    def __enter__(self):
        data, bin_ = self.folder / "data", binaries()
        run(as_user(bin_ / "initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync"), cwd=self.folder)
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder,
                    "wal_level": "logical", "fsync": "off"}
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                as_user(bin_ / "postgres", "-D", data, *[x for k, v in settings.items() for x in ("-c", f"{k}={v}")]),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        if not eventually(lambda: self._ask("postgres", "select 1", status=None).strip() == "1"):
            raise Failed(f"PostgreSQL does not serve: {(self.folder / 'log').read_text()[-300:]}")
        self._ask("postgres", f"create database {self.DATABASE}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, database, statement, **more):
        return run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database, "-qAt",
                    "-v", "ON_ERROR_STOP=1", "-c", statement], **more)

    def ask(self, statement, **more):
        """Runs statements; returns the rows of the last, each as its fields joined by |."""
        return self._ask(self.DATABASE, statement, **more).splitlines()
