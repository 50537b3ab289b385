import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's Java client alone, in transactions and in groups; the same words as aiokafka_client.py, and "member-848" for the
 * consumer protocol. JavaClient BOOTSTRAP near TOPIC COUNT RACK reads partition 0 and says "node-ID BYTES" of what came from each node.
 */
class JavaClient {
    private static String bootstrap;
    private static String what;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        what = args[1];
        switch (what) {
        case "send" -> send(args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
        case "copy" -> copy(args[2], args[3], args[4], args[5], Integer.parseInt(args[6]));
        case "near" -> near(args[2], Integer.parseInt(args[3]), args[4]);
        default -> member(args[2], args[3]);
        }
    }

    private static Map<String, Object> settings(Object... more) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "client.id", what));
        String mechanism = System.getenv("SASL_MECHANISM");
        if (mechanism != null) {
            String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
            all.put("security.protocol", "SASL_PLAINTEXT");
            all.put("sasl.mechanism", mechanism);
            all.put("sasl.jaas.config", String.format("org.apache.kafka.common.security.%s required username=\"%s\" password=\"%s\";",
                    module, System.getenv("SASL_USERNAME"), System.getenv("SASL_PASSWORD")));
        }
        for (int i = 0; i < more.length; i += 2) all.put((String) more[i], more[i + 1]);
        return all;
    }

    private static KafkaProducer<String, String> producer(Object... more) {
        return new KafkaProducer<>(settings(more), new StringSerializer(), new StringSerializer());
    }

    private static KafkaConsumer<String, String> consumer(String topic, String group, int max) {
        Map<String, Object> all = settings("group.id", group, "enable.auto.commit", false, "auto.offset.reset", "earliest",
                "isolation.level", "read_committed", "max.poll.records", max);
        if (what.endsWith("848")) all.put("group.protocol", "consumer");
        else all.putAll(Map.of("session.timeout.ms", 10000, "heartbeat.interval.ms", 1000));
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    private static synchronized void say(String line) {
        System.out.println(line);
    }

    private static void send(String topic, int first, int last) throws Exception {
        try (var p = producer("linger.ms", 5, "request.timeout.ms", 20000)) {
            for (int i = first; i < last; i++) {
                int n = i;
                p.send(new ProducerRecord<>(topic, "k" + i, "v" + i), (at, e) -> say(e == null ? "ok " + n : "error " + n + " " + e));
                Thread.sleep(10);
            }
        }
    }

    /** Where a consumer of these records goes on. */
    private static Map<TopicPartition, OffsetAndMetadata> behind(ConsumerRecords<String, String> rows) {
        Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
        for (ConsumerRecord<String, String> r : rows) all.put(new TopicPartition(r.topic(), r.partition()), new OffsetAndMetadata(r.offset() + 1));
        return all;
    }

    /** What was not done in time may be asked for again. */
    private static void untilDone(Runnable call) {
        while (true) {
            try {
                call.run();
                return;
            } catch (TimeoutException e) {
                System.err.println(e);
            }
        }
    }

    private static void copy(String source, String target, String group, String name, int count) {
        try (var p = producer("transactional.id", name, "transaction.timeout.ms", 30000); var c = consumer(source, group, 5)) {
            untilDone(p::initTransactions);
            for (int done = 0; done < count;) {
                var rows = c.poll(Duration.ofMillis(500));
                if (rows.isEmpty()) continue;
                p.beginTransaction();
                try {
                    for (var r : rows) p.send(new ProducerRecord<>(target, r.value()));
                    p.sendOffsetsToTransaction(behind(rows), c.groupMetadata());
                    untilDone(p::commitTransaction);
                    done += rows.count();
                } catch (ProducerFencedException e) {
                    throw e;
                } catch (KafkaException e) {
                    System.err.println(e);
                    untilDone(p::abortTransaction);
                    c.committed(c.assignment()).forEach((at, offset) -> c.seek(at, offset == null ? 0 : offset.offset()));
                }
            }
        }
    }

    private static void member(String topic, String group) {
        try (var c = consumer(topic, group, 20)) {
            while (true) {
                var rows = c.poll(Duration.ofMillis(500));
                for (var r : rows) say("got " + r.partition() + " " + r.offset());
                if (rows.isEmpty()) continue;
                try {
                    c.commitSync(behind(rows));
                } catch (CommitFailedException | RetriableException e) { // it is not its own any more
                    System.err.println(e);
                    continue;
                }
                for (var r : rows) say("done " + r.partition() + " " + r.offset());
            }
        }
    }

    private static void near(String topic, int count, String rack) {
        try (var c = new KafkaConsumer<>(settings("client.rack", rack), new StringDeserializer(), new StringDeserializer())) {
            TopicPartition p = new TopicPartition(topic, 0);
            c.assign(List.of(p));
            c.seekToBeginning(List.of(p));
            for (int n = 0; n < count;) n += c.poll(Duration.ofMillis(500)).count();
            c.metrics().forEach((name, metric) -> {
                if (name.group().equals("consumer-node-metrics") && name.name().equals("incoming-byte-total"))
                    say(name.tags().get("node-id") + " " + ((Double) metric.metricValue()).longValue());
            });
        }
    }
}
