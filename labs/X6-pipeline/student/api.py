#!/usr/bin/env python3
"""The REST API: POST /orders takes an order as JSON and puts it into topic "orders".

It answers 201 when every in-sync replica has the order, and not before; 400 when that is no order; 503 when nobody took
it. The producer is idempotent: what it sends again because a broker died is in the log once.

usage: api.py BOOTSTRAP PORT
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from confluent_kafka import Producer

LIMIT_S = 120  # for a new leader to be found


def order_of(text):
    """The order in a request's body; ValueError says what is wrong with it."""
    order = json.loads(text)
    if not isinstance(order, dict) or set(order) != {"order_id", "user_id", "cents"}:
        raise ValueError("an order has order_id, user_id and cents")
    if not isinstance(order["user_id"], str) or not order["user_id"]:
        raise ValueError("user_id is a word")
    if not all(isinstance(order[x], int) and order[x] >= 0 for x in ("order_id", "cents")):
        raise ValueError("order_id and cents are whole numbers")
    return order


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    producer = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/orders":
            return self.answer(404, error=f"nothing is at {self.path}")
        try:
            order = order_of(body)
        except ValueError as e:
            return self.answer(400, error=str(e))
        error, message = self.put(order)
        if error:
            return self.answer(503, error=str(error))
        return self.answer(201, partition=message.partition(), offset=message.offset())

    def put(self, order):
        """Waits for what becomes of it: an error or None, and the record."""
        done, told = threading.Event(), []
        # The key decides the partition: a user's orders stay in their order.
        self.producer.produce("orders", json.dumps(order), order["user_id"],
                              on_delivery=lambda *what: (told.extend(what), done.set()))
        done.wait()
        return told

    def answer(self, status, **what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    bootstrap, port = sys.argv[1:]
    Handler.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True,
                                 "delivery.timeout.ms": LIMIT_S * 1000, "linger.ms": 2})
    threading.Thread(target=lambda: [Handler.producer.poll(0.1) for _ in iter(int, 1)], daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


main()
