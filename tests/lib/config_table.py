"""The tables of settings (broker/protocol/schema), as tests read them: just the YAML that stands there."""

import re
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA = Path(__file__).resolve().parents[2] / "broker/protocol/schema"


@dataclass
class Setting:
    section: str  # "broker", "topic", "group" or "client_metrics"
    name: str
    type: str
    default: str  # "" for null
    valid: str
    state: str = ""
    why: str = ""  # of what is heeded: the test
    synonyms: list = field(default_factory=list)


def unquote(text):
    return text.strip().strip('"')


def value_of(row, key):
    found = re.search(rf'\b{key}: ("[^"]*"|\[[^\]]*\]|[^,}}]+)', row)
    text = found[1].strip() if found else ""
    if text.startswith("["):
        return ",".join(unquote(item) for item in text[1:-1].split(",") if item.strip())
    return "" if text == "null" else unquote(text)


def settings():
    """{(section, name): Setting}"""
    found, section = {}, None
    for line in (SCHEMA / "configs.yaml").read_text().splitlines():
        heading = re.match(r"(\w+):$", line)
        section = heading[1] if heading else section
        if line.startswith("  - {name:"):
            name = value_of(line, "name")
            found[section, name] = Setting(section, name, value_of(line, "type"), value_of(line, "default"),
                                           value_of(line, "valid"))
        synonyms = re.match(r"  ([\w.]+): \[(.*)\]$", line)
        if section == "topic_config_broker_synonyms" and synonyms:
            found["topic", synonyms[1]].synonyms = [s.strip() for s in synonyms[2].split(",")]
    text = (SCHEMA / "config_states.yaml").read_text()
    for section, body in re.findall(r"^(\w+):\n((?:  .*\n)+)", text, re.M):
        for group in body.split("  - state: ")[1:]:
            state, rest = group.split("\n", 1)
            why = unquote(re.search(r"(?:why|test): (.*)", rest)[1])
            names = re.search(r"names: \[([^\]]*)\]", rest)[1]
            for name in re.split(r"[,\s]+", names.strip()):
                found[section, name].state, found[section, name].why = state, why
    return found


def other_value(s):
    """A valid value that is not the default; None: there is no other."""
    bounds = re.match(r"\[(-?[\d.]+),\.\.\.(?:,(-?[\d.]+))?\]", s.valid)
    if s.type == "boolean":
        return "false" if s.default == "true" else "true"
    if s.type in ("short", "int", "long"):
        least = int(bounds[1]) if bounds else 1
        return next(str(n) for n in (least, least + 1) if str(n) != s.default)
    if s.type == "double":
        return "0.25"
    allowed = re.search(r"\[([^\]]*)\]", s.valid)
    if allowed and ":" not in allowed[1]:
        return next((v.strip() for v in allowed[1].split(",") if v.strip() != s.default), None)
    return "com.example.Other"
