"""Whatever the daemon has little of is shared out, refused or waited for: nobody's greed ends it."""

from claim import claim
from daemon import Daemon, led, settle
from wire import Client, batch


def write_to(d, topics, partitions, offset):
    with Client(d.port) as c:
        for t in range(topics):
            for p in range(partitions):
                answer = led(lambda p=p, t=t: c.produce(f"t{t}", batch(), partition=p))
                assert answer == (0, offset), f"t{t}-{p}: {answer}"


def make(d, topics, partitions):
    with Client(d.port) as c:
        for t in range(topics):
            error = c.create_topic(f"t{t}", partitions)
            assert error == 0, f"topic {t}: error {error}"


def lives_with(d, topics, partitions):
    """It makes them, writes to them, and serves them after a stop in order, and after none."""
    make(d, topics, partitions)
    write_to(d, topics, partitions, 0)
    d.keep(3)
    assert d.stop() == 0, d.last_line()
    d.restart()
    write_to(d, topics, partitions // 5, 1)
    d.kill()
    d.restart()
    write_to(d, topics, partitions // 5, 2)
    d.serves()
    d.check_kept()
    assert d.stop() == 0, d.last_line()


# ---- descriptors ----

@claim
def with_64_descriptors_it_serves_hundreds_of_partitions(binary, folder):
    with Daemon(binary, folder, nofile=64) as d:
        lives_with(d, 20, 10)
        assert any("only 64 files may be open" in line for line in d.lines()), "it does not warn"


@claim
def with_256_descriptors_it_makes_400_partitions_at_once(binary, folder):
    with Daemon(binary, folder, nofile=256) as d:
        lives_with(d, 1, 400)


@claim
def with_1024_descriptors_it_serves_thousands_of_partitions(binary, folder):
    with Daemon(binary, folder, nofile=1024) as d:
        make(d, 30, 100)
        d.keep(3)
        assert d.stop() == 0, d.last_line()
        d.restart()
        d.serves()
        d.check_kept()


@claim
def with_fewer_than_64_descriptors_it_says_so_and_does_not_start(binary, folder):
    d = Daemon(binary, folder, nofile=48)
    d.start()
    status, words = d.ends()
    assert status == 1 and "64 files" in words, f"{status}: {words}"


@claim
def a_restart_opens_few_files(binary, folder):
    with Daemon(binary, folder) as d:
        make(d, 1, 300)
        write_to(d, 1, 300, 0)
        assert d.open_files() > 300, "a log that is written to has its file open"
        assert d.stop() == 0, d.last_line()
        d.start()
        most = 0
        while sum("serves" in line for line in d.lines()) < 2:
            most = max(most, d.open_files())
        d.wait()
        assert most < 150, f"{most} files were open at once"
        settle(lambda: d.open_files() < 40, "clean logs keep their files open")
