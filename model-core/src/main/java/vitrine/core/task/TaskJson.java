package vitrine.core.task;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.InvalidTypeIdException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Tasks to JSON and back. Reading takes nothing that the schema does not: no unknown key, no `"5"` for 5, no 5.5 for 5, no 7 for a text.
final class TaskJson {

    private static final JsonMapper MAPPER = JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES).enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT).disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .withCoercionConfig(LogicalType.Textual, c -> c.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Float, CoercionAction.Fail).setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .build();

    private TaskJson() {}

    static ObjectNode write(Task task) {
        return MAPPER.valueToTree(task);
    }

    /// @throws Refusal `task-invalid`, saying which key
    static Task read(JsonNode json) {
        if (!json.isObject()) {
            throw invalid("the task is no JSON object");
        }
        try {
            return MAPPER.treeToValue(json, Task.class);
        } catch (JsonMappingException e) {
            throw e.getCause() instanceof Refusal r ? r : refuse(e).cause(e);
        } catch (JsonProcessingException e) {
            throw invalid("the task cannot be read (%s)", e.getOriginalMessage()).cause(e);
        }
    }

    private static Refusal refuse(JsonMappingException e) {
        String place = place(e);
        return switch (e) {
            case UnrecognizedPropertyException u -> invalid("%s is no key of a task of this kind" + known(u.getKnownPropertyIds().stream().map(String::valueOf).sorted()), place);
            case InvalidTypeIdException t when t.getTypeId() == null -> invalid("the task has no kind");
            case InvalidTypeIdException t -> invalid("the kind %s is unknown"
                    + known(Arrays.stream(Task.class.getAnnotation(com.fasterxml.jackson.annotation.JsonSubTypes.class).value()).map(k -> k.name())), t.getTypeId());
            case InvalidFormatException f when f.getTargetType().isEnum() -> invalid("%s is %s" + known(Arrays.stream(f.getTargetType().getEnumConstants()).map(String::valueOf)),
                    place, String.valueOf(f.getValue()));
            default -> invalid("%s has a value of another type than belongs there", place);
        };
    }

    /// What could stand there: words of ours, which are never cut short as values from a file are.
    private static String known(Stream<String> words) {
        return "; known are " + words.collect(Collectors.joining(", "));
    }

    /// Where in the task, as in `what[0]`.
    private static String place(JsonMappingException e) {
        StringBuilder s = new StringBuilder();
        for (JsonMappingException.Reference r : e.getPath()) {
            s.append(r.getFieldName() == null ? "[" + r.getIndex() + "]" : (s.isEmpty() ? "" : ".") + r.getFieldName());
        }
        return s.isEmpty() ? "the task" : s.toString();
    }

    private static Refusal invalid(String problem, Object... arguments) {
        return Refusal.of(Category.TASK_INVALID, null, problem, arguments);
    }
}
