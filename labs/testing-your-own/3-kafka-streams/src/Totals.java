import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/**
 * Sums up what each customer has ordered: topic `orders` (customer, amount) to topic `totals` (customer, sum so far), exactly once.
 * Who has come to 100 gets a coupon by mail, once.
 *
 * It has five mistakes. TotalsTest finds them.
 */
class Totals implements AutoCloseable {
    /** The mail server. */
    interface Mail {
        void coupon(String customer);
    }

    private final Map<String, Long> sums = new ConcurrentHashMap<>();
    private final Mail mail;
    private final KafkaStreams streams;

    Totals(String bootstrap, Path folder, Mail mail) {
        this.mail = mail;
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, Long>stream("orders")
                .processValues(Summing::new)
                .to("totals");
        streams = new KafkaStreams(builder.build(), settings(bootstrap, folder));
        streams.start();
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

    private class Summing extends ContextualFixedKeyProcessor<String, Long, Long> {
        private Set<String> mailed;

        @Override
        public void init(FixedKeyProcessorContext<String, Long> context) {
            super.init(context);
            mailed = new HashSet<>();
        }

        @Override
        public void process(FixedKeyRecord<String, Long> order) {
            long sum = sums.merge(order.key(), order.value(), Long::sum);
            if (sum >= 100 && mailed.add(order.key())) mail.coupon(order.key());
            context().forward(order.withValue(sum));
            context().commit(); // nothing is to be lost
        }
    }

    @Override
    public void close() {
        streams.close(Duration.ofSeconds(10));
    }
}
