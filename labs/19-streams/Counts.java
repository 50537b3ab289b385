import java.util.Properties;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * Counts the orders of each user, as the guide does: from topic "orders" (key: the order, value: its user) into topic "counts" (key: the
 * user, value: how many).
 *
 * It says "RUNNING" when it runs, and of each store how many records it read from its changelog to have the counts again.
 *
 * usage: Counts BOOTSTRAP STATE-DIR
 */
public class Counts {
    public static void main(String[] args) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[1]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "counting");
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6000);
        settings.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 1500);

        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream("orders")
                .groupBy((order, user) -> user)
                .count(Materialized.as("orders-per-user"))
                .toStream()
                .mapValues(count -> Long.toString(count))
                .to("counts");
        // What this will do, task by task, without any broker.
        System.out.println(builder.build().describe());

        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setGlobalStateRestoreListener(new Restored());
        streams.setStateListener((now, before) -> System.out.println(now));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static class Restored implements StateRestoreListener {
        @Override
        public void onRestoreStart(TopicPartition changelog, String store, long from, long to) {
        }

        @Override
        public void onBatchRestored(TopicPartition changelog, String store, long end, long n) {
        }

        @Override
        public void onRestoreEnd(TopicPartition changelog, String store, long n) {
            System.out.println("restored " + n + " records from " + changelog);
        }
    }
}
