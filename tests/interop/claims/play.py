"""gregor play: real clients work with the simulated cluster while it is crashed and cut off, and the run can be repeated."""

import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.play import GREGOR, Play
from harness.target import eventually

LINES = [f"record {i}" for i in range(2000)]


def replays(play):
    said = play.replay()
    expect(said.startswith("the same run"), f"the replay is another run: {said}")


@claim("gregord", "kcat")
def round_trip(t):
    """Records come back in order, and the run's replay comes to the same trace."""
    with Play(t.scratch()) as play:
        t.produce("orders", LINES, "-z", "lz4", at=play.bootstrap)
        expect_equal(t.consume("orders", at=play.bootstrap), LINES, "records")
        play.end()
        replays(play)


@claim("gregord", "kcat")
def leader_crash(t):
    """Between two batches the leader crashes: what was acknowledged is there, and what follows finds the new leader."""
    with Play(t.scratch()) as play:
        t.produce("orders", LINES, "-X", "acks=all", at=play.bootstrap)
        play.say("crash leader(orders-0)")
        t.produce("orders", ["later"], "-X", "acks=all", "-X", "retries=1000", at=play.bootstrap)
        expect_equal(t.consume("orders", at=play.bootstrap), LINES + ["later"], "records")
        play.say("restart all")
        report = play.end()
        expect(report["verdict"] in ("pass", "inconclusive"), f"the verdict is {report['verdict']}")
        story = (play.folder() / "story.txt").read_text()
        expect("crash" in story, "the story does not know of the crash")
        replays(play)


@claim("gregord", "kcat")
def cut_off(t):
    """A consumer group reads all after cuts, one of which has a name and heals by it."""
    with Play(t.scratch()) as play:
        play.say("cut [b2, rest]")
        play.say("heal all")
        t.produce("orders", LINES, at=play.bootstrap)
        play.say("{cut: [b1, b2], as: between}")
        time.sleep(3)
        play.say("heal $between")
        read = t.kcat("-G", "readers", "-q", "-X", "auto.offset.reset=earliest", "-c", len(LINES), "orders", at=play.bootstrap)
        expect_equal(read.splitlines(), LINES, "records")
        play.end()
        expect_equal(play.said(), "", "mistakes")
        replays(play)


@claim("gregord", "kcat")
def coordinator_of_a_group_outside(t):
    """A fault that is meant for a group's coordinator meets the broker that is it."""
    with Play(t.scratch(), "--control", "127.0.0.1:0") as play:
        t.produce("orders", LINES[:10], at=play.bootstrap)
        t.kcat("-G", "readers", "-q", "-X", "auto.offset.reset=earliest", "-c", 10, "orders", at=play.bootstrap)
        with urllib.request.urlopen(play.control + "state") as answer:
            wanted = {g["group"]: g["coordinator"] for g in json.load(answer)["groups"]}["readers"]
        play.say("crash coordinator(readers)")
        play.end()
        expect_equal(play.said(), "", "mistakes")
        story = (play.folder() / "story.txt").read_text()
        expect(f"{wanted} crashes" in story, f"{wanted} is the coordinator; the story is: {story[-1500:]}")
        replays(play)


@claim("gregord", "kcat")
def mistakes_are_told(t):
    """Words that are no step, or of nobody, are answered with what was meant, and end nothing."""
    with Play(t.scratch()) as play:
        for words in ("crahs b1", "crash b9", "{at: 2s, crash: b1}", "heal $nothing", "]", "{", "x" * 5000):
            play.say(words)
        t.produce("orders", LINES[:10], at=play.bootstrap)
        play.end()
        said = play.said()
        for part in ("did you mean crash?", "no machine is called b9", "it is done at once"):
            expect(part in said, f"'{part}' is missing in: {said}")
        replays(play)


@claim("gregord", "kcat")
def garbage(t):
    """Clients that send garbage, half a frame or nothing, or that hang up, are borne by hundreds."""
    with Play(t.scratch()) as play:
        hosts = [(h, int(p)) for h, p in (x.split(":") for x in play.bootstrap.split(","))]
        open_ones = []
        for i in range(210):
            s = socket.create_connection(hosts[i % 3], LIMIT_S)
            s.sendall([b"", b"\x00\x00\x00\x10half", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 5000, b"\x00\x00\x00\x00" * 9][i % 5])
            if i % 2:
                s.close()
            else:
                open_ones.append(s)
        t.produce("orders", LINES[:10], at=play.bootstrap)
        expect_equal(t.consume("orders", at=play.bootstrap), LINES[:10], "records")
        for s in open_ones:
            s.close()
        play.end()
        replays(play)


def is_refused(host, port):
    try:
        socket.create_connection((host, port), LIMIT_S).close()
        return False
    except ConnectionRefusedError:
        return True


@claim("gregord")
def port_of_a_broker_that_is_down(t):
    """Its connections are refused, nobody else gets its port, and it listens there again when it is up."""
    with Play(t.scratch()) as play:
        host, port = play.bootstrap.split(",")[0].split(":")
        address = (host, int(port))
        for _ in range(2):
            play.say("crash b1")
            expect(eventually(lambda: is_refused(*address)), "a broker that is down takes connections")
            with socket.socket() as other:
                try:
                    other.bind(address)
                    expect(False, "somebody else can have its port")
                except OSError:
                    pass
            play.say("restart b1")
            expect(eventually(lambda: not is_refused(*address)), "a broker that is up again refuses connections")
        play.end()
        replays(play)


