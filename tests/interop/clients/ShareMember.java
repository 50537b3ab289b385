import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a share group that says of each record by itself what became of it. Arguments: bootstrap servers, topic,
 * group, "run" or "ask", then settings as NAME=VALUE.
 *
 * It says "begins" when it does.
 * run: until it is ended, accepts everything; says "got VALUE" of each record, "done VALUE" when the broker has taken the acceptance, and
 *   "doubt VALUE" when it may have: what was not taken comes again.
 * ask: does what each line of its input says, and ends its answer with "end":
 *   poll MS           waits so long for records; "PARTITION OFFSET DELIVERY VALUE" of each
 *   TYPE OFFSET...    accept, release, reject or renew of records of partition 0
 *   commit            tells the broker; "PARTITION ok" or "PARTITION EXCEPTION" of each that had something to tell
 */
class ShareMember {
    private final KafkaShareConsumer<String, String> consumer;
    private final Map<Long, ConsumerRecord<String, String>> held = new HashMap<>(); // by offset

    ShareMember(KafkaShareConsumer<String, String> consumer, String topic) {
        this.consumer = consumer;
        consumer.subscribe(List.of(topic));
    }

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("share.acknowledgement.mode", "explicit");
        settings.put("key.deserializer", StringDeserializer.class.getName());
        settings.put("value.deserializer", StringDeserializer.class.getName());
        for (int i = 4; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(settings)) {
            ShareMember member = new ShareMember(consumer, args[1]);
            System.out.println("begins");
            if (args[3].equals("run")) member.run();
            else member.obey();
        }
    }

    private void run() throws Exception {
        while (true) {
            Iterable<ConsumerRecord<String, String>> records = consumer.poll(Duration.ofMillis(200));
            for (ConsumerRecord<String, String> r : records) {
                System.out.println("got " + r.value());
                consumer.acknowledge(r, AcknowledgeType.ACCEPT);
            }
            Map<TopicIdPartition, Optional<KafkaException>> told = consumer.commitSync();
            for (ConsumerRecord<String, String> r : records)
                told.forEach((p, e) -> {
                    if (p.partition() == r.partition()) System.out.println((e.isEmpty() ? "done " : "doubt ") + r.value());
                });
        }
    }

    private void obey() throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null;) {
            String[] words = line.split(" ");
            try {
                obey(words);
            } catch (RuntimeException e) {
                System.out.println(e.getClass().getSimpleName());
            }
            System.out.println("end");
        }
    }

    private void obey(String[] words) {
        switch (words[0]) {
        case "poll":
            for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(Long.parseLong(words[1])))) {
                held.put(r.offset(), r);
                System.out.printf("%d %d %d %s%n", r.partition(), r.offset(), r.deliveryCount().orElse((short) -1), r.value());
            }
            break;
        case "commit":
            consumer.commitSync().forEach((p, e) ->
                System.out.println(p.partition() + " " + e.map(x -> x.getClass().getSimpleName()).orElse("ok")));
            break;
        default:
            for (int i = 1; i < words.length; i++)
                consumer.acknowledge(held.get(Long.parseLong(words[i])), AcknowledgeType.valueOf(words[0].toUpperCase()));
        }
    }
}
