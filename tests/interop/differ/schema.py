"""Kafka's message descriptions, read from the project's schema folder, and bytes by them.

Deliberately no code of the daemon: what both got wrong in the same way nobody would see. The YAML reader knows
just the form that those files have: blocks by indentation, lists of blocks, and flow maps in one line.
"""

import base64
import functools
import re
import struct
from pathlib import Path

SCHEMA = Path(__file__).resolve().parents[3] / "broker/protocol/schema"
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^{}\[\],:"\s][^{}\[\],:]*)')


# ---- YAML, the little that is needed ----

def _scalar(text):
    text = text.strip()
    if text.startswith('"'):
        return text[1:-1]
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _flow(tokens):
    token = next(tokens)
    if token == "{":
        found = {}
        while (key := next(tokens)) != "}":
            if key != ",":
                next(tokens)  # the colon
                found[_scalar(key)] = _flow(tokens)
        return found
    if token == "[":
        found = []
        while (token := next(tokens)) != "]":
            if token != ",":
                found.append(_scalar(token))
        return found
    return _scalar(token)


def _value(text):
    return _flow(iter(_TOKEN.findall(text))) if text[0] in "{[" else _scalar(text)


def _block(lines):
    """Takes the lines of one block, all at least as deep as its first, off the list."""
    depth = lines[0][0]
    is_list = lines[0][1].startswith("- ")
    found = [] if is_list else {}
    while lines and lines[0][0] == depth and lines[0][1].startswith("- ") == is_list:
        text = lines[0][1]
        if is_list and text[2] == "{":
            found.append(_value(text[2:]))
            lines.pop(0)
        elif is_list:
            lines[0] = (depth + 2, text[2:])
            found.append(_block(lines))
        else:
            key, _, rest = text.partition(":")
            lines.pop(0)
            found[key] = _value(rest.strip()) if rest.strip() else _block(lines)
    return found


def read_yaml(path):
    rows = (r for r in path.read_text().splitlines() if r.strip() and not r.lstrip().startswith("#"))
    return _block([(len(r) - len(r.lstrip()), r.strip()) for r in rows])


# ---- messages ----

def within(versions, v):
    """Whether v is in "none", "3", "0-4" or "5+"."""
    text = str(versions)
    if text in ("none", "None"):
        return False
    if text.endswith("+"):
        return v >= int(text[:-1])
    low, _, high = text.partition("-")
    return int(low) <= v <= int(high or low)


class Message:
    """The request or the response of one API."""

    def __init__(self, description):
        self.fields = description["fields"]
        self.flexible = description.get("flexibleVersions", "none")
        self.structs = {}
        self._collect(self.fields)
        for s in description.get("structs") or []:
            self.structs[s["name"]] = s["fields"]
            self._collect(s["fields"])

    def _collect(self, fields):
        for f in fields:
            if f.get("fields"):
                self.structs[f["type"].replace("[]", "")] = f["fields"]
                self._collect(f["fields"])

    def is_flexible(self, v):
        return within(self.flexible, v)

    def encode(self, v, values):
        return _Coder(self, v).struct_out(self.fields, values)

    def decode(self, v, data):
        coder = _Coder(self, v, data)
        found = coder.struct_in(self.fields)
        if coder.at != len(data):
            raise ValueError(f"{len(data) - coder.at} bytes are left over")
        return found


