package vitrine.core.work.routing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRoutingBuilder;
import vitrine.core.tensor.Matrix;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;

/// Changed routes: what must change nothing, what must change something, and the divergence worked out apart from it.
class RoutingWhatIfTest {

    private static final int[] IDS = {5, 9, 12, 44, 71, 3, 8, 100, 200, 31, 7, 7, 90, 14, 2, 66};

    @TempDir
    Path folder;
    private String data;

    @BeforeEach
    void texts() throws IOException {
        data = Files.writeString(folder.resolve("ids.jsonl"), "{\"input_ids\": " + Arrays.toString(Arrays.copyOf(IDS, 10)) + "}\n{\"input_ids\": "
                + Arrays.toString(Arrays.copyOfRange(IDS, 10, 16)) + ", \"label\": \"tail\"}\n").toString();
    }

    private static String model(String name) {
        return Reference.of(name).folder().toAbsolutePath().toString();
    }

    /// A routing task that is made step by step.
    private final class Asked {
        private final String model;
        private List<Integer> counts;
        private List<String> against;
        private List<Task.LayerCount> at;
        private List<Task.Mask> mask;
        private List<Task.Force> force;
        private List<Task.Swap> swap;

        Asked(String model) {
            this.model = model(model);
        }

        Asked mask(int layer, int expert) {
            mask = with(mask, new Task.Mask(layer, expert));
            return this;
        }

        Asked silence(int layer, int expert) {
            mask = with(mask, new Task.Mask(layer, expert, true));
            return this;
        }

        Asked swap(int layer, int a, int b) {
            swap = with(swap, new Task.Swap(layer, a, b));
            return this;
        }

        Asked force(int layer, long token, Integer... experts) {
            force = with(force, new Task.Force(layer, token, List.of(experts)));
            return this;
        }

        Asked at(int layer, int perToken) {
            at = with(at, new Task.LayerCount(layer, perToken));
            return this;
        }

        Asked counts(Integer... of) {
            counts = List.of(of);
            return this;
        }

        Asked against(String... others) {
            against = List.of(others);
            return this;
        }

        RoutingArtifact run() throws IOException {
            Task.Routing task = TaskRoutingBuilder.builder().model(model).data(List.of(new Task.Domain("text", data))).expertsPerToken(counts).against(against).expertsPerTokenAt(at)
                    .mask(mask).force(force).swap(swap).build();
            return RoutingArtifact.of(TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, w -> { }));
        }

