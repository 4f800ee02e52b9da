package vitrine.app.shell;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;
import javafx.scene.Node;
import javafx.scene.Parent;
import vitrine.views.control.Card;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// The stops of the tour, each at a control that is really there.
final class TourSteps {

    private TourSteps() {}

    /// The steps through a window. With a bundled sample they go through its attention, without one past an empty view.
    static List<Tour.Step> of(MainWindow w) {
        Runnable nothing = () -> { };
        List<Tour.Step> steps = new ArrayList<>();
        steps.add(new Tour.Step("What is open", "Checkpoints, adapters, texts and runs stand here. Drop more anywhere on the window; what cannot be opened says why.",
                () -> Optional.of(w.navigator()), () -> {
                    w.frame().showNavigator();
                    w.samples().stream().findFirst().ifPresent(w::openSample);
                }));
        steps.add(new Tour.Step("Seven views", "Each shows the chosen checkpoint in its own way; Alt+1 to Alt+7 go there. A view that does not apply stays dimmed and says why.",
                () -> Optional.of(w.tabs()), () -> w.tabs().choose(ViewKind.ATTENTION)));
        steps.add(new Tour.Step("All heads at once", "Layers go down, heads go across. The arrows move through them; Space locks the head that is chosen.",
                card(w, c -> c.name().equals("Heads")), nothing));
        steps.add(new Tour.Step("One head, token to token", "Keys run across, queries down. Hover to read exact values, click to lock a pair, Esc to release it.",
                card(w, c -> c.name().startsWith("Layer ")), nothing));
        steps.add(new Tour.Step("The numbers behind it", "Details of what is chosen, unrounded. A mark says whether a figure was measured, derived or estimated; its tooltip says from what.",
                () -> Optional.of(w.inspector()), () -> w.frame().showInspector()));
        steps.add(new Tour.Step("Take it with you", "Every view exports pictures and numbers, and shows the command line that makes the same figures.",
                () -> Optional.of(w.header()), nothing));
        steps.add(new Tour.Step("Find anything", "Ctrl+K searches tensors, heads, experts and commands.", () -> Optional.of(w.toolbar().search()), nothing));
        steps.add(new Tour.Step("Help", "F1 explains the figures of the view, with formula and source, and lists the keys. The tour begins again from there.",
                () -> Optional.of(w.helpButton()), nothing));
        return steps;
    }

    /// A card of the view in front.
    private static Supplier<Optional<Node>> card(MainWindow w, Predicate<Card> wanted) {
        return () -> w.present().map(View::body).flatMap(body -> find(body, wanted));
    }

    private static Optional<Node> find(Node node, Predicate<Card> wanted) {
        if (node instanceof Card c && wanted.test(c)) {
            return Optional.of(c);
        }
        return node instanceof Parent p ? p.getChildrenUnmodifiable().stream().map(c -> find(c, wanted)).flatMap(Optional::stream).findFirst() : Optional.empty();
    }
}
