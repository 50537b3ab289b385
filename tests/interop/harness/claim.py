"""A claim: one sentence about a client and the daemon, and the function that finds out.

A claim is a function of one argument, the target (harness/target.py). Its docstring is the sentence. It
returns None or a note to print, calls expect() for what must hold, and raises Skip when it cannot judge.
"""

import importlib
from dataclasses import dataclass
from typing import Any, Callable

# Whole applications on top. They take long, and much to be installed: make interop-apps.
APPS = ("streams", "connect", "mirror", "mixed", "registry", "debezium", "labs")
MODULES = (
    "kcat",
    "daemon",
    "sasl",
    "play",
    "play_faults",
    "play_wrong_rules",
    "play_clients",
    "play_shares",
    "testing_your_own",
    "kafka_python",
    "confluent",
    "java_tools",
    "group_tool",
    "java_clients",
    "junit",
    "transactions",
    "share_groups",
    "compaction",
    "names",
    "guide",
    "cross",
    "three_daemons",
    "directories",
    "txn_clients",
    "view",
    "differential",
    *APPS,
)

# What a claim may need. The first four are there with Debian packages alone.
NEEDS = {"kcat", "gregord", "files", "starts", "kafka-python", "confluent-kafka", "java", "mutants"}
# What only claims about applications need; setup leaves a stamp for each.
APP_PARTS = {"streams", "connect", "registry", "debezium-postgres", "debezium-jdbc", "queues"}
NEEDS |= APP_PARTS | {"postgresql", "clients", "go", "browser"}
DEBIAN = {"kcat", "gregord", "files", "starts"}

# For what must happen. Only what hangs takes so long, also on a slow machine that is busy with something else.
LIMIT_S = 60

_registry = []


class Skip(Exception):
    """The claim cannot be judged here, for this reason."""


class Failed(Exception):
    """The claim does not hold, for this reason."""


@dataclass(frozen=True)
class Claim:
    name: str
    says: str
    needs: frozenset
    limit_s: int
    function: Callable
    argument: Any

    def is_debian(self):
        return self.needs <= DEBIAN

    def is_app(self):
        return self.name.partition(".")[0] in APPS

    def judge(self, target):
        if self.argument is None:
            return self.function(target)
        return self.function(target, self.argument)


def claim(*needs, limit_s=3 * LIMIT_S, each=(None,)):
    """Registers a claim, or one for each value, which is then its second argument."""
    unknown = set(needs) - NEEDS
    if unknown:
        raise ValueError(f"unknown need: {unknown}")

    def register(function):
        module = function.__module__.rpartition(".")[2]
        says = " ".join(function.__doc__.split())
        for value in each:
            name = f"{module}.{function.__name__}" + (f"[{_word(value)}]" if value else "")
            _registry.append(Claim(name, says, frozenset(needs), limit_s, function, value))
        return function

    return register


def _word(value):
    return value if isinstance(value, str) else "-".join(value)


def all_claims():
    """Every claim, in the order in which the files and functions stand."""
    for module in MODULES:
        importlib.import_module(f"claims.{module}")
    return list(_registry)


def find_claim(name):
    """The claim of this name. Only its own file is loaded: all of them, with the clients that they import, cost a second of a core."""
    importlib.import_module(f"claims.{name.partition('.')[0]}")
    return next(c for c in _registry if c.name == name)


def expect(holds, why):
    if not holds:
        raise Failed(why)


def expect_equal(got, wanted, what):
    if got == wanted:
        return
    if isinstance(got, list) and isinstance(wanted, list) and max(len(got), len(wanted)) > 6:
        raise Failed(f"{what}: {_first_difference(got, wanted)}")
    raise Failed(f"{what}: got {_brief(got)}, expected {_brief(wanted)}")


def _first_difference(got, wanted):
    size = f"{len(got)} of {len(wanted)} came" if len(got) != len(wanted) else "as many as expected"
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), None)
    if at is None:
        return f"{size}, the others are right"
    return f"{size}, item {at} is {_brief(got[at])}, expected {_brief(wanted[at])}"


def _brief(value):
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."
