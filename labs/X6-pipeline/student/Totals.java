import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Materialized;

/**
 * The stream processor: adds up the orders of each user. From topic "orders" (key: the user, value: an order) into topic "totals" (key:
 * the user, value: {"orders": how many, "cents": how much}).
 *
 * exactly_once_v2: an order that was read, the sum in the store and the new total become visible together, in one transaction, or not at
 * all. Without it a crash between two of them counts an order twice.
 *
 * usage: Totals BOOTSTRAP STATE-DIR
 */
public class Totals {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[1]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "totals");
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);

        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream("orders")
                .groupByKey()
                .aggregate(() -> "{\"orders\":0,\"cents\":0}", (user, order, total) -> add(total, order), Materialized.as("totals"))
                .toStream()
                .to("totals");

        KafkaStreams streams = new KafkaStreams(builder.build(settings), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.setStateListener((now, before) -> System.out.println(now));
        streams.start();
    }

    private static String add(String total, String order) {
        try {
            JsonNode sum = JSON.readTree(total);
            long orders = sum.get("orders").asLong() + 1;
            long cents = sum.get("cents").asLong() + JSON.readTree(order).get("cents").asLong();
            return JSON.createObjectNode().put("orders", orders).put("cents", cents).toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
