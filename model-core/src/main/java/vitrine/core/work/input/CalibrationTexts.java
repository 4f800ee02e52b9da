package vitrine.core.work.input;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import vitrine.core.artifact.Fingerprint;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.PruneSettings;

/// The pieces of texts that a method is calibrated on.
///
/// @param pieces tokens of each, in the order of the file
/// @param chosen their numbers among all pieces of the file
/// @param of how many there are
/// @param length where texts were cut
public record CalibrationTexts(List<Sequences.Labelled> pieces, List<Integer> chosen, int of, int length, String file, long seed) {

    private static final int PIECES = 128;
    /// Where texts are cut unless the model or the task says less.
    public static final int LENGTH = 2048;

    public static CalibrationTexts read(String file, PruneSettings s, LoadedModel model, Progress progress) {
        int length = Math.min(model.spec().maxPositions(), s.sequenceLength() == null ? LENGTH : s.sequenceLength());
        List<Sequences.Labelled> all = DataInput.read(file, length, model, progress);
        int wanted = s.calibrationSequences() == null ? PIECES : s.calibrationSequences();
        long seed = s.seed() == null ? 0 : s.seed();
        List<Integer> chosen = choose(all.size(), wanted, seed);
        return new CalibrationTexts(chosen.stream().map(all::get).toList(), chosen, all.size(), length, file, seed);
    }

    /// `wanted` of `count` numbers, in order; all where there are no more.
    static List<Integer> choose(int count, int wanted, long seed) {
        List<Integer> all = new ArrayList<>(IntStream.range(0, count).boxed().toList());
        if (count <= wanted) {
            return all;
        }
        java.util.Collections.shuffle(all, new java.util.Random(seed));
        return all.subList(0, wanted).stream().sorted().toList();
    }

    public List<int[]> ids() {
        return pieces.stream().map(Sequences.Labelled::ids).toList();
    }

    public long tokens() {
        return pieces.stream().mapToLong(p -> p.ids().length).sum();
    }

    public ObjectNode json() {
        ObjectNode n = Json.object().put("file", file).put("text_hash", Fingerprint.of(Path.of(file))).put("sequences", pieces.size()).put("of_sequences", of).put("sequence_length", length)
                .put("tokens", tokens()).put("seed", seed);
        chosen.forEach(n.putArray("chosen")::add);
        return n;
    }
}
