package vitrine.core.work.output;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.Consumer;

/// Numbers in a summary's JSON, which knows none that are not finite: those are null there.
public final class Figures {

    private Figures() {}

    public static void add(ArrayNode list, double value) {
        if (Double.isFinite(value)) {
            list.add(value);
        } else {
            list.addNull();
        }
    }

    public static void put(ObjectNode to, String key, double value) {
        if (Double.isFinite(value)) {
            to.put(key, value);
        } else {
            to.putNull(key);
        }
    }

    /// Loss and perplexity, each null where it is not finite, and said.
    public static void putLoss(ObjectNode to, double loss, Consumer<String> warn) {
        double perplexity = Math.exp(loss);
        to.putNull("loss").putNull("perplexity");
        if (!Double.isFinite(loss)) {
            warn.accept("The loss is not finite: the model's weights or activations hold NaN or infinity.");
            return;
        }
        to.put("loss", loss);
        if (Double.isFinite(perplexity)) {
            to.put("perplexity", perplexity);
        } else {
            warn.accept("The perplexity is too large for a number: the loss is " + loss + " nats.");
        }
    }
}
