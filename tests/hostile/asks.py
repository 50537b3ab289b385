"""Any request, by the project's message descriptions: interop's Broker, connected for a while."""

import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))

from differ.broker import Broker  # noqa: E402


@contextmanager
def asker(d):
    """b.ask(API, version, fields): the answer's fields, or None when the connection was closed."""
    b = Broker(f"127.0.0.1:{d.port}", "hostile")
    try:
        yield b
    finally:
        b.disconnect()
