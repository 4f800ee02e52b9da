package vitrine.app.shell;

import java.util.ArrayList;
import java.util.List;
import javafx.geometry.Insets;
import javafx.scene.control.Label;
import javafx.scene.layout.VBox;
import vitrine.app.workspace.Recognised;
import vitrine.core.refusal.Refusal;
import vitrine.resources.Styles;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.ProvenanceAudit;

/// Why something could not be opened, and what helps.
final class RefusedInspector extends VBox {

    RefusedInspector(Recognised.Refused refused, Runnable retry) {
        super(12);
        setPadding(new Insets(14, 16, 14, 16));
        Label title = ProvenanceAudit.notAFigure(new Label(refused.name()), "a file's name");
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        Refusal r = refused.refusal();
        List<String> details = new ArrayList<>();
        details.add(r.file() == null ? refused.path().toString() : r.file().toString());
        if (r.where() != null) {
            details.add(r.where());
        }
        String what = r.problem().isEmpty() ? "It cannot be opened" : Character.toUpperCase(r.problem().charAt(0)) + r.problem().substring(1);
        getChildren().addAll(title, new ErrorCard(what, details, r.remedy() == null ? "" : r.remedy(), retry).kind(r.category().label()));
    }
}
