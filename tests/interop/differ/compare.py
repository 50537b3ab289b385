"""Where two transcripts of the same questions differ, and which differences are known and meant."""

import re
from pathlib import Path

KNOWN = Path(__file__).with_name("known-differences")

# What tells the elements of a list apart: lists by name or number have no order.
KEYS = ("Index", "PartitionIndex", "Partition", "Name", "name", "Topic", "TopicName", "TopicId", "ApiKey", "NodeId",
        "BrokerId", "ResourceName", "GroupId")


def differences(left, right):
    """A line for each: the question, the place in the answer, both values. What is the same in several versions is
    one, with the versions behind it."""
    rows = {}
    theirs = dict(right)
    for what, a in left:
        for place, x, y in inside(a, theirs.get(what, "(not asked)"), ""):
            version = re.search(r" v(\d+)", what)
            line = f"{re.sub(r' v[0-9]+', '', what)}: {place}: {brief(x)} / {brief(y)}"
            rows.setdefault(line, []).append(version[1] if version else "")
    mine = dict(left)
    extra = [f"{what}: : (not asked) / {brief(c)}" for what, c in right if what not in mine]
    return list(rows.items()) + [(line, []) for line in extra]


def key(row):
    return tuple(str(row[k]).rjust(8) for k in KEYS if k in row) if isinstance(row, dict) else (str(row),)


def inside(a, c, place):
    """[(place, left value, right value)]"""
    if isinstance(a, dict) and isinstance(c, dict):
        keys = list(a) + [k for k in c if k not in a]
        return [x for k in keys for x in inside(a.get(k, "(absent)"), c.get(k, "(absent)"), f"{place}.{k}".strip("."))]
    if isinstance(a, list) and isinstance(c, list) and len(a) == len(c):
        pairs = enumerate(zip(sorted(a, key=key), sorted(c, key=key)))
        return [x for i, (p, q) in pairs for x in inside(p, q, f"{place}[{i}]")]
    if place.endswith("ErrorMessage") and a != c and not (a and c):
        return []  # words where the other has none are no difference to a program
    return [] if a == c else [(place, a, c)]


def brief(value):
    text = str(value)
    return text if len(text) <= 300 else text[:300] + "..."


def known():
    """[(pattern, line)]: the lines of the file, in which * stands for anything."""
    lines = [x for x in KNOWN.read_text().splitlines() if x.strip() and not x.startswith("#")]
    return [(re.compile(".*".join(map(re.escape, line.split("*"))), re.DOTALL), line) for line in lines]


def unexpected(found, family):
    """The differences that nobody has explained, and the explanations that nothing needs any more."""
    rows = [(pattern, line) for pattern, line in known() if line.startswith(family + ".")]
    used, bad = set(), []
    for line, versions in found:
        whole = line + (f" [v{','.join(versions)}]" if any(versions) else "")
        matching = [text for pattern, text in rows if pattern.fullmatch(line) or pattern.fullmatch(whole)]
        used.update(matching)
        if not matching:
            bad.append(whole)
    return bad + [f"known-differences has a line that nothing needs: {text}" for _, text in rows if text not in used]
