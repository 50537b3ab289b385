"""A schema registry whose storage is topics of ours, and confluent-kafka's serializers on top."""

import json
import subprocess
import sys
from contextlib import contextmanager

from harness import paths
from harness.claim import LIMIT_S, Failed, claim, expect, expect_equal
from harness.registry import PYTHON, Registry
from harness.target import eventually

sys.path.append(str(PYTHON))  # what the serializers need

try:
    import confluent_kafka as ck
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
    from confluent_kafka.schema_registry.error import SchemaRegistryError
    from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError:  # then these claims can be listed, not judged
    ck = None


from .confluent import reader, take
from .streams import cluster_with

TOPIC = "orders"
FIELDS = [{"name": "order_id", "type": "int"}, {"name": "user_id", "type": "string"},
          {"name": "amount", "type": "double", "default": 0}]
ORDERS = [{"order_id": i, "user_id": f"user {i % 3}", "amount": i / 4} for i in range(100)]


@contextmanager
def registry_on(t):
    """Three daemons and a registry; yields the cluster, t aimed at it, the registry, and a client of it."""
    with cluster_with(t, TOPIC) as (cluster, t):
        registry = Registry(t, t.bootstrap)
        registry.wait()
        yield cluster, t, registry, SchemaRegistryClient({"url": registry.url})
        if registry.is_alive():
            registry.stop()


def record(fields):
    return json.dumps({"type": "record", "name": "Order", "fields": fields})


def avro(client):
    return AvroSerializer(client, record(FIELDS)), AvroDeserializer(client), dict, {**ORDERS[0], "order_id": "one"}


def json_schema(client):
    kinds = {"int": "integer", "string": "string", "double": "number"}
    schema = json.dumps({
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object",
        "properties": {f["name"]: {"type": kinds[f["type"]]} for f in FIELDS}, "required": ["order_id"]})
    return (JSONSerializer(schema, client), JSONDeserializer(schema, schema_registry_client=client), dict,
            {**ORDERS[0], "order_id": "one"})


def protobuf(client):
    kinds = {"int": "TYPE_INT32", "string": "TYPE_STRING", "double": "TYPE_DOUBLE"}
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
    message = file.message_type.add(name="Order")
    for number, f in enumerate(FIELDS, 1):
        message.field.add(name=f["name"], number=number, label="LABEL_OPTIONAL", type=kinds[f["type"]])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    order = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))
    modern = {"use.deprecated.format": False}
    return (ProtobufSerializer(order, client, modern), ProtobufDeserializer(order, modern), lambda x: order(**x),
            "no message")


KINDS = {"avro": avro, "json-schema": json_schema, "protobuf": protobuf}


def fields_of(value):
    return value if isinstance(value, dict) else {f.name: getattr(value, f.name) for f in value.DESCRIPTOR.fields}


def read_raw(t, topic, n):
    c = reader(t)
    c.subscribe([topic])
    got = [m.value() for m in take(c, n)]
    c.close()
    return got


@claim("starts", "registry", "confluent-kafka", limit_s=6 * LIMIT_S, each=tuple(KINDS))
def serializers(t, kind):
    """What a serializer writes with a registered schema, its deserializer reads; what breaks the schema is refused."""
    with registry_on(t) as (_, t, _registry, client):
        serialize, deserialize, value, broken = KINDS[kind](client)
        where = SerializationContext(TOPIC, MessageField.VALUE)
        producer = ck.Producer({"bootstrap.servers": t.bootstrap})
        for order in ORDERS:
            producer.produce(TOPIC, serialize(value(order), where))
        expect_equal(producer.flush(LIMIT_S), 0, "records that were not acknowledged")
        expect_equal(client.get_subjects(), [f"{TOPIC}-value"], "subjects")
        raw = read_raw(t, TOPIC, len(ORDERS))
        expect(all(x[0] == 0 and len(x) > 5 for x in raw), "a record does not begin with its schema's id")
        got = sorted((fields_of(deserialize(x, where)) for x in raw), key=lambda x: x["order_id"])
        expect_equal(got, ORDERS, "orders")
        try:
            serialize(broken, where)
            raise Failed("what breaks the schema is serialized")
        except (SerializationError, ValueError, TypeError):
            pass


