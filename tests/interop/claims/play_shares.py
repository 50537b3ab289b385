"""gregor play with Java's share consumers: what they were given and what they said of it is judged from the bytes that passed."""

import time

from claims.share_groups import Member
from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.play import GREGOR, Play
from harness.target import eventually

MUTANTS = paths.BUILD / "mutants" / "gregor"
GROUP, TOPIC, N = "workers", "orders", 120


def begin(t, play):
    """A topic, and a group that begins with its first record."""
    t.produce(TOPIC, ["first"], "-X", "acks=all", at=play.bootstrap)
    t.tool("configs", "--bootstrap-server", play.bootstrap, "--alter", "--entity-type", "groups", "--entity-name", GROUP,
           "--add-config", "share.auto.offset.reset=earliest", connect=False)


def work(t, play, *steps):
    """Two members work while these steps happen; one of them dies on the way."""
    begin(t, play)
    members = [Member(t, TOPIC, GROUP, "run", f"client.id=worker{i}", at=play.bootstrap) for i in range(2)]
    sent, at = ["first"], 0

    def got():
        return {x.removeprefix("got ") for m in members for x in m.lines if x.startswith("got ")}

    for i in range(N // 10):
        lines = [f"record{at + k}" for k in range(10)]
        at += 10
        t.produce(TOPIC, lines, "-X", "acks=all", "-X", "enable.idempotence=true", "-X", "client.id=shop", at=play.bootstrap)
        sent += lines
        if i % 4 == 1 and i // 4 < len(steps):
            play.say(steps[i // 4])
        if i == 8:
            members[1].kill()
    # Of acceptances whose answer was lost nobody is told, and the records do not come again.
    everything = eventually(lambda: got() >= set(sent), limit_s=2 * LIMIT_S, every_s=0.5)
    expect(everything, f"given to nobody: {sorted(set(sent) - got())[:5]}")
    time.sleep(2)
    members[0].kill()


@claim("gregord", "java", "kcat", limit_s=8 * LIMIT_S)
def what_share_groups_are_told_holds(t):
    """Through the crash of a leader, lost answers and the death of a member each record is given to somebody, and the run is right about it."""
    with Play(t.scratch()) as play:
        work(t, play, "preset leader-lost, with: {lasting: 12s}", "break {rpc: ShareFetch, answer: true, client: worker0, count: 1}",
             "break {rpc: ShareAcknowledge, answer: true, client: worker0, count: 1}")
        report = play.end()
        expect_equal(play.said(), "", "mistakes")
        expect_equal(report["verdict"], "pass", f"verdict ({report['reasons'][:2]})")
        story = " ".join((play.folder() / "story.txt").read_text().split())
        expect("worker0 was given" in story, f"the story is: {story[-800:]}")
        said = play.replay()
        expect(said.startswith("the same run"), f"the replay is another run: {said}")


def too_often(t, play):
    """A record that is released each time."""
    begin(t, play)
    one = Member(t, TOPIC, GROUP, "ask", "client.id=worker0", at=play.bootstrap)
    for _ in range(6):
        if not one.poll(False):
            break
        one.say("release", 0)
    one.kill()


CASES = {"share-one-delivery-more": (too_often, "given-too-often")}


@claim("gregord", "java", "kcat", "mutants", each=tuple(CASES), limit_s=6 * LIMIT_S)
def a_wrong_rule_is_found_out(t, bug):
    """With the wrong rule the run fails, and names what for; without it the same passes."""
    does, rule = CASES[bug]
    for program, options in ((GREGOR, ()), (MUTANTS, ("--bug", bug))):
        with Play(t.scratch(), *options, program=program) as play:
            does(t, play)
            time.sleep(1)
            report = play.end()
            expect_equal(play.said(), "", "mistakes")
        fired = sorted({a["rule"] for a in report["anomalies"] if not a["allowed"] and a["witness"] == "checker"})
        expect(rule in fired if options else not fired, f"{options}: fired {fired}; {report['verdict']}: {report['reasons'][:2]}")
