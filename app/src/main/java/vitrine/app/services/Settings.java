package vitrine.app.services;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.app.preferences.Preference;
import vitrine.app.preferences.Preferences;
import vitrine.app.preferences.PreferencesFile;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.Engine;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.json.Json;
import vitrine.resources.Language;
import vitrine.views.chart.Theme;
import vitrine.views.control.Languages;
import vitrine.views.control.Themes;

/// What the user prefers, at work: a choice takes effect at once where it can, and is written to the file behind the window's back.
///
/// On the JavaFX thread.
public final class Settings {

    private static final Logger LOG = LoggerFactory.getLogger(Settings.class);
    private static final int PATIENCE_SECONDS = 2;

    /// Said where a language was chosen that this machine has no typeface for.
    public static final String NO_TYPEFACE = "This machine has no typeface with Chinese characters, so the window stays in English. Install one, such as Noto Sans CJK.";

    private final PreferencesFile file;
    private final Themes themes;
    private final Languages languages;
    private final Engine engine;
    private final Executor background;
    private final ReadOnlyObjectWrapper<Preferences> now;
    private CompletableFuture<Void> writing = CompletableFuture.completedFuture(null);

    Settings(PreferencesFile file, Themes themes, Languages languages, Engine engine, Executor background) {
        this.file = file;
        this.themes = themes;
        this.languages = languages;
        this.engine = engine;
        this.background = background;
        now = new ReadOnlyObjectWrapper<>(this, "now", file.read());
        speak();
    }

    /// Where they are kept.
    public PreferencesFile file() {
        return file;
    }

    /// What holds now.
    public ReadOnlyObjectProperty<Preferences> nowProperty() {
        return now.getReadOnlyProperty();
    }

    /// The look that is preferred.
    public static Theme look(Preferences preferences) {
        return switch (preferences.value(Preference.THEME)) {
            case "dark" -> Theme.DARK;
            case "light" -> Theme.LIGHT;
            default -> Themes.ofSystem();
        };
    }

    /// The language that is preferred, whether it can be shown or not.
    public static Language language(Preferences preferences) {
        return Language.ofTag(preferences.value(Preference.LANGUAGE)).orElseGet(() -> Language.of(Locale.getDefault()));
    }

    /// Why the window does not speak the language that is preferred; empty where it does.
    public Optional<String> unspoken() {
        return language(now.get()) == languages.languageProperty().get() ? Optional.empty() : Optional.of(NO_TYPEFACE);
    }

    /// Chooses a value, which must be in order.
    ///
    /// @param failed told in one sentence where it could not be written; the choice then holds until the end of the program
    public void choose(Preference p, String value, Consumer<String> failed) {
        now.set(now.get().with(p, value));
        switch (p) {
            case THEME -> themes.themeProperty().set(look(now.get()));
            case LANGUAGE -> speak();
            case THREADS, MEMORY -> {
                if (engine instanceof EmbeddedEngine e) {
                    e.startWith(WorkerCommand.embedded(now.get().threads(), now.get().memoryBytes()));
                }
            }
            // The Python is looked for by the commands that need it; the rest waits for the next start.
            case PYTHON, SCALE, DATA_FOLDER -> { }
        }
        writing = writing.handle((done, failure) -> null).thenRunAsync(() -> write(p, value), background);
        writing.exceptionallyAsync(e -> {
            Throwable cause = e instanceof CompletionException c ? c.getCause() : e;
            failed.accept(file.path() + " cannot be written (" + (cause instanceof UncheckedIOException io ? Json.reason(io.getCause()) : String.valueOf(cause.getMessage())) + ").");
            return null;
        }, Platform::runLater);
    }

    private void write(Preference p, String value) {
        try {
            file.set(p, value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void speak() {
        Language wanted = language(now.get());
        languages.languageProperty().set(Languages.canShow(wanted) ? wanted : Language.ENGLISH);
    }

    /// Waits a moment for what is being written.
    void finish() {
        try {
            writing.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            LOG.warn("the preferences were not written: {}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
