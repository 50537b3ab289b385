import java.util.Properties;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Materialized;

/**
 * Counts the records of topic "in" by their key, and writes every new count to topic "out": a record that was counted twice, or not at
 * all, leaves a wrong number there for good.
 */
class Counts {
    static void build(StreamsBuilder builder, Properties settings) {
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0); // else only some of the counts are written
        builder.<String, String>stream("in")
                .groupByKey()
                .count(Materialized.as("counts"))
                .toStream()
                .mapValues(count -> count.toString())
                .to("out");
    }
}
