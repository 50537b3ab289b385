"""Debezium: what happens in a table of PostgreSQL goes through topics of ours into another table."""

import json
import random
import threading

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.connect import Worker
from harness.postgres import Postgres
from harness.target import eventually

from .streams import cluster_with, pairs

TOPIC = "shopdb.public.orders"
JSON = "org.apache.kafka.connect.json.JsonConverter"
TABLE = "create table orders (order_id int primary key, user_id text not null, amount double precision)"


def source(worker, db):
    """The guide's source connector, and what it leaves out."""
    worker.create("postgres-source", connector_class="io.debezium.connector.postgresql.PostgresConnector",
                  database_hostname="127.0.0.1", database_port=db.port, database_dbname=db.DATABASE,
                  table_include_list="public.orders", topic_prefix="shopdb",
                  database_user="postgres", database_password="none", plugin_name="pgoutput",
                  topic_creation_default_partitions=3, topic_creation_default_replication_factor=3)


def sink(worker, db):
    worker.create("postgres-sink", connector_class="io.debezium.connector.jdbc.JdbcSinkConnector", topics=TOPIC,
                  connection_url=f"jdbc:postgresql://127.0.0.1:{db.port}/{db.DATABASE}",
                  connection_username="postgres", connection_password="none", insert_mode="upsert",
                  delete_enabled="true", primary_key_mode="record_key", schema_evolution="basic",
                  collection_name_format="copies", **{"consumer_override_metadata.max.age.ms": 1000})


def rows(db, table):
    return db.ask(f"select order_id, user_id, amount from {table} order by order_id", status=None)


class Shop:
    """Inserts, updates and deletes orders, on a thread of its own."""

    def __init__(self, db):
        self.db, self.changes, self._ending = db, 0, threading.Event()
        self._draw, self._next = random.Random(5), 1000
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending.is_set():
            statements = [self._statement() for _ in range(10)]
            self.db.ask("begin; " + "; ".join(statements) + "; commit")
            self.changes += len(statements)

    def _statement(self):
        kind, which = self._draw.random(), self._draw.randrange(self._next)
        which += 100 if 200 < which < 300 else 0  # the marks
        if kind < 0.6:
            self._next += 1
            return f"insert into orders values ({self._next}, 'user {which % 7}', {which / 4})"
        if kind < 0.8:
            return f"update orders set amount = amount + 1 where order_id = {which}"
        return f"delete from orders where order_id = {which}"

    def end(self):
        self._ending.set()
        self._thread.join()
        return self.changes


@claim("starts", "connect", "debezium-postgres", "debezium-jdbc", "postgresql", "confluent-kafka", "kcat",
       limit_s=12 * LIMIT_S)
def postgres_to_postgres(t):
    """A table's rows and then its changes come to be in another, while a worker is killed, then a broker."""
    converters = {"key_converter": JSON, "value_converter": JSON, "plugin_path": paths.INSTALLED / "plugins"}
    with Postgres() as db, cluster_with(t, TOPIC) as (cluster, t):
        db.ask(f"{TABLE}; insert into orders select i, 'user ' || i % 7, i / 2.0 from generate_series(1, 200) i")
        pair = [Worker(t, t.bootstrap, "workers", **converters) for _ in range(2)]
        for w in pair:
            w.wait()
        source(pair[0], db)
        sink(pair[0], db)

        def equal(what):
            same = eventually(lambda: rows(db, "copies") == rows(db, "orders"), limit_s=3 * LIMIT_S, every_s=1)
            expect(same, f"{what}, the copy has {len(rows(db, 'copies'))} rows of {len(rows(db, 'orders'))}, or others")

        equal("at the beginning")
        shop = Shop(db)

        def goes_on(what):
            db.ask("insert into orders values ((select max(order_id) from orders where order_id < 1000) + 1, 'mark', 0)")
            marks = db.ask("select count(*) from orders where user_id = 'mark'")
            came = eventually(lambda: db.ask("select count(*) from copies where user_id = 'mark'") == marks,
                              limit_s=3 * LIMIT_S, every_s=0.5)
            expect(came, f"{what}, nothing comes")

        goes_on("at the beginning")
        pair[1].kill()
        for name in ("postgres-source", "postgres-sink"):
            pair[0].await_running(name, pair[:1])
        goes_on("after a worker was killed")
        cluster.nodes[1].kill()
        goes_on("after a broker was killed")
        changes = shop.end()
        equal("at the end")
        last = {}
        for key, value in pairs(t, TOPIC):
            last[json.loads(key)["payload"]["order_id"]] = value and json.loads(value)["payload"]["after"]
        there = sorted(k for k, v in last.items() if v)
        expect_equal(there, [int(x.partition("|")[0]) for x in rows(db, "orders")], "orders that the topic's last words leave")
        pair[0].stop()
    return f"{changes} changes"
