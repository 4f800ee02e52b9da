package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.Locale;
import vitrine.core.engine.Ending;
import vitrine.core.engine.EngineEvent;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;

/// What a subcommand says: JSON lines, or text for people with a progress bar on a terminal.
final class Output {

    private static final int BAR_WIDTH = 24;

    private final boolean json;
    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean terminal = System.console() != null && System.console().isTerminal();
    private final long started = System.nanoTime();
    private boolean bar;

    Output(boolean json, PrintWriter out, PrintWriter err) {
        this.json = json;
        this.out = out;
        this.err = err;
    }

    boolean json() {
        return json;
    }

    /// A line for people; nothing with `--json`.
    void text(String line) {
        if (!json) {
            clearBar();
            out.println(line);
        }
    }

    /// An event of a running task.
    void event(EngineEvent event) {
        switch (event) {
            case EngineEvent.Progress p -> progress(p);
            case EngineEvent.Metric m -> {
                if (json) {
                    ObjectNode values = m.values().deepCopy();
                    values.remove("id");
                    line(values);
                }
            }
            case EngineEvent.Warning w -> warning(w.message());
        }
    }

    void warning(String message) {
        if (json) {
            line(Json.object().put("event", "warning").put("message", message));
        } else {
            clearBar();
            err.println("warning: " + message);
            err.flush();
        }
    }

    /// The last line of a `--json` run.
    void result(ObjectNode result) {
        if (json) {
            ObjectNode event = Json.object().put("event", "result");
            event.setAll(result);
            line(event);
        }
        out.flush();
    }

    /// One line that says what is wrong.
    void refusal(Refusal r) {
        refused(new Ending.Refused(r.category(), r.getMessage(), r.file() == null ? null : r.file().toString()));
    }

    /// One line that says what is wrong.
    void refused(Ending.Refused r) {
        clearBar();
        out.flush();
        if (json) {
            ObjectNode e = Json.object().put("event", "error").put("category", r.category().code()).put("message", r.message());
            if (r.file() != null) {
                e.put("file", r.file());
            }
            line(e);
        }
        err.println(r.message());
        err.flush();
    }

    /// One line that says what broke.
    void fault(String message) {
        clearBar();
        out.flush();
        if (json) {
            line(Json.object().put("event", "fault").put("message", message));
        }
        err.println(message);
        err.flush();
    }

    private void line(ObjectNode node) {
        out.println(Json.line(node));
        out.flush();
    }

    private void progress(EngineEvent.Progress p) {
        if (json) {
            line(Json.object().put("event", "progress").put("done", p.done()).put("total", p.total()).put("unit", p.unit()));
        } else if (terminal && p.total() > 0) {
            double share = (double) p.done() / p.total();
            double elapsed = (System.nanoTime() - started) / 1e9;
            String left = share > 0.02 && share < 1 ? String.format(Locale.ROOT, ", %s left", Words.duration(elapsed / share - elapsed)) : "";
            int full = (int) Math.round(share * BAR_WIDTH);
            err.print("\r\u001b[K" + "█".repeat(full) + "░".repeat(BAR_WIDTH - full)
                    + String.format(Locale.ROOT, " %,d of %,d %s%s", p.done(), p.total(), p.unit(), left));
            err.flush();
            bar = true;
        }
    }

    private void clearBar() {
        if (bar) {
            err.print("\r\u001b[K");
            bar = false;
        }
    }
}
