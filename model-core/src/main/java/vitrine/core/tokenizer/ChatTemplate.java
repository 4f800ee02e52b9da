package vitrine.core.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.jinja.Template;
import vitrine.core.jinja.Template.Span;
import vitrine.core.jinja.TemplateError;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// How a checkpoint writes a conversation as one text: the template in `chat_template.jinja`, else in `tokenizer_config.json` (one, or several with
/// names, of which `default` is taken, or `tool_use` where there are tools), else in `chat_template.json`.
///
/// What is learned of the text is what the template's `generation` blocks print. A template without them prints the turns in a loop: of each assistant's
/// turn everything is learned behind what the template prints to ask for a turn (`add_generation_prompt`), the end-of-turn token with it.
///
/// A template that asks for the day is told that it is 26 July 2024: a result depends on the task and its inputs, not on when it is made.
///
/// Source: `apply_chat_template` of transformers 5.18.
public final class ChatTemplate {

    private static final long MAX_BYTES = 1 << 20;
    private static final long MAX_CONFIG_BYTES = 16 << 20;
    private static final LocalDateTime TODAY = LocalDateTime.of(2024, 7, 26, 12, 0);
    private static final String FILE = "chat_template.jinja";

    private final Path file;
    private final Map<String, Template> templates = new LinkedHashMap<>();
    private final Map<String, Object> specials = new HashMap<>();

    private ChatTemplate(Path file) {
        this.file = file;
    }

    /// A conversation as a text.
    ///
    /// @param learned the parts that a model learns, in order, in UTF-16 characters
    /// @param exact whether the template itself says so: otherwise white space behind an end-of-turn token may still belong to the template
    public record Chat(String text, List<Span> learned, boolean exact) {}

    /// A checkpoint's template.
    ///
    /// @throws Refusal `tokenizer-missing` where there is none, `tokenizer-invalid` where it cannot be read
    public static ChatTemplate of(Checkpoint checkpoint) {
        Path folder = checkpoint.tokenizerFile().getParent();
        ObjectNode config = object(checkpoint, folder.resolve("tokenizer_config.json"));
        ChatTemplate t;
        Path own = folder.resolve(FILE);
        Path legacy = folder.resolve("chat_template.json");
        if (exists(own)) {
            t = new ChatTemplate(own);
            byte[] bytes = Json.readBytes(checkpoint.resolve(own), MAX_BYTES, Category.TOKENIZER_INVALID);
            Json.requireUtf8(own, bytes, bytes.length, Category.TOKENIZER_INVALID);
            t.add("default", new String(bytes, StandardCharsets.UTF_8));
        } else if (config.hasNonNull("chat_template")) {
            t = new ChatTemplate(folder.resolve("tokenizer_config.json"));
            t.add(config.get("chat_template"));
        } else if (exists(legacy)) {
            t = new ChatTemplate(legacy);
            t.add(object(checkpoint, legacy).path("chat_template"));
        } else {
            throw Refusal.of(Category.TOKENIZER_MISSING, checkpoint.path(), "there is no chat template beside the weights (chat_template.jinja, or in tokenizer_config.json), and messages need one")
                    .help("Add the file, or give prompt with completion instead of messages.");
        }
        t.specials(object(checkpoint, folder.resolve("special_tokens_map.json")));
        t.specials(config);
        return t;
    }

    private static boolean exists(Path file) {
        return Files.exists(file) || Files.isSymbolicLink(file);
    }

    private static ObjectNode object(Checkpoint checkpoint, Path file) {
        return exists(file) ? Json.readObject(checkpoint.resolve(file), file, MAX_CONFIG_BYTES, Category.TOKENIZER_INVALID) : Json.object();
    }

    private void add(JsonNode template) {
        if (template.isTextual()) {
            add("default", template.asText());
        } else if (template.isArray() || template.isObject()) {
            template.properties().forEach(e -> add(e.getKey(), e.getValue().asText()));
            for (JsonNode named : template.isArray() ? template : Json.mapper().createArrayNode()) {
                add(named.path("name").asText("?"), named.path("template").asText());
            }
        }
        if (templates.isEmpty()) {
            throw Refusal.of(Category.TOKENIZER_INVALID, file, "its chat_template is no template").where("field chat_template");
        }
    }

    private void add(String name, String source) {
        try {
            templates.put(name, Template.parse(source));
        } catch (TemplateError e) {
            throw Refusal.of(Category.TOKENIZER_INVALID, file, "the chat template cannot be read (%s)", e.getMessage()).where("template " + name).cause(e);
        }
    }

    /// `bos_token` and its like, by name; each a text, or an object that holds one.
    private void specials(ObjectNode from) {
        from.properties().forEach(e -> {
            JsonNode token = e.getValue().isObject() ? e.getValue().path("content") : e.getValue();
            if (e.getKey().endsWith("_token") && token.isTextual()) {
                specials.put(e.getKey(), token.asText());
            }
        });
    }

