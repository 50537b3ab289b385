"""What the table says of each setting (config_states.yaml) is what the daemon does when it is given."""

import re

from claim import claim
from claims_settings import combined, refuses
from config_table import other_value, settings
from daemon import Daemon

# Values with which a node still serves, where the nearest other one would not do.
FITS = {
    "metadata.log.dir": "data", "queued.max.request.bytes": "104857600", "max.connections": "1000",
    "max.connections.per.ip": "1000", "max.connections.per.ip.overrides": "127.0.0.1:1000",
    "max.connection.creation.rate": "1000", "group.coordinator.rebalance.protocols": "classic", "log.cleaner.threads": "2",
    "early.start.listeners": "PLAINTEXT", "log.cleaner.dedupe.buffer.size": "134217729",
}
# Those of one kind of group must fit together (Kafka's rules): they are left out here.
APART = ("group.consumer.", "group.share.", "group.streams.", "connection.failed", "log.cleaner.m")


def given_values(state):
    values = {s.name: FITS.get(s.name, other_value(s)) for s in in_state(state) if not s.name.startswith(APART)}
    return {k: v for k, v in values.items() if v is not None}


def in_state(state):
    return [s for (section, _), s in settings().items() if section == "broker" and s.state == state]


@claim
def each_refused_setting_stops_the_start_and_says_why(binary, folder):
    assert in_state("refused")
    for s in in_state("refused"):
        given = ["--override", f"{s.name}={other_value(s)}"]
        refuses(binary, folder, combined() + given, f"--override: {s.name} cannot be had: {s.why}", status=(1,))


@claim
def a_refused_setting_at_its_default_is_none(binary, folder):
    given = {s.name: s.default for s in in_state("refused")}
    with Daemon(binary, folder, settings=given) as d:
        d.serves()
        assert not [line for line in d.lines() if " cannot be had" in line or " makes no difference" in line]


@claim
def each_warned_setting_is_told_once_and_the_daemon_serves(binary, folder):
    given = given_values("warned")
    assert given
    with Daemon(binary, folder, settings=given) as d:
        lines = [line for line in d.lines() if " makes no difference: " in line]
        for s in in_state("warned"):
            told = [line for line in lines if f"--override: {s.name} makes no difference: {s.why}" in line]
            assert len(told) == 1 and " warn " in told[0], f"{s.name}: {told}"
        assert len(lines) == len(given), f"{len(lines)} lines of {len(given)} settings"


@claim
def a_harmless_setting_is_taken_without_a_word(binary, folder):
    given = given_values("harmless")
    assert len(given) > 80, len(given)
    with Daemon(binary, folder, settings=given) as d:
        d.serves()
        assert not [line for line in d.lines() if re.search(r" warn .*--override", line)], d.lines()


@claim
def only_the_last_value_of_a_name_is_judged(binary, folder):
    file = folder / "server.properties"
    file.write_text("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n")
    refuses(binary, folder, ["--config", file] + combined(), "server.properties:1:1: authorizer.class.name", status=(1,))
    with Daemon(binary, folder, arguments=["--config", file], settings={"authorizer.class.name": ""}) as d:
        d.serves()


@claim
def settings_for_one_listener_are_told_of(binary, folder):
    refuses(binary, folder, combined() + ["--override", "listener.name.plaintext.ssl.client.auth=required"],
            "listener.name.plaintext.ssl.client.auth cannot be had", status=(1,))
    with Daemon(binary, folder, settings={"listener.name.plaintext.num.network.threads": 5, "no.such.thing": 1}) as d:
        lines = " ".join(d.lines())
        assert "listener.name.plaintext.num.network.threads makes no difference" in lines, lines
        assert "no.such.thing is not a setting of this version, and is ignored" in lines, lines


@claim
def a_password_is_never_printed(binary, folder):
    with Daemon(binary, folder, settings={"ssl.key.password": "hunter2", "sasl.jaas.config": "hunter2;"}) as d:
        d.serves()
        assert "hunter2" not in " ".join(d.lines())
    refuses(binary, folder, combined() + ["--override", "delegation.token.secret.key=hunter2"],
            "delegation.token.secret.key cannot be had")