NUMBERS = {"int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "float64": ">d"}


def uvarint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


class _Coder:
    def __init__(self, message, v, data=b""):
        self.structs, self.v, self.flexible = message.structs, v, message.is_flexible(v)
        self.data, self.at = data, 0

    # Out. Fields that are not given have their default.

    def struct_out(self, fields, values):
        names = {f["name"] for f in fields}
        if not values.keys() <= names:
            raise KeyError(f"{values.keys() - names} are not among {names}")
        out, tags = b"", []
        for f in fields:
            if not within(f["versions"], self.v):
                continue
            if "tag" in f and within(f["tagged"], self.v):
                if f["name"] in values:
                    tags.append((f["tag"], self.value_out(f["type"], values[f["name"]], f, True)))
            else:
                value = values[f["name"]] if f["name"] in values else self.default(f)
                out += self.value_out(f["type"], value, f, self.flexible and f.get("flexible") != "none")
        if self.flexible:
            tags = [uvarint(n) + uvarint(len(raw)) + raw for n, raw in sorted(tags)]
            out += uvarint(len(tags)) + b"".join(tags)
        return out

    def default(self, f):
        if "default" in f:
            return f["default"]
        kind = f["type"]
        if kind.startswith("[]"):
            return []
        zeroes = {"string": "", "bytes": b"", "records": b"", "uuid": bytes(16), "bool": False}
        return zeroes.get(kind, {} if kind in self.structs else 0)

    def length_out(self, n, flexible, form):
        return uvarint(n + 1) if flexible else struct.pack(form, n)

    def value_out(self, kind, value, f, flexible):
        if kind.startswith("[]"):
            head = self.length_out(-1 if value is None else len(value), flexible, ">i")
            return head + b"".join(self.value_out(kind[2:], x, {}, flexible) for x in value or [])
        if kind == "bool":
            return bytes([bool(value)])
        if kind in NUMBERS:
            return struct.pack(NUMBERS[kind], value)
        if kind == "uuid":
            return value
        if kind in ("string", "bytes", "records"):
            raw = value.encode() if isinstance(value, str) else value
            head = self.length_out(-1 if raw is None else len(raw), flexible, ">h" if kind == "string" else ">i")
            return head + (raw or b"")
        may_be_null = within(f.get("nullable", "none"), self.v)
        if value is None:
            return b"\xff"
        return (b"\1" if may_be_null else b"") + self.struct_out(self.structs[kind], value)

    # In. A tagged field that is not there is left away.

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError(f"ends at {len(self.data)}, in the middle of {n} bytes")
        self.at += n
        return self.data[self.at - n:self.at]

    def uvarint_in(self):
        n = shift = 0
        while True:
            byte = self.take(1)[0]
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    def struct_in(self, fields):
        found, tagged = {}, {}
        for f in fields:
            if not within(f["versions"], self.v):
                continue
            if "tag" in f and within(f["tagged"], self.v):
                tagged[f["tag"]] = f
            else:
                found[f["name"]] = self.value_in(f["type"], f, self.flexible and f.get("flexible") != "none")
        for _ in range(self.uvarint_in() if self.flexible else 0):
            tag, size = self.uvarint_in(), self.uvarint_in()
            end = self.at + size
            if tag not in tagged:
                raise ValueError(f"unknown tag {tag}")
            found[tagged[tag]["name"]] = self.value_in(tagged[tag]["type"], tagged[tag], True)
            if self.at != end:
                raise ValueError(f"tag {tag} has another size than it says")
        return found

    def length_in(self, flexible, form):
        return self.uvarint_in() - 1 if flexible else struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value_in(self, kind, f, flexible):
        if kind.startswith("[]"):
            n = self.length_in(flexible, ">i")
            return None if n < 0 else [self.value_in(kind[2:], {}, flexible) for _ in range(n)]
        if kind == "bool":
            return self.take(1)[0] != 0
        if kind in NUMBERS:
            form = NUMBERS[kind]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if kind == "uuid":
            return base64.urlsafe_b64encode(self.take(16)).decode().rstrip("=")
        if kind in ("string", "bytes", "records"):
            n = self.length_in(flexible, ">h" if kind == "string" else ">i")
            raw = None if n < 0 else self.take(n)
            return raw.decode() if raw is not None and kind == "string" else raw
        if within(f.get("nullable", "none"), self.v) and self.take(1)[0] > 127:
            return None
        return self.struct_in(self.structs[kind])


# ---- APIs ----

class Api:
    def __init__(self, row):
        self.key, self.name = row["key"], row["name"]
        self.low, self.high = row["min"], row["max_stable"]
        description = read_yaml(SCHEMA / "rpc" / f"{self.name}.yaml")
        self.request, self.response = Message(description["request"]), Message(description["response"])

    def versions(self):
        return range(self.low, self.high + 1)


@functools.cache
def _rows():
    return {row["name"]: row for row in read_yaml(SCHEMA / "apis.yaml") if not row.get("removed")}


@functools.cache
def api(name):
    return Api(_rows()[name])


@functools.cache
def api_names():
    return {row["key"]: name for name, row in _rows().items()}


@functools.cache
def error_names():
    return {row["code"]: row["name"] for row in read_yaml(SCHEMA / "errors.yaml")}
