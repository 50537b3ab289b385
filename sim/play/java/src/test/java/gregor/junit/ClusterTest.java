package gregor.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

@Gregor
class ClusterTest {
    @SuppressWarnings("unchecked")
    private static String stateOf(Cluster kafka, String name) {
        for (Object n : (List<Object>) kafka.state().get("nodes"))
            if (((Map<String, Object>) n).get("name").equals(name)) return (String) ((Map<String, Object>) n).get("state");
        return null;
    }

    @Test
    void verbsReachTheCluster(Cluster kafka) {
        assertEquals(3, kafka.bootstrap().split(",").length);
        kafka.crash("b1", "for", "2s");
        assertEquals("down", stateOf(kafka, "b1"));
        kafka.advance(Duration.ofSeconds(15));
        kafka.await("serving all");
        kafka.pause("b2");
        assertEquals("paused", stateOf(kafka, "b2"));
        kafka.resume("b2");
        try (Cluster.Fault cut = kafka.cut("b1", "rest"); Cluster.Fault held = kafka.hold("Produce", "answer", true, "as", "held")) {
            assertEquals(2, kafka.faults().size());
            assertEquals("held", held.name);
            assertTrue(cut.story.get(0).startsWith("cut b1"));
        }
        assertEquals(0, kafka.faults().size());
        kafka.answer("EndTxn", "error", "CONCURRENT_TRANSACTIONS", "nth", 2);
        kafka.preset("leader-lost", "broker", "b3", "lasting", "1s");
        assertEquals("down", stateOf(kafka, "b3"));
        assertEquals("pass", kafka.verdict().get("verdict"));
    }

    @Test
    void mistakesAreToldInLintsWords(Cluster kafka) {
        assertTrue(assertThrows(Cluster.Mistake.class, () -> kafka.step("crahs b1")).getMessage().contains("did you mean crash?"));
        assertTrue(assertThrows(Cluster.TimedOut.class, () -> kafka.await("leader of none-0 is b1", Duration.ofMillis(50))).getMessage().contains("no such partition"));
        assertThrows(IllegalArgumentException.class, () -> kafka.crash("b1", "for"));
    }

    @Test
    @Gregor(options = {"--brokers", "1", "--seed", "7"})
    void theEndIsAReport(Cluster kafka) {
        kafka.crash("b1", "for", "1s");
        Cluster.Report report = kafka.finish();
        assertTrue(report.passed());
        assertEquals(7.0, report.report.get("seed"));
        assertTrue(report.toString().contains("b1 crashes") && report.toString().contains("gregor replay " + report.folder), report.toString());
        assertThrows(Cluster.GregorException.class, kafka::state);
    }
}
