"""The JUnit 5 extension, by its own tests: with Maven, JUnit and Kafka's Java client."""

import os
import re
import subprocess

from harness import paths
from harness.claim import LIMIT_S, claim, expect
from harness.play import GREGOR


@claim("gregord", "java", limit_s=12 * LIMIT_S)
def extension(t):
    """Each test gets a cluster, verbs reach it, the Java client goes through faults, the verdict is the test's."""
    done = subprocess.run(["mvn", "-B", "-f", str(paths.ROOT / "sim/play/java/pom.xml"), f"-Dgregor.out={t.scratch()}", "test"],
                          env={**os.environ, "GREGOR": str(GREGOR)}, capture_output=True, text=True, timeout=11 * LIMIT_S)
    ran = re.findall(r"Tests run: (\d+), Failures: 0, Errors: 0, Skipped: 0", done.stdout)
    expect(done.returncode == 0 and ran and int(ran[-1]) >= 15, f"{done.stdout[-3000:]}{done.stderr[-500:]}")
