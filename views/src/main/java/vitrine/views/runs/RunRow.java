package vitrine.views.runs;

import java.nio.file.Path;
import java.util.Locale;
import vitrine.core.refusal.Visible;
import vitrine.core.run.RunRecord;
import vitrine.core.task.RunFolder;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Icons;

/// A run as lists show it: what the store says, and what was asked of it since.
///
/// @param asked how it was asked to end and has not yet, or null
/// @param trouble why it was not taken up, or null
public record RunRow(RunRecord run, State state, RunFolder.Stop asked, String trouble) {

    /// How a run stands, as the window sees it.
    public enum State {
        STARTING("starting", Icons.RUNS), RUNNING("running", Icons.RUNS), PAUSED("paused", Icons.PAUSED), KILLED("killed", Icons.WARNING), FINISHED("finished", Icons.DONE),
        FAILED("failed", Icons.FAILED), CANCELLED("cancelled", Icons.STOPPED);

        private final String word;
        private final Icons icon;

        State(String word, Icons icon) {
            this.word = word;
            this.icon = icon;
        }

        public String word() {
            return word;
        }

        public Icons icon() {
            return icon;
        }

        /// Whether a process is at work on it, or about to be.
        public boolean going() {
            return this == STARTING || this == RUNNING;
        }

        /// Whether it can be gone on with from where it was.
        public boolean resumable() {
            return this == PAUSED || this == KILLED || this == FAILED;
        }
    }

    static RunRow of(RunRecord run, boolean starting, RunFolder.Stop asked, String trouble) {
        State state = switch (run.state()) {
            case running -> State.RUNNING;
            case stopped -> starting ? State.STARTING : State.PAUSED;
            case interrupted -> starting ? State.STARTING : trouble != null ? State.FAILED : State.KILLED;
            case finished -> State.FINISHED;
            case failed -> State.FAILED;
            case cancelled -> State.CANCELLED;
        };
        return new RunRow(run, state, state == State.RUNNING ? asked : null, trouble);
    }

    public long number() {
        return run.number();
    }

    /// `#14 LoRA r 8`.
    public String title() {
        return "#" + run.number() + " " + method(run);
    }

    /// `LoRA r 8`.
    static String method(RunRecord run) {
        String name = Methods.label(run.method());
        if (prunes(run)) {
            return name + amount(run.task().path("settings"));
        }
        int r = run.task().path("settings").path("r").asInt(run.task().has("initAdapter") || !Methods.ranked(run.method()) ? -1 : 16);
        return r < 0 ? name : name + " r " + r;
    }

    /// Whether it takes away rather than trains.
    static boolean prunes(RunRecord run) {
        return run.task().path("kind").asText().equals("prune");
    }

    /// ` 50 %`, ` 2:4`, ` rank 8`.
    private static String amount(com.fasterxml.jackson.databind.JsonNode s) {
        if (s.has("pattern")) {
            return " " + s.path("pattern").asText();
        }
        if (s.has("rank")) {
            return " rank " + s.path("rank").asInt();
        }
        if (s.has("layers")) {
            return ", " + s.path("layers").asInt() + (s.path("layers").asInt() == 1 ? " layer" : " layers");
        }
        if (s.has("experts")) {
            return " to " + s.path("experts").asInt();
        }
        return s.has("sparsity") ? " " + Numbers.wholePercent(s.path("sparsity").asDouble()) : "";
    }

    /// The result or how far it is: `68 %`, `13.61` (validation perplexity), `killed`.
    public String fact() {
        return switch (state) {
            case RUNNING -> run.steps() == 0 ? "running" : Numbers.wholePercent((double) run.step() / run.steps());
            case FINISHED -> prunes(run) && Double.isFinite(run.loss()) ? Numbers.perplexity(Math.exp(run.loss())) : Double.isFinite(run.validation()) ? Numbers.perplexity(Math.exp(run.validation())) : Double.isFinite(run.loss()) ? Numbers.lossOnTile(run.loss()) : "finished";
            case CANCELLED -> "stopped";
            default -> state.word();
        };
    }

    /// What `fact` is, for a tooltip.
    public String factMeaning() {
        return switch (state) {
            case FINISHED -> prunes(run) ? "perplexity afterwards, of the first text" : Double.isFinite(run.validation()) ? "validation perplexity of the last validation" : "training loss of the last step, nats per token";
            case RUNNING -> prunes(run) ? "layers finished" : "steps finished";
            default -> "state";
        };
    }

    public String model() {
        return file(run.model());
    }

    String data() {
        return file(run.task().path("data").asText());
    }

    static String file(String path) {
        Path name = Path.of(path).getFileName();
        return Visible.name(name == null ? path : name.toString());
    }

    /// Everything that one may search by.
    String words() {
        return (title() + " " + run.method() + " " + state.word() + " " + run.model() + " " + run.task().path("data").asText()).toLowerCase(Locale.ROOT);
    }

    /// Why it ended, or null.
    String message() {
        return trouble != null ? trouble : run.message();
    }
}
