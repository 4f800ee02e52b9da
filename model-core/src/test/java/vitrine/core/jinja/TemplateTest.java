package vitrine.core.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Templates in the manner of Llama 3, Qwen 3, Mistral, Gemma and ChatML, and one that uses the language widely, applied by transformers 5.18 (jinja2 3.1.6)
/// and by this package. Expectations: `make_chat_cases.py`.
class TemplateTest {

    @TestFactory
    Stream<DynamicTest> rendersAsTransformersDoes() throws IOException {
        JsonNode all;
        try (InputStream in = getClass().getResourceAsStream("/chat/templates.json")) {
            all = new ObjectMapper().readTree(in);
        }
        return java.util.stream.StreamSupport.stream(all.get("cases").spliterator(), false).map(c -> {
            String name = c.get("template").asText() + ", " + c.get("conversation").asText() + (c.get("add_generation_prompt").asBoolean() ? ", asking" : "");
            return DynamicTest.dynamicTest(name, () -> check(all, c));
        });
    }

    private static void check(JsonNode all, JsonNode c) {
        Map<String, Object> values = new HashMap<>();
        values.put("messages", new ObjectMapper().convertValue(value(all.get("conversations").get(c.get("conversation").asText())), List.class));
        values.put("tools", null);
        values.put("documents", null);
        values.put("add_generation_prompt", c.get("add_generation_prompt").asBoolean());
        values.put("bos_token", "<s>");
        values.put("eos_token", "</s>");
        values.put("date_string", "05 Mar 2026");
        Template t = Template.parse(all.get("templates").get(c.get("template").asText()).asText());
        if (c.has("error")) {
            TemplateError e = assertThrows(TemplateError.class, () -> t.render(values, List.of()));
            assertEquals(c.get("error").asText().startsWith("TemplateError"), e.raised(), e.getMessage());
            if (e.raised()) {
                assertEquals(c.get("error").asText(), "TemplateError: " + e.getMessage());
            }
            return;
        }
        assertEquals(c.get("text").asText(), t.render(values, List.of()).text());
    }

    /// Whole numbers as this package has them.
    static Object value(JsonNode n) {
        if (n.isObject()) {
            Map<String, Object> map = new java.util.LinkedHashMap<>();
            n.properties().forEach(e -> map.put(e.getKey(), value(e.getValue())));
            return map;
        }
        if (n.isArray()) {
            List<Object> list = new java.util.ArrayList<>();
            n.forEach(i -> list.add(value(i)));
            return list;
        }
        return n.isIntegralNumber() ? (Object) n.asLong() : n.isNumber() ? (Object) n.asDouble() : n.isBoolean() ? (Object) n.asBoolean() : n.isNull() ? null : n.asText();
    }

    private static String rendered(String template) {
        return Template.parse(template).render(Map.of("text", "abc"), List.of()).text();
    }

    private static String refused(String template) {
        return assertThrows(TemplateError.class, () -> rendered(template), template).getMessage();
    }

    // --- what a foreign program cannot do

    @Test
    void nothingButValuesIsWithinReach() {
        assertEquals("", rendered("{{ text.__class__ }}{{ text.getClass }}{{ text['class'] }}"));
        assertEquals("getClass is not defined", refused("{{ text.getClass() }}"));
        assertEquals("__class__ is not defined", refused("{{ text.__class__.__mro__ }}"));
        assertEquals("line 1: the block include is not known here", refused("{% include '/etc/passwd' %}"));
        assertEquals("open is not defined", refused("{{ open('/etc/passwd').read() }}"));
        assertEquals("line 1: the block import is not known here", refused("{% import 'os' as os %}"));
        assertEquals("format knows {}, {0} and {name} only", refused("{{ '{0.__class__}'.format(text) }}"));
    }

    @Test
    void stepsOutputNestingAndNumbersAreBounded() {
        assertEquals("it takes too long", refused("{% for a in range(9999) %}{% for b in range(9999) %}{% set c = a %}{% endfor %}{% endfor %}"));
        assertEquals("a range is too long", refused("{{ range(1000000000) }}"));
        assertEquals("a text or a list would have more than 16,777,216 parts", refused("{{ 'x' * 1000000000 }}"));
        assertEquals("a text or a list would have more than 16,777,216 parts",
                refused("{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}"));
        assertTrue(refused("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}").startsWith("macros or loops are nested"));
        assertTrue(refused("{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}").contains("nested more than"));
        assertTrue(refused("{{ " + "-".repeat(5000) + "1 }}").contains("nested more than"));
        assertEquals("a number grows beyond 64 bits", refused("{{ 9 ** 99 }}"));
        assertEquals("a number grows beyond 64 bits", refused("{{ 9223372036854775807 + 1 }}"));
        assertTrue(refused("{% set l = [] %}{% for i in range(300) %}{% if true %}{% endif %}{% endfor %}{{ l.append(1) }}").contains("append is not defined"));
    }

    @Test
    void mistakesNameTheirLine() {
        assertEquals("line 3: a block has no elif or else or endif", refused("a\nb\n{% if text %}"));
        assertEquals("line 2: a tag has no end", refused("a\n{{ text"));
        assertEquals("line 1: the block endif is not known here", refused("{% endif %}"));
        assertEquals("the filter nonsense is not known here", refused("{{ text | nonsense }}"));
        assertEquals("a text + a whole number has no meaning", refused("{{ text + 1 }}"));
    }

    @Test
    void tellsWhereTheItemsOfALoopPrinted() {
        Map<String, Object> first = new HashMap<>(Map.of("content", "one"));
        Map<String, Object> second = new HashMap<>(Map.of("content", "one"));
        Template t = Template.parse("<{% for m in messages[::-1] %}[{{ m.content }}]{% endfor %}>{% generation %}g{% endgeneration %}");
        Template.Rendered r = t.render(Map.of("messages", List.of(first, second)), List.of(first, second));
        assertEquals("<[one][one]>g", r.text());
        assertEquals(List.of(List.of(new Template.Span(6, 11)), List.of(new Template.Span(1, 6))), r.turns());
        assertEquals(List.of(new Template.Span(12, 13)), r.generated());
    }
}
