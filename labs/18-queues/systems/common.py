"""What all systems share."""

LIMIT_S = 60  # for what must happen
IDLE_S = 1.5  # so long without a message: there is none
START_LIMIT_S = 180  # of an Erlang machine, when the computer is busy
