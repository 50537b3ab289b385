"""gregor view: its pages in a real browser. The program that drives it is clients/page.js."""

import json
import os
import shutil
import subprocess

from harness import paths
from harness.claim import claim, expect
from harness.play import GREGOR

CRASH = ("leader-crash", 42)
LOSS = ("acks-1-slow-follower", 23)
KEYED = ("compaction-behind-writes", 42)


def gregor(*words):
    done = subprocess.run([str(GREGOR), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    expect(done.returncode == 0, f"gregor {words[0]} ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}")


def run_of(folder, name, seed):
    gregor("run", paths.ROOT / "scenarios" / f"{name}.yaml", "--seed", seed, "--quiet", "--out", folder)
    return folder / f"{name}-{seed}"


def page_of(folder, *runs):
    page = folder / "run.html"
    gregor("view", run_of(folder, *runs[0]), "-o", page, *(w for r in runs[1:] for w in ("--with", run_of(folder, *r))))
    return page


def look(check, page):
    environment = {**os.environ, "NODE_PATH": str(paths.BROWSER / "node_modules")}
    done = subprocess.run(["node", str(paths.INTEROP / "clients/page.js"), shutil.which("chromium"), check, str(page)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    expect(done.returncode == 0, done.stderr.strip()[-600:])
    return done.stdout.strip()


@claim("gregord", "browser")
def opens(t):
    """A page opens off line, fetches nothing, and draws the run."""
    return look("opens", page_of(t.scratch(), CRASH))


@claim("gregord", "browser", each=("leader-crash", "copy-loop", "share-leader-crash"))
def reads_messages(t, scenario):
    """Every message of a run is read to its last byte, by the schemas in the page: transactions and share groups, too."""
    return look("reads", page_of(t.scratch(), (scenario, 42)))


@claim("gregord", "browser")
def keys(t):
    """Everything can be done with the keyboard, and what is selected is said."""
    return look("keys", page_of(t.scratch(), CRASH))


@claim("gregord", "browser")
def passing(t):
    """The filter key leaves the Produce requests and answers that were under way when a record with one of these keys was."""
    return look("passing", page_of(t.scratch(), KEYED))


@claim("gregord", "browser")
def fields_and_bytes(t):
    """A field shows its bytes, a byte its field."""
    return look("bytes", page_of(t.scratch(), CRASH))


@claim("gregord", "browser")
def why(t):
    """What led to a loss is followed from cause to cause, with the messages that carried the news."""
    return look("why", page_of(t.scratch(), LOSS))


@claim("gregord", "browser")
def address(t):
    """The page's address is that of the moment."""
    return look("address", page_of(t.scratch(), CRASH))


@claim("gregord", "browser")
def looks(t):
    """At 1280 and 390 pixels, light and dark, nothing sticks out and all text stands out."""
    return look("looks", page_of(t.scratch(), CRASH))


SHOP = """scenario: 1
name: shop
about: A client whose name has a capital letter.
seed: 1
cluster: {brokers: 3}
topics: {orders: {rf: 3}}
clients:
  Shop: {produce: orders, until: 2s}
  c1: {consume: orders}
"""


@claim("gregord", "browser")
def filters(t):
    """A filter knows machines by their names as they are, and says what it cannot leave out."""
    folder = t.scratch()
    (folder / "shop.yaml").write_text(SHOP)
    gregor("run", folder / "shop.yaml", "--quiet", "--out", folder)
    gregor("view", folder / "shop-1", "-o", folder / "run.html")
    return look("filters", folder / "run.html")


LARGE = """scenario: 1
name: large
about: A run of more than a million events.
seed: 5
run: 134s
cluster: {brokers: 3, controllers: 3, config: {broker.session.timeout.ms: 3000, broker.heartbeat.interval.ms: 500, replica.lag.time.max.ms: 3000}}
topics: {orders: {partitions: 3, rf: 3}}
clients:
  p1: {produce: orders, rate: 400/s, until: 134s}
  p2: {produce: orders, rate: 400/s, until: 134s}
  p3: {produce: orders, rate: 400/s, until: 134s}
  c1: {consume: orders}
  c2: {consume: orders}
timeline:
  - {at: 10s, crash: b1, for: 4s}
  - {at: 50s, crash: b2, for: 4s}
"""


@claim("gregord", "browser")
def a_million_events(t):
    """A run of more than a million events opens within two seconds and scrolls at 60 frames a second."""
    folder = t.scratch()
    (folder / "large.yaml").write_text(LARGE)
    gregor("run", folder / "large.yaml", "--quiet", "--out", folder)
    events = json.loads((folder / "large-5/report.json").read_text())["events"]
    expect(events > 1_000_000, f"the run has {events} events")
    gregor("view", folder / "large-5", "-o", folder / "run.html")
    return f"{events:,} events; " + look("fast", folder / "run.html")


@claim("gregord", "browser")
def compares(t):
    """Two runs are shown beside each other, and where they part."""
    return look("compares", page_of(t.scratch(), CRASH, ("leader-crash", 43)))
