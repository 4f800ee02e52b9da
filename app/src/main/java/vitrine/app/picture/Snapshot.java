package vitrine.app.picture;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javafx.scene.Scene;
import javafx.scene.layout.StackPane;
import javafx.stage.Stage;
import vitrine.app.program.Version;
import vitrine.app.workspace.Recognised;
import vitrine.core.engine.Engine;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.resources.Styles;
import vitrine.views.anatomy.AnatomyView;
import vitrine.views.attention.AttentionView;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;
import vitrine.views.lora.AdapterText;
import vitrine.views.lora.LoraView;
import vitrine.views.rank.RankView;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// A view of a result, drawn without a display by the code that draws it in the window.
///
/// @param head the head to show large, or null; Attention only
/// @param base the checkpoint that an adapter is shown on, or null; LoRA only
/// @param texts to measure losses of an adapter over; LoRA only
/// @param width of the view in logical pixels
/// @param scale pixels per logical pixel of a PNG
public record Snapshot(ViewKind view, Path artifact, HeadId head, Path base, List<Path> texts, double width, double height, Theme theme, double scale) {

    private static final double PATIENCE_SECONDS = 600;

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
        if (shown instanceof LoraView lora) {
            Toolkit.onThread(lora.model()::failure).ifPresent(why -> {
                throw Refusal.of(Category.TASK_INVALID, artifact, "it cannot be drawn: %s", why);
            });
            if (!texts.isEmpty()) {
                Toolkit.onThread(() -> {
                    texts.forEach(t -> lora.model().chosenTexts().add(new AdapterText(t.getFileName().toString(), t)));
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
            case ROUTING, RUNS, COMPARE -> throw Refusal.of(Category.TASK_INVALID, null, "the view %s is not part of this version", view.label());
        };
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
