"""aiokafka in transactions and in groups.

usage: aiokafka_client.py BOOTSTRAP write TOPIC ID commit|abort|hang VALUE...
       aiokafka_client.py BOOTSTRAP copy FROM TO GROUP ID COUNT
       aiokafka_client.py BOOTSTRAP member TOPIC GROUP

write: one transaction; hang says "ready" when its values are in the log, and waits to be killed.
copy: so many records in transactions of five, each with its offsets.
member: until it is killed, "got PARTITION OFFSET" of each record, and "done PARTITION OFFSET" when that is committed.
"""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError


async def producer(bootstrap, name):
    p = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=name, transaction_timeout_ms=30000)
    await p.start()
    return p


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
    c = AIOKafkaConsumer(source, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
                         auto_offset_reset="earliest", isolation_level="read_committed")
    await c.start()
    done = 0
    while done < int(count):
        for tp, rows in (await c.getmany(timeout_ms=1000, max_records=5)).items():
            async with p.transaction():
                for r in rows:
                    await p.send(target, r.value, partition=0)
                await p.send_offsets_to_transaction({TopicPartition(tp.topic, tp.partition): rows[-1].offset + 1}, group)
            done += len(rows)
    await c.stop()
    await p.stop()


async def member(bootstrap, topic, group):
    c = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
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


asyncio.run({"write": write, "copy": copy, "member": member}[sys.argv[2]](sys.argv[1], *sys.argv[3:]))
