package vitrine.app.shell;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import javafx.beans.InvalidationListener;
import javafx.beans.binding.Bindings;
import javafx.collections.ObservableList;
import vitrine.app.program.ResultFolder;
import vitrine.app.program.SampleOffer;
import vitrine.app.services.Services;
import vitrine.app.workspace.Recognised;
import vitrine.core.run.RunRecord;
import vitrine.resources.Samples;
import vitrine.views.anatomy.AnatomyView;
import vitrine.views.attention.AttentionView;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.attention.AttentionViewModel.Suggestion;
import vitrine.views.compare.Candidate;
import vitrine.views.compare.CompareView;
import vitrine.views.compare.CompareViewModel;
import vitrine.views.compare.ComparedText;
import vitrine.views.evaluation.EvaluationView;
import vitrine.views.lora.AdapterText;
import vitrine.views.lora.LoraView;
import vitrine.views.rank.CalibrationText;
import vitrine.views.rank.RankView;
import vitrine.views.routing.RoutingView;
import vitrine.views.routing.RoutingViewModel;
import vitrine.views.runs.RunsView;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// Makes the views of the window's tabs and gives them what they need of the workspace.
final class ViewFactory {

    private final Services services;
    private final Questions questions;
    private final List<SampleOffer> samples;
    private final Consumer<List<Path>> opening;
    private final Consumer<Path> along;
    private final BiConsumer<RunRecord, RunRecord> comparing;
    private final Consumer<ObjectNode> pruning;

    private final Map<View, List<Runnable>> endings = new IdentityHashMap<>();

