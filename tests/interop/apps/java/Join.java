import java.util.Properties;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.KTable;

/** Joins each record of topic "in" with what the table "users" said of its key at that time, into topic "out". */
class Join {
    static void build(StreamsBuilder builder, Properties settings) {
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 5000); // go by time stamps also where one side comes late
        KTable<String, String> users = builder.table("users");
        builder.<String, String>stream("in")
                .join(users, (order, user) -> order + " of " + user)
                .to("out");
    }
}
