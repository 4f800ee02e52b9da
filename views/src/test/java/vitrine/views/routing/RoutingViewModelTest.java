package vitrine.views.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.engine.Ending;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.testing.Reference;
import vitrine.core.testing.SharedReference;
import vitrine.views.routing.RoutingData.Measure;
import vitrine.views.routing.RoutingViewModel.Maps;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.HeldEngine;
import vitrine.views.testing.ImmediateEngine;

class RoutingViewModelTest {

    @TempDir
    Path dir;

    private RoutingViewModel immediate() {
        return new RoutingViewModel(new TaskBoard(new ImmediateEngine(dir.resolve("artifacts")), Runnable::run), Runnable::run, Runnable::run);
    }

    private RoutingViewModel measured(String name, String... texts) {
        RoutingViewModel m = immediate();
        m.show(Cases.subject(name));
        m.compute(Cases.texts(dir, texts));
        assertInstanceOf(ViewState.Result.class, m.stateProperty().get());
        return m;
    }

    @Test
    void aDenseCheckpointSaysThatItHasNoExperts() {
        RoutingViewModel m = immediate();
        m.show(Cases.subject("llama-gqa"));
        assertEquals("No routing here: llama-gqa has no experts. Open a mixture-of-experts checkpoint, such as moe-mini.", m.obstacle());
        m.compute(Cases.texts(dir, "a"));
        assertInstanceOf(ViewState.Empty.class, m.stateProperty().get(), "nothing is asked");
    }

    @Test
    void measuringSelectsAnExpertAndReadsTheTokens() {
        RoutingViewModel m = measured("mixtral", "a", "b");
        RoutingData d = m.data().orElseThrow();
        assertEquals(List.of("a", "b"), d.domains().stream().map(RoutingArtifact.Domain::name).toList());
        assertNotNull(m.selectedProperty().get());
        Tokens t = m.tokensProperty().get();
        assertEquals(48, t.count());
        assertEquals(6, t.rows().size());
        assertTrue(m.settled());
        // What the lanes show and what the load counts are the same choices.
        for (int l = 0; l < d.layers(); l++) {
            for (int e = 0; e < d.experts(l); e++) {
                int visits = 0;
                for (int token = 0; token < t.count(); token++) {
                    visits += t.visits(l, token, e) ? 1 : 0;
                }
                assertEquals(d.visits(l, RoutingData.ALL, e), visits);
            }
        }
        m.tokenProperty().set(30);
        assertEquals(3, m.rowProperty().get(), "the lanes follow the selected token");
        assertTrue(m.release());
        assertEquals(-1, m.tokenProperty().get());
    }

    @Test
    void changesOfRoutesAreAskedForAndKept() {
        RoutingViewModel m = measured("mixtral", "a", "b");
        RoutingData d = m.data().orElseThrow();
        int number = d.number(1);
        for (Change c : List.of(new Change.Silence(number, 2), new Change.Mask(number, 2), new Change.Swap(number, 0, 1), new Change.Force(number, 3, List.of(4)))) {
            m.ask(c);
            RoutingArtifact.WhatIf w = m.measuredProperty().get().get(c);
            assertNotNull(w, c::words);
            assertEquals(d.artifact().loss(), w.lossBefore(), 1e-6, "before the change the loss is the one that was measured");
            assertTrue(w.kl() > 0, c::words);
            assertEquals(2, w.domains().size());
        }
        assertEquals(4, m.measuredProperty().get().size());
        assertTrue(m.command().contains("--force " + number + ":3=4"), m.command());
        m.compute();
        assertEquals(0, m.measuredProperty().get().size(), "what was known of other tokens is forgotten");
    }

    @Test
    void numbersOfActiveExpertsIncludeTheTrainedOne() {
        RoutingViewModel m = measured("mixtral", "a");
        m.sweep();
        RoutingArtifact.Sweep s = m.data().orElseThrow().artifact().sweep().orElseThrow();
        assertTrue(s.steps().stream().anyMatch(step -> step.perToken() == s.trained()));
        assertEquals(8, s.steps().getLast().perToken());
        assertTrue(m.command().contains("--experts-per-token 1,2,"), m.command());
    }

