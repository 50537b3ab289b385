import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;

/**
 * Counts the records of topic "in" by key in tumbling windows of 10 s, in windows of 10 s that begin every 5 s, and in sessions that 5 s
 * without a record end. Each count goes to a topic of its kind's name under the key "KEY START END".
 */
class Windows {
    private static final Duration TEN = Duration.ofSeconds(10), FIVE = Duration.ofSeconds(5), LATE = Duration.ofSeconds(30);

    static void build(StreamsBuilder builder, Properties settings) {
        KGroupedStream<String, String> grouped = builder.<String, String>stream("in").groupByKey();
        write(grouped.windowedBy(TimeWindows.ofSizeAndGrace(TEN, LATE)).count(), "tumbling");
        write(grouped.windowedBy(TimeWindows.ofSizeAndGrace(TEN, LATE).advanceBy(FIVE)).count(), "hopping");
        write(grouped.windowedBy(SessionWindows.ofInactivityGapAndGrace(FIVE, LATE)).count(), "session");
    }

    private static void write(KTable<Windowed<String>, Long> counts, String topic) {
        counts.toStream((key, count) -> key.key() + " " + key.window().start() + " " + key.window().end())
                .mapValues(count -> count == null ? null : count.toString())
                .to(topic);
    }
}
