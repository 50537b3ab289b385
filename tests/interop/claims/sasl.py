"""SASL: who may come in, and what the server says to whoever may not. All of it holds for Apache Kafka, to the word."""

import base64
import hashlib
import hmac
import json
import struct
import time
import urllib.request
from contextlib import contextmanager

try:
    import confluent_kafka
    import kafka
except ImportError:  # then these claims can be listed, not judged
    confluent_kafka = kafka = None

from differ.broker import Broker, Closed
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.node import free_port
from harness.clients import NEEDS, program
from harness.play import Play
from harness.target import eventually, run
from harness.wire import brokers

PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
USERS = 'user_alice="wonder" user_bob="builder" user_broker="secret"'
# Of failures: so long that it can be told from an end at once.
DELAY_MS = 1000
ILLEGAL_SASL_STATE, UNSUPPORTED_MECHANISM, FAILED = 34, 33, 58


def settings(port, **more):
    """A node with a listener CLIENTS where PLAIN is spoken, beside those that every node has."""
    return {
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.clients.plain.sasl.jaas.config": f"{PLAIN_MODULE} required {USERS};",
        **more,
    }


@contextmanager
def served(t, **more):
    """A node, and the address of its SASL listener."""
    node = t.node(settings={})
    port = free_port()
    address = f"{node.host}:{port}"
    node.extra = {
        **settings(port, **more),
        "listeners": f"PLAINTEXT://{node.address},CLIENTS://{address},CONTROLLER://{node.host}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.address},CLIENTS://{address}",
        "inter.broker.listener.name": "PLAINTEXT",
    }
    try:
        node.start()
        node.wait()
        yield node, address
    finally:
        node.kill()


# ---- by hand: a walk is a list of requests and bare tokens, and what comes back ----

def handshake(mechanism="PLAIN", v=1):
    return ("SaslHandshake", v, {"Mechanism": mechanism})


def token(data, v=2):
    return ("SaslAuthenticate", v, {"AuthBytes": data})


def plain(user, password, authorisation=""):
    return f"{authorisation}\0{user}\0{password}".encode()


VERSIONS = ("ApiVersions", 3, {"ClientSoftwareName": "walker", "ClientSoftwareVersion": "1"})
UNHEARD_OF = 99
METADATA = ("Metadata", 9, {"Topics": [], "AllowAutoTopicCreation": False})


def said(name, answer):
    """What of an answer is compared: all of it, but of the long ones only whether they are errors."""
    if name in ("ApiVersions", "Metadata"):
        return (name, answer.get("ErrorCode", 0))
    keep = ("ErrorCode", "ErrorMessage", "Mechanisms", "AuthBytes", "SessionLifetimeMs")
    # Kafka lists mechanisms in the order of a hash map.
    return (name, *(sorted(answer[k]) if k == "Mechanisms" else answer[k] for k in keep if k in answer))


class Walker(Broker):
    def step(self, what):
        """What comes back: an answer, bytes, or "cut" at once or "cut later"."""
        began = time.monotonic()
        try:
            if isinstance(what, bytes):
                self.connect().sendall(struct.pack(">i", len(what)) + what)
                return self.receive_bytes()
            name, v, fields = what
            self.send(name, v, fields)
            answer = said(name, self.receive(name, v if v < UNHEARD_OF else 0))
            return (*answer, "late") if answer[1] and self.is_late(began) else answer
        except (Closed, OSError):
            return "cut later" if self.is_late(began) else "cut"

    @staticmethod
    def is_late(began):
        return time.monotonic() - began >= 0.9 * DELAY_MS / 1000

    def walk(self, *steps):
        found = [self.step(s) for s in steps]
        self.disconnect()
        return found


def good(lifetime=0):
    return ("SaslAuthenticate", 0, "", b"", lifetime)


def refused(message):
    return ("SaslAuthenticate", FAILED, message, b"", 0, "late")


TOLD = ("ApiVersions", 0)
HANDS_SHAKEN = ("SaslHandshake", 0, ["PLAIN"])
WRONG = "Authentication failed: Invalid username or password"
ALICE = plain("alice", "wonder")