@claim("gregord", "kcat", each=("SIGINT", "SIGTERM"))
def ends_in_order(t, name):
    """At a signal it heals, judges, writes the run down and prints the report."""
    with Play(t.scratch()) as play:
        t.produce("orders", LINES[:10], at=play.bootstrap)
        report = play.end(getattr(signal, name))
        expect_equal(report["scenario"], "play", "scenario")
        for file in ("report.json", "story.txt", "timeline.svg", "trace.zst", "outside.log"):
            expect((play.folder() / file).stat().st_size > 0, f"no {file}")


@claim("gregord", "kcat")
def killed(t):
    """After kill -9 the inputs are there but for the last second, and can be gone through again."""
    with Play(t.scratch()) as play:
        t.produce("orders", LINES[:10], at=play.bootstrap)
        log = play.folder() / "outside.log"
        expect(eventually(lambda: log.stat().st_size > 200), "nothing is written down")
        play.kill()
        said = play.replay()
        expect("the run was not ended" in said, f"the replay said: {said}")
        told = subprocess.run([str(GREGOR), "explain", str(play.folder())], capture_output=True, text=True)
        expect("leads orders-0" in told.stdout, f"the story is: {told.stdout[-500:]} {told.stderr}")


@claim("gregord")
def port_taken(t):
    """A port that somebody has is named, with what to do, and exit status 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([str(GREGOR), "play", "--listen", f"127.0.0.1:{port}", "--out", str(t.scratch())],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        expect_equal(done.returncode, 3, "exit status")
        expect(f"port {port} " in done.stderr and "127.0.0.1:0" in done.stderr, f"it printed: {done.stderr}")


@claim("gregord", "kcat")
def scenario_of_ones_own(t):
    """A scenario with clients of its own runs beside clients outside, and is judged as ever."""
    folder = t.scratch()
    file = folder / "beside.yaml"
    file.write_text("scenario: 1\nname: beside\ncluster:\n  {brokers: 3, controllers: 0, combined: 3, config: {default.replication.factor: 3}}\n"
                    "topics:\n  orders: {partitions: 1, rf: 3}\n"
                    "clients:\n  p1: {produce: orders, rate: 100/s, until: 4s}\nrun: 5s\n")
    with Play(folder, file) as play:
        t.produce("others", LINES[:10], at=play.bootstrap)
        time.sleep(1)
        play.say("{crash: leader(orders-0), for: 3s}")
        expect_equal(t.consume("others", at=play.bootstrap), LINES[:10], "records")
        report = play.end()
        expect_equal(report["verdict"], "pass", "verdict")
        expect(report["counts"]["acknowledged"] > 0, "its own client was told nothing")
        replays(play)


def typed_at_a_terminal(folder, keys):
    """What is seen at a terminal when these are typed, each once the answer to what came before can be seen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(str(GREGOR), ["gregor", "play", "--listen", "127.0.0.1:0", "--out", str(folder)])
    seen = ""
    try:
        for press, shows in keys:
            os.write(terminal, press.encode())
            until = time.time() + LIMIT_S
            while shows not in seen and time.time() < until:
                if select.select([terminal], [], [], 0.1)[0]:
                    seen += os.read(terminal, 65536).decode(errors="replace")
            expect(shows in seen, f"after {press!r} there is no '{shows}' in: {seen[-1500:]}")
            seen = seen[seen.index(shows) + len(shows):]
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


@claim("gregord")
def a_terminal_helps(t):
    """Tab goes on with verbs, machines, requests, their errors and presets; help tells of each; what happens stands above the line."""
    typed_at_a_terminal(t.scratch(), [
        ("", "> "),
        ("cra\t", "crash "),
        ("b\t\t", "b1  b2  b3  brokers  busiest"),
        ("1\r", "crash b1"),
        ("\x1b[A", "> crash b1"),
        ("\x15note o\x02\x02n\x05ne\r", "on"),
        ("answer {rpc: EndT\t", "EndTxn"),
        ("}, er\t", "error: "),
        ("PRODUCER_F\t", "PRODUCER_FENCED"),
        ("\x15preset leader-l\t\r", "  crash b"),
        ("help cra\t\r", "at-op"),
        ("help presets\r", "rolling-upgrade"),
        ("help targets\r", "coordinator(readers)"),
        ("help crahs\r", "did you mean crash?"),
        ("crahs b1\r", "did you mean crash?"),
        ("end\r", "trace "),
    ])


@claim("gregord", "kcat", "browser")
def a_browser_has_buttons(t):
    """The page at the control's address shows the run and does what is pressed and typed: nodes, faults, presets, time, the end."""
    with Play(t.scratch(), "--control", "127.0.0.1:0") as play:
        t.produce("orders", LINES[:10], at=play.bootstrap)
        environment = {**os.environ, "NODE_PATH": str(paths.BROWSER / "node_modules")}
        done = subprocess.run(["node", str(paths.INTEROP / "clients/control.js"), shutil.which("chromium"), play.control, str(t.scratch() / "page.png")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
        expect(done.returncode == 0, done.stderr.strip()[-600:])
        expect("verdict: " in done.stdout, done.stdout)
