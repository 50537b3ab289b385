"""The labs' programs."""

from harness import paths
from harness.claim import LIMIT_S, claim, expect_equal
from harness.target import run


@claim("gregord", "starts", "streams", "confluent-kafka", limit_s=6 * LIMIT_S, each=("broker", "all"))
def pipeline(t, kill):
    """Lab X6: REST API, topic, Kafka Streams and database say the same to the cent, while a broker (and all) is killed."""
    said = run([paths.ROOT / "labs/X6-pipeline/run", "--kill", kill]).splitlines()
    expect_equal(said[-1], "PASS  what was taken was counted once", "its last line")
    return said[-3].split("s  ", 1)[1]