WALKS = [
    ("as clients do", (VERSIONS, handshake(), token(ALICE), METADATA), (TOLD, HANDS_SHAKEN, good(), ("Metadata", 0))),
    ("without asking for versions", (handshake(), token(ALICE, 0), METADATA),
     (HANDS_SHAKEN, good()[:-1], ("Metadata", 0))),
    ("bare tokens", (handshake(v=0), ALICE, METADATA), (HANDS_SHAKEN, b"", ("Metadata", 0))),
    ("a bare token that is wrong", (handshake(v=0), plain("alice", "x")), (HANDS_SHAKEN, "cut later")),
    ("as oneself", (handshake(), token(plain("alice", "wonder", "alice"))), (HANDS_SHAKEN, good())),
    ("a wrong password", (handshake(), token(plain("alice", "x")), METADATA), (HANDS_SHAKEN, refused(WRONG), "cut")),
    ("nobody", (handshake(), token(plain("mallory", "wonder"))), (HANDS_SHAKEN, refused(WRONG))),
    ("as somebody else", (handshake(), token(plain("alice", "wonder", "bob"))),
     (HANDS_SHAKEN, refused("Authentication failed: Client requested an authorization id that is different from username"))),
    ("no name", (handshake(), token(plain("", "wonder"))),
     (HANDS_SHAKEN, refused("Authentication failed: username not specified"))),
    ("no password", (handshake(), token(plain("alice", ""))),
     (HANDS_SHAKEN, refused("Authentication failed: password not specified"))),
    ("two parts", (handshake(), token(b"alice\0wonder")),
     (HANDS_SHAKEN, refused("Invalid SASL/PLAIN response: expected 3 tokens, got 2"))),
    ("many parts", (handshake(), token(b"\0" * 9)),
     (HANDS_SHAKEN, refused("Invalid SASL/PLAIN response: expected 3 tokens, got 4"))),
    ("another mechanism", (VERSIONS, handshake("SCRAM-SHA-512")), (TOLD, ("SaslHandshake", UNSUPPORTED_MECHANISM, ["PLAIN"], "late"))),
    ("small letters", (handshake("plain"),), (("SaslHandshake", UNSUPPORTED_MECHANISM, ["PLAIN"], "late"),)),
    ("nothing shown", (METADATA,), ("cut",)),
    ("nothing shown after versions", (VERSIONS, METADATA), (TOLD, "cut")),
    ("a token without hands shaken", (token(ALICE),), ("cut",)),
    ("versions twice", (VERSIONS, VERSIONS), (TOLD, "cut")),
    ("versions that nobody knows, then others", (("ApiVersions", UNHEARD_OF, {}), VERSIONS, handshake()),
     (("ApiVersions", 35), TOLD, HANDS_SHAKEN)),
    ("garbage", (b"\x60garbage of the time of 0.9",), ("cut",)),
    ("garbage after versions", (VERSIONS, b"\x60garbage"), (TOLD, "cut")),
    ("hands shaken twice", (handshake(), handshake()), (HANDS_SHAKEN, ("SaslHandshake", ILLEGAL_SASL_STATE, [], "late"))),
    ("versions among tokens", (handshake(), VERSIONS), (HANDS_SHAKEN, ("ApiVersions", ILLEGAL_SASL_STATE, "late"))),
    ("hands shaken when it is done", (handshake(), token(ALICE), handshake(), METADATA),
     (HANDS_SHAKEN, good(), ("SaslHandshake", ILLEGAL_SASL_STATE, []), ("Metadata", 0))),
    ("a token when it is done", (handshake(), token(ALICE), token(ALICE), METADATA),
     (HANDS_SHAKEN, good(), ("SaslAuthenticate", ILLEGAL_SASL_STATE,
                             "SaslAuthenticate request received after successful authentication", b"", 0), ("Metadata", 0))),
    ("too large a token", (handshake(), token(b"x" * 3000)), (HANDS_SHAKEN, "cut later")),
    ("the largest token", (handshake(), token(plain("alice", "x" * 1900))), (HANDS_SHAKEN, refused(WRONG))),
]
SLOW = {"connection.failed.authentication.delay.ms": DELAY_MS, "sasl.server.max.receive.size": 2000}


