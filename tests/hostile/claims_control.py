"""The control of gregor play: what no friend would send it, and programs that are in each other's way."""

import http.client
import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

from claim import claim
from daemon import sleeps
from wire import LIMIT_S


class Play:
    """A gregor play with a control, beside the gregord that is judged."""

    def __init__(self, binary, folder):
        self.out = folder / "out"
        self.gregor = binary.with_name("gregor")
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            [str(self.gregor), "play", "--port", "0", "--control", "127.0.0.1:0", "--json", "--ends-with-input", "--out", str(self.out)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        said = json.loads(self.process.stdout.readline())
        self.bootstrap = said["bootstrap"]
        self.address = urllib.parse.urlsplit(said["control"])
        self.port, self.token = self.address.port, self.address.path.strip("/")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), LIMIT_S)

    def ask(self, method, path, body=None, headers=None, token=None):
        """Status and answer, of one connection."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            c.request(method, f"/{self.token if token is None else token}/{path}", body, headers or {})
            answer = c.getresponse()
            raw = answer.read()
        finally:
            c.close()
        return answer.status, json.loads(raw) if answer.headers["Content-Type"] == "application/json" else raw

    def serves(self):
        status, said = self.ask("GET", "state")
        assert status == 200 and len(said["nodes"]) == 3, (status, said)

    def finish(self):
        """The end in order, and a replay that comes to the same."""
        status, said = self.ask("POST", "finish")
        assert status == 200, said
        self.process.wait(LIMIT_S)
        done = subprocess.run([str(self.gregor), "replay", said["folder"]], capture_output=True, text=True)
        assert done.stdout.startswith("the same run"), done.stdout + done.stderr
        return said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.log.close()


def answered(s):
    """All that comes until the other end closes."""
    s.settimeout(LIMIT_S)
    said = b""
    try:
        while got := s.recv(65536):
            said += got
    except ConnectionResetError:
        pass
    return said


@claim
def garbage_is_answered_and_ends_nothing(binary, folder):
    dice = random.Random(9)
    with Play(binary, folder) as p:
        for i in range(300):
            with p.connect() as s:
                s.sendall(dice.randbytes(dice.randrange(1, 300)) + b"\r\n\r\n")
                s.shutdown(socket.SHUT_WR)
                said = answered(s)
                assert not said or said.startswith(b"HTTP/1.1 4") or said.startswith(b"HTTP/1.1 5"), said[:80]
        p.serves()
        p.finish()


@claim
def heads_and_bodies_that_are_too_large_are_refused(binary, folder):
    with Play(binary, folder) as p:
        for request, status in ((b"GET /" + b"a" * 9000, 431), (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100, 431),
                                (b"POST / HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n", 413),
                                (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501)):
            with p.connect() as s:
                s.sendall(request)
                said = answered(s)
                assert said.startswith(b"HTTP/1.1 %d " % status), said[:200]
                assert b'{"error":' in said, said
        p.serves()
        p.finish()


@claim
def slow_and_silent_visitors_keep_nobody_out(binary, folder):
    """Two hundred connections that send nothing, or a byte now and then: others are answered meanwhile."""
    with Play(binary, folder) as p:
        slow = [p.connect() for _ in range(200)]
        for round_ in range(5):
            for s in slow[::2]:
                try:
                    s.sendall(b"G")
                except OSError:
                    pass  # it made room
            p.serves()
        with p.connect() as s:
            s.sendall(b"GET /half HTTP/1.1\r\n")
            assert answered(s).startswith(b"HTTP/1.1 408 ")
        for s in slow:
            s.close()
        p.finish()


@claim
def waiting_for_two_hundred_answers_is_bounded(binary, folder):
    with Play(binary, folder) as p:
        ask = f"GET /{p.token}/wait?for=leader+of+none-0&within=60s HTTP/1.1\r\nHost: 127.0.0.1:{p.port}\r\n\r\n".encode()
        waiting = [p.connect() for _ in range(200)]
        for s in waiting:
            s.sendall(ask)
        left, end = set(waiting), time.monotonic() + LIMIT_S
        while len(left) > 32 and time.monotonic() < end:
            for s in select.select(list(left), [], [], 1)[0]:
                left.discard(s)
                said = answered(s)
                assert not said or (said.startswith(b"HTTP/1.1 503 ") and json.loads(said.split(b"\r\n\r\n")[1])["error"]), said
        assert len(left) == 32, len(left)
        for s in waiting:
            s.close()
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:  # until it has seen that they are gone
            try:
                p.serves()
                break
            except (http.client.HTTPException, OSError, AssertionError):
                time.sleep(0.05)
        p.finish()


@claim
def who_lacks_the_token_or_comes_from_elsewhere_is_refused(binary, folder):
    with Play(binary, folder) as p:
        here = f"127.0.0.1:{p.port}"
        for token in ("", "x", p.token[:-1], p.token + "0", p.token.upper() + "%00", "..", f"../{p.token}"):
            status, said = p.ask("GET", "state", token=token)
            assert status in (403, 404) and "nodes" not in said, (token, status, said)
        for headers in ({"Host": "evil.example"}, {"Host": f"evil.example:{p.port}"}, {"Host": "127.0.0.1"}, {"Origin": "http://evil.example"},
                        {"Origin": "null"}, {"Origin": f"https://{here}"}, {"Origin": f"http://{here}.evil.example"}, {"Host": f"{here}x"}):
            status, said = p.ask("POST", "faults", "crash b1", headers)
            assert status == 403 and said["error"], (headers, status, said)
        for headers in ({"Origin": f"http://{here}"}, {"Host": f"localhost:{p.port}", "Origin": f"http://localhost:{p.port}"}):
            status, said = p.ask("GET", "state", None, headers)
            assert status == 200 and all(n["state"] == "up" for n in said["nodes"]), (headers, said)
        p.finish()


@claim
def mistakes_are_sentences_and_change_nothing(binary, folder):
    with Play(binary, folder) as p:
        for method, path, body, part in (
                ("POST", "faults", "crahs b1", "did you mean crash?"), ("POST", "faults", "", "the body is a step"),
                ("POST", "faults", '{"crash": "b9"}', "no machine is called b9"), ("POST", "faults", '{"crash":"b1"', "expected ',' or '}'"),
                ("POST", "faults", "{at: 2s, crash: b1}", "it is done at once"), ("POST", "faults", "[" * 60000, ""),
                ("DELETE", "faults/none", None, "as: none"), ("DELETE", "faults/%7d", None, "a fault has a name"),
                ("GET", "wait", None, "wait for what?"), ("GET", "wait?for=nonsense", None, "a condition"),
                ("GET", "wait?for=isr+full&within=1h", None, "within is a time"), ("GET", "wait?for=isr+full&wihtin=1s", None, "takes no 'wihtin'"),
                ("GET", "wait?for=isr+full&within=%zz", None, "the value of within is not encoded"), ("GET", "story?from=1%", None, "the value of from is"),
                ("POST", "time", "{speed: fast}", "speed: a number"), ("POST", "time", "advance", "the body is like"),
                ("POST", "time", '{"advance": "-1s"}', "advance: a time"), ("POST", "time", '{"sped": 2}', "what can be set"),
                ("GET", "story?from=-1", None, "from is not")):
            status, said = p.ask(method, path, body)
            assert status == 400 and part in said["error"] + said.get("lint", ""), (path, body, status, said)
        assert p.ask("PATCH", "state")[0] == 405
        assert p.ask("GET", "nowhere")[0] == 404
        status, said = p.ask("GET", "story")
        assert said == {"story": [], "lines": 0}, said
        p.finish()


@claim
def a_step_that_meets_nobody_says_why(binary, folder):
    with Play(binary, folder) as p:
        for step, part in (("crash leader(orders-0)", "there is no topic orders now"), ("cut [followers(__none-3), rest]", "there is no topic __none"),
                           ("crash coordinator(readers)", "no group and no transactional id is called readers"),
                           ("pause client(shop)", "no client is called shop now"),
                           ("{hold: {rpc: Fetch, from: client(shop)}}", "no client is called shop now")):
            status, said = p.ask("POST", "faults", step)
            assert status == 409 and part in said["error"], (step, status, said)
        p.ask("POST", "faults", "crash all")
        status, said = p.ask("POST", "faults", "crash busiest")
        assert status == 409 and "no broker is up now" in said["error"], (status, said)
        status, said = p.ask("POST", "faults", "crash b1")  # it is down already: as it was wanted
        assert status == 200, (status, said)
        p.finish()


@claim
def what_is_done_over_http_is_replayed_and_what_is_asked_is_not(binary, folder):
    """Two runs with the same steps at the same times of a world that stands still, one looked at all the time."""
    def run(name, looks):
        (folder / name).mkdir()
        with Play(binary, folder / name) as p:
            assert p.ask("POST", "time", '{"pause": true}')[0] == 200
            for step in ('{"cut": ["b1", "rest"], "as": "away"}', "crash b2", '{"disk": "b3", "slow": 500}', "restart b2"):
                p.ask("POST", "time", '{"advance": "700ms"}')
                if looks:
                    p.serves()
                    for path in ("faults", "verdict", "story", "timeline.svg", "time", "wait?for=serving+any(2)&within=1ms", "wait?for=Fetch+seen&within=1ms"):
                        p.ask("GET", path)
                status, said = p.ask("POST", "faults", step)
                assert status == 200, said
            status, said = p.ask("GET", "faults")
            assert [f["name"] for f in said["faults"]] == ["away"], said
            assert p.ask("DELETE", "faults/away")[0] == 200
            assert p.ask("GET", "faults")[1]["faults"] == []
            return p.finish()["report"]
    plain, looked_at = run("plain", False), run("looked-at", True)
    assert plain["faults"] == looked_at["faults"] and plain["counts"] == looked_at["counts"]


@claim
def the_lines_of_the_page_do_what_they_say(binary, folder):
    """Each `curl` of sim/play/README.md, in a shell: it is answered, and by no error."""
    page = Path(__file__).resolve().parents[2] / "sim" / "play" / "README.md"
    lines = re.findall(r"^    (curl .*)$", page.read_text(), re.M)
    assert len(lines) > 10, lines
    with Play(binary, folder) as p:
        c = subprocess.run(["kcat", "-P", "-b", p.bootstrap, "-t", "orders"], input="one\n", text=True, capture_output=True)
        assert c.returncode == 0, c.stderr
        for line in lines:
            if "is not b1" in line:  # what was done before is healed, and whoever leads then is crashed
                p.ask("POST", "faults", "restart all")
                p.ask("POST", "time", '{"advance": "30s"}')
                leads = p.ask("GET", "state")[1]["partitions"][0]["leader"]
                p.ask("POST", "faults", f"crash b{leads}")
                line = line.replace("is not b1", f"is not b{leads}")
            line = line.replace("curl ", "curl -sS --fail-with-body ", 1)
            done = subprocess.run(["sh", "-c", line], env={**os.environ, "C": urllib.parse.urlunsplit(p.address).rstrip("/")},
                                  capture_output=True, text=True, timeout=10 * LIMIT_S)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
            assert "error" not in json.loads(done.stdout), (line, done.stdout)


@claim
def who_asks_while_the_run_is_judged_is_told_that_it_has_ended(binary, folder):
    with Play(binary, folder) as p:
        waiting = []
        for path in ("state", "story", "timeline.svg", "verdict", "faults", "wait?for=isr+full"):
            c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=LIMIT_S)
            c.connect()
            waiting.append((c, path))
        ends = threading.Thread(target=p.ask, args=("POST", "finish"))
        ends.start()
        time.sleep(0.05)  # the end has been asked for; what is asked now lies there until all is judged
        for c, path in waiting:
            c.request("GET", f"/{p.token}/{path}")
        for c, path in waiting:
            try:
                answer = c.getresponse()
                assert answer.status in (200, 409), (path, answer.status)
            except (ConnectionError, http.client.HTTPException):
                pass  # it had ended already
        ends.join()
        assert p.process.wait(LIMIT_S) in (0, 2), p.process.returncode


@claim
def without_descriptors_play_sleeps_and_serves_again(binary, folder):
    """Kafka's clients and visitors wait until there is one, are told so once, and are served then."""
    with Play(binary, folder) as p:
        assert p.ask("POST", "time", '{"pause": true}')[0] == 200
        few = len(os.listdir(f"/proc/{p.process.pid}/fd"))
        subprocess.run(["prlimit", f"--pid={p.process.pid}", f"--nofile={few}:4096"], check=True)
        broker = int(p.bootstrap.split(",")[0].split(":")[1])
        crowd = [socket.create_connection(("127.0.0.1", broker), LIMIT_S) for _ in range(5)]
        visitors = [p.connect() for _ in range(3)]
        time.sleep(0.2)
        sleeps(p.process.pid)
        subprocess.run(["prlimit", f"--pid={p.process.pid}", "--nofile=4096:4096"], check=True)
        p.serves()
        for s in crowd + visitors:
            s.close()
        p.finish()
        p.log.seek(0)
        assert p.log.read().count("who connects has to wait: Too many open files") == 1


@claim
def who_breaks_off_while_the_world_stands_still_keeps_nobody_awake(binary, folder):
    with Play(binary, folder) as p:
        assert p.ask("POST", "time", '{"pause": true}')[0] == 200
        for port in (int(a.split(":")[1]) for a in p.bootstrap.split(",")):
            c = socket.create_connection(("127.0.0.1", port), LIMIT_S)
            c.settimeout(1)
            try:
                c.sendall(b"\0\1\0\0" * (8 << 20))
            except TimeoutError:
                pass  # the world takes no more
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
        sleeps(p.process.pid)
        p.finish()


@claim
def who_leaves_with_a_second_question_behind_one_that_waits_keeps_nobody_awake(binary, folder):
    with Play(binary, folder) as p:
        assert p.ask("POST", "time", '{"pause": true}')[0] == 200
        ask = f"GET /{p.token}/wait?for=leader+of+none-0&within=60s HTTP/1.1\r\nHost: 127.0.0.1:{p.port}\r\n\r\n".encode()
        with p.connect() as s:
            s.sendall(ask)
            time.sleep(0.2)
            s.sendall(ask)
            s.shutdown(socket.SHUT_WR)
            time.sleep(0.2)
            sleeps(p.process.pid)
        p.finish()
