package vitrine.views.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.views.routing.RoutingData.Measure;
import vitrine.views.routing.RoutingData.Together;

/// The view's sums over an artifact against the figures of the method page's FIX-B, which are known by hand.
class RoutingDataTest {

    @TempDir
    Path dir;

    private RoutingData data;

    @BeforeEach
    void read() {
        data = RoutingData.of(RoutingArtifact.of(Cases.fixB(dir.resolve("b"))));
    }

    @Test
    void loadIsAgainstTheFairShare() {
        double[] f = {0.4375, 0.3125, 0.1875, 0.0625};
        for (int e = 0; e < 4; e++) {
            assertEquals(4 * f[e], data.share(Measure.LOAD, 0, RoutingData.ALL, e), 1e-12);
            assertEquals(4 * f[e], data.share(new Side(0, RoutingData.ALL), 0, e), 1e-12);
        }
        // Normalised shares of domain a: (.5, .25, .125, .125).
        assertEquals(2, data.share(Measure.LOAD, 0, 0, 0), 1e-12);
        assertEquals(0.5, data.share(Measure.LOAD, 0, 0, 3), 1e-12);
        assertEquals(0, data.share(Measure.LOAD, 0, 1, 3), 1e-12);
    }

    @Test
    void specialisationAndItsDivision() {
        double[][] ds = {{1, 0.5, 0.25, 0.25}, {0.75, 0.75, 0.5, 0}};
        for (int d = 0; d < 2; d++) {
            for (int e = 0; e < 4; e++) {
                assertEquals(ds[d][e], data.specialisation(0, d, e), 1e-12);
                assertEquals(ds[d][e] / (ds[0][e] + ds[1][e]), data.division(0, e)[d], 1e-12);
            }
        }
        assertEquals(Math.log(2), data.unevenness(0, 3), 1e-12, "expert 3 sees one domain only");
        assertEquals(new Place(0, 3), data.first(), "so it is what one looks at first");
        assertEquals("Chosen on text a only", ExpertInspector.finding(data, new Place(0, 3)));
        assertTrue(ExpertInspector.finding(data, new Place(0, 0)).startsWith("57"), ExpertInspector.finding(data, new Place(0, 0)));
    }

    @Test
    void pairs() {
        double[][] expected = {{4, 2, 1}, {0, 1, 0}};
        assertEquals(0.571429, data.conditional(0, 0, 1), 1e-6);
        assertEquals(0.8, data.conditional(0, 1, 0), 1e-6);
        assertEquals(1, data.conditional(0, 3, 0), 1e-6);
        assertEquals(expected[0][0] / 8.0 * 8 * 8 / (7 * 5), data.together(Together.LIFT, 0).values()[1], 1e-6);
        assertEquals(0.142857, data.together(Together.JACCARD, 0).values()[3], 1e-6);
        assertEquals(List.of(4, 4), List.of(data.together(Together.NPMI, 0).order().length, data.together(Together.CONDITIONAL, 0).order().length));
    }

    @Test
    void tokensHaveTheirRows() {
        Tokens t = Tokens.read(data);
        assertEquals(8, t.count());
        assertEquals(List.of(new Tokens.Row(0, 0, 0, 4), new Tokens.Row(1, 0, 4, 8)), t.rows());
        assertEquals(1, t.rowOf(5));
        assertEquals(3, t.expert(0, 3, 1));
        assertEquals(2.0 / 3, t.weight(0, 3, 0), 1e-6);
        assertTrue(t.visits(0, 5, 2) && !t.visits(0, 5, 0));
        assertEquals("t7", t.text(0));
        assertEquals("·tok9", t.text(3));
    }

    @Test
    void aResultThatDoesNotFitTogetherIsRefused() throws IOException {
        Path folder = data.artifact().artifact().folder();
        Path manifest = folder.resolve("manifest.json");
        Files.writeString(manifest, Files.readString(manifest).replaceAll("\"experts\"\\s*:\\s*4", "\"experts\" : 5"));
        Refusal r = assertThrows(Refusal.class, () -> RoutingData.of(RoutingArtifact.of(Artifact.open(folder))));
        assertEquals(Category.ARTIFACT_INVALID, r.category());
        assertTrue(r.getMessage().contains("expert_load holds 4 values"), r.getMessage());
    }
}
