package vitrine.views.control;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.Property;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.value.ChangeListener;
import javafx.beans.value.ObservableValue;
import javafx.collections.ListChangeListener;
import javafx.collections.ObservableMap;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.Scene;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Labeled;
import javafx.scene.control.Menu;
import javafx.scene.control.MenuItem;
import javafx.scene.control.TableColumnBase;
import javafx.scene.control.TableView;
import javafx.scene.control.TextInputControl;
import javafx.scene.control.Tooltip;
import javafx.scene.control.TreeTableView;
import javafx.scene.text.Font;
import javafx.scene.text.Text;
import javafx.stage.PopupWindow;
import javafx.stage.Window;
import org.kordamp.ikonli.javafx.FontIcon;
import vitrine.resources.Language;
import vitrine.resources.Sentences;
import vitrine.resources.Styles;
import vitrine.views.chart.SpokenFigures;

/// Speaks another language in scenes that were written in English, and changes it while they are shown.
///
/// View code writes plain English and knows nothing of this: labels, buttons, tooltips, menus, table heads, prompts of fields and the words on figures are
/// replaced where they are shown, as soon as they are set, by what [Sentences] has for them. Text in the mono face is data (tokens, tensor names, numbers,
/// command lines) and stays, as does all that somebody typed. While the language is English nothing is watched at all.
public final class Languages {

    private static final String WATCHED = "vitrine.language";
    private static final Set<String> DATA = Set.of(Styles.MONO, "vt-formula", "vt-guide-text", "vt-token", "vt-command", Styles.KEY_CAP);

    private final ObjectProperty<Language> language = new SimpleObjectProperty<>(this, "language", Language.ENGLISH);
    private final List<Scene> scenes = new ArrayList<>();
    private Sentences sentences = Sentences.of(Language.ENGLISH);

    public Languages() {
        language.addListener((o, old, now) -> {
            sentences = Sentences.of(now);
            scenes.forEach(this::say);
        });
        Window.getWindows().addListener((ListChangeListener<Window>) change -> {
            while (change.next()) {
                change.getAddedSubList().forEach(this::popup);
            }
        });
    }

    /// The language of all scenes; set it to change them.
    public ObjectProperty<Language> languageProperty() {
        return language;
    }

    /// A sentence in the present language, for what is no node, such as a window's title.
    public String of(String english) {
        return sentences.of(english);
    }

    /// Speaks the present language in a scene, and every later one.
    public void follow(Scene scene) {
        scenes.add(scene);
        if (language.get() != Language.ENGLISH) {
            say(scene);
        }
        scene.rootProperty().addListener((o, old, now) -> {
            if (language.get() != Language.ENGLISH) {
                say(scene);
            }
        });
    }

    /// Whether this machine has a typeface for a language: Chinese characters without one are all drawn as the same empty box.
    public static boolean canShow(Language asked) {
        return asked == Language.ENGLISH || !Glyphs.alike("注", "意", Font.font("Inter", 13));
    }

    private void say(Scene scene) {
        SpokenFigures.speak(scene, sentences::of);
        walk(scene.getRoot());
    }

    private void popup(Window window) {
        if (window instanceof PopupWindow && (language.get() != Language.ENGLISH || window.getProperties().containsKey(WATCHED))) {
            window.getProperties().put(WATCHED, true);
            switch (window) {
                case Tooltip tip -> watch(tip.getProperties(), tip.textProperty());
                case ContextMenu menu -> menu.getItems().forEach(this::item);
                default -> { }
            }
            if (window.getScene() != null) {
                say(window.getScene());
            }
        }
    }

    private void item(MenuItem item) {
        watch(item.getProperties(), item.textProperty());
        if (item instanceof Menu menu) {
            menu.getItems().forEach(this::item);
        }
    }

    private void walk(Node node) {
        switch (node) {
            case Labeled l when !isData(l) -> watch(l.getProperties(), l.textProperty());
            case TextInputControl t -> {
                watch(t.getProperties(), t.promptTextProperty());
                return;
            }
            case FontIcon ignored -> {
                return;
            }
            case Text t when !(t.getParent() instanceof Labeled) && !isData(t) -> watch(t.getProperties(), t.textProperty());
            case TableView<?> table -> table.getColumns().forEach(this::column);
            case TreeTableView<?> table -> table.getColumns().forEach(this::column);
            default -> { }
        }
        if (node.getAccessibleText() != null) {
            watch(node.getProperties(), node.accessibleTextProperty());
        }
        if (node instanceof Parent p && !(node instanceof TokenStrip)) {
            if (p.getProperties().putIfAbsent(WATCHED + ".children", true) == null) {
                p.getChildrenUnmodifiable().addListener((ListChangeListener<Node>) change -> {
                    while (change.next()) {
                        change.getAddedSubList().forEach(this::walk);
                    }
                });
            }
            // A list that changes while it is walked, such as a cell that makes its graphic anew, is walked by its listener.
            List.copyOf(p.getChildrenUnmodifiable()).forEach(this::walk);
        }
    }

    private void column(TableColumnBase<?, ?> column) {
        watch(column.getProperties(), column.textProperty());
        column.getColumns().forEach(this::column);
    }

    private static boolean isData(Node node) {
        if (node.getStyleClass().stream().anyMatch(DATA::contains)) {
            return true;
        }
        Font font = node instanceof Labeled l ? l.getFont() : node instanceof Text t ? t.getFont() : null;
        return font != null && font.getFamily().startsWith("JetBrains");
    }

    private void watch(ObservableMap<Object, Object> properties, Property<String> property) {
        Object key = WATCHED + "." + property.getName();
        if (properties.get(key) instanceof Spoken spoken) {
            spoken.say();
        } else if (!property.isBound()) {
            Spoken spoken = new Spoken(property);
            properties.put(key, spoken);
            property.addListener(spoken);
            spoken.say();
        }
    }

    /// A text that remembers its English.
    private final class Spoken implements ChangeListener<String> {

        private final Property<String> property;
        private String english;
        private boolean saying;

        Spoken(Property<String> property) {
            this.property = property;
            english = property.getValue();
        }

        @Override
        public void changed(ObservableValue<? extends String> o, String old, String now) {
            if (!saying) {
                english = now;
                say();
            }
        }

        void say() {
            if (english == null || property.isBound()) {
                return;
            }
            String said = sentences.of(english);
            if (!said.equals(property.getValue())) {
                saying = true;
                property.setValue(said);
                saying = false;
            }
        }
    }
}
