package vitrine.app.shell;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import javafx.beans.binding.Bindings;
import vitrine.app.program.ResultFolder;
import vitrine.app.program.SampleOffer;
import vitrine.app.services.Services;
import vitrine.resources.Samples;
import vitrine.views.anatomy.AnatomyView;
import vitrine.views.attention.AttentionView;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.attention.AttentionViewModel.Suggestion;
import vitrine.views.lora.AdapterText;
import vitrine.views.lora.LoraView;
import vitrine.views.rank.CalibrationText;
import vitrine.views.rank.RankView;
import vitrine.views.routing.RoutingView;
import vitrine.views.routing.RoutingViewModel;
import vitrine.views.runs.RunsView;
import vitrine.views.view.Subject;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;
import vitrine.views.tasks.ViewState;

/// Makes the views of the window's tabs and gives them what they need of the workspace.
final class ViewFactory {

    private final Services services;
    private final Questions questions;
    private final List<SampleOffer> samples;
    private final Consumer<List<Path>> opening;
    private final Consumer<Path> along;

    /// @param questions asks for files
    /// @param samples whose prompts and texts are suggested with their checkpoints
    /// @param opening opens what a view has made
    /// @param along shows the ranks of an adapter along a run, by its folder
    ViewFactory(Services services, Questions questions, List<SampleOffer> samples, Consumer<List<Path>> opening, Consumer<Path> along) {
        this.services = services;
        this.questions = questions;
        this.samples = samples;
        this.opening = opening;
        this.along = along;
    }

    /// Whether this version has such a view.
    static boolean has(ViewKind kind) {
        return kind == ViewKind.ANATOMY || kind == ViewKind.ATTENTION || kind == ViewKind.ROUTING || kind == ViewKind.RANK || kind == ViewKind.LORA || kind == ViewKind.RUNS;
    }

    /// A new view, if this version has such a one.
    Optional<View> make(ViewKind kind) {
        return switch (kind) {
            case ANATOMY -> Optional.of(new AnatomyView(services.board()));
            case ATTENTION -> Optional.of(attention());
            case RANK -> Optional.of(rank());
            case ROUTING -> Optional.of(routing());
            case LORA -> Optional.of(lora());
            case RUNS -> Optional.of(runs());
            case COMPARE -> Optional.empty();
        };
    }

    /// Remembers the last prompt of each checkpoint and takes it up again where none was typed since.
    private AttentionView attention() {
        AttentionView view = new AttentionView(services.board());
        Bindings.bindContent(view.openSubjects(), services.workspace().checkpoints());
        view.model().subjectProperty().addListener((o, old, now) -> {
            view.model().suggestions().setAll(suggestions(now));
            if (now != null && view.model().promptProperty().get().isBlank()) {
                services.state().prompt(now.path()).thenAcceptAsync(known -> known.ifPresent(text -> takeUp(view, now, text)), javafx.application.Platform::runLater);
            }
        });
        view.model().captureState().stateProperty().addListener((o, old, now) -> {
            Subject subject = view.model().subjectProperty().get();
            if (subject != null && now instanceof ViewState.Result<?>) {
                services.state().setPrompt(subject.path(), view.model().promptProperty().get());
            }
        });
        return view;
    }

    /// Offers the texts that are open, then those of the samples.
    private RankView rank() {
        RankView view = new RankView(services.board());
        Bindings.bindContent(view.openSubjects(), services.workspace().checkpoints());
        view.chooseFilesWith(() -> questions.files().stream().findFirst());
        view.keepPromptsWith(services.folders()::keepPrompt);
        Runnable offer = () -> view.model().texts().setAll(texts(view.model().subjectProperty().get()));
        services.workspace().texts().addListener((javafx.beans.InvalidationListener) o -> offer.run());
        view.model().subjectProperty().addListener((o, old, now) -> offer.run());
        offer.run();
        return view;
    }

    /// Offers the texts that are open, each as a domain, and measures over all of them unless others are chosen.
    private RoutingView routing() {
        RoutingView view = new RoutingView(services.board());
        Bindings.bindContent(view.openSubjects(), services.workspace().checkpoints());
        view.chooseFilesWith(() -> questions.files().stream().findFirst());
        Runnable offer = () -> view.model().offer(services.workspace().texts().stream().map(t -> RoutingViewModel.domain(t.path())).toList());
        services.workspace().texts().addListener((javafx.beans.InvalidationListener) o -> offer.run());
        offer.run();
        return view;
    }