    @Test
    void anotherCheckpointRoutesTheSameTokens() {
        RoutingViewModel m = measured("mixtral", "a", "b");
        m.against(List.of(Cases.subject("mixtral")));
        RoutingData d = m.data().orElseThrow();
        assertEquals(Maps.DIFFERENCE, m.mapsProperty().get());
        assertEquals(new Side(1, RoutingData.ALL), m.subtrahendProperty().get());
        for (int e = 0; e < d.experts(0); e++) {
            assertEquals(d.share(Measure.LOAD, 0, 1, e), d.share(new Side(1, 1), 0, e), 1e-12, "the same checkpoint has the same load");
        }
        m.against(List.of());
        assertEquals(3, m.data().orElseThrow().sides().size());
    }

    @Test
    void textsOfOneNameAreToldApartByTheirFolders() {
        RoutingViewModel m = immediate();
        m.offer(List.of(RoutingViewModel.domain(Path.of("/x/train/part.jsonl")), RoutingViewModel.domain(Path.of("/x/test/part.jsonl"))));
        assertEquals(List.of("part", "part of test"), m.chosen().stream().map(Task.Domain::name).toList());
        m.chosen().remove(1);
        m.offer(List.of(RoutingViewModel.domain(Path.of("/x/other.txt"))));
        assertEquals(List.of("part"), m.chosen().stream().map(Task.Domain::name).toList(), "what was chosen by hand stays");
    }

    @Test
    void anArtifactIsShownWithoutItsCheckpoint() {
        RoutingViewModel m = immediate();
        m.show(Cases.fixB(dir.resolve("b")).folder());
        assertEquals("", m.obstacle());
        assertTrue(m.data().isPresent() && m.tokensProperty().get() != null);
        assertEquals("", m.command());
        m.ask(new Change.Mask(0, 1));
        assertNull(m.changeProperty().get(), "nothing can be asked of a checkpoint that is not open");
        assertThrows(Refusal.class, () -> m.show(dir));
    }

    @Test
    void cancellingAndFailingSayWhatIsThere() {
        HeldEngine engine = new HeldEngine();
        RoutingViewModel m = new RoutingViewModel(new TaskBoard(engine, Runnable::run), Runnable::run, Runnable::run);
        m.show(Cases.subject("mixtral"));
        m.compute(Cases.texts(dir, "a"));
        m.cancel();
        assertTrue(((ViewState.Empty<RoutingData>) m.stateProperty().get()).sentence().startsWith("Cancelled. "));
        m.compute();
        engine.last().end(new Ending.Failed(Ending.Cause.OUT_OF_MEMORY, "worker ended"));
        assertTrue(m.failure().isPresent());
    }

    /// The trained model: what the view says of it is what its own description says, and its counts are those of the reference within its ties.
    @Test
    void theTrainedModelsExpertsPartByDomain() throws IOException {
        Path moe = SharedReference.require("moe-mini");
        JsonNode golden = Reference.at(moe).golden();
        List<Task.Domain> domains = new ArrayList<>();
        for (String name : List.of("shakespeare", "math", "stories")) {
            List<String> lines = new ArrayList<>();
            for (int row = 0; row < 2; row++) {
                lines.add("{\"input_ids\": " + golden.at("/per_domain/" + name + "/token_ids_of_each_row").get(row) + "}");
            }
            domains.add(new Task.Domain(name, Files.write(dir.resolve(name + ".jsonl"), lines).toString()));
        }
        RoutingViewModel m = immediate();
        m.show(Cases.open(moe));
        m.compute(domains);
        RoutingData d = m.data().orElseThrow();
        assertEquals(new Place(2, 3), m.selectedProperty().get(), "layer 2 knows most about domains, and its expert 3 is the most one-sided");
        assertEquals("Chosen on math only", ExpertInspector.finding(d, m.selectedProperty().get()));
        assertEquals("math", d.domains().get(m.tokensProperty().get().rows().get(m.rowProperty().get()).domain()).name(), "the lanes begin with a row of that domain");
        double[] weights = new double[8];
        Tokens t = m.tokensProperty().get();
        int first = t.rows().get(m.rowProperty().get()).from();
        // The mock-up's token: position 17 of the first row, layer 2.
        assertEquals("1", t.text(first + 17));
        assertEquals(3, t.expert(2, first + 17, 0));
        assertEquals(0.875, t.weight(2, first + 17, 0), 5e-4);
        assertEquals(0.109, t.weight(2, first + 17, 1), 5e-4);
        double[] scores = d.artifact().window() > first + 17 ? d.artifact().score(2, first + 17) : weights;
        assertEquals(1, java.util.Arrays.stream(scores).sum(), 1e-5);
    }
}
