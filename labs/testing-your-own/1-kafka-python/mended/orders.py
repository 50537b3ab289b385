"""An order service: it takes orders into the topic `orders`, and a worker bills each of them once.

The same as orders.py beside this folder, with its three mistakes mended. Each place says what the mistake was.
"""

import json
import sqlite3
import sys

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

TOPIC, GROUP = "orders", "billing"


class OrderService:
    """What the shop calls when a customer presses the button."""

    def __init__(self, bootstrap):
        # acks=1: the leader alone said yes, and what only a leader has dies with it.
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=False,
                                      request_timeout_ms=2000, delivery_timeout_ms=3000, linger_ms=0)

    def take(self, order, amount):
        """True: accepted, and it will be billed once. False: nobody knows; asking again with the same order is harmless."""
        sent = self.producer.send(TOPIC, json.dumps({"order": order, "amount": amount}).encode())
        try:
            sent.get(timeout=10)
            return True
        except KafkaError:
            return False

    def close(self):
        self.producer.close(timeout=1)


class Ledger:
    """Where it is written what was billed: a table in SQLite."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.execute("CREATE TABLE IF NOT EXISTS bills (line INTEGER PRIMARY KEY, name TEXT UNIQUE, amount INTEGER)")

    def bill(self, order, amount):
        # A send without an answer may have been done. Whoever tries again writes the order twice: it is billed by its name, once.
        self.db.execute("INSERT OR IGNORE INTO bills (name, amount) VALUES (?, ?)", (order, amount))
        self.db.commit()

    def bills(self):
        return [name for name, in self.db.execute("SELECT name FROM bills ORDER BY line")]


def work(bootstrap, path):
    """The worker: reads orders and bills them, until it is stopped."""
    ledger = Ledger(path)
    consumer = KafkaConsumer(TOPIC, bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest")
    while True:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                order = json.loads(record.value)
                ledger.bill(order["order"], order["amount"])
            consumer.commit()  # first the work: what is committed is not read again when the worker dies here


if __name__ == "__main__":
    work(*sys.argv[1:])
