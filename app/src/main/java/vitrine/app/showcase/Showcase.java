package vitrine.app.showcase;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import javafx.scene.Parent;
import javafx.stage.Stage;
import javax.imageio.ImageIO;
import vitrine.app.picture.Toolkit;
import vitrine.app.preferences.Preference;
import vitrine.app.preferences.Preferences;
import vitrine.app.program.Folders;
import vitrine.app.services.Services;
import vitrine.app.shell.MainWindow;
import vitrine.app.shell.Questions;
import vitrine.app.program.SampleOffer;
import vitrine.core.files.Whole;
import vitrine.views.chart.ScenePng;
import vitrine.views.chart.Theme;
import vitrine.app.workspace.Recognised;
import vitrine.views.compare.CompareView;
import vitrine.views.compare.ComparedText;
import vitrine.views.lora.LoraView;
import vitrine.views.rank.RankView;
import vitrine.views.routing.RoutingView;
import vitrine.views.routing.RoutingViewModel;
import vitrine.views.runs.RunsView;
import vitrine.views.view.ViewKind;

/// The whole window with the bundled samples, and with what was named to be opened, drawn to files where there is no display to show it on.
public final class Showcase {

    private static final double PATIENCE_SECONDS = 300;
    /// Of the row that Routing shows first: the one that is selected.
    private static final int TOKEN = 17;
    private static final int WIDTH = 1440;
    private static final int HEIGHT = 900;
    /// What the sample adapter was trained for.
    private static final String LETTER = "At the mill, Monday morning\nDear Una,\nThank you for your letter. The autumn has come early.\nPlease write to me";
    /// For an adapter that was opened.
    private static final String PROMPT = "KING HENRY:\nMy lord, I'll be such as";

    private final Services services;
    private final MainWindow window;
    private final Path folder;
    private final List<Path> written = new ArrayList<>();

    private Showcase(Services services, MainWindow window, Path folder) {
        this.services = services;
        this.window = window;
        this.folder = folder;
    }

    /// Draws start page, every view that a sample is made for, and LoRA or Routing of what is opened; Runs where there are any.
    ///
    /// @param paths to open: a mixture of experts, or an adapter and its base, and texts to measure over; none where empty
    /// @return the files that were written
    public static List<Path> draw(Folders folders, List<Path> paths) throws IOException {
        Toolkit.startHeadless();
        List<SampleOffer> samples = SampleOffer.all(folders);
        try (Services services = Toolkit.onThread(() -> Services.of(folders, Preferences.USUAL.with(Preference.THEME, "dark").with(Preference.LANGUAGE, "en")))) {
            Path folder = Files.createDirectories(folders.home().resolve("pictures"));
            MainWindow window = Toolkit.onThread(() -> onStage(services, samples));
            Showcase showcase = new Showcase(services, window, folder);
            showcase.drawSamples(samples);
            showcase.drawOpened(paths);
            return showcase.written;
        }
    }

    private static MainWindow onStage(Services services, List<SampleOffer> samples) {
        Stage stage = new Stage();
        MainWindow window = new MainWindow(services, stage, NOBODY, samples);
        stage.show();
        return window;
    }

    /// Nobody is there to be asked.
    private static final Questions NOBODY = new Questions() {
        @Override
        public Optional<Path> folder() {
            return Optional.empty();
        }

        @Override
        public List<Path> files() {
            return List.of();
        }

        @Override
        public Optional<Path> target(String name, String description) {
            return Optional.empty();
        }
    };

    private void drawSamples(List<SampleOffer> samples) throws IOException {
        settle();
        picture("start-dark");
        for (SampleOffer sample : samples) {
            CompletableFuture<Recognised> opened = Toolkit.onThread(() -> window.openSample(sample));
            // Opening is done when the view is in front; its figures come after.
            Toolkit.await(opened::isDone, PATIENCE_SECONDS);
            settle();
            switch (sample.sample().best()) {
                case ATTENTION -> dense();
                case ROUTING -> measuredRouting("routing");
                case LORA -> {
                    measuredLora("lora");
                    compare("compare", LETTER, sample.texts());
                }
            }
        }
        runs();
    }

    /// What a plain checkpoint shows.
    private void dense() throws IOException {
        both("attention");
        Toolkit.onThread(() -> {
            window.commands().named("Go to " + ViewKind.ANATOMY.label()).run();
            return null;
        });
        settle();
        both("anatomy");
        Toolkit.onThread(() -> {
            window.commands().named("Go to " + ViewKind.RANK.label()).run();
            window.present().filter(RankView.class::isInstance).map(RankView.class::cast).ifPresent(v -> v.model().compute());
            return null;
        });
        settle();
        Toolkit.await(() -> window.present().filter(RankView.class::isInstance).map(v -> ((RankView) v).model().settled()).orElse(true), PATIENCE_SECONDS);
        both("rank");
    }