def check(address, what, steps, wanted):
    found = Walker(address, "sasl").walk(*steps)
    expect_equal(found, list(wanted), what)


@claim("starts", limit_s=10 * LIMIT_S)
def walks(t):
    """Each way through the authentication, and each wrong turn, ends as it does in Apache Kafka: answer, words, delay."""
    with served(t, **SLOW) as (_, address):
        for what, steps, wanted in WALKS:
            check(address, what, steps, wanted)
    return f"{len(WALKS)} walks"


@claim("starts")
def nobody_asked(t):
    """On a listener without SASL both requests are answered with ILLEGAL_SASL_STATE, and the connection goes on."""
    with served(t) as (node, _):
        check(node.address, "plaintext", (VERSIONS, handshake(), token(ALICE), METADATA),
              (TOLD, ("SaslHandshake", ILLEGAL_SASL_STATE, []),
               ("SaslAuthenticate", ILLEGAL_SASL_STATE, "SaslAuthenticate request received after successful authentication",
                b"", 0), ("Metadata", 0)))


@claim("starts")
def again(t):
    """With connections.max.reauth.ms a client authenticates anew in time, as the same user by the same mechanism, or is cut off."""
    limit = {"connections.max.reauth.ms": 2500, "connection.failed.authentication.delay.ms": DELAY_MS}
    anew = (handshake(), token(ALICE), METADATA)
    with served(t, **limit) as (_, address):
        w = Walker(address, "sasl")
        expect_equal([w.step(s) for s in anew], [HANDS_SHAKEN, good(2500), ("Metadata", 0)], "the first time")
        time.sleep(1.5)
        expect_equal([w.step(s) for s in anew], [HANDS_SHAKEN, good(2500), ("Metadata", 0)], "the second time")
        expect_equal(w.step(handshake()), ("SaslHandshake", ILLEGAL_SASL_STATE, []), "twice within a second")
        time.sleep(1.5)
        expect_equal(w.step(METADATA), ("Metadata", 0), "within the renewed time")
        time.sleep(1.5)
        expect_equal(w.step(METADATA), "cut", "when the time is over")
        w.disconnect()
        check(address, "as another user", (*anew, handshake(), token(plain("bob", "builder"))),
              (HANDS_SHAKEN, good(2500), ("Metadata", 0), HANDS_SHAKEN,
               refused("Cannot change principals during re-authentication from User.alice: User.bob")))
        check(address, "with a wrong password", (*anew, handshake(), token(plain("alice", "x"))),
              (HANDS_SHAKEN, good(2500), ("Metadata", 0), HANDS_SHAKEN, refused(WRONG)))
        check(address, "nothing but tokens", (*anew, handshake(), METADATA, METADATA)[:4],
              (HANDS_SHAKEN, good(2500), ("Metadata", 0), HANDS_SHAKEN))


@claim("starts", "kcat")
def kcat(t):
    """kcat writes and reads as alice, and is told what is wrong with another password."""
    with served(t) as (_, address):
        login = ["-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=PLAIN", "-X", "sasl.username=alice"]
        lines = [f"kept {i}" for i in range(100)]
        t.produce("kept", lines, *login, "-X", "sasl.password=wonder", at=address)
        expect_equal(t.consume("kept", *login, "-X", "sasl.password=wonder", at=address), lines, "records")
        words = t.kcat("-L", "-m", 3, *login, "-X", "sasl.password=builder", at=address, status=1, errors=True)
        expect(WRONG in words, f"it says: {words}")




# ---- SCRAM ----

SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
WITH_SCRAM = {
    "sasl.enabled.mechanisms": ",".join(MECHANISMS),
    "listener.name.clients.scram-sha-256.sasl.jaas.config": f"{SCRAM_MODULE} required;",
    "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{SCRAM_MODULE} required;",
}


def configs(t, node, *args, **more):
    return t.tool("configs", "--bootstrap-server", node.address, "--entity-type", "users", *args, connect=False, **more)


