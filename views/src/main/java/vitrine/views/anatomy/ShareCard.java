package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.List;
import javafx.scene.layout.Region;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.Part;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.views.chart.BarStack;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// How the parameters are shared out among the parts. A click lists only the tensors of one.
final class ShareCard {

    /// From the embedding to the head, as tokens pass them.
    private static final List<Part> SHOWN = List.of(Part.EMBEDDING, Part.QUERY, Part.KEY, Part.VALUE, Part.OUTPUT, Part.ROUTER, Part.GATE, Part.UP, Part.DOWN,
            Part.NORM, Part.HEAD, Part.OTHER);
    /// Head, padding and gap of the card around the figure.
    private static final double CHROME = 24 + 8 + 26;

    private final Card card = new Card("Parameters by part").explained(Guide.Section.formula("anatomy", "by part"));
    private final AnatomyViewModel model;
    private final BarStack bar = new BarStack().format(Numbers::count);
    private final FigureCanvas canvas = new FigureCanvas(bar);
    private final List<Part> parts = new ArrayList<>();
    private boolean quiet;

    ShareCard(AnatomyViewModel model) {
        this.model = model;
        canvas.setId("share");
        bar.selectedProperty().addListener((o, old, now) -> {
            if (!quiet) {
                model.partProperty().set(now.intValue() < 0 ? null : parts.get(now.intValue()));
            }
        });
        model.partProperty().addListener((o, old, now) -> select());
        model.subjectProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    FigureCanvas canvas() {
        return canvas;
    }

    static String label(Part part) {
        return part == Part.NORM ? "Norms" : part.label();
    }

    /// Counted by name where the family is known; else by the words in names, which may be wrong.
    static Provenance provenance(Anatomy a) {
        return a.spec().isPresent() ? Provenance.measured(a.checkpoint().name(), "", "values counted in the headers, parts by the config's wiring")
                : Provenance.estimated(a.checkpoint().name(), "values counted in the headers, parts guessed from the words in tensor names", 0, Double.NaN);
    }

    private void show() {
        Anatomy a = model.anatomy().orElse(null);
        if (a == null || a.byPart().isEmpty()) {
            card.content(new EmptyState(Icons.ANATOMY, a == null ? "How the parameters are shared out." : "There are no parameters to share out."));
            return;
        }
        parts.clear();
        SHOWN.stream().filter(a.byPart()::containsKey).forEach(parts::add);
        bar.parts(parts.stream().map(p -> BarStack.Part.of(label(p), a.byPart().get(p), BlockDiagram.kind(p))).toList());
        card.provenance(provenance(a));
        ProvenanceAudit.tag(canvas, provenance(a));
        select();
        if (card.content() != canvas) {
            card.content(canvas);
        }
    }

    private void select() {
        quiet = true;
        bar.selectedProperty().set(parts.indexOf(model.partProperty().get()));
        quiet = false;
    }

    /// The height that all parts need at a width of the card.
    double wantedHeight(double width) {
        return card.content() == canvas ? Math.ceil(bar.heightFor(width - 26, canvas.surface())) + CHROME : Math.max(120, card.prefHeight(width));
    }

    /// Lets the layout ask again when the parts have changed.
    Region region() {
        return card;
    }
}
