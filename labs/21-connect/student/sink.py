#!/usr/bin/env python3
"""A sink of your own: writes the records of topic "orders" into a table of SQLite. It is killed now and then, and started again.

As it stands here a record may be in the table twice. Make it so that none is, in one of two ways:

1. by a key: the table knows which record a row is from, and a row that comes again replaces the one that is there;
2. by the offset: how far it has come is a row of the database, too, written in the same transaction, and it begins there.

labs/21-connect/run --sink FILE says whether it holds. usage: sink.py BOOTSTRAP DATABASE
"""

import os
import sqlite3
import sys

from confluent_kafka import Consumer

BATCH = 50
CRASH = float(os.environ.get("CRASH_AFTER", "inf"))  # so many batches; then it dies between writing and committing


def make_tables(db):
    db.execute("create table if not exists rows (value text)")


def begin(db, consumer, partitions):
    """It was given these partitions. Without a word of ours it begins at the offset that was committed to Kafka."""


def write(db, messages):
    """One transaction of the database for each batch."""
    with db:
        db.executemany("insert into rows values (?)", [(m.value().decode(),) for m in messages])


def main():
    bootstrap, database = sys.argv[1:]
    db = sqlite3.connect(database)
    make_tables(db)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "sink", "auto.offset.reset": "earliest", "enable.auto.commit": False,
                         "session.timeout.ms": 6000, "log_level": 3})
    consumer.subscribe(["orders"], on_assign=lambda c, partitions: begin(db, c, partitions))
    batches = 0
    while True:
        messages = [m for m in consumer.consume(BATCH, 1.0) if not m.error()]
        if not messages:
            continue
        write(db, messages)
        batches += 1
        if batches >= CRASH:
            os._exit(9)  # as by kill -9
        consumer.commit(asynchronous=False)


main()
