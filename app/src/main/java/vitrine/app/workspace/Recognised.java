package vitrine.app.workspace;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import vitrine.app.state.RecentItem;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.FileKind;
import vitrine.core.checkpoint.safetensors.SafetensorsHeader;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.views.chart.Numbers;
import vitrine.views.evaluation.EvaluationView;
import vitrine.views.lora.LoraViewModel;
import vitrine.views.view.Subject;
import vitrine.views.view.ViewKind;

/// What a dropped or chosen path holds: judged by headers and first lines, never by weights.
public sealed interface Recognised {

    Path path();

    /// The name on screen.
    String name();

    /// What it is, in one line: `OLMoE checkpoint, safetensors, 1,380,960 parameters, 2.8 MB`.
    String what();

    /// A checkpoint or an adapter.
    record Model(Path path, Subject subject) implements Recognised {
        @Override
        public String name() {
            return subject.name();
        }

        @Override
        public String what() {
            Anatomy a = subject.anatomy();
            return recent().what() + ", " + a.checkpoint().format() + ", " + recent().facts() + ", " + Numbers.fileSize(a.checkpoint().fileBytes());
        }

        /// How the list of recent things tells it.
        public RecentItem recent() {
            Anatomy a = subject.anatomy();
            return subject.isAdapter()
                    ? new RecentItem(path, RecentItem.Kind.ADAPTER, name(), "Adapter", Subjects.rank(a), a.checkpoint().fileBytes(), java.time.Instant.now())
                    : new RecentItem(path, RecentItem.Kind.CHECKPOINT, name(), a.familyName() + " checkpoint", Numbers.count(a.parameters()) + " parameters",
                            a.checkpoint().fileBytes(), java.time.Instant.now());
        }
    }

    /// A text or a set of examples.
    record Text(Path path, OpenText text) implements Recognised {
        @Override
        public String name() {
            return text.name();
        }

        @Override
        public String what() {
            return recent().what() + ", " + recent().facts() + ", " + Numbers.fileSize(text.bytes());
        }

        /// How the list of recent things tells it.
        public RecentItem recent() {
            return new RecentItem(path, RecentItem.Kind.TEXT, name(), "Text", String.format(Locale.ROOT, text.examples() == 1 ? "%,d example" : "%,d examples", text.examples()),
                    text.bytes(), java.time.Instant.now());
        }
    }

    /// A result that was computed before.
    record Result(Path path, ViewKind view) implements Recognised {
        @Override
        public String name() {
            return path.getFileName().toString();
        }

        @Override
        public String what() {
            return "A result of Vitrine's";
        }
    }

    /// Something that cannot be opened, and why.
    record Refused(Path path, Refusal refusal) implements Recognised {
        @Override
        public String name() {
            Path name = path.getFileName();
            return name == null ? path.toString() : name.toString();
        }

        @Override
        public String what() {
            return capital(refusal.problem()) + "." + (refusal.remedy() == null ? "" : " " + refusal.remedy());
        }

        private static String capital(String text) {
            return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
        }
    }

    /// Files with these endings are texts, whatever they begin with.
    Set<String> TEXT_ENDINGS = Set.of("txt", "jsonl", "md", "ndjson");

    /// Looks at a path. Reads headers only; may take a moment on a slow disk, so it is called off the JavaFX thread.
    static Recognised look(Path path) {
        try {
            if (Files.isRegularFile(path.resolve(Manifest.FILE)) && !Set.of("finetune", "prune").contains(Manifest.read(path).kind())) {
                return new Result(path, viewOf(Manifest.read(path).kind(), path));
            }
            if (Files.isDirectory(path) && !Files.exists(path.resolve("adapter_config.json")) && LoraViewModel.hasSteps(path)) {
                // A run's folder, or one of kept steps: an adapter over steps.
                return new Result(path, ViewKind.LORA);
            }
            if (Files.isRegularFile(path)) {
                FileKind kind = FileKind.of(path);
                if (isText(path, kind)) {
                    return new Text(path, OpenText.read(path));
                }
                if (kind == FileKind.SAFETENSORS && "vitrine-capture".equals(SafetensorsHeader.read(path, path).metadata().get("format"))) {
                    return new Result(path, ViewKind.ATTENTION);
                }
                if (EvaluationView.shows(path)) {
                    return new Result(path, ViewKind.RANK);
                }
                Optional<Artifact> artifact = kind == FileKind.SAFETENSORS ? Artifact.inFile(path) : Optional.empty();
                if (artifact.isPresent()) {
                    return new Result(path, viewOf(artifact.get().manifest().kind(), path));
                }
            }
            return new Model(path, new Subject(Anatomy.of(Checkpoints.open(path))));
        } catch (Refusal r) {
            return new Refused(path, r);
        } catch (IOException e) {
            return new Refused(path, Refusal.of(Category.UNREADABLE, path, "it cannot be read (%s)", Json.reason(e)).cause(e));
        }
    }

    private static ViewKind viewOf(String taskKind, Path path) {
        if (EvaluationView.shows(path)) {
            return ViewKind.RANK;
        }
        return switch (taskKind) {
            case "capture" -> ViewKind.ATTENTION;
            case "statistics" -> ViewKind.ANATOMY;
            case "spectrum", "rank" -> ViewKind.RANK;
            case "routing" -> ViewKind.ROUTING;
            case "adapter", "adapter-compare" -> ViewKind.LORA;
            case "compare" -> ViewKind.COMPARE;
            default -> throw Refusal.of(Category.ARTIFACT_INVALID, path, "it is the result of %s, which no view of this version shows", taskKind)
                    .help("Its figures stand in manifest.json.");
        };
    }

    private static boolean isText(Path path, FileKind kind) {
        String name = path.getFileName().toString();
        String ending = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
        return (kind == FileKind.TEXT || kind == FileKind.JSON || kind == FileKind.EMPTY) && TEXT_ENDINGS.contains(ending);
    }
}
