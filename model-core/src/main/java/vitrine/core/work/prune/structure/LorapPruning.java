package vitrine.core.work.prune.structure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.prune.method.Lorap;
import vitrine.core.prune.method.LowRank;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;
import vitrine.core.work.prune.report.PruneEnding;

/// `lorap`: attention's matrices lose rank, feed-forward blocks channels ([Lorap]).
final class LorapPruning extends LayerwisePruning {

    LorapPruning(StructuredWork work) {
        super(work);
        thinner = 0;
    }

    @Override
    public Structure structure() throws IOException {
        boolean attention = s.parts() != PruneSettings.Parts.channels;
        boolean blocks = s.parts() != PruneSettings.Parts.heads;
        List<LayerSpec> fused = work.spec.layers().stream().filter(l -> attention && !(l.attention().projection() instanceof AttentionSpec.QueryKeyValue.Separate)
                || blocks && !(l.feedForward() instanceof FeedForward.Gated || l.feedForward() instanceof FeedForward.Plain)).toList();
        if (!fused.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "%s has no query, key and value matrices of their own, or no channels, in layer %d: projections are fused, or experts take the feed-forward blocks' place",
                    work.spec.family(), fused.getFirst().index()).help("parts says heads or channels alone.");
        }
        return layers(false, PrunableMatrix::of, (l, own, inputs) -> {
            if (attention) {
                thin(l, own, inputs);
                tellError(l);
            }
            if (blocks) {
                channels.put(l.index(), block(l, own, inputs));
            }
        });
    }

    /// Matrices of attention become ones of a lower rank.
    private void thin(LayerSpec l, List<PrunableMatrix> own, InputCollector inputs) {
        List<PrunableMatrix> four = Stream.of(PrunableMatrix.Kind.QUERY, PrunableMatrix.Kind.KEY, PrunableMatrix.Kind.VALUE, PrunableMatrix.Kind.OUTPUT)
                .map(k -> own.stream().filter(m -> m.kind() == k).findFirst().orElseThrow()).toList();
        List<Lorap.Shape> shapes = four.stream().map(m -> new Lorap.Shape(m.out(), m.in())).toList();
        int[] ranks = Lorap.ranks(shapes.get(0), shapes.get(1), shapes.get(2), shapes.get(3), s.sparsity());
        ObjectNode told = work.row(l.index()).putObject("ranks");
        for (int i = 0; i < ranks.length; i++) {
            PrunableMatrix m = four.get(i);
            int rank = ranks[i];
            int whole = Math.min(m.out(), m.in());
            told.put(m.kind().label(), rank == Lorap.WHOLE ? whole : rank);
            if (rank == Lorap.WHOLE || rank >= whole) {
                change(m, inputs, null);
            } else {
                change(m, inputs, w -> new LowRank(LowRank.Way.SCALED, null).truncate(w, inputs.of(m), rank));
                thinner += m.size() - (long) rank * (m.out() + m.in());
            }
        }
    }

    /// Channels that stay; those that go are 0 in the matrix that leads back.
    private int[] block(LayerSpec l, List<PrunableMatrix> own, InputCollector inputs) {
        double[] scores = new double[l.feedForward().width()];
        PrunableMatrix down = null;
        for (PrunableMatrix m : own) {
            double[] rms = Arrays.stream(inputs.of(m).squares()).map(q -> Math.sqrt(q / work.texts.tokens())).toArray();
            try (Arena arena = Arena.ofShared()) {
                switch (m.kind()) {
                    case GATE, UP -> Lorap.addRows(work.widened(m, arena), rms, scores);
                    case DOWN -> {
                        Lorap.addColumns(work.widened(m, arena), rms, scores);
                        down = m;
                    }
                    default -> { }
                }
            }
        }
        int[] kept = Lorap.kept(scores, s.sparsity(), s.lowestKept() == null ? Lorap.LOWEST_KEPT : s.lowestKept());
        work.changed(down).clear(down, i -> Arrays.binarySearch(kept, i) >= 0);
        work.list(l.index(), "channel_norms", scores);
        return kept;
    }

    @Override
    public long spared(long removed) {
        return thinner;
    }

    @Override
    public PruneEnding.Story story(Written w) {
        PruneEnding.Story told = super.story(w);
        if (w.problem() != null || w.after() < w.before() && thinner == 0) {
            return told;
        }
        return w.after() < w.before() ? new PruneEnding.Story(told.output(), told.note() + " Attention's matrices are of a lower rank, multiplied back to their full shapes.")
                : new PruneEnding.Story("same shapes, factors multiplied back", "The thin matrices are multiplied back to the full shape, so that any program loads the checkpoint: it is as large and as slow as before.");
    }
}
