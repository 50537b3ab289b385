"""confluent-kafka alone, in transactions and in groups; the same words as aiokafka_client.py.

A copier starts itself anew, and says so, where librdkafka does not come back from a call: see in_time.
"""

import os
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BOOTSTRAP, WHAT = sys.argv[1:3]
TXN_LIMIT_S = 15
COMMON = {"bootstrap.servers": BOOTSTRAP, "client.id": WHAT}
if "SASL_MECHANISM" in os.environ:
    COMMON |= {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": os.environ["SASL_MECHANISM"],
               "sasl.username": os.environ["SASL_USERNAME"], "sasl.password": os.environ["SASL_PASSWORD"]}


def consumer(topic, group):
    c = Consumer({**COMMON, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                  "session.timeout.ms": 10000, "heartbeat.interval.ms": 1000})
    c.subscribe([topic])
    return c


def send(topic, first, last):
    p = Producer({**COMMON, "enable.idempotence": True, "linger.ms": 5})
    for i in range(int(first), int(last)):
        p.produce(topic, b"v%d" % i, b"k%d" % i,
                  on_delivery=lambda e, _, i=i: print(*("error", i, e) if e else ("ok", i), flush=True))
        p.poll(0)
        time.sleep(0.01)
    p.flush()


def until_done(call, *args):
    """An error that passes is no end: the call is made again."""
    while True:
        try:
            return call(*args)
        except KafkaException as e:
            if not e.args[0].retriable():
                raise
            print(e, file=sys.stderr)


def in_time(then, call, *args):
    """Makes a call that is to return within TXN_LIMIT_S; calls `then` when it has not after twice as long.

    send_offsets_to_transaction() of librdkafka 2.16 heeds no time-out while it waits for a group's coordinator (its issue 5456). And it waits for ever for one
    that has died and that the cluster no longer lists: its thread has ended, and nothing makes it look the coordinator up (its issue 5511).
    """
    late = threading.Timer(2 * TXN_LIMIT_S, then)
    late.start()
    try:
        return call(*args, TXN_LIMIT_S)
    finally:
        late.cancel()


def copy(source, target, group, name, count):
    done = 0

    def anew():
        print("anew", flush=True)
        os.execv(sys.executable, [sys.executable, "-B", *sys.argv[:-1], str(int(count) - done)])

    p = Producer({**COMMON, "transactional.id": name, "transaction.timeout.ms": 30000})
    until_done(p.init_transactions)
    c = consumer(source, group)
    while done < int(count):
        rows = [r for r in c.consume(5, 0.5) if not r.error()]
        if not rows:
            continue
        p.begin_transaction()
        try:
            for r in rows:
                p.produce(target, r.value())
            until_done(in_time, anew, p.send_offsets_to_transaction, c.position(c.assignment()), c.consumer_group_metadata())
            until_done(p.commit_transaction)
            done += len(rows)
        except KafkaException as e:
            if not e.args[0].txn_requires_abort():
                raise
            print(e, file=sys.stderr)
            until_done(p.abort_transaction)
            for place in c.committed(c.assignment()):
                place.offset = max(place.offset, 0)
                c.seek(place)
    c.close()


def member(topic, group):
    c = consumer(topic, group)
    while True:
        rows = [r for r in c.consume(20, 0.5) if not r.error()]
        for r in rows:
            print("got", r.partition(), r.offset(), flush=True)
        if not rows:
            continue
        ends = {r.partition(): r.offset() + 1 for r in rows}
        try:
            c.commit(offsets=[TopicPartition(topic, p, offset) for p, offset in ends.items()], asynchronous=False)
        except KafkaException as e:  # it is not its own any more
            print(e, file=sys.stderr)
            continue
        for r in rows:
            print("done", r.partition(), r.offset(), flush=True)


{"send": send, "copy": copy, "member": member}[WHAT](*sys.argv[3:])
