"""Ports for daemons of tests."""

import random
import socket

_claims = []


def free_port():
    """A port that nobody listens on, below the ephemeral range, where no outgoing connection can take it, and that no
    other test is given while this process lives: its number is claimed as a name of the abstract kind, which ends
    with the process. (Between looking whether a port is free and the daemon's bind there is time for others.)
    """
    while True:
        port = random.randrange(15000, 32000)
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as s:
            try:
                claim.bind(f"\0gregor-test-port-{port}")
                s.bind(("127.0.0.1", port))
            except OSError:
                claim.close()
                continue
        _claims.append(claim)
        return port
