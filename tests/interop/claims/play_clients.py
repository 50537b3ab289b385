"""gregor play under whole applications: with each client, a sender, a group that commits and a copier in transactions go through each fault."""

import re
from dataclasses import replace

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.clients import NEEDS, Client
from harness.play import Play
from harness.target import eventually

from . import java_tools

FIRST, N = 10, 200  # orders before anything happens, and all
# Whose copier may have to be started anew when its coordinator dies, and why; its program in clients/ tells more.
ANEW = {
    "kafka-python": "kafka-python drops a request whose coordinator refuses the connection",
    "confluent-kafka": "librdkafka waits for ever for a group's coordinator that is gone",
}
# Done in the middle of the work, one step after the other, and what the story says of them. A client's client.id is what it does.
BROKEN = "{0} of {1} to b\\d was done, and its connection breaks before the answer"
FAULTS = {
    "steady": {},
    "leader-crash": {"preset leader-lost, with: {lasting: 12s}": "b\\d crashes, leader of (orders|paid)-0"},
    "coordinator-moves": {"preset coordinator-moves, with: {of: copier, rpc: EndTxn, lasting: 12s}": "EndTxn of copy to b\\d was done, and its connection breaks before the answer"},
    "lost-answers": {f"break {{rpc: {rpc}, answer: true, client: {client}, count: 2}}": BROKEN.format(rpc, client)
                     for rpc, client in (("Produce", "send"), ("OffsetCommit", "member"), ("EndTxn", "copy"))},
    "held-commits": {f"{{hold: {{rpc: {rpc}, answer: true, client: {client}}}, for: 3s}}": f"{rpc} answers of client {client} pass again"
                     for rpc, client in (("OffsetCommit", "member"), ("EndTxn", "copy"))},
}


def of_each_client(each):
    def register(function):
        for client, need in NEEDS.items():
            claim("gregord", "kcat", need, each=tuple(f"{client} {x}" for x in each), limit_s=6 * LIMIT_S)(function)
        return function
    return register


