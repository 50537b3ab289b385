import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;

/** A beginner's guide's topology as printed, with what it takes for granted: its classes, and how they become JSON. */
class Guide {
    static void build(StreamsBuilder builder, Properties settings) {
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, OrderSerde.class);
        // Read from "orders" topic
        KStream<String, Order> orders = builder.stream("orders");
        // Filter, transform, and write to another topic
        orders
            .filter((key, order) -> order.getAmount() > 1000)
            .mapValues(order -> new Alert("High-value order: " + order.getOrderId()))
            .to("high-value-alerts");
        // Word count pattern — stateful aggregation
        KTable<String, Long> ordersByUser = orders
            .groupBy((key, order) -> order.getUserId())
            .count(Materialized.as("orders-per-user-store"));
    }

    @JsonIgnoreProperties(ignoreUnknown = true)
    static class Order {
        @JsonProperty("order_id") private String orderId;
        @JsonProperty("user_id") private String userId;
        @JsonProperty("amount") private double amount;

        String getOrderId() { return orderId; }

        String getUserId() { return userId; }

        double getAmount() { return amount; }
    }

    record Alert(String text) { }

    /** Writes anything as JSON, reads orders. */
    public static class OrderSerde implements Serde<Object> {
        private static final ObjectMapper JSON = new ObjectMapper();

        @Override
        public Serializer<Object> serializer() {
            return (topic, value) -> {
                try {
                    return value == null ? null : JSON.writeValueAsBytes(value);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            };
        }

        @Override
        public Deserializer<Object> deserializer() {
            return (topic, bytes) -> {
                try {
                    return bytes == null ? null : JSON.readValue(bytes, Order.class);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            };
        }
    }
}
