"""What one client writes, every other reads."""

from harness.claim import LIMIT_S, claim, expect_equal

from . import confluent, kafka_python

try:
    import confluent_kafka as ck
    import kafka
except ImportError:  # then these claims can be listed, not judged
    ck = kafka = None

CLIENTS = ("kcat", "kafka-python", "confluent-kafka", "java")
PAIRS = [(a, b) for a in CLIENTS for b in CLIENTS if a != b]
CODECS = ("gzip", "snappy", "lz4", "zstd")

RECORDS = [(f"k{i % 7}", f"value {i} äöü€ {'x' * (i % 50)}") for i in range(100)]


def write_kcat(t, topic, codec):
    t.produce(topic, [f"{k}\t{v}" for k, v in RECORDS], "-K", r"\t", "-z", codec)


def write_python(t, topic, codec):
    producer = kafka.KafkaProducer(bootstrap_servers=t.bootstrap, compression_type=codec, linger_ms=20)
    sent = [producer.send(topic, v.encode(), key=k.encode()) for k, v in RECORDS]
    for s in sent:
        s.get(timeout=LIMIT_S)
    producer.close()


def write_confluent(t, topic, codec):
    producer = ck.Producer({"bootstrap.servers": t.bootstrap, "compression.type": codec})
    for k, v in RECORDS:
        producer.produce(topic, v, k)
    expect_equal(producer.flush(LIMIT_S), 0, "records without report")


def write_java(t, topic, codec):
    t.tool("console-producer", "--topic", topic, "--reader-property", "parse.key=true",
           "--compression-codec", codec, input="".join(f"{k}\t{v}\n" for k, v in RECORDS))


def read_kcat(t, topic):
    return [tuple(x.split("\t")) for x in t.consume(topic, "-f", r"%k\t%s\n")]


def read_python(t, topic):
    consumer = kafka_python.reader(t)
    consumer.assign([kafka.TopicPartition(topic, 0)])
    got = kafka_python.take(consumer, len(RECORDS))
    consumer.close()
    return [(r.key.decode(), r.value.decode()) for r in got]


def read_confluent(t, topic):
    return [(m.key().decode(), m.value().decode()) for m in confluent.read(t, topic, len(RECORDS))]


def read_java(t, topic):
    said = t.tool("console-consumer", "--topic", topic, "--partition", 0, "--offset", "earliest",
                  "--max-messages", len(RECORDS), "--timeout-ms", 1000 * LIMIT_S,
                  "--formatter-property", "print.key=true")
    return [tuple(x.split("\t")) for x in said.splitlines()]


WRITE = dict(zip(CLIENTS, (write_kcat, write_python, write_confluent, write_java)))
READ = dict(zip(CLIENTS, (read_kcat, read_python, read_confluent, read_java)))


@claim("kcat", "kafka-python", "confluent-kafka", "java", each=PAIRS)
def pair(t, pair):
    """Compressed records with keys from the first client are the same for the second."""
    writer, reader = pair
    topic = t.unique(f"cross-{writer}-{reader}")
    WRITE[writer](t, topic, CODECS[PAIRS.index(pair) % len(CODECS)])
    expect_equal(READ[reader](t, topic), RECORDS, "records")