def give_password(t, node, user, password, mechanism="SCRAM-SHA-256"):
    configs(t, node, "--alter", "--entity-name", user, "--add-config", f"{mechanism}=[iterations=4096,password={password}]")


class ScramWalker(Walker):
    """SCRAM by hand, with Python's own hashes (RFC 5802)."""

    def show(self, user, password, mechanism="SCRAM-SHA-256", header="n,,", more="", tamper=lambda final: final):
        """What came back: of the handshake, of each token."""
        name = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}[mechanism]
        found = [self.step(handshake(mechanism))]
        bare = f"n={user},r=mynonce{more}"
        first = self.step(token((header + bare).encode()))
        if first[1]:
            return [*found, first]
        challenge = first[3].decode()
        said_of = dict(x.split("=", 1) for x in challenge.split(","))
        expect(said_of["r"].startswith("mynonce") and len(said_of["r"]) > 20, f"its nonce is {said_of['r']}")
        salted = hashlib.pbkdf2_hmac(name, password.encode(), base64.b64decode(said_of["s"]), int(said_of["i"]))
        client_key = hmac.digest(salted, b"Client Key", name)
        without = f"c={base64.b64encode(header.encode()).decode()},r={said_of['r']}"
        auth = f"{bare},{challenge},{without}".encode()
        signature = hmac.digest(hashlib.new(name, client_key).digest(), auth, name)
        proof = bytes(x ^ y for x, y in zip(client_key, signature))
        last = self.step(token(tamper(f"{without},p={base64.b64encode(proof).decode()}").encode()))
        if not last[1]:
            server = hmac.digest(hmac.digest(salted, b"Server Key", name), auth, name)
            expect_equal(last[3], b"v=" + base64.b64encode(server), "the server's signature")
            last = (*last[:3], b"v=", last[4])
        return [*found, last]


SCRAM_SHAKEN = ("SaslHandshake", 0, list(MECHANISMS))
SCRAM_GOOD = ("SaslAuthenticate", 0, "", b"v=", 0)


def scram_refused(mechanism="SCRAM-SHA-256"):
    return refused(f"Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}")


@claim("starts", "java", limit_s=10 * LIMIT_S)
def scram_walks(t):
    """SCRAM lets in who knows the password, and answers whoever does not, or cannot speak it, as Apache Kafka does."""
    wrong_nonce = lambda final: final.replace("r=mynonce", "r=Mynonce")
    # (what, user, password, more of show(), what is answered last)
    rows = [
        ("the right password", "alice", "wonder", {}, SCRAM_GOOD),
        ("SHA-512", "alice", "w512", {"mechanism": "SCRAM-SHA-512"}, SCRAM_GOOD),
        ("as oneself", "alice", "wonder", {"header": "n,a=alice,"}, SCRAM_GOOD),
        ("an extension that nobody knows", "alice", "wonder", {"more": ",color=blue"}, SCRAM_GOOD),
        ("a name with a comma and an equals sign", "a=2Cb=3Dc", "odd", {}, SCRAM_GOOD),
        ("a wrong password", "alice", "wunder", {}, scram_refused()),
        ("the other mechanism's password", "alice", "w512", {}, scram_refused()),
        ("a user who has only the other mechanism", "bob", "b", {"mechanism": "SCRAM-SHA-512"}, scram_refused("SCRAM-SHA-512")),
        ("nobody", "mallory", "wonder", {}, scram_refused()),
        ("as somebody else", "alice", "wonder", {"header": "n,a=bob,"},
         refused("Authentication failed: Client requested an authorization id that is different from username")),
        ("a delegation token", "alice", "wonder", {"more": ",tokenauth=true"}, scram_refused()),
        ("channel binding", "alice", "wonder", {"header": "p=tls-unique,,"}, scram_refused()),
        ("a nonce of somebody else", "alice", "wonder", {"tamper": wrong_nonce}, scram_refused()),
        ("a proof that is none", "alice", "wonder", {"tamper": lambda final: final.replace(",p=", ",p=x")}, scram_refused()),
        ("no name", "", "wonder", {}, scram_refused()),
    ]
    with served(t, **WITH_SCRAM, **SLOW) as (node, address):
        give_password(t, node, "alice", "wonder")
        give_password(t, node, "alice", "w512", "SCRAM-SHA-512")
        give_password(t, node, "bob", "b")
        give_password(t, node, "a,b=c", "odd")
        for what, user, password, more, last in rows:
            w = ScramWalker(address, "sasl")
            found = []

            def is_right():
                w.disconnect()
                found[:] = w.show(user, password, **more)
                return found == [SCRAM_SHAKEN, last]

            # A broker hears of a new password a moment after it was set.
            if not is_right() and last == SCRAM_GOOD:
                eventually(is_right, limit_s=10)
            expect_equal(found, [SCRAM_SHAKEN, last], what)
            if last == SCRAM_GOOD:
                expect_equal(w.step(METADATA), ("Metadata", 0), f"{what}: afterwards")
            w.disconnect()
    return f"{len(rows)} walks"


