"""Programs of clients/, one for each client, that all know the same words; see clients/aiokafka_client.py."""

from . import paths
from .app import App, compiled
from .node import java

# What setup must have installed for each.
NEEDS = {"kafka-python": "kafka-python", "confluent-kafka": "confluent-kafka", "aiokafka": "clients", "kafkajs": "clients", "franz-go": "go",
         "java": "java"}


def program(name, *words):
    """The argument vector of a client; the first word is the bootstrap address."""
    words = [str(x) for x in words]
    if name == "java":
        argv = java(paths.TOOLS_JARS, "JavaClient", *words)
        argv[argv.index("-cp") + 1] += f":{compiled(paths.TOOLS_JARS, [paths.INTEROP / 'clients/JavaClient.java'])}"
        return argv
    if name == "franz-go":
        return [str(paths.GO / "franz_go"), *words]
    if name == "kafkajs":
        return ["env", f"NODE_PATH={paths.CLIENTS / 'node_modules'}", "node", str(paths.INTEROP / "clients/kafkajs_client.js"), *words]
    python = paths.CLIENTS_PYTHON if name == "aiokafka" else paths.VENV_PYTHON
    return [str(python), "-B", str(paths.INTEROP / f"clients/{name.replace('-', '_')}_client.py"), *words]


class Client(App):
    """A client that does what its words say; what it says of records can be asked."""

    def __init__(self, t, name, *words):
        super().__init__(f"{words[1]} by {name}", program(name, *words), t.scratch())

    def said(self, word):
        """The numbers behind that word, in order: of a member (partition, offset) of each record."""
        return [tuple(map(int, x.split()[1:])) for x in list(self.lines) if x.startswith(word + " ")]

    def ended(self, limit_s):
        """Waits for its end; returns the exit status, None when it goes on."""
        return self._ended(limit_s)
