package gregor.junit;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A simulated Kafka cluster on real ports: gregor play as a child process, and its control over HTTP. It ends with {@link
 * #finish()}, which judges it, or {@link #close()}, and with this JVM.
 *
 * <p>Steps are those of the scenario language ({@code gregor reference}); what stands beside a verb is given in pairs:
 * {@code kafka.crash("leader(orders-0)", "for", "3s")}.
 */
public final class Cluster implements AutoCloseable {
    private static final Duration ANSWER = Duration.ofMinutes(11); // more than the longest wait that there is
    /** What stands in the braces of hold, delay, lose, break, repeat and answer; all else beside them. */
    private static final Set<String> OF_FRAMES = Set.of("answer", "listener", "topic", "partition", "client", "group",
            "transactional-id", "from", "to", "skip", "count", "nth", "chance");

    /** The cluster does not start, does not answer, or refuses. */
    public static class GregorException extends RuntimeException {
        GregorException(String message) {
            super(message);
        }
    }

    /** A step or a condition that is none; the message is what gregor lint says of it. */
    public static final class Mistake extends GregorException {
        Mistake(String message) {
            super(message);
        }
    }

    /** A condition did not come true in time. */
    public static final class TimedOut extends GregorException {
        TimedOut(String message) {
            super(message);
        }
    }

    /** Something that was done; what lasts ends when it is closed. */
    public final class Fault implements AutoCloseable {
        public final String name;
        public final List<String> story = new ArrayList<>();

        private Fault(Map<String, Object> said) {
            name = (String) said.get("name");
            for (Object line : list(said, "story")) story.add((String) map(line).get("text"));
        }

        @Override
        public void close() {
            heal(name);
        }
    }

    /** What came of it all. */
    public static final class Report {
        /** report.json of the run's folder. */
        public final Map<String, Object> report;
        public final Path folder;
        public final String verdict;

        private Report(Map<String, Object> said) {
            report = map(said.get("report"));
            folder = Path.of((String) said.get("folder"));
            verdict = (String) report.get("verdict");
        }

        /** Nothing that was promised was broken. (inconclusive: nothing was promised, so there was nothing to judge.) */
        public boolean passed() {
            return verdict.equals("pass") || verdict.equals("inconclusive");
        }

        /** The rules that were broken and that no setting permits. */
        public List<String> broken() {
            List<String> rules = new ArrayList<>();
            for (Object a : list(report, "anomalies"))
                if (!(Boolean) map(a).get("allowed")) rules.add((String) map(a).get("rule"));
            return rules;
        }

        /** The sentences that decided it: all up to the test at the end, and the verdict. */
        public String story() {
            List<String> sentences = new ArrayList<>();
            try {
                List<String> lines = Files.readAllLines(folder.resolve("story.txt"));
                for (String line : lines.subList(lines.indexOf("") + 1, lines.size())) {
                    if (sentences.isEmpty() || line.matches(" *\\d+ +-?\\d.*")) sentences.add(line);
                    else sentences.set(sentences.size() - 1, sentences.get(sentences.size() - 1) + "\n" + line);
                }
            } catch (IOException e) {
                return "";
            }
            int end = 0;
            while (end < sentences.size() - 1 && !sentences.get(end).contains("the faults of the scenario end")) end++;
            List<String> told = new ArrayList<>(sentences.subList(0, end));
            if (!sentences.isEmpty()) told.add(sentences.get(sentences.size() - 1));
            return String.join("\n", told);
        }

        @Override
        public String toString() {
            StringBuilder s = new StringBuilder("verdict: " + verdict);
            for (Object reason : list(report, "reasons")) s.append("\n  ").append(reason);
            for (Object a : list(report, "anomalies"))
                if (!(Boolean) map(a).get("allowed")) s.append("\n\n").append(map(a).get("rule")).append(": ").append(map(a).get("story"));
            return s.append("\n\nwhat happened:\n").append(story()).append("\n\nthe run: ").append(folder)
                    .append("\n  gregor explain ").append(folder).append("\n  gregor replay ").append(folder).toString();
        }
    }

    private final Process process;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final String bootstrap;
    private final URI control;
    private Report report;

    /**
     * Starts a cluster; returns when it serves.
     *
     * @param out where the run's folder goes
     * @param options of gregor play: a scenario's file, "--brokers", "1", "--speed", "max", "--seed", "7" …
     */
    public Cluster(Path out, String... options) {
        List<String> command = new ArrayList<>(List.of(find(), "play", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--json",
                "--ends-with-input", "--out", out.toString()));
        command.addAll(List.of(options));
        try {
            Path errors = Files.createTempFile("gregor-", ".log");
            process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
            String line = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)).readLine();
            String wrong = Files.readString(errors).strip();
            Files.delete(errors);
            if (line == null) throw new GregorException("gregor play did not start: " + wrong);
            Map<String, Object> said = map(Json.read(line));
            bootstrap = (String) said.get("bootstrap");
            control = URI.create((String) said.get("control"));
        } catch (IOException e) {
            throw new GregorException("gregor play did not start: " + e.getMessage());
        }
    }

    /** The program: GREGOR of the environment, or the one on the PATH. */
    private static String find() {
        String named = System.getenv("GREGOR");
        if (named != null) return named;
        for (String dir : System.getenv("PATH").split(File.pathSeparator))
            if (Files.isExecutable(Path.of(dir, "gregor"))) return Path.of(dir, "gregor").toString();
        throw new GregorException("no program gregor: neither in GREGOR nor on the PATH");
    }

    public String bootstrap() {
        return bootstrap;
    }

    /** Of the control; a browser that opens it sees the run. */
    public URI control() {
        return control;
    }

    // ---- the control ----

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(Object o) {
        return (Map<String, Object>) o;
    }

    @SuppressWarnings("unchecked")
    private static List<Object> list(Map<String, Object> of, String key) {
        return (List<Object>) of.get(key);
    }

    private static String encoded(String s) {
        return URLEncoder.encode(s, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** One request to the control (openapi.yaml below its address), and its answer. */
    public Map<String, Object> ask(String method, String path, String body) {
        if (report != null) throw new GregorException("the run has ended");
        HttpRequest.BodyPublisher what = body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
        HttpRequest q = HttpRequest.newBuilder(control.resolve(path)).method(method, what).timeout(ANSWER).build();
        HttpResponse<String> a;
        try {
            a = http.send(q, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new GregorException("gregor play does not answer: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GregorException("interrupted");
        }
        Map<String, Object> said = map(Json.read(a.body()));
        if (a.statusCode() == 200) return said;
        String error = (String) said.get("error");
        if (a.statusCode() == 400) throw new Mistake(((String) said.getOrDefault("lint", error)).strip());
        throw a.statusCode() == 408 ? new TimedOut(error) : new GregorException(error);
    }

    // ---- faults ----

    /** Any step of a timeline, in words ("crash b1") or as JSON. */
    public Fault step(String step) {
        return new Fault(ask("POST", "faults", step));
    }

    private static Map<String, Object> pairs(Object... beside) {
        if (beside.length % 2 != 0) throw new IllegalArgumentException("what stands beside a verb is given in pairs");
        Map<String, Object> all = new LinkedHashMap<>();
        for (int i = 0; i < beside.length; i += 2) all.put((String) beside[i], beside[i + 1]);
        return all;
    }

    private Fault verb(String verb, Object what, Object... beside) {
        Map<String, Object> step = new LinkedHashMap<>();
        step.put(verb, what);
        step.putAll(pairs(beside));
        return step(Json.write(step));
    }

    private Fault ofFrames(String verb, String rpc, Object... fields) {
        Map<String, Object> inner = new LinkedHashMap<>(Map.of("rpc", rpc)), step = new LinkedHashMap<>();
        step.put(verb, inner);
        pairs(fields).forEach((key, value) -> (OF_FRAMES.contains(key) ? inner : step).put(key, value));
        return step(Json.write(step));
    }

    /** kill -9. who: b1, leader(orders-0), controller, coordinator(readers), all … */
    public Fault crash(Object who, Object... beside) {
        return verb("crash", who, beside);
    }

    /** Its host loses power: what was not synced may be gone. */
    public Fault power(Object who, Object... beside) {
        return verb("power", who, beside);
    }

    public Fault pause(Object who, Object... beside) {
        return verb("pause", who, beside);
    }

    public Fault resume(Object who) {
        return verb("resume", who);
    }

    public Fault restart(Object who) {
        return verb("restart", who);
    }

    public Fault shutdown(Object who) {
        return verb("shutdown", who);
    }

    public Fault wipe(Object who) {
        return verb("wipe", who);
    }

    public Fault cut(Object one, Object other, Object... beside) {
        return verb("cut", List.of(one, other), beside);
    }

    public Fault slow(Object one, Object other, Object... beside) {
        return verb("slow", List.of(one, other), beside);
    }

    public Fault disk(Object who, Object... beside) {
        return verb("disk", who, beside);
    }

    /** Requests ("answer", false) or answers ("answer", true) of one kind wait until the fault ends. */
    public Fault hold(String rpc, Object... fields) {
        return ofFrames("hold", rpc, fields);
    }

    public Fault delay(String rpc, Object... fields) {
        return ofFrames("delay", rpc, fields);
    }

    /** "answer", false: a request never comes; true: it is done and its answer never comes. */
    public Fault lose(String rpc, Object... fields) {
        return ofFrames("lose", rpc, fields);
    }

    public Fault breakAt(String rpc, Object... fields) {
        return ofFrames("break", rpc, fields);
    }

    public Fault repeat(String rpc, Object... fields) {
        return ofFrames("repeat", rpc, fields);
    }

    /** Requests are answered with an error: {@code answer("EndTxn", "error", "CONCURRENT_TRANSACTIONS", "nth", 2)}. */
    public Fault answer(String rpc, Object... fields) {
        return ofFrames("answer", rpc, fields);
    }

    /** What people meet, by its name: {@code preset("leader-lost", "lasting", "5s")}. */
    public Fault preset(String name, Object... parameters) {
        return parameters.length == 0 ? verb("preset", name) : verb("preset", name, "with", pairs(parameters));
    }

    /** Ends all faults that last. */
    public void heal() {
        ask("DELETE", "faults", null);
    }

    public void heal(String name) {
        ask("DELETE", "faults/" + encoded(name), null);
    }

    public List<Object> faults() {
        return list(ask("GET", "faults", null), "faults");
    }

    // ---- looking, waiting, time ----

    /** Until it holds: "leader of orders-0 is not b1", "isr full", "serving b1", "request EndTxn seen", or in the scenario language. */
    public void await(String condition, Duration within) {
        ask("GET", "wait?for=" + encoded(condition) + "&within=" + within.toMillis() + "ms", null);
    }

    public void await(String condition) {
        await(condition, Duration.ofSeconds(30));
    }

    public Map<String, Object> state() {
        return ask("GET", "state", null);
    }

    /** Who leads "orders-0": "b1", or null. */
    public String leader(String partition) {
        for (Object p : list(state(), "partitions"))
            if (map(p).get("name").equals(partition)) {
                int id = ((Double) map(p).get("leader")).intValue();
                return id < 0 ? null : "b" + id;
            }
        throw new GregorException("there is no partition " + partition);
    }

    /** So far; what clients were told is judged by finish(). */
    public Map<String, Object> verdict() {
        return ask("GET", "verdict", null);
    }

    /** The cluster's time goes on by this at once: sessions end, timers fire. Clients outside do not age with it. */
    public void advance(Duration time) {
        ask("POST", "time", Json.write(Map.of("advance", time.toMillis() + "ms")));
    }

    // ---- the end ----

    /** Heals everything, lets it converge, judges, writes the run down. */
    public Report finish() {
        if (report == null) report = new Report(ask("POST", "finish", null));
        return report;
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
