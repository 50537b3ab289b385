#!/usr/bin/env python3
"""The sink: writes topic "totals" into the table totals of a database (SQLite).

Where it is in the topic stands in the same database, and is written in the same transaction as the rows. So it may be killed at any
moment, and goes on where the rows say it is: no offset that is committed elsewhere can be before or behind them.

usage: store.py BOOTSTRAP DATABASE
"""

import json
import sqlite3
import sys

from confluent_kafka import Consumer, TopicPartition

TABLES = """
create table if not exists totals (user_id text primary key, orders integer not null, cents integer not null);
create table if not exists offsets (partition integer primary key, next integer not null);
"""


def main():
    bootstrap, file = sys.argv[1:]
    db = sqlite3.connect(file)
    db.executescript(TABLES)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "store", "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
    partitions = consumer.list_topics("totals").topics["totals"].partitions
    known = dict(db.execute("select partition, next from offsets"))
    consumer.assign([TopicPartition("totals", p, known.get(p, 0)) for p in partitions])
    while True:
        batch = [m for m in consumer.consume(500, 0.2) if not m.error()]
        if not batch:
            continue
        with db:  # one transaction
            for m in batch:
                total = json.loads(m.value())
                db.execute("insert or replace into totals values (?, ?, ?)",
                           (m.key().decode(), total["orders"], total["cents"]))
                db.execute("insert or replace into offsets values (?, ?)", (m.partition(), m.offset() + 1))


main()
