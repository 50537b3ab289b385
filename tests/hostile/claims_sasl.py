"""Whoever has not shown who he is: garbage, tokens without measure, crowds that fail. tests/interop/claims/sasl.py has what a
server answers; here it is about what it survives, and what it keeps to itself."""

import random
import socket
import struct
import time

from claim import claim
from claims_disk import refuses
from daemon import Daemon, is_closed, settle
from ports import free_port
from wire import LIMIT_S, METADATA, Client, Closed, frame, request, string

HANDSHAKE, AUTHENTICATE = 17, 36
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SECRET = "hunter2"
ENTRY = f'{PLAIN} required user_alice="{SECRET}";'


class Guarded(Daemon):
    """A daemon with a listener where one must say who one is."""

    def __init__(self, binary, folder, **settings):
        super().__init__(binary, folder)
        self.guarded = free_port()
        self.settings |= {
            "listeners": self.settings["listeners"] + f",CLIENTS://127.0.0.1:{self.guarded}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.clients.plain.sasl.jaas.config": ENTRY,
            "connection.failed.authentication.delay.ms": 50,
            **settings,
        }


def shake(c, mechanism="PLAIN"):
    return c.call(HANDSHAKE, 1, string(mechanism))


def show(c, user, password):
    token = f"\0{user}\0{password}".encode()
    return struct.unpack_from(">h", c.call(AUTHENTICATE, 0, struct.pack(">i", len(token)) + token))[0]


def lets_in(port):
    with Client(port) as c:
        shake(c)
        assert show(c, "alice", SECRET) == 0
        c.call(METADATA, 4, struct.pack(">i", 0) + b"\0")


@claim
def garbage_before_authentication_costs_a_connection(binary, folder):
    rng = random.Random(7)
    starts = (b"", request(18, 0, b""), request(HANDSHAKE, 1, string("PLAIN")), request(HANDSHAKE, 0, string("PLAIN")))
    with Guarded(binary, folder) as d:
        for i in range(200):
            with Client(d.guarded) as c:
                c.send(starts[i % len(starts)] + (frame(rng.randbytes(rng.randrange(200))) if i % 3 else rng.randbytes(300)))
        lets_in(d.guarded)
        d.serves()


@claim
def what_is_too_large_is_not_awaited(binary, folder):
    with Guarded(binary, folder, **{"sasl.server.max.receive.size": 1000}) as d:
        for size in (1001, 1 << 20, (1 << 31) - 1, -1):
            with Client(d.guarded) as c:
                c.send(struct.pack(">i", size) + b"x" * 100)
                assert is_closed(c), f"a frame of {size} bytes is awaited"
        lets_in(d.guarded)
        # Who is known may send more than a token.
        with Client(d.guarded) as c:
            shake(c)
            assert show(c, "alice", SECRET) == 0
            c.call(METADATA, 4, struct.pack(">i", 100) + string("t" * 20) * 100 + b"\0")


@claim
def what_is_asked_for_before_authentication_has_no_effect(binary, folder):
    """Also when it comes in one piece with what would let it in, or behind what did not."""
    create = request(METADATA, 4, struct.pack(">i", 1) + string("stolen") + b"\1")
    wrong = f"\0alice\0{SECRET}?".encode()
    shaken = request(HANDSHAKE, 1, string("PLAIN"))
    failed = shaken + request(AUTHENTICATE, 0, struct.pack(">i", len(wrong)) + wrong)
    with Guarded(binary, folder) as d:
        for start in (b"", request(18, 0, b""), shaken, failed):
            with Client(d.guarded) as c:
                c.send(start + create * 3)
                assert is_closed(c)
        time.sleep(0.3)
        with Client(d.port) as c:
            answer = c.call(METADATA, 4, struct.pack(">i", -1) + b"\0")
        assert b"stolen" not in answer, "somebody unknown has made a topic"
        # In one piece, in the right order, all of it is done.
        right = f"\0alice\0{SECRET}".encode()
        with Client(d.guarded) as c:
            c.send(shaken + request(AUTHENTICATE, 0, struct.pack(">i", len(right)) + right) + create)
            for _ in range(3):
                c.answer()


@claim
def a_crowd_that_fails_is_held_back_and_harms_nobody(binary, folder):
    """Two thousand wrong passwords: each connection ends only after the delay, what they cost is given back, alice comes in meanwhile."""
    with Guarded(binary, folder, **{"connection.failed.authentication.delay.ms": 1000}) as d:
        before = d.open_files()
        token = f"\0alice\0{SECRET}!".encode()
        wrong = request(HANDSHAKE, 1, string("PLAIN")) + request(AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        for _ in range(4):
            crowd = []
            for _ in range(500):
                s = socket.create_connection(("127.0.0.1", d.guarded), timeout=LIMIT_S)
                s.sendall(wrong)
                crowd.append(s)
            lets_in(d.guarded)
            for s in crowd:
                s.close()
        with Client(d.guarded) as c:
            shake(c)
            began = time.monotonic()
            assert show(c, "alice", "guess") == 58
            assert time.monotonic() - began > 0.9, "a guess is answered at once"
            assert is_closed(c)
        settle(lambda: d.open_files() <= before + 2, "connections that failed stay open")
        d.serves()


@claim
def what_is_secret_is_told_to_nobody(binary, folder):
    wrong = SECRET + "-guess"
    with Guarded(binary, folder) as d:
        lets_in(d.guarded)
        with Client(d.guarded) as c:
            shake(c)
            assert show(c, "alice", wrong) == 58
        # DescribeConfigs of the broker, everything: version 0.
        with Client(d.port) as c:
            answer = c.call(32, 1, struct.pack(">ib", 1, 4) + string("1") + struct.pack(">i", -1) + b"\1")
        assert SECRET.encode() not in answer, "DescribeConfigs tells the password"
        d.says("failed authentication")
        assert not any(SECRET in line for line in d.lines()), "a password stands in the log"


REFUSED = [
    ({"sasl.enabled.mechanisms": "GSSAPI"}, ("CLIENTS", "GSSAPI", "SCRAM-SHA-256")),
    ({"sasl.enabled.mechanisms": ""}, ("CLIENTS", "sasl.enabled.mechanisms")),
    ({"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512"}, ("CLIENTS", "listener.name.clients.scram-sha-512.sasl.jaas.config")),
    ({"listener.name.clients.sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER"}, ("CLIENTS", "OAUTHBEARER")),
    ({"listener.name.clients.plain.sasl.jaas.config": None}, ("CLIENTS", "listener.name.clients.plain.sasl.jaas.config")),
    ({"listener.name.clients.plain.sasl.jaas.config": ENTRY[:-1]}, ("semicolon",)),
    ({"listener.name.clients.plain.sasl.jaas.config": ENTRY.replace("Plain", "Other")}, ("login module", PLAIN)),
    ({"listener.name.clients.sasl.jaas.config": ENTRY}, ("plain, scram-sha-256",)),
    ({"listener.name.clients.plain.connections.max.reauth.ms": "soon"}, ("connections.max.reauth.ms", "soon")),
    ({"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_SSL"}, ("SASL_SSL", "not supported")),
]


@claim
def settings_that_let_nobody_in_are_refused(binary, folder):
    for changes, words in REFUSED:
        d = Guarded(binary, folder)
        d.settings |= changes
        d.settings = {k: v for k, v in d.settings.items() if v is not None}
        refuses(d, *words)
        assert SECRET not in " ".join(d.lines()), f"{changes}: it tells the password"
