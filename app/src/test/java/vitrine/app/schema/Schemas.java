package vitrine.app.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import vitrine.core.json.Json;

/// The published JSON schemas, as the product carries them.
public enum Schemas {
    TASK("task.schema.json"), REQUEST("request.schema.json"), MANIFEST("manifest.schema.json"),
    WORKER_EVENT("event.schema.json#/$defs/worker"), COMMAND_LINE_EVENT("event.schema.json#/$defs/commandLine");

    /// All files, for what holds of each.
    static final List<String> FILES = List.of("task.schema.json", "request.schema.json", "event.schema.json", "manifest.schema.json");

    private static final String FOLDER = "vitrine/schemas/";

    private final Schema schema;

    Schemas(String location) {
        schema = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12).getSchema(SchemaLocation.of("classpath:" + FOLDER + location));
    }

    /// What the schema has against a text, one line each; empty where it is valid.
    List<String> complaints(String json) {
        return schema.validate(json, InputFormat.JSON).stream().map(Error::toString).toList();
    }

    public void accepts(String json) {
        assertEquals(List.of(), complaints(json), () -> name() + " refuses " + json);
    }

    public void accepts(JsonNode json) {
        accepts(Json.line(json));
    }

    public void refuses(String json) {
        assertFalse(complaints(json).isEmpty(), () -> name() + " accepts " + json);
    }

    /// A schema's own text.
    static JsonNode read(String file) {
        try (InputStream in = Schemas.class.getClassLoader().getResourceAsStream(FOLDER + file)) {
            return Json.mapper().readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
