"""As much of Avro as the lab needs: records of simple fields, as bytes and back, and who can read what whom has written.

A reader needs two schemas: the writer's, to know what the bytes are, and its own, to know what it wants. A field that only the writer has is
passed over; one that only the reader has takes its default, and if it has none the record cannot be read.
"""

import struct

# What a reader may take for what was written (Avro's specification, "Schema Resolution").
WIDER = {"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}, "string": {"bytes"}, "bytes": {"string"}}


def why_not(reader, writer):
    """Why a reader with the one schema cannot read what was written with the other; [] when it can."""
    wrong, written = [], {f["name"]: f for f in writer["fields"]}
    for field in reader["fields"]:
        name, kind = field["name"], field["type"]
        if name not in written:
            if "default" not in field:
                wrong.append(f"{name} is not in the data, and has no default")
        elif kind != written[name]["type"] and kind not in WIDER.get(written[name]["type"], ()):
            wrong.append(f"{name} is {written[name]['type']} in the data, and cannot be read as {kind}")
    return wrong


def accepts(level, new, old):
    """Whether a registry at this level of compatibility takes the new schema after the old one."""
    new_reads_old, old_reads_new = not why_not(new, old), not why_not(old, new)
    return {"BACKWARD": new_reads_old, "FORWARD": old_reads_new, "FULL": new_reads_old and old_reads_new}[level]


def number(n):
    """Zigzag (small numbers of either sign become small), then seven bits in each byte."""
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def encode(schema, value):
    """The bytes of a record: its fields one behind the other, without names. That is why nobody can read it without the schema."""
    out = b""
    for field in schema["fields"]:
        one = value[field["name"]]
        if field["type"] in ("int", "long"):
            out += number(one)
        elif field["type"] == "double":
            out += struct.pack("<d", one)
        else:
            out += number(len(one.encode())) + one.encode()
    return out


def framed(schema_id, schema, value):
    """As the serializers of a schema registry write it: a zero byte, four bytes with the schema's number, then the record."""
    return b"\0" + struct.pack(">i", schema_id) + encode(schema, value)
