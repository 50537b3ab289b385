"""A case: what is asked of both brokers in turn, in each version of one API. The answers must be the same."""

import importlib

from . import recording, schema

FAMILIES = ("produce", "batches", "fetch", "offsets", "metadata", "topics", "configs", "cluster", "groups",
            "consumers", "share", "streams", "limits", "transactions", "twice")
_registry = []


def each(api, low=None):
    """Registers a function of (broker, version) for all versions of an API, or those from `low` on."""

    def register(function):
        family = function.__module__.rpartition(".")[2].removeprefix("cases_")
        versions = [v for v in schema.api(api).versions() if v >= (low or 0)]
        _registry.append((family, f"{family}.{function.__name__}", versions, function))
        return function

    return register


def edges(api, *more):
    """As each(), in the versions where something begins or ends: the first, the last, around flexible ones."""
    a = schema.api(api)
    first = next((v for v in a.versions() if a.request.is_flexible(v)), a.low)
    wanted = sorted({a.low, a.high, max(first - 1, a.low), first, *more})

    def register(function):
        each(api)(function)
        _registry[-1] = (*_registry[-1][:2], wanted, _registry[-1][3])
        return function

    return register


def once(function):
    """Registers a function of a broker."""
    family = function.__module__.rpartition(".")[2].removeprefix("cases_")
    _registry.append((family, f"{family}.{function.__name__}", [None], lambda b, _: function(b)))
    return function


def all_cases():
    """[(family, name, versions, function)]"""
    for family in FAMILIES:
        importlib.import_module(f"{__package__}.cases_{family}")
    return list(_registry)


def run(case, broker):
    """What a broker answers in one case: [(question, answer)]"""
    _, name, versions, function = case
    broker.transcript = []
    for v in versions:
        broker.where = name if v is None else f"{name} v{v}"
        try:
            function(broker, v)
        except Exception as e:  # the other broker may take it, which is the difference
            broker.note("the case ends", f"{type(e).__name__}: {e}")
        broker.disconnect()
    return [(what, recording.plain(answer)) for what, answer in broker.transcript]


def run_family(family, broker):
    """What a broker answers in all cases of a family: [(question, answer)]"""
    return [row for case in all_cases() if case[0] == family for row in run(case, broker)]
