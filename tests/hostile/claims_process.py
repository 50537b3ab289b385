"""The daemon as a process: signals at any time, and files that go away underneath."""

import random
import shutil
import signal
import threading
import time

from claim import claim
from daemon import TOPIC, Daemon
from wire import LIMIT_S, Client, Closed, batch


@claim
def a_stop_in_the_middle_of_a_start_is_in_order(binary, folder):
    """Before it looks at signals there is nothing to put in order: then the signal itself ends it."""
    d = Daemon(binary, folder)
    try:
        for i in range(30):
            d.start()
            time.sleep(i * 0.003)
            status = d.stop()
            assert status in (0, -signal.SIGTERM), f"status {status}: {d.last_line()}"
        d.restart()
        d.keep(2)
        d.check_kept()
        assert d.stop() == 0, d.last_line()
    finally:
        d.kill()


@claim
def a_killed_node_does_not_wait_for_its_own_session(binary, folder):
    with Daemon(binary, folder, settings={"broker.session.timeout.ms": 3600000}) as d:
        for _ in range(3):
            d.keep(2)
            d.kill()
            d.restart()
            d.check_kept()


@claim
def a_storm_of_signals_is_one_request_to_stop(binary, folder):
    dice = random.Random(4)
    with Daemon(binary, folder) as d:
        d.keep(5)
        for _ in range(500):
            d.process.send_signal(dice.choice((signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG)))
        d.serves()
        for _ in range(50):
            d.process.send_signal(dice.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))
        status = d.process.wait(LIMIT_S)
        assert status == 0, f"status {status}: {d.last_line()}"
        d.restart()
        d.check_kept()


@claim
def a_stop_under_load_loses_nothing(binary, folder):
    kept, lock = [], threading.Lock()

    def write(number):
        try:
            with Client(d.port) as c:
                for i in range(1 << 20):
                    value = b"%d of %d" % (i, number)
                    error, offset = c.produce(TOPIC, batch([value]))
                    if error == 0:
                        with lock:
                            kept.append((offset, value))
        except (OSError, Closed):
            pass

    with Daemon(binary, folder) as d:
        writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for w in writers:
            w.start()
        time.sleep(1.5)
        assert d.stop() == 0, d.last_line()
        for w in writers:
            w.join()
        assert kept, "nothing was written"
        d.restart()
        d.kept = sorted(kept)
        d.check_kept_at_least()
        assert d.stop() == 0, d.last_line()


@claim
def a_directory_deleted_underneath_ends_it_with_a_word(binary, folder):
    with Daemon(binary, folder, settings={"log.segment.bytes": 1 << 20}) as d:
        d.keep(3)
        d.data.rename(folder / "gone")  # so that nothing is made anew in it meanwhile
        shutil.rmtree(folder / "gone")
        try:
            d.keep(4, 900000)
        except (OSError, Closed, AssertionError):
            pass
        status, line = d.ends()
        assert status == 1 and str(d.data) in line and "no such file" in line, f"status {status}: {line}"