        RoutingArtifact.WhatIf whatIf() throws IOException {
            return run().whatIf().orElseThrow();
        }
    }

    private static <T> List<T> with(List<T> list, T more) {
        List<T> out = new ArrayList<>(list == null ? List.of() : list);
        out.add(more);
        return out;
    }

    private static void assertUnchanged(RoutingArtifact.WhatIf what) {
        assertEquals(0, what.kl());
        assertEquals(0, what.topChanged());
        assertEquals(what.lossBefore(), what.lossAfter());
        assertEquals(List.of(), what.tokens());
    }

    private static void assertChanged(RoutingArtifact.WhatIf what) {
        assertTrue(what.kl() > 1e-6, what.toString());
        assertTrue(Math.abs(what.lossAfter() - what.lossBefore()) > 1e-6, what.toString());
        assertFalse(what.tokens().isEmpty());
    }

    @Test
    void anExpertThatNobodyVisitsCanBeMasked() throws IOException {
        RoutingArtifact plain = new Asked("mixtral").run();
        int layer = 0;
        int nobody = -1;
        for (int l = 0; l < 3 && nobody < 0; l++) {
            double[] load = plain.load(l);
            for (int e = 0; e < load.length; e++) {
                if (load[e] == 0) {
                    layer = l;
                    nobody = e;
                }
            }
        }
        assertTrue(nobody >= 0, "so few tokens leave an expert without a visitor");
        RoutingArtifact.WhatIf what = new Asked("mixtral").mask(layer, nobody).whatIf();
        assertTrue(what.kl() < 1e-10, what.toString());
        assertEquals(what.lossBefore(), what.lossAfter(), 1e-6);
        // And of one that is visited, something is missed.
        double[] load = plain.load(layer);
        int busiest = 0;
        for (int e = 1; e < load.length; e++) {
            busiest = load[e] > load[busiest] ? e : busiest;
        }
        RoutingArtifact masked = new Asked("mixtral").mask(layer, busiest).run();
        assertChanged(masked.whatIf().orElseThrow());
        double[] after = masked.whatIfLoad(layer);
        assertEquals(0, after[busiest] + after[8 + busiest], "in both domains");
        assertEquals(2 * IDS.length, Arrays.stream(after).sum(), "a token visits two all the same");
        assertEquals(plain.loss(), masked.loss(), "the rest is of the model as it is");
        assertArrayEquals(plain.load(layer), masked.load(layer));
    }

    /// A silent expert is chosen as before: loads of its own layer stay, and what it would have added is missing. Silent after a swap is who takes the tokens.
    @Test
    void aSilentExpertIsChosenAndAddsNothing() throws IOException {
        RoutingArtifact silent = new Asked("mixtral").silence(2, 4).run();
        assertArrayEquals(silent.domainLoad(2), silent.whatIfLoad(2));
        RoutingArtifact masked = new Asked("mixtral").mask(2, 4).run();
        assertTrue(silent.load(2)[4] > 0, "an expert that is visited");
        assertChanged(silent.whatIf().orElseThrow());
        assertTrue(silent.whatIf().orElseThrow().kl() != masked.whatIf().orElseThrow().kl());
        RoutingArtifact.WhatIf all = new Asked("mixtral").silence(1, 0).silence(1, 1).silence(1, 2).silence(1, 3).silence(1, 4).silence(1, 5).silence(1, 6).silence(1, 7).whatIf();
        assertEquals(all.kl(), new Asked("mixtral").swap(1, 0, 3).silence(1, 0).silence(1, 1).silence(1, 2).silence(1, 3).silence(1, 4).silence(1, 5).silence(1, 6).silence(1, 7).whatIf().kl(),
                "whoever visits whom, nothing is added");
        assertTrue(all.kl() > 0);
    }

    @Test
    void swappingTwiceIsNothing() throws IOException {
        assertUnchanged(new Asked("olmoe").swap(1, 2, 5).swap(1, 2, 5).whatIf());
        RoutingArtifact swapped = new Asked("olmoe").swap(0, 0, 1).swap(0, 1, 2).run();
        double[] before = swapped.domainLoad(0);
        double[] after = swapped.whatIfLoad(0);
        // First 0 and 1 change places, then 1 and 2: who went to 0 goes to 2, who went to 1 to 0, who went to 2 to 1.
        assertArrayEquals(new double[] {before[1], before[2], before[0]}, Arrays.copyOf(after, 3));
        assertChanged(swapped.whatIf().orElseThrow());
    }

    @Test
    void forcingWhatIsChosenAnywayIsNothing() throws IOException {
        for (String model : List.of("deepseek-v3", "gpt-oss")) {
            RoutingArtifact plain = new Asked(model).run();
            int i = plain.moeLayers().size() - 1;
            int layer = plain.moeLayers().get(i);
            int k = plain.perToken();
            int[] ids = plain.expertIds(i);
            Integer[] own = Arrays.stream(ids, 11 * k, 12 * k).boxed().toArray(Integer[]::new);
            assertUnchanged(new Asked(model).force(layer, 11, own).whatIf());
            assertUnchanged(new Asked(model).force(layer, 11, own[k - 1]).whatIf());
            // Another expert in place of the last: token 11 is of the second domain, and only its route differs.
            int other = 0;
            while (Arrays.asList(own).contains(other)) {
                other++;
            }
            Integer[] forced = own.clone();
            forced[k - 1] = other;
            RoutingArtifact changed = new Asked(model).force(layer, 11, forced).run();
            double[] expected = plain.domainLoad(i);
            expected[plain.rows().get(i).experts() + other]++;
            expected[plain.rows().get(i).experts() + own[k - 1]]--;
            assertArrayEquals(expected, changed.whatIfLoad(i), model);
            RoutingArtifact.WhatIf what = changed.whatIf().orElseThrow();
            assertTrue(what.kl() > 0, model);
            double[] moved = changed.whatIfDivergence();
            assertEquals(0, Arrays.stream(moved, 0, 11).sum(), "tokens before it do not see it");
            assertTrue(moved[11] > 0);
            assertEquals(0, what.domains().get(0).kl());
            assertEquals(what.kl() * IDS.length, what.domains().get(1).kl() * 6, 1e-12);
        }
    }

    @Test
    void anotherNumberInEveryLayerIsThatOfTheSweep() throws IOException {
        RoutingArtifact all = new Asked("qwen3-moe").counts(1).at(0, 1).at(1, 1).at(2, 1).run();
        RoutingArtifact.Step one = all.sweep().orElseThrow().steps().getFirst();
        RoutingArtifact.WhatIf what = all.whatIf().orElseThrow();
        assertEquals(one.loss(), what.lossAfter());
        assertEquals(one.kl(), what.kl());
        assertTrue(one.kl() > 0);
        assertArrayEquals(one.domainLosses(), what.domains().stream().mapToDouble(RoutingArtifact.DomainChange::lossAfter).toArray());
        RoutingArtifact.Step trained = all.sweep().orElseThrow().steps().getLast();
        assertEquals(all.perToken(), trained.perToken());
        assertEquals(0, trained.kl());
        assertArrayEquals(all.load(1), all.sweepLoad(1, 1));
        assertEquals(IDS.length, Arrays.stream(all.sweepLoad(0, 1)).sum());
        assertUnchanged(new Asked("qwen3-moe").at(1, all.perToken()).whatIf());
        // In one layer only: k differs between layers.
        RoutingArtifact.WhatIf single = new Asked("qwen3-moe").at(1, 1).whatIf();
        assertTrue(single.kl() > 0 && single.kl() != one.kl());
    }

    /// KL of the next-token distribution, from the logits of two passes that are kept whole.
    @Test
    void divergenceIsThatOfTheLogits() throws IOException {
        RoutingArtifact got = new Asked("mixtral").counts(1).run();
        try (LoadedModel model = LoadedModel.open(model("mixtral"))) {
            float[][][] before = logits(new ForwardPass(model.spec(), model.weights()));
            float[][][] after = logits(new ForwardPass(model.spec().choosing(Map.of(0, 1, 1, 1, 2, 1)), model.weights()));
            double sum = 0;
            int changed = 0;
            for (int s = 0; s < 2; s++) {
                for (int t = 0; t < before[s].length; t++) {
                    double[] p = softmax(before[s][t]);
                    double[] q = softmax(after[s][t]);
                    int top = 0;
                    int topAfter = 0;
                    for (int v = 0; v < p.length; v++) {
                        sum += p[v] * Math.log(p[v] / q[v]);
                        top = p[v] > p[top] ? v : top;
                        topAfter = q[v] > q[topAfter] ? v : topAfter;
                    }
                    changed += top == topAfter ? 0 : 1;
                }
            }
            RoutingArtifact.Step step = got.sweep().orElseThrow().steps().getFirst();
            assertEquals(sum / IDS.length, step.kl(), 1e-6 * sum / IDS.length + 1e-9);
            assertEquals((double) changed / IDS.length, step.topChanged());
        }
        RoutingArtifact.WhatIf what = new Asked("mixtral").at(0, 1).at(1, 1).at(2, 1).whatIf();
        assertEquals(8, what.tokens().size());
        RoutingArtifact.TokenChange furthest = what.tokens().getFirst();
        assertEquals(IDS[(int) furthest.token()], furthest.id());
        assertTrue(what.tokens().getFirst().kl() >= what.tokens().getLast().kl());
        assertEquals(5, furthest.before().size());
        assertTrue(furthest.before().get(0).probability() >= furthest.before().get(4).probability());
    }

    private static double[] softmax(float[] l) {
        double max = Double.NEGATIVE_INFINITY;
        for (float v : l) {
            max = Math.max(max, v);
        }
        double[] p = new double[l.length];
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            p[i] = Math.exp(l[i] - max);
            sum += p[i];
        }
        for (int i = 0; i < p.length; i++) {
            p[i] /= sum;
        }
        return p;
    }

    private static float[][][] logits(ForwardPass forward) {
        float[][][] out = {new float[10][], new float[6][]};
        forward.run(new Batch(List.of(new Batch.Sequence(Arrays.copyOf(IDS, 10), null), new Batch.Sequence(Arrays.copyOfRange(IDS, 10, 16), null))), new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return site == Site.LOGITS;
            }

            @Override
            public void at(Place place, Matrix value) {
                for (int r = 0; r < value.rows(); r++) {
                    out[place.sequence()][place.firstPosition() + r] = value.row(r);
                }
            }
        }, Progress.NONE);
        return out;
    }

    @Test
    void anotherCheckpointIsComparedTokenByToken() throws IOException {
        // The same weights with another rotary base: a checkpoint of the same shape whose routes differ.
        Path other = Files.createDirectory(folder.resolve("other"));
        for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
            Files.copy(Path.of(model("mixtral")).resolve(file), other.resolve(file));
        }
        Files.writeString(other.resolve("config.json"), Files.readString(other.resolve("config.json")).replace("\"rope_theta\": 1000000.0", "\"rope_theta\": 3.0"));
        RoutingArtifact both = new Asked("mixtral").against(other.toString(), model("mixtral")).run();
        RoutingArtifact alone = RoutingArtifact.of(TaskRunner.run(Task.Routing.of(other.toString(), List.of(new Task.Domain("text", data))), folder.resolve("alone"), Progress.NONE, w -> { }));
        RoutingArtifact.Against first = both.against().get(0);
        assertEquals(alone.loss(), first.loss());
        boolean differs = false;
        for (int i = 0; i < 3; i++) {
            int[] here = both.expertIds(i);
            int[] there = alone.expertIds(i);
            int same = 0;
            int sameFirst = 0;
            for (int t = 0; t < IDS.length; t++) {
                for (int a = 0; a < 2; a++) {
                    for (int b = 0; b < 2; b++) {
                        same += here[2 * t + a] == there[2 * t + b] ? 1 : 0;
                    }
                }
                sameFirst += here[2 * t] == there[2 * t] ? 1 : 0;
            }
            assertEquals(same / 2.0 / IDS.length, first.saturation()[i], 1e-12);
            assertEquals((double) sameFirst / IDS.length, first.first()[i], 1e-12);
            assertEquals(0.25, first.chance()[i]);
            assertArrayEquals(alone.domainLoad(i), both.againstLoad(0, i));
            assertArrayEquals(both.domainLoad(i), both.againstLoad(1, i));
            differs |= same < 2 * IDS.length;
        }
        assertTrue(differs, "a case in which all routes are the same proves nothing");
        assertArrayEquals(new double[] {1, 1, 1}, both.against().get(1).saturation());
    }

    @Test
    void whatCannotBeIsSaidInOneSentence() {
        assertRefused("layer 0 has no experts", new Asked("deepseek-v3").mask(0, 1));
        assertRefused("layer 1 has no expert 99; it has experts 0 to 7", new Asked("mixtral").mask(1, 99));
        assertRefused("layer 1: with 7 experts masked 1 are left", new Asked("mixtral").mask(1, 0).mask(1, 1).mask(1, 2).mask(1, 3).mask(1, 4).mask(1, 5).mask(1, 6));
        assertRefused("3 experts are forced and a token visits 2", new Asked("mixtral").force(1, 0, 1, 2, 3));
        assertRefused("16 tokens pass", new Asked("mixtral").force(1, 16, 1));
        assertRefused("both masked and forced", new Asked("mixtral").mask(1, 2).force(1, 3, 2));
        assertRefused("a choice cannot be forced", new Asked("phimoe").force(0, 3, 2));
        assertRefused("a token can visit at most 8", new Asked("deepseek-v3").at(1, 9));
        assertRefused("two numbers of experts", new Asked("mixtral").at(1, 1).at(1, 3));
        assertRefused("token ids", new Asked("mixtral").against(model("olmoe")));
        assertRefused("has no experts", new Asked("llama-gqa"));
    }

    private static void assertRefused(String expected, Asked asked) {
        Refusal r = assertThrows(Refusal.class, asked::run);
        assertTrue(r.getMessage().contains(expected), r.getMessage());
    }
}