    /// Offers the checkpoints and texts that are open, and the samples' texts.
    private RunsView runs() {
        RunsView view = new RunsView(services.runs());
        view.chooseFilesWith(() -> questions.files().stream().findFirst());
        view.openResultsWith(opening);
        view.showRanksWith(along);
        Runnable models = () -> view.offerModels(services.workspace().checkpoints());
        services.workspace().checkpoints().addListener((javafx.beans.InvalidationListener) o -> models.run());
        models.run();
        Runnable offer = () -> {
            List<CalibrationText> texts = texts(services.workspace().currentProperty().get());
            view.offerText(texts.stream().map(CalibrationText::name).toList(), texts.stream().map(CalibrationText::path).toList());
        };
        services.workspace().texts().addListener((javafx.beans.InvalidationListener) o -> offer.run());
        offer.run();
        return view;
    }

    /// Offers the open checkpoints as bases, the open adapters to compare with, and the open texts; those of samples come last.
    private LoraView lora() {
        LoraView view = new LoraView(services.board());
        Bindings.bindContent(view.model().bases(), services.workspace().checkpoints());
        Bindings.bindContent(view.model().adapters(), services.workspace().adapters());
        view.chooseFilesWith(questions::files);
        view.chooseFoldersWith(questions::newFolder);
        view.openWith(path -> opening.accept(List.of(path)));
        view.model().keepWith((artifact, target) -> ResultFolder.copy(artifact.folder(), target));
        Runnable offer = () -> {
            List<AdapterText> all = new ArrayList<>(texts(view.model().baseProperty().get()).stream().map(t -> new AdapterText(t.name(), t.path())).toList());
            // Files that were chosen by hand stay.
            view.model().chosenTexts().stream().filter(t -> !all.contains(t)).forEach(all::add);
            view.model().texts().setAll(all);
            if (view.model().chosenTexts().isEmpty()) {
                services.workspace().texts().forEach(t -> view.model().chosenTexts().add(new AdapterText(t.name(), t.path())));
            }
        };
        services.workspace().texts().addListener((javafx.beans.InvalidationListener) o -> offer.run());
        view.model().baseProperty().addListener((o, old, now) -> offer.run());
        offer.run();
        return view;
    }

    private List<CalibrationText> texts(Subject subject) {
        List<CalibrationText> out = new ArrayList<>();
        services.workspace().texts().forEach(t -> out.add(new CalibrationText(t.name(), t.path())));
        // A sample's own texts come first with it: they are what it was made for.
        samples.stream().sorted(Comparator.comparing(s -> !isOf(s, subject)))
                .forEach(s -> s.sample().texts().forEach(name -> out.add(new CalibrationText(name + " of " + s.sample().title(), s.folder().resolve(name)))));
        return out;
    }

    private static boolean isOf(SampleOffer sample, Subject subject) {
        return subject != null && sample.folder().toAbsolutePath().normalize().toString().equals(subject.path());
    }

    private List<Suggestion> suggestions(Subject subject) {
        return samples.stream().filter(s -> isOf(s, subject)).flatMap(s -> s.sample().prompts().stream()).map(ViewFactory::suggestion).toList();
    }

    /// A sample's prompt as the Attention view takes it.
    static Suggestion suggestion(Samples.Prompt p) {
        return new Suggestion(p.title(), p.text(), p.look(), new HeadId(p.layer(), p.head()));
    }

    private static void takeUp(AttentionView view, Subject subject, String prompt) {
        boolean untouched = view.model().promptProperty().get().isBlank() && subject.equals(view.model().subjectProperty().get());
        if (untouched && view.model().obstacle().isEmpty()) {
            view.model().promptProperty().set(prompt);
            view.model().run();
        }
    }

    /// Why a view has nothing to say about a subject, or empty.
    static String obstacle(ViewKind kind, Subject subject) {
        if (!has(kind)) {
            return kind.label() + " is not part of this version.";
        }
        if (kind == ViewKind.RUNS) {
            return "";
        }
        if (subject == null) {
            return "Open a checkpoint first.";
        }
        if (!subject.isAdapter()) {
            return switch (kind) {
                case ROUTING -> RoutingViewModel.obstacle(subject);
                case LORA -> subject.name() + " is a checkpoint. Open an adapter to see its ranks.";
                default -> "";
            };
        }
        return switch (kind) {
            case ATTENTION -> subject.name() + " is an adapter. Open its base to see attention.";
            case RANK -> subject.name() + " is an adapter. Open its base to see ranks.";
            case ROUTING -> RoutingViewModel.obstacle(subject);
            default -> "";
        };
    }
}
