package vitrine.app.picture;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javafx.scene.Scene;
import javafx.scene.layout.StackPane;
import javafx.stage.Stage;
import vitrine.app.program.Version;
import vitrine.app.workspace.Recognised;
import vitrine.core.engine.Engine;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.resources.Styles;
import vitrine.views.anatomy.AnatomyView;
import vitrine.views.attention.AttentionView;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;
import vitrine.views.evaluation.EvaluationView;
import vitrine.views.lora.AdapterText;
import vitrine.views.compare.CompareView;
import vitrine.views.lora.LoraView;
import vitrine.views.rank.RankView;
import vitrine.views.routing.RoutingView;
import vitrine.views.routing.RoutingViewModel;
import vitrine.views.runs.RunBoard;
import vitrine.views.runs.RunsView;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// A view of a result, drawn without a display by the code that draws it in the window.
///
/// @param head the head to show large, or null; Attention only
/// @param base the checkpoint that an adapter is shown on, or null; LoRA only
/// @param data texts to measure over; Routing of a checkpoint, and LoRA with a base
/// @param width of the view in logical pixels
/// @param scale pixels per logical pixel of a PNG
public record Snapshot(ViewKind view, Path artifact, HeadId head, Path base, List<Task.Domain> data, double width, double height, Theme theme, double scale) {

    private static final double PATIENCE_SECONDS = 600;
    private static final double RUN_SECONDS = 20;

