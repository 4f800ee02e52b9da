package vitrine.views.routing;

import java.util.List;
import java.util.stream.Collectors;

/// A change of routes whose effect is measured. Layers are the model's own numbers here, as the command line takes them.
sealed interface Change {

    /// The expert adds nothing; tokens that choose it choose no other.
    record Silence(int layer, int expert) implements Change {}

    /// No token may choose the expert; its place goes to the next best.
    record Mask(int layer, int expert) implements Change {}

    /// No token may choose any of these experts, of whatever layers; their places go to the next best.
    record Without(List<Mask> experts) implements Change {}

    /// The two experts take each other's tokens.
    record Swap(int layer, int one, int other) implements Change {}

    /// One token visits these experts.
    ///
    /// @param token its number among all tokens
    record Force(int layer, long token, List<Integer> experts) implements Change {}

    /// In words, as a button or a heading has it.
    default String words() {
        return switch (this) {
            case Silence s -> "layer " + s.layer() + ": expert " + s.expert() + " adds nothing";
            case Mask m -> "layer " + m.layer() + ": others take the place of expert " + m.expert();
            case Without w -> w.experts().size() + " experts off";
            case Swap s -> "layer " + s.layer() + ": experts " + s.one() + " and " + s.other() + " swapped";
            case Force f -> "layer " + f.layer() + ": token " + f.token() + " to " + f.experts().stream().map(String::valueOf).collect(Collectors.joining(" and "));
        };
    }
}
