package vitrine.views.anatomy;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import javafx.collections.ListChangeListener;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.Region;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Icons;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;

/// Family, format, element types and the number of warnings, beside the subject's name. The same nodes for all subjects.
final class HeaderPills {

    private static final int NAMED_TYPES = 2;

    private final AnatomyViewModel model;
    private final Pill family = new Pill("");
    private final Pill format = new Pill("");
    private final Pill types = new Pill("");
    /// A button, so that it can be reached and pressed without a pointer.
    private final Button warnings = new Button();

    /// @param open shows all notes at the pill
    HeaderPills(AnatomyViewModel model, Consumer<Node> open) {
        this.model = model;
        warnings.setId("warnings");
        warnings.setMinWidth(Region.USE_PREF_SIZE);
        warnings.setMnemonicParsing(false);
        warnings.setOnAction(e -> open.accept(warnings));
        ProvenanceAudit.notAFigure(warnings, "how many messages there are to read");
        model.subjectProperty().addListener((o, old, now) -> show());
        model.notes().addListener((ListChangeListener<Note>) c -> show());
        show();
    }

    List<Node> nodes() {
        return List.of(family, format, types, warnings);
    }

    private void show() {
        Anatomy a = model.anatomy().orElse(null);
        for (Node n : nodes()) {
            n.setVisible(a != null);
            n.setManaged(a != null);
        }
        if (a == null) {
            return;
        }
        tell(family, a.familyName(), a.spec().map(s -> "model_type " + s.modelType()).orElse("The family is not known."));
        tell(format, a.checkpoint().format(), "Format of the files");
        int n = a.byDType().size();
        String words = n == 0 ? "no types" : n <= NAMED_TYPES ? a.byDType().keySet().stream().map(Enum::name).collect(Collectors.joining(" + ")) : n + " types";
        tell(types, words, a.byDType().entrySet().stream().map(e -> e.getKey() + ": " + Numbers.count(e.getValue()) + (e.getValue() == 1 ? " tensor" : " tensors"))
                .collect(Collectors.joining("\n")));
        Provenance p = Provenance.measured(a.checkpoint().name(), "", "as the headers say");
        List.of(family, format, types).forEach(pill -> ProvenanceAudit.tag(pill, p));
        long odd = model.notes().stream().filter(Note::warning).count();
        warnings.getStyleClass().setAll(Styles.PILL, odd == 0 ? "vt-success" : "vt-warning");
        warnings.setText(odd == 0 ? "no warnings" : odd == 1 ? "1 warning" : Numbers.count(odd) + " warnings");
        warnings.setGraphic((odd == 0 ? Icons.DONE : Icons.WARNING).node());
        warnings.setDisable(model.notes().isEmpty());
        warnings.setTooltip(new Tooltip(odd == 0 ? "Nothing odd was found" : "Click to read them"));
        warnings.setAccessibleText(warnings.getText());
    }

    private static void tell(Label pill, String text, String tooltip) {
        pill.setText(text);
        pill.setTooltip(new Tooltip(tooltip));
    }
}