@claim("starts", "java", limit_s=6 * LIMIT_S)
def kafka_configs(t):
    """kafka-configs sets, shows, changes and takes away passwords; each holds from then on, and none is shown."""
    with served(t, **WITH_SCRAM) as (node, address):
        def comes_in(password):
            w = ScramWalker(address, "sasl")
            found = w.show("alice", password)[-1] == SCRAM_GOOD
            w.disconnect()
            return found

        give_password(t, node, "alice", "first")
        expect(eventually(lambda: comes_in("first")), "alice does not come in")
        shown = configs(t, node, "--describe")
        expect("SCRAM credential configs for user-principal 'alice' are SCRAM-SHA-256=iterations=4096" in shown, f"it shows: {shown}")
        give_password(t, node, "alice", "second")
        expect(eventually(lambda: comes_in("second")), "the new password does not hold")
        expect(not comes_in("first"), "the old password still holds")
        configs(t, node, "--alter", "--entity-name", "alice", "--delete-config", "SCRAM-SHA-256")
        expect(eventually(lambda: not comes_in("second")), "the password was taken away and still holds")
        refused_words = configs(t, node, "--alter", "--entity-name", "alice", "--delete-config", "SCRAM-SHA-256", status=None, errors=True)
        expect("Attempt to delete a user credential that does not exist" in refused_words, f"it says: {refused_words}")
        few = configs(t, node, "--alter", "--entity-name", "bob", "--add-config", "SCRAM-SHA-256=[iterations=20000,password=x]",
                      status=None, errors=True)
        expect("Too many iterations" in few, f"it says: {few}")


CLIENT_NAMES = tuple(NEEDS)


@claim("starts", "kcat", "java", "kafka-python", "confluent-kafka", "clients", "go", each=CLIENT_NAMES, limit_s=6 * LIMIT_S)
def clients(t, name):
    """A client of each kind writes by each mechanism, and kcat reads it all."""
    # By PLAIN: librdkafka before 2.6, which Debian has, sends its nonce twice in SCRAM, and Apache Kafka 4.4 refuses that, too
    # (CVE-2024-56128).
    with served(t, **WITH_SCRAM) as (node, address):
        for mechanism in MECHANISMS[1:]:
            give_password(t, node, "alice", "wonder", mechanism)
        for mechanism in MECHANISMS:
            login = ["env", f"SASL_MECHANISM={mechanism}", "SASL_USERNAME=alice", "SASL_PASSWORD=wonder"]
            said_all = run([*login, *program(name, address, "send", "kept", 0, 20)])
            expect_equal(sorted(x.split()[0] for x in said_all.splitlines()), ["ok"] * 20, f"{mechanism}: what it says")
        found = t.consume("kept", "-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=PLAIN", "-X",
                          "sasl.username=alice", "-X", "sasl.password=wonder", at=address)
        expect_equal(sorted(found), sorted([f"v{i}" for i in range(20)] * 3), "records")


# ---- between nodes ----

BROKER = f'username="broker" password="secret" {USERS}'


