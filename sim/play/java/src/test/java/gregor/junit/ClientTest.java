package gregor.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/** The Kafka Java client: what was acknowledged is there once, though a leader dies and an answer is lost. */
@Gregor
class ClientTest {
    private static List<String> read(Cluster kafka, int n) {
        List<String> values = new ArrayList<>();
        try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", kafka.bootstrap(), "isolation.level", "read_committed"),
                new StringDeserializer(), new StringDeserializer())) {
            TopicPartition p = new TopicPartition("orders", 0);
            consumer.assign(List.of(p));
            consumer.seekToBeginning(List.of(p));
            long end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
            while (values.size() < n && System.nanoTime() < end) consumer.poll(Duration.ofMillis(200)).forEach(r -> values.add(r.value()));
            consumer.poll(Duration.ofMillis(500)).forEach(r -> values.add(r.value()));
        }
        return values;
    }

    private static KafkaProducer<String, String> producer(Cluster kafka, Map<String, Object> more) {
        Map<String, Object> config = new java.util.HashMap<>(Map.of("bootstrap.servers", kafka.bootstrap(), "request.timeout.ms", 2000));
        config.putAll(more);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    @Test
    void acknowledgedRecordsAreThereOnce(Cluster kafka) throws Exception {
        List<String> sent = new ArrayList<>();
        try (var producer = producer(kafka, Map.of())) {
            for (int i = 0; i < 100; i++) {
                if (i == 30) kafka.lose("Produce", "answer", true, "topic", "orders", "count", 1);
                if (i == 60) {
                    String led = kafka.leader("orders-0");
                    kafka.crash(led, "for", "30s");
                    kafka.advance(Duration.ofSeconds(12));
                    kafka.await("leader of orders-0 is not " + led);
                    assertNotEquals(led, kafka.leader("orders-0"));
                }
                producer.send(new ProducerRecord<>("orders", "order " + i)).get();
                sent.add("order " + i);
            }
        }
        assertEquals(sent, read(kafka, sent.size()));
    }

    @Test
    void anEndThatIsRefusedOnceIsTriedAgain(Cluster kafka) throws Exception {
        try (var producer = producer(kafka, Map.of("transactional.id", "t1"))) {
            producer.initTransactions();
            kafka.answer("EndTxn", "error", "CONCURRENT_TRANSACTIONS", "nth", 2);
            for (int i = 0; i < 3; i++) {
                producer.beginTransaction();
                producer.send(new ProducerRecord<>("orders", "order " + i)).get();
                producer.commitTransaction();
            }
        }
        assertEquals(List.of("order 0", "order 1", "order 2"), read(kafka, 3));
    }
}
