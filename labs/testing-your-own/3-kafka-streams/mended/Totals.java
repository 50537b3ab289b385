import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorSupplier;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Sums up what each customer has ordered: topic `orders` (customer, amount) to topic `totals` (customer, sum so far), exactly once.
 * Who has come to 100 gets a coupon by mail, once.
 *
 * The same as Totals.java in src, with its five mistakes mended. Each place says what the mistake was.
 */
class Totals implements AutoCloseable {
    /** The mail server. */
    interface Mail {
        void coupon(String customer);
    }

    private record Sum(long before, long after) {
        boolean reaches(long limit) {
            return before < limit && after >= limit;
        }
    }

    private final KafkaStreams streams;
    private final Thread mailer;
    private volatile boolean isOpen = true;

    Totals(String bootstrap, Path folder, Mail mail) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Sum> sums = builder.<String, Long>stream("orders").processValues(new Summing());
        sums.mapValues(Sum::after).to("totals");
        sums.filter((customer, sum) -> sum.reaches(100)).mapValues(Sum::after).to("coupons");
        streams = new KafkaStreams(builder.build(), settings(bootstrap, folder));
        // An error that nobody had thought of ended the program, without a word to anybody.
        streams.setUncaughtExceptionHandler(e -> StreamThreadExceptionResponse.REPLACE_THREAD);
        streams.start();
        mailer = new Thread(() -> send(bootstrap, mail), "mailer");
        mailer.start();
    }

    /** A mail from within the topology left before its transaction was committed, and again when that was done again. */
    private void send(String bootstrap, Mail mail) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "group.id", "mailer", "isolation.level", "read_committed",
                "auto.offset.reset", "earliest", "enable.auto.commit", false);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
            consumer.subscribe(List.of("coupons"));
            while (isOpen) {
                for (var coupon : consumer.poll(Duration.ofMillis(200))) mail.coupon(coupon.key());
                consumer.commitSync();
            }
        }
    }

    private static Properties settings(String bootstrap, Path folder) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("application.id", "totals");
        p.put("state.dir", folder.toString());
        p.put("processing.guarantee", "exactly_once_v2");
        p.put("default.key.serde", Serdes.StringSerde.class);
        p.put("default.value.serde", Serdes.LongSerde.class);
        p.put("commit.interval.ms", 100);
        p.put("consumer.auto.offset.reset", "earliest");
        p.put("consumer.session.timeout.ms", 6000);
        p.put("producer.request.timeout.ms", 5000);
        p.put("producer.max.block.ms", 3000);
        return p;
    }

    private static class Summing implements FixedKeyProcessorSupplier<String, Long, Sum> {
        @Override
        public Set<StoreBuilder<?>> stores() {
            return Set.of(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("sums"), Serdes.String(), Serdes.Long()));
        }

        @Override
        public ContextualFixedKeyProcessor<String, Long, Sum> get() {
            return new ContextualFixedKeyProcessor<>() {
                /*
                 * Maps and sets of the program's own know nothing of transactions. The sums kept what an aborted one had added: an
                 * order that was read again was counted twice. Who had been mailed was forgotten when the task began anew. A store
                 * goes back with its transaction, and comes back with its task.
                 */
                private KeyValueStore<String, Long> sums;

                @Override
                public void init(FixedKeyProcessorContext<String, Sum> context) {
                    super.init(context);
                    sums = context.getStateStore("sums");
                }

                @Override
                public void process(FixedKeyRecord<String, Long> order) {
                    Long before = sums.get(order.key());
                    Sum sum = new Sum(before == null ? 0 : before, order.value() + (before == null ? 0 : before));
                    sums.put(order.key(), sum.after());
                    // Here stood context().commit(): each order waited for a transaction of its own. commit.interval.ms is enough.
                    context().forward(order.withValue(sum));
                }
            };
        }
    }

    @Override
    public void close() {
        isOpen = false;
        streams.close(Duration.ofSeconds(10));
        try {
            mailer.join(10_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
