package vitrine.core.work.compare;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.dataset.Dataset;
import vitrine.core.dataset.Example;
import vitrine.core.dataset.Sequences;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tokenizer.Tokenizer;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.output.Figures;

/// Two models over the same texts.
final class ComparedTexts {

    /// Characters that tokens may lose where a long text is cut into pieces.
    private static final double LOST = 0.01;

    private final Compared of;

    ComparedTexts(Compared of) {
        this.of = of;
    }

    /// Losses and perplexities of both over texts, and which experts they visit there.
    void run(List<Task.Domain> texts, CompareProgress stages) {
        ArrayNode rows = of.figures.putArray("texts");
        String why = texts.isEmpty() ? null : of.cannotRun();
        if (why == null && !texts.isEmpty()) {
            why = Stream.of(of.a, of.b).map(this::noLosses).filter(java.util.Objects::nonNull).findFirst().orElse(null);
        }
        if (why != null) {
            of.absent.put("texts", "No perplexities: " + why);
        }
        if (why == null && !texts.isEmpty()) {
            of.countExperts();
        }
        for (Task.Domain d : texts) {
            Progress progress = stages.next();
            if (why == null) {
                text(d, rows, progress);
            }
        }
    }

    private String noLosses(CompareSide s) {
        try {
            s.model().requirePerplexity();
            return null;
        } catch (Refusal r) {
            return r.getMessage();
        }
    }

    private void text(Task.Domain d, ArrayNode rows, Progress progress) {
        List<Sequences.Labelled> left = DataInput.read(d.file(), of.task.maxLength(), of.a.model(), progress);
        List<Sequences.Labelled> right = DataInput.read(d.file(), of.task.maxLength(), of.b.model(), progress);
        boolean ids = Dataset.read(Path.of(d.file())).examples().stream().anyMatch(e -> e.content() instanceof Example.Content.Ids);
        if (ids && !of.sameTokens) {
            of.absent.put("texts", "No figures for " + d.name() + ": it holds token ids, and " + of.figures.at("/same/tokenizer_note").asText() + ".");
            return;
        }
        long bytes = bytes(d.file());
        if (bytes > 0) {
            String lost = lost(d, of.a, "A", left, progress);
            lost = lost != null ? lost : lost(d, of.b, "B", right, progress);
            if (lost != null) {
                of.absent.put("bits", lost);
                bytes = 0;
            }
        }
        long tokens = tokens(left) + tokens(right);
        Progress half = new Offset(progress, 0, tokens);
        Evaluation.Result p = new Evaluation(of.a.model().forward()).run(left, of.expertsA, half).all();
        Evaluation.Result q = new Evaluation(of.b.model().forward()).run(right, of.expertsB, new Offset(progress, tokens(left), tokens)).all();
        boolean alike = of.sameTokens && same(left, right);
        if (of.sameTokens && !alike) {
            // The same pieces, but texts are cut into others: neither tokens nor perplexities stand for each other.
            of.sameTokens = false;
            of.figures.withObject("/same").put("tokenizer", false).put("tokenizer_note", "the two cut " + Visible.name(d.name()) + " into different tokens");
        }
        ObjectNode row = rows.addObject().put("name", d.name()).put("file", d.file());
        side(row.putObject("a"), p, bytes);
        side(row.putObject("b"), q, bytes);
        Figures.put(row, "perplexity_ratio", alike ? Math.exp(q.loss() - p.loss()) : Double.NaN);
        Figures.put(row, "bits_per_byte_ratio", bytes == 0 ? Double.NaN : q.loss() * q.predicted() / (p.loss() * p.predicted()));
        row.put("bytes", bytes);
    }

    private static long tokens(List<Sequences.Labelled> of) {
        return of.stream().mapToLong(s -> s.ids().length).sum();
    }

    private static boolean same(List<Sequences.Labelled> p, List<Sequences.Labelled> q) {
        if (p.size() != q.size()) {
            return false;
        }
        for (int i = 0; i < p.size(); i++) {
            if (!java.util.Arrays.equals(p.get(i).ids(), q.get(i).ids()) || !java.util.Arrays.equals(p.get(i).labels(), q.get(i).labels())) {
                return false;
            }
        }
        return true;
    }

    /// UTF-8 bytes of what counts: texts and completions. 0 where any example is ids or a conversation.
    private static long bytes(String file) {
        long sum = 0;
        for (Example e : Dataset.read(Path.of(file)).examples()) {
            switch (e.content()) {
                case Example.Content.Text t -> sum += t.text().getBytes(StandardCharsets.UTF_8).length;
                case Example.Content.Completion c -> sum += c.completion().getBytes(StandardCharsets.UTF_8).length;
                // Of a conversation each checkpoint's own template makes a text of its own.
                case Example.Content.Conversation ignored -> {
                    return 0;
                }
                case Example.Content.Ids ignored -> {
                    return 0;
                }
            }
        }
        return sum;
    }

    /// Why nats are not those of the text's bytes, or null: a tokenizer that leaves characters out, as one of few letters does, is not asked for them.
    private static String lost(Task.Domain d, CompareSide s, String side, List<Sequences.Labelled> data, Progress progress) {
        long written = 0;
        for (Example e : Dataset.read(Path.of(d.file())).examples()) {
            written += switch (e.content()) {
                case Example.Content.Text t -> visible(t.text());
                case Example.Content.Completion c -> visible(c.prompt() + c.completion());
                case Example.Content.Conversation ignored -> 0;
                case Example.Content.Ids ignored -> 0;
            };
        }
        long kept = 0;
        progress.risky(s.source().checkpoint().tokenizerFile(), Tokenizer.patienceSeconds(s.source().checkpoint(), written));
        try (Tokenizer tokenizer = Tokenizer.of(s.source().checkpoint())) {
            for (Sequences.Labelled l : data) {
                kept += visible(tokenizer.decode(l.ids()));
            }
        } finally {
            progress.safe();
        }
        return Math.abs(kept - written) <= LOST * written ? null
                : String.format("No bits per byte for %s: tokens of %s hold %,d of its %,d characters.", Visible.name(d.name()), side, kept, written);
    }

    private static long visible(String text) {
        return text.codePoints().filter(c -> !Character.isWhitespace(c)).count();
    }

    private void side(ObjectNode to, Evaluation.Result r, long bytes) {
        Figures.putLoss(to, r.loss(), of.warn);
        to.put("predicted_tokens", r.predicted()).put("sequences", r.sequences());
        Figures.put(to, "bits_per_byte", bytes == 0 ? Double.NaN : r.loss() * r.predicted() / Math.log(2) / bytes);
    }

    /// A part of the work of a stage.
    private record Offset(Progress behind, long before, long of) implements Progress {
        @Override
        public void step(long done, long total, String unit) {
            behind.step(before + done, of, unit);
        }

        @Override
        public void checkCancelled() {
            behind.checkCancelled();
        }
    }
}
