package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/// What a preview of a pruning method says, for several amounts that may go.
///
/// @param amount what says how much goes, as settings call it
/// @param loss of the model as it is; nats per token
/// @param tokensPerSecond of the model as it is
/// @param tokens that the losses are over
/// @param way how losses are predicted
/// @param points by rising amount
record Prediction(String amount, double loss, double tokensPerSecond, long tokens, String way, List<Point> points) {

    /// @param loss predicted; NaN where it is not, or not finite
    /// @param error of a matrix, the mean over matrices; NaN where whole parts go
    record Point(double amount, double loss, double tokensPerSecond, double error) {}

    /// What is predicted between points, on a straight line from one to the next.
    record At(double loss, double tokensPerSecond, double error) {}

    static Prediction of(JsonNode n) {
        List<Point> points = new ArrayList<>();
        n.path("points").forEach(p -> points.add(new Point(p.path("amount").asDouble(), p.path("loss").asDouble(Double.NaN), p.path("tokens_per_second").asDouble(Double.NaN), p.path("relative_output_error").asDouble(Double.NaN))));
        return new Prediction(n.path("amount").asText(), n.path("loss").asDouble(Double.NaN), n.path("tokens_per_second").asDouble(Double.NaN), n.path("predicted_tokens").asLong(), n.path("way").asText(), List.copyOf(points));
    }

    /// Null beyond the points. Nothing goes at a share of 0: there the model is as it is.
    At at(double value) {
        List<Point> all = new ArrayList<>(points);
        if (amount.equals("sparsity") && all.getFirst().amount > 0) {
            all.addFirst(new Point(0, loss, tokensPerSecond, Double.isNaN(all.getFirst().error) ? Double.NaN : 0));
        }
        for (int i = 0; i < all.size(); i++) {
            Point b = all.get(i);
            if (b.amount == value) {
                return new At(b.loss, b.tokensPerSecond, b.error);
            }
            if (b.amount > value) {
                if (i == 0) {
                    return null;
                }
                Point a = all.get(i - 1);
                double t = (value - a.amount) / (b.amount - a.amount);
                return new At(a.loss + t * (b.loss - a.loss), a.tokensPerSecond + t * (b.tokensPerSecond - a.tokensPerSecond), a.error + t * (b.error - a.error));
            }
        }
        return null;
    }
}