    /// @param questions asks for files
    /// @param samples whose prompts and texts are suggested with their checkpoints
    /// @param opening opens what a view has made
    /// @param along shows the ranks of an adapter along a run, by its folder
    /// @param comparing compares the results of two runs; of a run with itself, its model with its result
    /// @param pruning opens the form of a pruning run, by its task
    ViewFactory(Services services, Questions questions, List<SampleOffer> samples, Consumer<List<Path>> opening, Consumer<Path> along, BiConsumer<RunRecord, RunRecord> comparing,
                Consumer<ObjectNode> pruning) {
        this.services = services;
        this.questions = questions;
        this.samples = samples;
        this.opening = opening;
        this.along = along;
        this.comparing = comparing;
        this.pruning = pruning;
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
            case COMPARE -> Optional.of(compare());
        };
    }

    /// A view for a result that was made before.
    Optional<View> result(Recognised.Result result) {
        return EvaluationView.shows(result.path()) ? Optional.of(new EvaluationView()) : make(result.view());
    }

    /// Keeps a view up to date with something that outlives it.
    private void follow(View view, ObservableList<?> list, Runnable offer) {
        InvalidationListener listener = o -> offer.run();
        list.addListener(listener);
        endings.computeIfAbsent(view, v -> new ArrayList<>()).add(() -> list.removeListener(listener));
    }

    /// Lets go of a view that was closed: what is open would hold it, with its figures, until the end of the program.
    void forget(View view) {
        Optional.ofNullable(endings.remove(view)).ifPresent(all -> all.forEach(Runnable::run));
    }

    /// Remembers the last prompt of each checkpoint and takes it up again where none was typed since.
    private AttentionView attention() {
        AttentionView view = new AttentionView(services.board());
        view.permanentlyWith(pruning);
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
        view.pruneWith(pruning);
        Bindings.bindContent(view.openSubjects(), services.workspace().checkpoints());
        view.chooseFilesWith(() -> questions.files().stream().findFirst());
        view.keepPromptsWith(services.folders()::keepPrompt);
        Runnable offer = () -> view.model().texts().setAll(texts(view.model().subjectProperty().get()));
        follow(view, services.workspace().texts(), offer);
        view.model().subjectProperty().addListener((o, old, now) -> offer.run());
        offer.run();
        return view;
    }

    /// Offers the texts that are open, each as a domain, and measures over all of them unless others are chosen; where none is open, a sample's own.
    private RoutingView routing() {
        RoutingView view = new RoutingView(services.board());
        view.pruneWith(pruning);
        Bindings.bindContent(view.openSubjects(), services.workspace().checkpoints());
        view.chooseFilesWith(() -> questions.files().stream().findFirst());
        Runnable offer = () -> {
            List<Path> open = services.workspace().texts().stream().map(t -> t.path()).toList();
            Subject subject = view.model().subjectProperty().get();
            view.model().offer((open.isEmpty() ? samples.stream().filter(s -> isOf(s, subject)).flatMap(s -> s.texts().stream()).toList() : open).stream().map(RoutingViewModel::domain).toList());
        };
        follow(view, services.workspace().texts(), offer);
        view.model().subjectProperty().addListener((o, old, now) -> offer.run());
        offer.run();
        return view;
    }

    /// Offers the checkpoints and texts that are open, and the samples' texts.
    private RunsView runs() {
        RunsView view = new RunsView(services.runs(), services.board());
        view.chooseFilesWith(() -> questions.files().stream().findFirst());
        view.exportJobsWith(() -> questions.target("train.sbatch", "Batch script"));
        view.findPythonsWith(services.pythons());
        view.openResultsWith(opening);
        view.compareResultsWith(comparing);
        view.compareBeforeWith(run -> comparing.accept(run, run));
        view.showRanksWith(along);
        Runnable models = () -> view.offerModels(services.workspace().checkpoints());
        follow(view, services.workspace().checkpoints(), models);
        models.run();
        Runnable offer = () -> {
            List<CalibrationText> texts = texts(services.workspace().currentProperty().get());
            view.offerText(texts.stream().map(CalibrationText::name).toList(), texts.stream().map(CalibrationText::path).toList());
        };
        follow(view, services.workspace().texts(), offer);
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
        List<AdapterText> taken = new ArrayList<>();
        Runnable offer = () -> {
            List<AdapterText> all = new ArrayList<>(texts(view.model().baseProperty().get()).stream().map(t -> new AdapterText(t.name(), t.path())).toList());
            Subject adapter = view.model().subjectProperty().get();
            List<AdapterText> own = samples.stream().filter(s -> adapter != null && adapter.isAdapter() && isOf(s, adapter)).flatMap(s -> s.texts().stream())
                    .map(t -> new AdapterText(t.getFileName().toString(), t)).toList();
            // It goes without saying whose they are.
            all.replaceAll(t -> own.stream().filter(o -> o.path().equals(t.path())).findFirst().orElse(t));
            if (own.isEmpty() && !taken.isEmpty() && taken.equals(view.model().chosenTexts())) {
                // Nobody chose what a sample brought along.
                view.model().chosenTexts().clear();
            }
            // Files that were chosen by hand stay.
            view.model().chosenTexts().stream().filter(t -> !all.contains(t)).forEach(all::add);
            view.model().texts().setAll(all);
            if (view.model().chosenTexts().isEmpty()) {
                services.workspace().texts().forEach(t -> view.model().chosenTexts().add(new AdapterText(t.name(), t.path())));
                // A sample was trained for its own.
                taken.clear();
                if (services.workspace().texts().isEmpty()) {
                    taken.addAll(own);
                    view.model().chosenTexts().addAll(own);
                }
            }
        };
        follow(view, services.workspace().texts(), offer);
        view.model().baseProperty().addListener((o, old, now) -> offer.run());
        view.model().subjectProperty().addListener((o, old, now) -> offer.run());
        offer.run();
        return view;
    }

    /// Offers what is open and the results of runs; measures over the open texts, on the prompt that was last used with A.
    private CompareView compare() {
        CompareView view = new CompareView(services.board());
        CompareViewModel model = view.model();
        view.chooseFilesWith(questions::files);
        Runnable prompt = () -> {
            if (model.aProperty().get() != null && model.promptProperty().get().isBlank()) {
                String path = model.aProperty().get().model();
                services.state().prompt(path).thenAcceptAsync(known -> known.filter(t -> model.promptProperty().get().isBlank()).ifPresent(model.promptProperty()::set),
                        javafx.application.Platform::runLater);
            }
        };
        model.aProperty().addListener((o, old, now) -> prompt.run());
        Runnable offer = () -> {
            model.texts().setAll(texts(services.workspace().currentProperty().get()).stream().map(t -> new ComparedText(t.name(), t.path())).toList());
            if (model.chosenTexts().isEmpty()) {
                model.chosenTexts().addAll(services.workspace().texts().stream().map(t -> new ComparedText(t.name(), t.path())).toList());
            }
        };
        follow(view, services.workspace().texts(), offer);
        offer.run();
        Runnable results = () -> {
            List<Candidate> now = services.runs().rows().stream().map(r -> RunResults.candidate(r.run())).flatMap(Optional::stream).toList();
            if (!now.equals(model.results())) {
                model.results().setAll(now);
            }
        };
        follow(view, services.runs().rows(), results);
        results.run();
        Bindings.bindContent(model.checkpoints(), services.workspace().checkpoints());
        Bindings.bindContent(model.adapters(), services.workspace().adapters());
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
        if (kind == ViewKind.RUNS || kind == ViewKind.COMPARE) {
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
