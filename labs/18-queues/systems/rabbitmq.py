"""RabbitMQ: a queue, which forgets what was acknowledged, and a stream, which keeps it. Both by AMQP, with pika."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pika
from ports import free_port

from .common import IDLE_S, LIMIT_S, START_LIMIT_S

# Debian's wrapper in /usr/sbin is for root and its own user; this one is for anybody.
SERVER = next(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"), None)


class Server:
    """One RabbitMQ server in a folder of its own, on the loopback, with its own epmd (Erlang's table of ports)."""

    def __init__(self, folder):
        self.folder, self.port = Path(folder), free_port()
        self.processes = []

    def start(self):
        self.folder.mkdir(exist_ok=True)
        (self.folder / "enabled_plugins").write_text("[].\n")
        names = free_port()
        environment = {
            **os.environ, "HOME": str(self.folder), "ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "lab@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"), "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        with open(self.folder / "out", "ab") as out:
            for argv in (["epmd", "-port", str(names), "-address", "127.0.0.1"], [SERVER]):
                self.processes.append(subprocess.Popen([str(x) for x in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                                       env=environment))
        end = time.monotonic() + START_LIMIT_S
        while True:
            try:
                return self.connect().close()
            except pika.exceptions.AMQPError:
                if time.monotonic() > end or self.processes[1].poll() is not None:
                    raise RuntimeError(f"RabbitMQ does not serve: {self.folder}/out, {self.folder}/log") from None
                time.sleep(0.2)

    def parameters(self):
        return pika.ConnectionParameters("127.0.0.1", self.port, heartbeat=0)

    def connect(self):
        return pika.BlockingConnection(self.parameters())

    def kill(self):
        """What was started is a shell; the server is what it started, and wrote its number down."""
        if not self.processes:
            return
        try:
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []
        (self.folder / "pid").unlink(missing_ok=True)


class Writer:
    """Sends everything, and ends when the server has confirmed everything: pika's blocking channel would wait for each one."""

    def __init__(self, parameters, place, messages):
        self.place, self.messages, self.failed, self.lowest = place, messages, None, 0
        self.connection = pika.SelectConnection(parameters, on_open_callback=lambda c: c.channel(on_open_callback=self.begin),
                                                on_close_callback=lambda c, _: c.ioloop.stop())

    def begin(self, channel):
        self.confirmed, self.lowest = [False] * len(self.messages), 0  # all before the lowest are confirmed
        channel.confirm_delivery(self.confirm)
        for _, value in self.messages:
            channel.basic_publish("", self.place, value, pika.BasicProperties(delivery_mode=2))

    def confirm(self, frame):
        tag = frame.method.delivery_tag
        if isinstance(frame.method, pika.spec.Basic.Nack):
            self.failed = f"message {tag} was refused"
        self.confirmed[tag - 1] = True
        if frame.method.multiple:
            self.confirmed[self.lowest:tag] = [True] * (tag - self.lowest)
        while self.lowest < len(self.confirmed) and self.confirmed[self.lowest]:
            self.lowest += 1
        if self.failed or self.lowest == len(self.confirmed):
            self.connection.close()

    def run(self):
        self.connection.ioloop.start()
        if self.failed or self.lowest < len(self.messages):
            raise RuntimeError(self.failed or f"{self.lowest} of {len(self.messages)} messages were confirmed")


class Queue:
    name = "RabbitMQ, a queue"
    arguments = {}
    bound = {"x-max-length": 1000}

    def __init__(self, server):
        self.server = server

    def make(self, place, shared=False, bounded=False):
        connection = self.server.connect()
        connection.channel().queue_declare(place, durable=True, arguments={**self.arguments, **(self.bound if bounded else {})})
        connection.close()

    def write(self, place, messages, at_once=True):
        if at_once:
            return Writer(self.server.parameters(), place, messages).run()
        connection = self.server.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for _, value in messages:
            channel.basic_publish("", place, value, pika.BasicProperties(delivery_mode=2))
        connection.close()

    def consumer_arguments(self):
        return {}

    def read(self, place, _, n):
        """Everything that is there, up to n messages. A queue knows no groups: who comes second finds nothing."""
        connection, values = self.server.connect(), []
        channel = connection.channel()
        channel.basic_qos(prefetch_count=500)
        for method, _, body in channel.consume(place, inactivity_timeout=IDLE_S, arguments=self.consumer_arguments()):
            if method is None:
                break
            values.append(body)
            if len(values) % 100 == 0 or len(values) >= n:
                channel.basic_ack(method.delivery_tag, multiple=True)
            if len(values) >= n:
                break
        if values:
            channel.basic_ack(0, multiple=True)
        channel.cancel()
        connection.close()
        return values

    def share(self, place, _, work, ready, done):
        """Two consumers of one queue."""
        def worker(i):
            connection = self.server.connect()
            channel = connection.channel()
            channel.basic_qos(prefetch_count=10)
            ready[i].set()
            for method, _, body in channel.consume(place, inactivity_timeout=0.1, arguments=self.consumer_arguments()):
                if done.is_set():
                    break
                if method is not None:
                    work(i, body)
                    channel.basic_ack(method.delivery_tag)
            channel.cancel()
            connection.close()
        return [threading.Thread(target=worker, args=(i,)) for i in range(2)]

    def kept(self, place, _):
        connection = self.server.connect()
        n = connection.channel().queue_declare(place, passive=True).method.message_count
        connection.close()
        return n


class Stream(Queue):
    name = "RabbitMQ, a stream"
    arguments = {"x-queue-type": "stream"}
    bound = {"x-max-length-bytes": 1 << 20, "x-stream-max-segment-size-bytes": 500_000}

    def consumer_arguments(self):
        return {"x-stream-offset": "first"}

    def kept(self, place, n):
        return len(self.read(place, None, n))


def is_there():
    return SERVER is not None and shutil.which("epmd")
