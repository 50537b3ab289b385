"""A claim is a function that takes the binary and an empty folder; its name says what it shows."""

from dataclasses import dataclass
from typing import Callable

CLAIMS = []


class Skip(Exception):
    """Cannot be judged here, and why."""


@dataclass
class Claim:
    name: str
    function: Callable


def claim(function):
    area = function.__module__.removeprefix("claims_")
    CLAIMS.append(Claim(f"{area}: {function.__name__.replace('_', ' ')}", function))
    return function
