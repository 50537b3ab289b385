"""An order service: it takes orders into the topic `orders`, and a worker bills each of them once.

It has three mistakes that no test with a healthy cluster finds. test_orders.py does.
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
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, acks=1, enable_idempotence=False,
                                      request_timeout_ms=2000, delivery_timeout_ms=3000, linger_ms=0)

    def take(self, order, amount):
        """True: accepted, and it will be billed once. False: not accepted, the customer may order again."""
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
        self.db.execute("CREATE TABLE IF NOT EXISTS bills (line INTEGER PRIMARY KEY, name TEXT, amount INTEGER)")

    def bill(self, order, amount):
        self.db.execute("INSERT INTO bills (name, amount) VALUES (?, ?)", (order, amount))
        self.db.commit()

    def bills(self):
        return [name for name, in self.db.execute("SELECT name FROM bills ORDER BY line")]


def work(bootstrap, path):
    """The worker: reads orders and bills them, until it is stopped."""
    ledger = Ledger(path)
    consumer = KafkaConsumer(TOPIC, bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest")
    while True:
        for records in consumer.poll(timeout_ms=200).values():
            consumer.commit()
            for record in records:
                order = json.loads(record.value)
                ledger.bill(order["order"], order["amount"])


if __name__ == "__main__":
    work(*sys.argv[1:])
