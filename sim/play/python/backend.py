"""Builds the wheel (PEP 517, PEP 427) with nothing but Python: a zip of the package, and what it says of itself.

With GREGOR_BUNDLE=FILE the program gregor is taken in, and the wheel is one of this platform.
"""

import base64
import hashlib
import os
import re
import stat
import sysconfig
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = (HERE / "pyproject.toml").read_text()


def _said(key):
    """A value of pyproject.toml, whose few lines need no parser (tomllib is there from Python 3.11 on)."""
    return re.search(rf'^{key} = "(.*)"$', PROJECT, re.M)[1]


NAME, VERSION = _said("name"), _said("version")
INFO = f"{NAME}-{VERSION}.dist-info"


def _files():
    """Each file of the wheel: its name, its bytes, whether it is a program."""
    for path in sorted(p for p in (HERE / NAME).rglob("*") if p.suffix == ".py" or p.name == "py.typed"):
        yield path.relative_to(HERE).as_posix(), path.read_bytes(), False
    if bundled := os.environ.get("GREGOR_BUNDLE"):
        yield f"{NAME}/bin/gregor", Path(bundled).read_bytes(), True
    yield f"{INFO}/METADATA", (f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\nSummary: {_said('description')}\n"
                               f"License: Apache-2.0\nRequires-Python: {_said('requires-python')}\n"
                               f"Description-Content-Type: text/markdown\n\n{(HERE / 'README.md').read_text()}").encode(), False
    tag = _tag()
    yield f"{INFO}/WHEEL", f"Wheel-Version: 1.0\nGenerator: gregor\nRoot-Is-Purelib: {'false' if 'any' not in tag else 'true'}\nTag: {tag}\n".encode(), False
    yield f"{INFO}/entry_points.txt", f"[pytest11]\n{NAME} = {NAME}.pytest_plugin\n".encode(), False


def _tag():
    if os.environ.get("GREGOR_BUNDLE"):
        return "py3-none-" + re.sub(r"[-.]", "_", sysconfig.get_platform())
    return "py3-none-any"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = f"{NAME}-{VERSION}-{_tag()}.whl"
    record = []
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as z:
        def put(path, content, runs):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | (0o755 if runs else 0o644)) << 16
            z.writestr(entry, content)

        for path, content, runs in _files():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}")
            put(path, content, runs)
        put(f"{INFO}/RECORD", "".join(f"{line}\n" for line in [*record, f"{INFO}/RECORD,,"]).encode(), False)
    return name


if __name__ == "__main__":
    import sys
    print(build_wheel(sys.argv[1]))