    /// Where the template stands.
    public Path file() {
        return file;
    }

    /// A conversation, and what of it is learned.
    ///
    /// @param messages each with a `role`, most with a `content`
    /// @param tools what the assistant may call, as the template takes it; null for none
    /// @throws TemplateError where the template refuses them, or does not tell its turns apart
    public Chat apply(List<Map<String, Object>> messages, Object tools) {
        Template template = templates.getOrDefault(tools != null && templates.containsKey("tool_use") ? "tool_use" : "default", null);
        if (template == null) {
            template = templates.values().iterator().next();
        }
        Template.Rendered whole = template.render(values(messages, tools, false), messages);
        if (!whole.generated().isEmpty()) {
            return new Chat(whole.text(), whole.generated(), true);
        }
        List<Span> learned = new ArrayList<>();
        String asking = asking(template, messages, tools);
        boolean found = false;
        for (int i = 0; i < messages.size(); i++) {
            if (!"assistant".equals(messages.get(i).get("role"))) {
                continue;
            }
            for (Span s : whole.turns().get(i)) {
                found = true;
                int start = s.start() + shared(whole.text(), s, asking);
                if (start < s.end()) {
                    learned.add(new Span(start, s.end()));
                }
            }
        }
        if (!found && messages.stream().anyMatch(m -> "assistant".equals(m.get("role")))) {
            learned = byBeginnings(template, messages, tools, whole.text());
        }
        return new Chat(whole.text(), learned, false);
    }

    /// What is printed to ask for a turn; nothing where the template knows no such thing.
    private String asking(Template template, List<Map<String, Object>> messages, Object tools) {
        int assistant = 0;
        while (assistant < messages.size() && !"assistant".equals(messages.get(assistant).get("role"))) {
            assistant++;
        }
        List<Map<String, Object>> before = assistant == 0 || assistant == messages.size() ? messages : messages.subList(0, assistant);
        String without = template.render(values(before, tools, false), List.of()).text();
        String with = template.render(values(before, tools, true), List.of()).text();
        return with.startsWith(without) ? with.substring(without.length()) : "";
    }

    private static int shared(String text, Span in, String asking) {
        int n = 0;
        while (n < asking.length() && in.start() + n < in.end() && text.charAt(in.start() + n) == asking.charAt(n)) {
            n++;
        }
        return n;
    }

    /// For templates without a loop over the messages: a turn lies between the conversation up to it and the conversation with it.
    private List<Span> byBeginnings(Template template, List<Map<String, Object>> messages, Object tools, String whole) {
        List<Span> learned = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            if (!"assistant".equals(messages.get(i).get("role"))) {
                continue;
            }
            String before = template.render(values(messages.subList(0, i), tools, true), List.of()).text();
            String with = template.render(values(messages.subList(0, i + 1), tools, false), List.of()).text();
            if (!whole.startsWith(before) || !whole.startsWith(with) || with.length() < before.length()) {
                throw new TemplateError("the template does not tell where the assistant's turns are; generation blocks in it would");
            }
            learned.add(new Span(before.length(), with.length()));
        }
        return learned;
    }

    private Map<String, Object> values(List<Map<String, Object>> messages, Object tools, boolean asks) {
        Map<String, Object> values = new HashMap<>(specials);
        values.put("messages", messages);
        values.put("tools", tools);
        values.put("documents", null);
        values.put("add_generation_prompt", asks);
        values.put("strftime_now", Template.function(format -> date(String.valueOf(format))));
        return values;
    }

    /// Python's `strftime`, for the codes that templates use.
    static String date(String format) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            boolean bare = format.charAt(i + 1) == '-' && i + 2 < format.length();
            char code = format.charAt(bare ? i + 2 : i + 1);
            i += bare ? 2 : 1;
            String pattern = switch (code) {
                case 'd' -> bare ? "d" : "dd";
                case 'e' -> "d";
                case 'm' -> bare ? "M" : "MM";
                case 'b', 'h' -> "MMM";
                case 'B' -> "MMMM";
                case 'y' -> "yy";
                case 'Y' -> "yyyy";
                case 'a' -> "EEE";
                case 'A' -> "EEEE";
                case 'H' -> "HH";
                case 'I' -> "hh";
                case 'M' -> "mm";
                case 'S' -> "ss";
                case 'p' -> "a";
                case 'j' -> "DDD";
                case 'F' -> "yyyy-MM-dd";
                case 'T' -> "HH:mm:ss";
                case '%' -> "'%'";
                default -> throw new TemplateError("the date's code %" + code + " is not known here");
            };
            out.append(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(TODAY));
        }
        return out.toString();
    }
}