    /// Draws to a file; its ending, `.png` or `.svg`, says how.
    ///
    /// @param engine for what the view computes by itself, such as histograms of a checkpoint's tensors
    /// @throws Refusal where the artifact cannot be shown in this view
    public void draw(Path out, Engine engine) throws IOException {
        Toolkit.startHeadless();
        Themes themes = Toolkit.onThread(() -> new Themes(theme));
        TaskBoard board = new TaskBoard(engine, javafx.application.Platform::runLater);
        View shown = Toolkit.onThread(() -> load(board));
        Stage stage = Toolkit.onThread(() -> onStage(shown, themes));
        if (!Toolkit.await(() -> board.rows().stream().allMatch(r -> r.state().over()), PATIENCE_SECONDS)) {
            throw new IOException("what the view asks for did not come within " + (int) PATIENCE_SECONDS + " s");
        }
        if (shown instanceof RankView rank) {
            Toolkit.await(rank.model()::settled, PATIENCE_SECONDS);
            Toolkit.onThread(rank.model()::failure).ifPresent(why -> {
                throw Refusal.of(Category.TASK_INVALID, artifact, "its ranks cannot be drawn: %s", why);
            });
        }
        if (shown instanceof RoutingView routing) {
            Toolkit.await(routing.model()::settled, PATIENCE_SECONDS);
            Toolkit.onThread(routing.model()::failure).ifPresent(why -> {
                throw Refusal.of(Category.TASK_INVALID, artifact, "its routing cannot be drawn: %s", why);
            });
        }
        if (shown instanceof RunsView runs && !Toolkit.await(() -> runs.model().shownProperty().get() != null, RUN_SECONDS)) {
            throw Refusal.of(Category.NOT_FOUND, artifact, "there is no such run in the store");
        }
        if (shown instanceof LoraView lora) {
            Toolkit.onThread(lora.model()::failure).ifPresent(why -> {
                throw Refusal.of(Category.TASK_INVALID, artifact, "it cannot be drawn: %s", why);
            });
            if (!data.isEmpty()) {
                Toolkit.onThread(() -> {
                    data.forEach(d -> lora.model().chosenTexts().add(new AdapterText(Path.of(d.file()).getFileName().toString(), Path.of(d.file()))));
                    lora.model().measure();
                    return null;
                });
                Toolkit.await(() -> board.rows().stream().allMatch(r -> r.state().over()), PATIENCE_SECONDS);
                Toolkit.onThread(lora.model()::failure).ifPresent(why -> {
                    throw Refusal.of(Category.TASK_INVALID, artifact, "its losses cannot be drawn: %s", why);
                });
            }
        }
        try {
            Toolkit.onThread(() -> {
                Export export = new Export(shown, themes, artifact.getFileName() + " · " + shown.exportName() + " · Vitrine " + Version.NUMBER);
                if (out.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".svg")) {
                    export.svg(out, theme);
                } else {
                    export.png(out, theme, scale);
                }
                stage.close();
                return null;
            });
        } catch (IllegalStateException e) {
            if (e.getCause() instanceof IOException io) {
                throw io;
            }
            throw e;
        }
    }

    private View load(TaskBoard board) {
        if ((view == ViewKind.RANK || view == ViewKind.ATTENTION) && EvaluationView.shows(artifact)) {
            EvaluationView v = new EvaluationView();
            v.open(artifact);
            return v;
        }
        return switch (view) {
            case ATTENTION -> {
                AttentionView v = new AttentionView(board);
                v.open(artifact);
                if (head != null) {
                    v.model().headProperty().set(head);
                }
                yield v;
            }
            case ANATOMY -> {
                AnatomyView v = new AnatomyView(board);
                switch (Recognised.look(artifact)) {
                    case Recognised.Model m -> v.show(m.subject());
                    case Recognised.Refused r -> throw r.refusal();
                    case Recognised.Result ignored -> v.open(artifact);
                    case Recognised.Text ignored -> throw Refusal.of(Category.ARTIFACT_INVALID, artifact, "it is a text; Anatomy shows checkpoints and their statistics");
                }
                yield v;
            }
            case RANK -> {
                RankView v = new RankView(board);
                switch (Recognised.look(artifact)) {
                    case Recognised.Model m when m.subject().isAdapter() -> throw Refusal.of(Category.TASK_INVALID, artifact, "it is an adapter; Rank shows checkpoints, and results of spectrum and rank");
                    case Recognised.Model m -> {
                        v.show(m.subject());
                        v.model().compute();
                    }
                    case Recognised.Refused r -> throw r.refusal();
                    case Recognised.Result ignored -> v.open(artifact);
                    case Recognised.Text ignored -> throw Refusal.of(Category.ARTIFACT_INVALID, artifact, "it is a text; Rank shows checkpoints, and results of spectrum and rank");
                }
                yield v;
            }
            case ROUTING -> routing(board);
            case RUNS -> runs();
            case LORA -> {
                LoraView v = new LoraView(board);
                switch (Recognised.look(artifact)) {
                    case Recognised.Model m when !m.subject().isAdapter() -> throw Refusal.of(Category.TASK_INVALID, artifact, "it is a checkpoint; LoRA shows adapters, and results of adapter and adapter compare");
                    case Recognised.Model m -> {
                        if (base != null) {
                            switch (Recognised.look(base)) {
                                case Recognised.Model b when !b.subject().isAdapter() -> v.model().bases().add(b.subject());
                                case Recognised.Refused r -> throw r.refusal();
                                default -> throw Refusal.of(Category.TASK_INVALID, base, "it is no checkpoint; --model names the adapter's base");
                            }
                        }
                        v.show(m.subject());
                    }
                    case Recognised.Refused r -> throw r.refusal();
                    case Recognised.Result ignored -> v.open(artifact);
                    case Recognised.Text ignored -> throw Refusal.of(Category.ARTIFACT_INVALID, artifact, "it is a text; LoRA shows adapters, and results of adapter and adapter compare");
                }
                yield v;
            }
            case COMPARE -> {
                CompareView v = new CompareView(board);
                switch (Recognised.look(artifact)) {
                    case Recognised.Result ignored -> v.open(artifact);
                    case Recognised.Refused r -> throw r.refusal();
                    default -> throw Refusal.of(Category.TASK_INVALID, artifact, "it is no result of compare, and those are what Compare shows").help("Make one with vitrine compare A B --out NAME.");
                }
                yield v;
            }
        };
    }

    private RoutingView routing(TaskBoard board) {
        RoutingView v = new RoutingView(board);
        switch (Recognised.look(artifact)) {
            case Recognised.Model m -> {
                String obstacle = RoutingViewModel.obstacle(m.subject());
                if (!obstacle.isEmpty()) {
                    throw Refusal.of(Category.TASK_INVALID, artifact, "%s", obstacle);
                }
                if (data.isEmpty()) {
                    throw Refusal.of(Category.TASK_INVALID, artifact, "routing is measured over texts, and --data names none").help("Add --data NAME=FILE, once for each text.");
                }
                v.show(m.subject());
                v.model().chosen().setAll(data);
                v.model().compute();
            }
            case Recognised.Refused r -> throw r.refusal();
            case Recognised.Result ignored -> v.open(artifact);
            case Recognised.Text ignored -> throw Refusal.of(Category.ARTIFACT_INVALID, artifact, "it is a text; Routing shows checkpoints with experts, and results of routing");
        }
        return v;
    }

    /// A run of the store by its folder, as far as it is; the result of one by what its folder holds.
    private View runs() {
        Path store = artifact.getParent();
        boolean known = artifact.getFileName().toString().matches("\\d{1,9}") && Files.exists(store.resolve("runs.db"));
        RunBoard runs = new RunBoard(known ? store : artifact, Json.object(), (arguments, said) -> {
            throw new IllegalStateException("a picture starts nothing");
        }, javafx.application.Platform::runLater);
        RunsView v = new RunsView(runs);
        if (known) {
            v.model().show(Long.parseLong(artifact.getFileName().toString()));
            runs.watch();
        } else {
            v.open(artifact);
        }
        return v;
    }

    private Stage onStage(View shown, Themes themes) {
        StackPane body = new StackPane(shown.body());
        body.getStyleClass().add(Styles.CANVAS);
        Scene scene = new Scene(new StackPane(body), width, height);
        themes.dress(scene);
        Stage stage = new Stage();
        stage.setScene(scene);
        stage.show();
        scene.getRoot().resize(width, height);
        scene.getRoot().applyCss();
        scene.getRoot().layout();
        return stage;
    }}
