import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;
import java.util.Properties;
import java.util.function.BiConsumer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/**
 * One worker of a Kafka Streams application: Streams TOPOLOGY BOOTSTRAP APPLICATION STATE-DIR [SETTING=VALUE]...
 *
 * It prints "state S" at each change of its state. On a line "store NAME" it prints "entry KEY VALUE" for everything that its part of
 * that store holds, then "end". At the end of its input it closes in order. What kills a thread of it ends it with status 1.
 */
public class Streams {
    private static final Map<String, BiConsumer<StreamsBuilder, Properties>> TOPOLOGIES = Map.of(
            "guide", Guide::build, "counts", Counts::build, "windows", Windows::build, "join", Join::build);

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[1]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        for (int i = 4; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        StreamsBuilder builder = new StreamsBuilder();
        TOPOLOGIES.get(args[0]).accept(builder, settings);
        try (KafkaStreams streams = new KafkaStreams(builder.build(settings), settings)) {
            run(streams);
        }
        say("closed");
    }

    private static void run(KafkaStreams streams) throws Exception {
        streams.setStateListener((now, before) -> say("state " + now));
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine())
            printStore(streams, line.substring("store ".length()));
    }

    private static void printStore(KafkaStreams streams, String name) {
        var store = streams.store(StoreQueryParameters.fromNameAndType(name, QueryableStoreTypes.<String, Long>keyValueStore()));
        try (var all = store.all()) {
            while (all.hasNext()) {
                KeyValue<String, Long> entry = all.next();
                say("entry " + entry.key + " " + entry.value);
            }
        }
        say("end");
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
