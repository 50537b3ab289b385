import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gregor.junit.Cluster;
import gregor.junit.Gregor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.LongSerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each order is in its customer's total once, and soon, whatever becomes of the ends of transactions. */
@Gregor
class TotalsTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    private final List<String> mails = new CopyOnWriteArrayList<>();
    @TempDir
    private Path folder;

    /** Starts the application, and waits until it has counted a first order of 1. */
    private Totals start(Cluster kafka) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrap()))) {
            admin.createTopics(List.of(new NewTopic("orders", 1, (short) 3), new NewTopic("totals", 1, (short) 3),
                    new NewTopic("coupons", 1, (short) 3))).all().get();
        }
        Totals totals = new Totals(kafka.bootstrap(), folder, mails::add);
        order(kafka, 1);
        assertEquals(List.of(1L), totals(kafka, 1, Duration.ofMinutes(1)));
        return totals;
    }

    private static void order(Cluster kafka, long... amounts) throws Exception {
        try (var producer = new KafkaProducer<>(Map.<String, Object>of("bootstrap.servers", kafka.bootstrap(), "client.id", "shop"),
                new StringSerializer(), new LongSerializer())) {
            for (long amount : amounts) producer.send(new ProducerRecord<>("orders", "ann", amount));
        }
    }

    /** What a reader of committed records finds, until this sum is there or so long. */
    private static List<Long> totals(Cluster kafka, long until, Duration within) {
        List<Long> found = new ArrayList<>();
        Map<String, Object> settings = Map.of("bootstrap.servers", kafka.bootstrap(), "client.id", "reader", "isolation.level", "read_committed");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
            TopicPartition p = new TopicPartition("totals", 0);
            consumer.assign(List.of(p));
            consumer.seekToBeginning(List.of(p));
            long end = System.nanoTime() + within.toNanos();
            while ((found.isEmpty() || found.get(found.size() - 1) < until) && System.nanoTime() < end)
                consumer.poll(Duration.ofMillis(100)).forEach(r -> found.add(r.value()));
        }
        return found;
    }

    /** What was mailed, when there was time for the first one. */
    private List<String> mailed() throws Exception {
        long end = System.nanoTime() + SOON.toNanos();
        while (mails.isEmpty() && System.nanoTime() < end) Thread.sleep(100);
        return mails;
    }

    @Test
    void anOrderIsCountedOnceThoughATransactionIsRefused(Cluster kafka) throws Exception {
        try (Totals application = start(kafka)) {
            kafka.answer("EndTxn", "error", "INVALID_PRODUCER_EPOCH", "nth", 2);
            order(kafka, 10);
            assertEquals(List.of(1L, 11L), totals(kafka, 11, SOON));
            order(kafka, 20);
            assertEquals(List.of(1L, 11L, 31L), totals(kafka, 31, SOON));
        }
    }

    @Test
    void aCouponIsSentOnceThoughATransactionIsRefused(Cluster kafka) throws Exception {
        try (Totals application = start(kafka)) {
            kafka.answer("EndTxn", "error", "INVALID_PRODUCER_EPOCH", "nth", 1);
            order(kafka, 99);
            totals(kafka, 100, SOON);
            assertEquals(List.of("ann"), mailed());
        }
    }

    @Test
    void aCouponIsSentOnceThoughTheAnswerToACommitIsLost(Cluster kafka) throws Exception {
        try (Totals application = start(kafka)) {
            kafka.lose("EndTxn", "answer", true, "count", 1);
            order(kafka, 99);
            assertEquals(List.of(1L, 100L), totals(kafka, 100, SOON));
            order(kafka, 1);
            assertEquals(List.of(1L, 100L, 101L), totals(kafka, 101, SOON));
            assertEquals(List.of("ann"), mailed());
        }
    }

    @Test
    void ordersAreCountedThoughACommitFailsForAnUnknownReason(Cluster kafka) throws Exception {
        try (Totals application = start(kafka)) {
            kafka.answer("EndTxn", "error", "UNKNOWN_SERVER_ERROR", "count", 1);
            order(kafka, 10);
            assertTrue(totals(kafka, 11, SOON).size() > 1, "the order of 10 is not counted");
        }
    }

    @Test
    void ordersAreCountedSoonThoughCommitsAreSlow(Cluster kafka) throws Exception {
        try (Totals application = start(kafka)) {
            kafka.delay("EndTxn", "by", "400ms");
            order(kafka, LongStream.generate(() -> 1).limit(100).toArray());
            List<Long> found = totals(kafka, 101, Duration.ofSeconds(30));
            assertEquals(101, found.get(found.size() - 1));
        }
    }
}
