package gregor.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
    @Test
    void whatIsWrittenIsRead() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("a", Arrays.asList(1.0, -2.5, true, null));
        all.put("b \"\\\n\u0001é", Map.of("c", List.of()));
        assertEquals(all, Json.read(Json.write(all)));
        assertEquals(Map.of("x", "/\b\f\r\tA"), Json.read(" { \"x\" : \"\\/\\b\\f\\r\\t\\u0041\" } "));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1", "{\"a\"}", "{\"a\":1,}", "\"a", "\"\\u12", "nul", "1 2", "[1,]"})
    void whatIsNoJsonIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> Json.read(text));
    }

    @Test
    void depthHasABound() {
        assertThrows(IllegalArgumentException.class, () -> Json.read("[".repeat(100000)));
    }
}
