"""A schema registry (Apicurio) that keeps its schemas in topics of the broker under test."""

import urllib.error
import urllib.request

from ports import free_port  # of tests/lib, which node.py has put on the path

from . import paths
from .app import App
from .claim import LIMIT_S, Failed
from .node import java
from .target import eventually

FOLDER = paths.INSTALLED / "registry"
PYTHON = FOLDER / "python"  # confluent-kafka once more, with its serializers


class Registry(App):
    """The registry's process; its Confluent-compatible interface is at `url`."""

    def __init__(self, t, bootstrap):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        jar = next(FOLDER.glob("apicurio-registry-app-*-runner.jar"))
        settings = {"apicurio.storage.kind": "kafkasql", "apicurio.kafkasql.bootstrap.servers": bootstrap,
                    "quarkus.http.host": "127.0.0.1", "quarkus.http.port": self.port, "quarkus.log.level": "WARN"}
        argv = java(FOLDER / "lib", *[f"-D{key}={value}" for key, value in settings.items()], "-jar", jar, heap="256m")
        super().__init__("the registry", argv, t.scratch())

    def wait(self):
        """Returns when it has read its topics and serves."""

        def serves():
            try:
                with urllib.request.urlopen(f"{self.url}/subjects", timeout=LIMIT_S):
                    return True
            except (urllib.error.HTTPError, OSError):
                return not self.is_alive()

        if not eventually(serves, limit_s=3 * LIMIT_S, every_s=0.3) or not self.is_alive():
            raise Failed(f"the registry does not serve; {self.stuck()}")
