package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

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
        if (value < all.getFirst().amount || value > all.getLast().amount) {
            return null;
        }
        return new At(along(all, value, Point::loss), along(all, value, Point::tokensPerSecond), along(all, value, Point::error));
    }

    /// Between the nearest points that have the figure; NaN beyond them.
    private static double along(List<Point> points, double value, ToDoubleFunction<Point> figure) {
        Point a = null;
        for (Point b : points) {
            if (Double.isNaN(figure.applyAsDouble(b))) {
                continue;
            }
            if (b.amount == value) {
                return figure.applyAsDouble(b);
            }
            if (b.amount > value) {
                return a == null ? Double.NaN : figure.applyAsDouble(a) + (value - a.amount) / (b.amount - a.amount) * (figure.applyAsDouble(b) - figure.applyAsDouble(a));
            }
            a = b;
        }
        return Double.NaN;
    }
}
