package gregor.junit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON, as far as the control speaks it: objects are maps, arrays lists, numbers doubles. */
final class Json {
    private static final int DEPTH_MAX = 64;
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    static Object read(String text) {
        Json j = new Json(text);
        Object value = j.value(0);
        j.blanks();
        if (j.at != text.length()) throw j.wrong("something stands behind the end");
        return value;
    }

    static String write(Object value) {
        if (value instanceof Map<?, ?> map) {
            List<String> parts = new ArrayList<>();
            map.forEach((k, v) -> parts.add(write(k) + ": " + write(v)));
            return "{" + String.join(", ", parts) + "}";
        }
        if (value instanceof Iterable<?> all) {
            List<String> parts = new ArrayList<>();
            all.forEach(v -> parts.add(write(v)));
            return "[" + String.join(", ", parts) + "]";
        }
        if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
        StringBuilder s = new StringBuilder("\"");
        for (char c : value.toString().toCharArray()) {
            if (c == '"' || c == '\\') s.append('\\').append(c);
            else if (c < ' ') s.append(String.format("\\u%04x", (int) c));
            else s.append(c);
        }
        return s.append('"').toString();
    }

    private IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException("no JSON at " + at + ": " + what);
    }

    private void blanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private boolean takes(char c) {
        blanks();
        if (at >= text.length() || text.charAt(at) != c) return false;
        at++;
        return true;
    }

    private void expect(char c) {
        if (!takes(c)) throw wrong("'" + c + "' is due");
    }

    private Object value(int depth) {
        if (depth > DEPTH_MAX) throw wrong("too deep");
        if (takes('{')) return object(depth);
        if (takes('[')) return array(depth);
        if (takes('"')) return string();
        int begin = at;
        while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
        String word = text.substring(begin, at);
        return switch (word) {
            case "null" -> null;
            case "true" -> true;
            case "false" -> false;
            default -> Double.valueOf(word);
        };
    }

    private Map<String, Object> object(int depth) {
        Map<String, Object> map = new LinkedHashMap<>();
        if (takes('}')) return map;
        do {
            expect('"');
            String key = string();
            expect(':');
            map.put(key, value(depth + 1));
        } while (takes(','));
        expect('}');
        return map;
    }

    private List<Object> array(int depth) {
        List<Object> list = new ArrayList<>();
        if (takes(']')) return list;
        do list.add(value(depth + 1)); while (takes(','));
        expect(']');
        return list;
    }

    private String string() {
        StringBuilder s = new StringBuilder();
        while (at < text.length()) {
            char c = text.charAt(at++);
            if (c == '"') return s.toString();
            if (c != '\\') {
                s.append(c);
                continue;
            }
            if (at >= text.length()) break;
            char e = text.charAt(at++);
            switch (e) {
                case 'n' -> s.append('\n');
                case 't' -> s.append('\t');
                case 'r' -> s.append('\r');
                case 'b' -> s.append('\b');
                case 'f' -> s.append('\f');
                case 'u' -> {
                    if (at + 4 > text.length()) throw wrong("half a character");
                    s.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                }
                default -> s.append(e);
            }
        }
        throw wrong("a text without an end");
    }
}