def guard_between(node, entry=BROKER):
    """Brokers come to each other by INTERNAL, and to controllers, only as somebody."""
    internal = free_port()
    node.extra |= {
        "listeners": f"PLAINTEXT://{node.address},INTERNAL://{node.host}:{internal},CONTROLLER://{node.host}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.address},INTERNAL://{node.host}:{internal}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:SASL_PLAINTEXT,INTERNAL:SASL_PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.internal.plain.sasl.jaas.config": f"{PLAIN_MODULE} required {entry};",
        "listener.name.controller.plain.sasl.jaas.config": f"{PLAIN_MODULE} required {entry};",
        # So short that every connection between nodes authenticates anew while the claim goes on.
        "connections.max.reauth.ms": 3000,
    }


def replicated(t, cluster, topic, lines):
    """Written with acks=all to three copies, and read back."""
    t.tool("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", topic, "--replication-factor", 3,
           "--partitions", 3, connect=False)
    t.produce(topic, lines, "-X", "acks=all", at=cluster.bootstrap)
    expect_equal(sorted(t.consume(topic, at=cluster.bootstrap)), sorted(lines), "records")


@claim("starts", "kcat", "java", limit_s=6 * LIMIT_S)
def between_nodes(t):
    """Three nodes authenticate to each other as brokers and controllers, again and again; one with a wrong password stays outside."""
    cluster = t.cluster(settings={"min.insync.replicas": 2})
    wrong = BROKER.replace('password="secret"', 'password="guess"')
    for node in cluster.nodes:
        guard_between(node, wrong if node.node_id == 3 else BROKER)
    first, last = cluster.nodes[:2], cluster.nodes[2]
    try:
        for node in cluster.nodes:
            node.start()
        for node in first:
            node.wait(2, 2 * LIMIT_S)
        expect(len(brokers(first[0].host, first[0].port)) == 2, "a node with a wrong password has become a broker")
        last.stop()
        guard_between(last)
        last.start()
        for node in cluster.nodes:
            node.wait(3, 2 * LIMIT_S)
        for i in range(3):
            replicated(t, cluster, f"kept-{i}", [f"kept {k}" for k in range(200)])
            time.sleep(2)
    finally:
        cluster.kill()


# ---- faults for one user ----

def as_kafka_python(at, user, password, **more):
    return kafka.KafkaProducer(bootstrap_servers=at, client_id="shop", security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN",
                               sasl_plain_username=user, sasl_plain_password=password, **more)


def as_confluent(at, user, password):
    return confluent_kafka.Producer({"bootstrap.servers": at, "client.id": "shop", "security.protocol": "SASL_PLAINTEXT",
                                     "sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": password})


@claim("gregord", "kafka-python", "confluent-kafka", limit_s=4 * LIMIT_S)
def play_knows_users(t):
    """gregor play asks clients who they are; a fault for alice meets alice's requests, not those of bob, who has the same client.id."""
    with Play(t.scratch(), "--user", "alice:wonder", "--user", "bob:b:u'i", "--control", "127.0.0.1:0") as play:
        alice, told, failed = as_kafka_python(play.bootstrap, "alice", "wonder", retries=0, enable_idempotence=False), [], []
        bob = as_confluent(play.bootstrap, "bob", "b:u'i")
        play.say("answer {rpc: Produce, principal: alice, count: 3}, error: MESSAGE_TOO_LARGE")
        time.sleep(0.5)
        for i in range(20):
            bob.produce("orders", b"b%d" % i, on_delivery=lambda e, _: told.append(e))
            bob.flush(LIMIT_S)
            try:
                alice.send("orders", b"a%d" % i).get(timeout=LIMIT_S)
            except kafka.errors.KafkaError as e:
                failed.append(type(e).__name__)
        state = json.load(urllib.request.urlopen(play.control + "state", timeout=LIMIT_S))
        users = {c["principal"] for c in state["connections"]}
        alice.close()
        expect_equal(told, [None] * 20, "what bob was told")
        expect_equal(failed, ["MessageSizeTooLargeError"] * 3, "what alice was told")
        expect({"User:alice", "User:bob"} <= users, f"connections are of {users}")
        report = play.end()
        expect_equal(play.said(), "", "mistakes")
        expect_equal(report["verdict"], "pass", f"verdict ({report['reasons']})")
        said = play.replay()
        expect(said.startswith("the same run"), f"the replay is another run: {said}")
