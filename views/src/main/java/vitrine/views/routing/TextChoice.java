package vitrine.views.routing;

import atlantafx.base.controls.Popover;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.task.Task;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;

/// Asks over which texts to measure: each is a domain of its own.
final class TextChoice {

    private final RoutingViewModel model;
    private Supplier<Optional<Path>> files = Optional::empty;

    TextChoice(RoutingViewModel model) {
        this.model = model;
    }

    /// How the window asks for a file.
    void filesFrom(Supplier<Optional<Path>> asking) {
        files = asking;
    }

    void show(Node owner) {
        Popovers.showForm(owner, Popover.ArrowLocation.TOP_LEFT, this::content);
    }

    /// The choice itself, for a popover and for pictures of it.
    Node content(Runnable close) {
        Map<CheckBox, Task.Domain> boxes = new LinkedHashMap<>();
        VBox list = new VBox(6);
        Label hint = new Label();
        hint.setWrapText(true);
        hint.setMaxWidth(300);
        hint.getStyleClass().add(Styles.CAPTION);
        Button go = Buttons.primary("Measure texts", () -> {
            model.compute(boxes.entrySet().stream().filter(e -> e.getKey().isSelected()).map(Map.Entry::getValue).toList());
            close.run();
        });
        Runnable arrange = () -> {
            long chosen = boxes.keySet().stream().filter(CheckBox::isSelected).count();
            hint.setText(boxes.isEmpty() ? "No text is open. Choose a text file or JSONL." : "Each text is a domain of its own; a line's own label wins over it.");
            go.setDisable(chosen == 0);
        };
        Runnable fill = () -> {
            boxes.clear();
            list.getChildren().clear();
            for (Task.Domain t : offered()) {
                CheckBox box = new CheckBox(t.name());
                box.setMnemonicParsing(false);
                box.setSelected(model.chosen().contains(t));
                box.selectedProperty().addListener((o, old, now) -> arrange.run());
                boxes.put(box, t);
            }
            list.getChildren().addAll(boxes.keySet());
            arrange.run();
        };
        fill.run();
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        Button file = Buttons.plain("Choose a file…", () -> files.get().ifPresent(p -> {
            Task.Domain added = new Task.Domain(freshName(domainName(p)), p.toAbsolutePath().normalize().toString());
            model.texts().add(added);
            model.chosen().add(added);
            fill.run();
        }));
        VBox box = new VBox(10, list, hint, new HBox(8, file, space, go));
        box.getStyleClass().add(Styles.POPOVER);
        return ProvenanceAudit.notAFigure(box, "a form");
    }

    private List<Task.Domain> offered() {
        Set<Task.Domain> all = new LinkedHashSet<>(model.texts());
        all.addAll(model.chosen());
        return new ArrayList<>(all);
    }

    private String freshName(String name) {
        Set<String> taken = new LinkedHashSet<>();
        offered().forEach(t -> taken.add(t.name()));
        String free = name;
        for (int i = 2; taken.contains(free); i++) {
            free = name + " " + i;
        }
        return free;
    }

    /// A file's name without its ending, as `vitrine routing` names a text that was given none.
    static String domainName(Path file) {
        String name = file.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }
}
