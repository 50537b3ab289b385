"""aiokafka alone, in transactions and in groups.

usage: aiokafka_client.py BOOTSTRAP send TOPIC FROM TO
       aiokafka_client.py BOOTSTRAP write TOPIC ID commit|abort|hang VALUE...
       aiokafka_client.py BOOTSTRAP copy FROM TO GROUP ID COUNT
       aiokafka_client.py BOOTSTRAP member TOPIC GROUP

send: k0 v0, k1 v1 and so on, from one number to another, idempotent, one each 10 ms; "ok I" or "error I WHY", as it is told.
write: one transaction; hang says "ready" when its values are in the log, and waits to be killed.
copy: so many records in transactions of five, each with its offsets; one that fails is aborted, and what it had read is read again.
member: until it is killed, "got PARTITION OFFSET" of each record, and "done PARTITION OFFSET" when that is committed.

Its client.id is the word for what it does. With SASL_MECHANISM, SASL_USERNAME and SASL_PASSWORD in the environment it shows who it is.
"""

import asyncio
import os
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError


WHAT = sys.argv[2]
LOGIN = {} if "SASL_MECHANISM" not in os.environ else {
    "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": os.environ["SASL_MECHANISM"],
    "sasl_plain_username": os.environ["SASL_USERNAME"], "sasl_plain_password": os.environ["SASL_PASSWORD"]}


async def producer(bootstrap, name):
    p = AIOKafkaProducer(bootstrap_servers=bootstrap, **LOGIN, client_id=WHAT, transactional_id=name, transaction_timeout_ms=30000)
    await p.start()
    return p


async def send(bootstrap, topic, first, last):
    p = AIOKafkaProducer(bootstrap_servers=bootstrap, **LOGIN, client_id=WHAT, enable_idempotence=True, linger_ms=5, request_timeout_ms=20000)
    await p.start()

    async def told(i, sent):
        try:
            await sent
            print("ok", i, flush=True)
        except KafkaError as e:
            print("error", i, repr(e), flush=True)

    waiting = []
    for i in range(int(first), int(last)):
        waiting.append(asyncio.create_task(told(i, await p.send(topic, b"v%d" % i, b"k%d" % i))))
        await asyncio.sleep(0.01)
    await asyncio.gather(*waiting)
    await p.stop()


async def write(bootstrap, topic, name, end, *values):
    p = await producer(bootstrap, name)
    await p.begin_transaction()
    for v in values:
        await p.send_and_wait(topic, v.encode(), partition=0)
    if end == "hang":
        print("ready", flush=True)
        await asyncio.sleep(600)
    await (p.commit_transaction() if end == "commit" else p.abort_transaction())
    await p.stop()


async def copy(bootstrap, source, target, group, name, count):
    p = await producer(bootstrap, name)
    c = AIOKafkaConsumer(source, bootstrap_servers=bootstrap, **LOGIN, client_id=WHAT, group_id=group, enable_auto_commit=False,
                         auto_offset_reset="earliest", isolation_level="read_committed")
    await c.start()
    done = 0
    while done < int(count):
        for tp, rows in (await c.getmany(timeout_ms=1000, max_records=5)).items():
            try:
                async with p.transaction():
                    for r in rows:
                        await p.send(target, r.value, partition=0)
                    await p.send_offsets_to_transaction({TopicPartition(tp.topic, tp.partition): rows[-1].offset + 1}, group)
            except KafkaError as e:
                print(repr(e), file=sys.stderr)
                await c.seek_to_committed()
                continue
            done += len(rows)
    await c.stop()
    await p.stop()


async def member(bootstrap, topic, group):
    c = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **LOGIN, client_id=WHAT, group_id=group, enable_auto_commit=False,
                         auto_offset_reset="earliest", session_timeout_ms=10000)
    await c.start()
    while True:
        found = await c.getmany(timeout_ms=500, max_records=20)
        rows = [f"{r.partition} {r.offset}" for rs in found.values() for r in rs]
        for row in rows:
            print("got", row, flush=True)
        if not rows:
            continue
        try:
            await c.commit({tp: rs[-1].offset + 1 for tp, rs in found.items() if rs})
        except KafkaError as e:  # it is not its own any more
            print(e, file=sys.stderr)
            continue
        for row in rows:
            print("done", row, flush=True)


asyncio.run({"send": send, "write": write, "copy": copy, "member": member}[WHAT](sys.argv[1], *sys.argv[3:]))
