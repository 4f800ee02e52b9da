package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;

/// Which rows of a fused matrix are queries, keys and values, counted by hand.
class LinearSiteTest {

    private static List<LinearSite> sites(String model) {
        Checkpoint c = Checkpoints.open(Path.of("src/test/resources/reference", model));
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        return LinearSite.of(spec.layers().getFirst());
    }

    /// Six heads of two values share two keys and values: three queries, a key and a value, twice.
    @Test
    void groupsOfHeadsTakeTurns() {
        List<LinearSite> sites = sites("falcon");
        assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}, sites.get(0).rows());
        assertArrayEquals(new int[] {6, 7, 16, 17}, sites.get(1).rows());
        assertArrayEquals(new int[] {8, 9, 18, 19}, sites.get(2).rows());
    }

    /// Query, key and value of each head.
    @Test
    void headsTakeTurns() {
        List<LinearSite> sites = sites("gpt-neox-sequential");
        for (int kind = 0; kind < 3; kind++) {
            int part = kind;
            assertArrayEquals(IntStream.range(0, 4).flatMap(h -> IntStream.range((3 * h + part) * 8, (3 * h + part + 1) * 8)).toArray(), sites.get(kind).rows());
        }
        assertEquals(LinearSite.Kind.O, sites.get(3).kind());
    }
}