    private void runs() throws IOException {
        if (Toolkit.onThread(() -> !services.runs().rows().isEmpty())) {
            Toolkit.onThread(() -> {
                window.commands().named("Go to " + ViewKind.RUNS.label()).run();
                return null;
            });
            Toolkit.await(() -> window.present().filter(RunsView.class::isInstance).map(v -> ((RunsView) v).model().shownProperty().get() != null).orElse(true), PATIENCE_SECONDS);
            both("runs");
        }
    }

    private void drawOpened(List<Path> paths) throws IOException {
        if (paths.isEmpty()) {
            return;
        }
        // The samples would be more bases to choose from.
        Toolkit.onThread(() -> {
            List.copyOf(services.workspace().subjects()).forEach(services.workspace()::close);
            return null;
        });
        CompletableFuture<List<Recognised>> opened = Toolkit.onThread(() -> window.open(paths.stream().map(p -> p.toAbsolutePath().normalize()).toList()));
        Toolkit.await(opened::isDone, PATIENCE_SECONDS);
        if (Toolkit.onThread(() -> services.workspace().currentProperty().get() != null && services.workspace().currentProperty().get().isAdapter())) {
            lora();
        } else {
            routing();
        }
    }

    /// An adapter on the last checkpoint, with losses over the texts.
    private void lora() throws IOException {
        Toolkit.onThread(() -> {
            window.commands().named("Go to " + ViewKind.LORA.label()).run();
            return null;
        });
        settle();
        measuredLora("lora-opened");
        compare("compare-opened", PROMPT, List.of());
    }

    /// The LoRA view as it is in front, with losses.
    private void measuredLora(String name) throws IOException {
        Toolkit.onThread(() -> {
            window.present().filter(LoraView.class::isInstance).map(LoraView.class::cast).ifPresent(v -> v.model().measure());
            return null;
        });
        settle();
        both(name);
    }

    /// The base and the base with the adapter, over the texts and a prompt out of them.
    ///
    /// @param texts to measure over besides those that are open
    private void compare(String name, String prompt, List<Path> texts) throws IOException {
        Toolkit.onThread(() -> {
            window.commands().named("Go to " + ViewKind.COMPARE.label()).run();
            window.present().filter(CompareView.class::isInstance).map(CompareView.class::cast).ifPresent(v -> {
                texts.forEach(t -> v.model().chosenTexts().add(new ComparedText(t.getFileName().toString(), t)));
                v.model().promptProperty().set(prompt);
            });
            return null;
        });
        settle();
        both(name);
    }

    private void routing() throws IOException {
        Toolkit.onThread(() -> {
            window.commands().named("Go to " + ViewKind.ROUTING.label()).run();
            onRouting(RoutingViewModel::compute);
            return null;
        });
        settle();
        measuredRouting("routing-opened");
    }

    /// The Routing view as it is in front, with what one expert is worth.
    private void measuredRouting(String name) throws IOException {
        Toolkit.await(() -> window.present().filter(RoutingView.class::isInstance).map(v -> ((RoutingView) v).model().settled()).orElse(true), PATIENCE_SECONDS);
        Toolkit.onThread(() -> {
            onRouting(m -> {
                m.switchOff();
                m.lookAt(TOKEN);
            });
            return null;
        });
        settle();
        both(name);
    }

    private void onRouting(Consumer<RoutingViewModel> what) {
        window.present().filter(RoutingView.class::isInstance).map(v -> ((RoutingView) v).model()).ifPresent(what);
    }

    /// Until nothing is under way.
    private void settle() {
        Toolkit.await(() -> services.board().rows().stream().allMatch(r -> r.state().over()), PATIENCE_SECONDS);
    }

    private void both(String name) throws IOException {
        picture(name + "-dark");
        Toolkit.onThread(() -> {
            services.themes().themeProperty().set(Theme.LIGHT);
            return null;
        });
        settle();
        picture(name + "-light");
        Toolkit.onThread(() -> {
            services.themes().themeProperty().set(Theme.DARK);
            return null;
        });
    }

    private void picture(String name) throws IOException {
        BufferedImage image = Toolkit.onThread(() -> {
            Parent root = window.scene().getRoot();
            root.resize(WIDTH, HEIGHT);
            root.applyCss();
            root.layout();
            return ScenePng.take(root, 1);
        });
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        Path file = folder.resolve(name + ".png");
        Whole.write(file, bytes.toByteArray());
        written.add(file);
    }
}
