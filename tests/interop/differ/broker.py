"""One broker that is asked, and the transcript of what it answered, with what must differ made alike."""

import base64
import socket
import struct
import time

from . import schema

# Where two brokers differ by right: clocks, ids that were drawn, words.
DROPPED = {"ThrottleTimeMs"}
CLOCKS = {"LogAppendTimeMs", "LastTimestamp", "LastFetchTimestamp", "LastCaughtUpTimestamp",
          "TransactionStartTimeMs"}
DRAWN = {"SessionId", "ProducerId", "VoterDirectoryId", "ReplicaDirectoryId", "FinalizedFeaturesEpoch", "TotalBytes",
         "UsableBytes", "MetadataVersion"}
WORDS = {"ErrorMessage", "BatchIndexErrorMessage"}
ANSWER_LIMIT_S = 20


class Closed(Exception):
    """The broker closed the connection instead of answering."""


class Broker:
    def __init__(self, address, stem):
        self.host, _, port = address.rpartition(":")
        self.port, self.stem = int(port), stem
        self.transcript = []  # (what was asked, what came back)
        self.ids = {}         # topic -> its id's 16 bytes
        self.where, self.why = "", ""
        self.socket, self.correlation = None, 0

    # ---- bytes ----

    def connect(self):
        if not self.socket:
            self.socket = socket.create_connection((self.host, self.port), timeout=ANSWER_LIMIT_S)
        return self.socket

    def disconnect(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def send(self, name, v, fields, *, body=None):
        api = schema.api(name)
        self.correlation += 1
        head = struct.pack(">hhih", api.key, v, self.correlation, 6) + b"differ"
        head += b"\0" if api.request.is_flexible(v) else b""
        frame = head + (api.request.encode(v, fields) if body is None else body)
        self.connect().sendall(struct.pack(">i", len(frame)) + frame)
        return self.correlation

    def receive_bytes(self):
        try:
            return self._exactly(struct.unpack(">i", self._exactly(4))[0])
        except ConnectionError as e:
            raise Closed(str(e)) from e
        except TimeoutError:
            raise Closed("no answer in time") from None

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise Closed("end of the stream")
            data += piece
        return data

    def receive(self, name, v):
        data = self.receive_bytes()
        api = schema.api(name)
        at = 4 + (1 if api.response.is_flexible(v) and name != "ApiVersions" else 0)
        if struct.unpack_from(">i", data)[0] != self.correlation:
            raise Closed("an answer to something else")
        return api.response.decode(v, data[at:])

    # ---- questions ----

    def ask(self, name, v, fields=None, *, body=None):
        """The decoded answer, or None when the connection was closed. Goes into no transcript."""
        try:
            self.send(name, v, fields or {}, body=body)
            return self.receive(name, v)
        except (Closed, OSError) as e:
            self.disconnect()
            self.why = str(e)
            return None

    def call(self, what, name, v, fields=None, *, body=None):
        """Asks, writes question and answer down, and returns the answer."""
        answer = self.ask(name, v, fields, body=body)
        self.note(f"{name} v{v}, {what}", {"closed": True} if answer is None else self.alike(answer))
        return answer

    def note(self, what, value):
        self.transcript.append((f"{self.where}: {what}", value))

    def pause(self):
        """The controller has answered; until its broker knows, too, Kafka takes a moment."""
        time.sleep(0.3)

    # ---- topics ----

    def name(self, word):
        """A topic's name: the same for all brokers of one run, another in each run and for each version."""
        return f"{self.stem}-{self.where.replace(' ', '-')}-{word}"

    def topic(self, word, partitions=1, **configs):
        """Makes a topic and returns when it is served."""
        topic = self.name(word)
        rows = [{"Name": k.replace("_", "."), "Value": str(x)} for k, x in configs.items()]
        made = self.ask("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [
            {"Name": topic, "NumPartitions": partitions, "ReplicationFactor": 1, "Configs": rows}]})
        if made["Topics"][0]["ErrorCode"]:
            raise RuntimeError(f"{topic} was not created: {made['Topics'][0]}")
        self.learn(topic, partitions)
        return topic

    def internal_topic(self):
        """Who looks for a group's coordinator has __consumer_offsets made; returns when it is served."""
        while self.ask("FindCoordinator", 2, {"Key": "differ", "KeyType": 0})["ErrorCode"]:
            time.sleep(0.1)
        self.learn("__consumer_offsets", None)

    def learn(self, topic, partitions=1):
        """Waits until all partitions (None: however many) have their leader; keeps the topic's id."""
        end = time.monotonic() + ANSWER_LIMIT_S
        while time.monotonic() < end:
            asked = {"Topics": [{"Name": topic}], "AllowAutoTopicCreation": False}
            found = self.ask("Metadata", 12, asked)["Topics"][0]
            parts = found["Partitions"]
            enough = partitions is None or len(parts) == partitions
            if not found["ErrorCode"] and enough and not any(p["ErrorCode"] for p in parts):
                self.ids[topic] = _uuid(found["TopicId"])
                return self._until_served(topic, len(parts))
            time.sleep(0.02)
        raise RuntimeError(f"{topic} does not get a leader")

    def _until_served(self, topic, partitions):
        """The controller's choice is one thing, the broker's knowing of it another."""
        rows = [{"PartitionIndex": i, "Timestamp": -1} for i in range(partitions)]
        while True:
            found = self.ask("ListOffsets", 5, {"ReplicaId": -1, "Topics": [{"Name": topic, "Partitions": rows}]})
            if not any(p["ErrorCode"] for p in found["Topics"][0]["Partitions"]):
                return None
            time.sleep(0.02)

    def by(self, topic, named, name_field="Name", id_field="TopicId"):
        """The field that names a topic: by name, or by id."""
        return {name_field: topic} if named else {id_field: self.ids.get(topic, b"\x77" * 16)}

    # ---- the same for all ----

    def alike(self, value, field=""):
        if isinstance(value, dict):
            return {k: self.alike(x, k) for k, x in value.items() if k not in DROPPED}
        if isinstance(value, list):
            return [self.alike(x, field) for x in value]
        if field in CLOCKS or field in DRAWN:
            return value if value in (-1, 0) else "some"
        if field in WORDS:
            return "words" if value else value
        if field == "ErrorCode":
            return schema.error_names().get(value, value)
        if field == "Port":
            return "port" if value == self.port else value
        if field == "LogDir":
            return "a folder"
        if isinstance(value, str):
            names = {_text(raw): f"id of {self.word(topic)}" for topic, raw in self.ids.items()}
            return names.get(value, self.word(value))
        return value

    def word(self, topic):
        """What a case calls a topic, without what makes its name unique."""
        return topic.removeprefix(self.name(""))


def _uuid(text):
    return base64.urlsafe_b64decode(text + "==")


def _text(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
