package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.prune.Structure;
import vitrine.core.task.PruneMethod;
import vitrine.core.work.prune.report.PruneEnding;

/// A method that takes whole parts of a model: what stays, and what it has to tell of that. Figures of layers and tensors that change go into its [StructuredWork].
sealed interface StructureMethod
        permits ShortGptPruning, SwiftSkipPruning, HeadPruning, TaylorPruning, LayerwisePruning, DhaPruning, MasaPruning, ExpertPruning, SubMoePruning, ExplicitPruning {

    /// @param sets how many sets a search draws at most
    static StructureMethod of(PruneMethod method, StructuredWork work, int sets) {
        return switch (method) {
            case shortgpt -> new ShortGptPruning(work);
            case swift_skip -> new SwiftSkipPruning(work, sets);
            case heads -> new HeadPruning(work);
            case taylor -> new TaylorPruning(work);
            case slimgpt -> new SlimGptPruning(work);
            case lorap -> new LorapPruning(work);
            case dha -> new DhaPruning(work);
            case masa -> new MasaPruning(work);
            case experts -> new ExpertPruning(work);
            case submoe -> new SubMoePruning(work, new TreeMap<>());
            case explicit -> new ExplicitPruning(work);
            case magnitude, wanda, sparsegpt, contrastive, svd, whitened_svd, swift_svd -> throw new IllegalStateException(method.name());
        };
    }

    /// Finds out what goes, and does to tensors what has to be done besides.
    Structure structure() throws IOException;

    /// By layer, of each expert the one in whose place it went on; empty where none were merged.
    default Map<Integer, int[]> merged() {
        return Map.of();
    }

    /// Parameters that the result would spare, beyond those that are no longer there, with thin or shared matrices in the place of full ones; -1 where it has none.
    ///
    /// @param removed parameters that are no longer there
    default long spared(long removed) {
        return -1;
    }

    /// Writes the thin or shared matrices themselves, where they are asked for.
    default void writeFactors(Path file) throws IOException {}

    /// What goes and may be 0 in its place, for people.
    default String silenced() {
        return "heads that go";
    }

    /// What is in the place of what goes where the checkpoint keeps its shapes: a sentence.
    default String inPlace() {
        return "What goes is set to 0 in its place.";
    }

    /// The checkpoint that was written.
    ///
    /// @param problem why the config cannot express what is left; null where it does
    /// @param before parameters of the model as it was
    /// @param after parameters of the checkpoint
    /// @param zeros weights that are 0 in their place
    /// @param expertsPerToken how many experts a token visits, null for as many as before
    record Written(String problem, long before, long after, long zeros, Integer expertsPerToken) {}

    /// What became of shapes, and what that means.
    default PruneEnding.Story story(Written w) {
        if (w.after == w.before && w.zeros == 0 && w.expertsPerToken == null) {
            return new PruneEnding.Story("same shapes, unchanged", "Nothing goes: the checkpoint is as it was.");
        }
        if (w.problem != null) {
            return new PruneEnding.Story("same shapes, with zeros", "The config cannot express what is left (" + w.problem + "): what goes is 0 in its place, so nothing is saved on the disk or in time.");
        }
        if (w.after < w.before) {
            return new PruneEnding.Story("smaller shapes", String.format(Locale.ROOT, "The checkpoint holds %,d of %,d parameters; its config says so, and stock transformers loads it.%s", w.after, w.before,
                    w.zeros == 0 ? "" : String.format(Locale.ROOT, " %,d of them are 0: they are those of %s and that the config cannot leave out.", w.zeros, silenced())));
        }
        return w.expertsPerToken == null ? new PruneEnding.Story("same shapes, with zeros", "What " + silenced() + " give to the residual stream is 0; nothing is saved on the disk or in time.")
                : new PruneEnding.Story("same shapes, fewer experts per token", String.format(Locale.ROOT, "A token visits %d experts; the weights are as they were, so the disk saves nothing and time does.", w.expertsPerToken));
    }
}