class Application:
    """A sender into the topic orders, a member of a group that bills them, a copier that has them paid."""

    def __init__(self, t, client, play):
        self.t, self.client, self.play = t, client, play
        for topic in ("orders", "paid"):
            t.kcat("-L", "-t", topic, at=play.bootstrap)
        self.member = Client(t, client, play.bootstrap, "member", "orders", "billers")
        self.copier = Client(t, client, play.bootstrap, "copy", "orders", "paid", "copiers", "copier", N)
        self.all = [self.member, self.copier]
        self.send(0, FIRST)
        expect(eventually(lambda: len(self.billed()) == FIRST and len(self.read("paid")) == FIRST, limit_s=2 * LIMIT_S, every_s=0.3),
               f"nothing begins: {self.how()}")
        self.send(FIRST, N)
        expect(eventually(lambda: len(self.acknowledged()) > N // 3), f"nothing goes on: {self.how()}")

    def send(self, first, last):
        self.sender = Client(self.t, self.client, self.play.bootstrap, "send", "orders", first, last)
        self.all.append(self.sender)

    def how(self):
        return [x.how() for x in self.all]

    def acknowledged(self):
        return {i for x in self.all[2:] for i, in x.said("ok")}

    def billed(self):
        return {offset for _, offset in self.member.said("done")}

    def read(self, topic):
        found = self.t.consume(topic, "-X", "isolation.level=read_committed", at=self.play.bootstrap)
        return sorted(int(x.removeprefix("v")) for x in found)

    def kill(self):
        for x in self.all:
            x.kill()


def ended(play, faults):
    """Judges; the report, when the story knows of the faults and the replay is the same."""
    report = play.end()
    expect_equal(play.said(), "", "mistakes")
    story = " ".join((play.folder() / "story.txt").read_text().split())
    for words in faults.values():
        expect(re.search(words, story), f"'{words}' is not in the story: {story[-1500:]}")
    said = play.replay()
    expect(said.startswith("the same run"), f"the replay is another run: {said}")
    return report


@of_each_client(FAULTS)
def an_application(t, name):
    """Through each fault all is acknowledged, read and committed by the group, and copied once; the verdict says so, the replay is the same."""
    client, fault = name.split(" ")
    with Play(t.scratch()) as play:
        app = Application(t, client, play)
        for step in FAULTS[fault]:
            play.say(step)
        expect(app.sender.ended(2 * LIMIT_S) == 0, app.sender.how())
        expect_equal(sorted(app.acknowledged()), list(range(N)), "what was acknowledged")
        expect(eventually(lambda: app.billed() == set(range(N))), f"{N - len(app.billed())} orders are not read and committed: {app.member.how()}")
        eventually(lambda: len(app.read("paid")) >= N, every_s=1)
        app.kill()
        for topic in ("orders", "paid"):
            expect_equal(app.read(topic), list(range(N)), f"records of {topic}; {app.how()}")
        report = ended(play, FAULTS[fault])
        expect_equal(report["verdict"], "pass", f"verdict ({report['reasons']})")
        # What is in a transaction of whose end nobody was told is unknown.
        expect(report["counts"]["acknowledged"] >= N and report["counts"]["read"] >= 2 * N, f"counts: {report['counts']}")
        anew = app.copier.lines.count("anew")
        expect(not anew or client in ANEW and fault in ("leader-crash", "coordinator-moves"), f"the copier was started anew {anew} times")
        return f"its copier was started anew {anew} times: {ANEW[client]}" if anew else None


@of_each_client(("power-loss",))
def all_lose_power(t, name):
    """The records that were acknowledged and are gone are those that the verdict names, each with its cause or as a broken promise."""
    client, fault = name.split(" ")
    with Play(t.scratch()) as play:
        app = Application(t, client, play)
        play.say(f"preset {fault}, with: {{lasting: 1s}}")
        app.sender.ended(20)  # its producer may have come to its end, and need not
        app.kill()
        gone = app.acknowledged() - set(app.read("orders"))
        report = ended(play, {fault: "b\\d loses power, leader of (orders|paid)-0"})
        lost = [a for a in report["anomalies"] if a["rule"] == "lost"]
        named = [re.match(r"send's record \d+, key \"k(\d+)\", acknowledged at offset", a["story"]) for a in lost if a["topic"] == "orders"]
        expect_equal({int(x[1]) for x in named}, gone, "orders that are named")
        expect(all(a["allowed"] == ("why" in a) for a in lost), f"excuses without a word: {lost[:2]}")
        expect_equal(report["verdict"], "pass" if all(a["allowed"] for a in report["anomalies"]) else "fail", "verdict")
        return f"{len(gone)} of {len(app.acknowledged())} acknowledged orders are gone"


@claim("gregord", "kcat", "clients", limit_s=4 * LIMIT_S)
def sequence_numbers_given_twice(t):
    """kafkajs, given records at once, is told of one that it is written though it is not: the story says whose mistake that is."""
    with Play(t.scratch()) as play:
        t.kcat("-L", "-t", "orders", at=play.bootstrap)
        sender = Client(t, "kafkajs", play.bootstrap, "send", "orders", 0, N, "at-once")
        expect(eventually(lambda: len(sender.said("ok")) > N // 3), sender.how())
        play.say("break {rpc: Produce, answer: true, client: send, count: 3}")
        expect(sender.ended(LIMIT_S) == 0, sender.how())
        found = t.consume("orders", at=play.bootstrap)
        missing = {i for i, in sender.said("ok")} - {int(x.removeprefix("v")) for x in found}
        report = ended(play, {"break": "of send [1-9]\\d* records came under the sequence numbers of others"})
        expect(missing and len(found) == N, f"of {N} there are {len(found)}, {len(missing)} are missing")
        expect_equal(report["verdict"], "pass", f"verdict ({report['reasons']})")
        return f"{len(missing)} of {N} are missing"


TOOLS = {f.__name__: f for f in (java_tools.topics, java_tools.console_group)}


@claim("gregord", "java", "confluent-kafka", "kcat", limit_s=6 * LIMIT_S, each=tuple(TOOLS))
def kafkas_tools(t, name):
    """Kafka's own tools work with the simulated cluster as with any other: the claims about gregord hold, the replay is the same."""
    with Play(t.scratch()) as play:
        TOOLS[name](replace(t, kind="running", bootstrap=play.bootstrap, log_dir=None))
        report = ended(play, {})
        expect(report["verdict"] in ("pass", "inconclusive"), f"verdict {report['verdict']} ({report['reasons']})")