CHANGES = {  # a change of the schema, and the levels that accept it
    "a field with a default more": ([*FIELDS, {"name": "currency", "type": "string", "default": "INR"}],
                                    {"BACKWARD", "FORWARD", "FULL"}),
    "a field without a default more": ([*FIELDS, {"name": "currency", "type": "string"}], {"FORWARD"}),
    "a field without a default less": (FIELDS[1:], {"BACKWARD"}),
    "a field with a default less": (FIELDS[:-1], {"BACKWARD", "FORWARD", "FULL"}),
    "another type": ([{"name": "order_id", "type": "string"}, *FIELDS[1:]], set()),
}


@claim("starts", "registry", "confluent-kafka", limit_s=6 * LIMIT_S)
def compatibility(t):
    """Changes of a schema are accepted and refused as BACKWARD, FORWARD and FULL say, each by its level."""
    with registry_on(t) as (_, _t, _registry, client):
        for change, (fields, accepting) in CHANGES.items():
            for level in ("BACKWARD", "FORWARD", "FULL"):
                subject = f"{level} {change}"
                client.register_schema(subject, Schema(record(FIELDS), "AVRO"))
                client.set_compatibility(subject, level)
                try:
                    client.register_schema(subject, Schema(record(fields), "AVRO"))
                    accepted = True
                except SchemaRegistryError as e:
                    expect_equal(e.http_status_code, 409, f"{subject}: status")
                    accepted = False
                expect_equal(accepted, level in accepting, f"{subject}: accepted")
                expect_equal(client.get_versions(subject), [1, 2] if accepted else [1], f"{subject}: versions")


@claim("starts", "registry", "confluent-kafka", limit_s=6 * LIMIT_S)
def guide(t):
    """The guide's Avro producer, as printed but for the addresses, and an order that leaves its currency to the schema."""
    with registry_on(t) as (_, t, registry, client):
        program = (paths.GUIDE / "avro_producer.py").read_text()
        program = program.replace("localhost:9092", t.bootstrap).replace("http://localhost:8081", registry.url)
        order = {"order_id": 7, "user_id": "user_42", "amount": 12.5, "currency": "INR"}
        program += f"\nproducer.produce(topic={TOPIC!r}, value={order!r})\nproducer.flush()\n"
        file = t.scratch() / "avro_producer.py"
        file.write_text(f"import sys\nsys.path.append({str(PYTHON)!r})\n{program}")
        done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False)
        expect_equal(done.returncode, 0, f"its status; {done.stderr.strip()[-200:]}")
        where = SerializationContext(TOPIC, MessageField.VALUE)
        expect_equal([AvroDeserializer(client)(x, where) for x in read_raw(t, TOPIC, 1)], [order], "orders")


@claim("starts", "registry", "confluent-kafka", limit_s=8 * LIMIT_S)
def survives(t):
    """A broker is killed, then the registry: a new one knows every schema by its id, from the broker's topics."""
    with registry_on(t) as (cluster, t, registry, client):

        def register(i):
            fields = [*FIELDS, {"name": f"extra_{i}", "type": "int", "default": i}]
            return client.register_schema(f"subject-{i}", Schema(record(fields), "AVRO"))

        ids = {i: register(i) for i in range(10)}
        cluster.nodes[1].kill()
        ids.update((i, register(i)) for i in range(10, 20))
        expect_equal(len(set(ids.values())), 20, "different ids")
        registry.kill()
        second = Registry(t, t.bootstrap)
        second.wait()
        client = SchemaRegistryClient({"url": second.url})
        eventually(lambda: len(client.get_subjects()) == 20)
        expect_equal(sorted(client.get_subjects()), sorted(f"subject-{i}" for i in ids), "subjects")
        for i, schema_id in ids.items():
            expect(f"extra_{i}" in client.get_schema(schema_id).schema_str, f"id {schema_id} is another schema")
        second.stop()
