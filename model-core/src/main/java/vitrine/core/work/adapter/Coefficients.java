package vitrine.core.work.adapter;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.LeadingVectors;
import vitrine.core.analysis.adapter.RankBudget;
import vitrine.core.analysis.adapter.SolarBasis;
import vitrine.core.analysis.adapter.StoredComponents;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.SiteWeight;
import vitrine.core.work.output.Figures;

/// The deltas of an adapter as coefficients in bases of the base's singular vectors, after SOLAR, for [AdapterCutRun].
///
/// Memory: the coefficients of all modules, at most 128 x 128 each in float64 with their order; bases are made again when they are needed.
final class Coefficients {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int BYTES = 4;

    private final Adapter adapter;
    private final LoadedModel model;
    private final Consumer<String> warn;
    private final int vectors;
    private final double perturbation;
    private final long seed;
    private final double[][] z;
    private final Integer[][] order;
    private final double[][] spectra;
    private final double[] norms;
    private final int[][] widths;

    Coefficients(Task.AdapterCut.Solar asked, Adapter adapter, LoadedModel model, Consumer<String> warn) {
        this.adapter = adapter;
        this.model = model;
        this.warn = warn;
        vectors = asked.vectors() == null ? SolarBasis.MOST_VECTORS : asked.vectors();
        perturbation = asked.perturbation() == null ? SolarBasis.PERTURBATION : asked.perturbation();
        seed = asked.seed() == null ? 0 : asked.seed();
        int n = adapter.modules().size();
        z = new double[n][];
        order = new Integer[n][];
        spectra = new double[n][];
        norms = new double[n];
        widths = new int[n][];
    }

    private SolarBasis bases(int m, Arena arena) {
        SiteWeight w = model.adapters().weight(model.adapters().fit().sites().get(m));
        LeadingVectors leading = LeadingVectors.of(w, Math.min(vectors, Math.min(w.rows(), w.columns())), arena);
        norms[m] = leading.frobenius();
        w.release();
        return SolarBasis.of(leading, vectors, perturbation, seed, arena);
    }

    /// Finds the coefficients of a module.
    ///
    /// @return their sizes, the largest first
    double[] read(int m, Factors f, double[] spectrum, Arena arena) {
        spectra[m] = spectrum;
        SolarBasis bases = bases(m, arena);
        Dense c = bases.coefficients(adapter.modules().get(m).embedding() ? f.ofTable(arena) : f, arena);
        widths[m] = new int[] {c.rows(), c.columns()};
        z[m] = c.toArray();
        order[m] = StoredComponents.order(Arrays.stream(z[m]).map(Math::abs).toArray());
        return Arrays.stream(order[m]).mapToDouble(i -> Math.abs(z[m][i])).toArray();
    }

    Integer[] order(int m) {
        return order[m];
    }

    /// As many coefficients as factors of a rank have values.
    int[] asManyAs(int rank) {
        int[] out = new int[z.length];
        for (int m = 0; m < out.length; m++) {
            AdapterModule module = adapter.modules().get(m);
            out[m] = (int) Math.min(z[m].length, (long) Math.min(rank, module.rank()) * (module.in() + module.out()));
        }
        return out;
    }

    /// The fewest coefficients that hold a share of each delta's squared norm, or all of them where the bases do not hold so much of it.
    int[] energy(double share) {
        int[] out = new int[z.length];
        int beyond = 0;
        for (int m = 0; m < out.length; m++) {
            double whole = Arrays.stream(spectra[m]).map(v -> v * v).sum();
            double sum = 0;
            while (out[m] < z[m].length && sum < share * whole * (1 - 1e-12)) {
                sum += z[m][order[m][out[m]]] * z[m][order[m][out[m]]];
                out[m]++;
            }
            beyond += sum < share * whole * (1 - 1e-9) ? 1 : 0;
        }
        if (beyond > 0) {
            warn.accept(String.format(Locale.ROOT, "Of %,d modules all coefficients are kept and hold less than %s of the squared norm: the rest lies outside of bases that begin with %d vectors.", beyond,
                    share, vectors));
        }
        return out;
    }

    private Dense kept(int m, int count, Arena arena) {
        return SolarBasis.kept(z[m], order[m], count, widths[m][0], widths[m][1], arena);
    }

    /// The factors of a module of its largest coefficients, as whoever reads them will find them.
    Factors factors(int m, int count, Arena arena) {
        Factors f = bases(m, arena).factors(kept(m, count, arena), arena);
        return adapter.modules().get(m).embedding() ? f.ofTable(arena) : f;
    }

    /// The rank of the delta of a module's largest coefficients.
    int rank(int m, int count) {
        try (Arena arena = Arena.ofShared()) {
            return SolarBasis.rank(kept(m, count, arena), arena);
        }
    }

    PeftFolder.Storage storage(Map<String, Integer> index, int[] counts) {
        return new PeftFolder.Storage() {
            @Override
            public void config(ObjectNode config) {
                config.put("peft_type", "SOLAR");
                config.remove(List.of("rank_pattern", "alpha_pattern"));
                ObjectNode own = config.putObject("solar").put("version", 1).put("vectors", vectors).put("perturbation", perturbation).put("seed", seed);
                ObjectNode modules = own.putObject("modules");
                index.forEach((path, m) -> {
                    AdapterFit.Site site = model.adapters().fit().sites().get(m);
                    SiteWeight w = model.adapters().weight(site);
                    modules.putObject(path).put("out", w.rows()).put("in", w.columns()).put("rank", rank(m, counts[m])).put("base_norm", norms[m])
                            .put("embedding", site.module().embedding());
                });
            }

            @Override
            public Map<String, Declared> tensors(PeftFolder.Module of) {
                int t = counts[index.get(of.path())];
                Map<String, Declared> out = new LinkedHashMap<>();
                out.put(".lora_solar_value", new Declared(DType.F32, Shape.of(t)));
                out.put(".lora_solar_place", new Declared(DType.I16, Shape.of(t)));
                return out;
            }

            @Override
            public void write(PeftFolder.Module of, SafetensorsWriter out, String stem) throws IOException {
                int m = index.get(of.path());
                float[] values = new float[counts[m]];
                MemorySegment places = MemorySegment.ofArray(new byte[2 * counts[m]]);
                for (int t = 0; t < values.length; t++) {
                    values[t] = (float) z[m][order[m][t]];
                    places.set(SHORT, 2L * t, order[m][t].shortValue());
                }
                out.write(stem + ".lora_solar_value", 0, values);
                out.write(stem + ".lora_solar_place", 0, places);
            }
        };
    }

    /// How coefficients are stored, and what factors of at most as many bytes would lose.
    void tell(ObjectNode summary, int[] counts) {
        summary.putObject("solar").put("vectors", vectors).put("perturbation", perturbation).put("seed", seed);
        long[] cost = adapter.modules().stream().mapToLong(m -> (long) m.in() + m.out()).toArray();
        long bytes = 0;
        for (int c : counts) {
            bytes += 6L * c;
        }
        int[] removals = RankBudget.removals(spectra, cost);
        int fits = removals.length;
        int not = -1;
        while (fits - not > 1) {
            int middle = (fits + not) >>> 1;
            int[] left = RankBudget.after(spectra, removals, middle);
            long size = 0;
            for (int m = 0; m < left.length; m++) {
                size += BYTES * left[m] * cost[m];
            }
            if (size > bytes) {
                not = middle;
            } else {
                fits = middle;
            }
        }
        Figures.put(summary, "factors_relative_error", RankBudget.error(spectra, RankBudget.after(spectra, removals, fits)));
    }

    String card(ObjectNode s) {
        return String.format(Locale.ROOT, "| relative error of factors of at most as many bytes, by singular values | | %.6f |%n%n"
                + "Stored as SOLAR does: delta = P Z Q^T, P and Q orthonormal bases of the base weight's first %d singular vectors and of the same moved by %s times Gaussian numbers of the seed %d; of Z the "
                + "largest coefficients, in float32 with their places. Whoever reads it needs the same base. PEFT does not: `vitrine adapter cut %s --energy 1 --model BASE --out FOLDER` writes factors "
                + "that it loads. Derived from the abstract of arXiv 2604.08368.%n", s.get("factors_relative_error").asDouble(), vectors, perturbation, seed, Visible.escape(adapter.name()));
    }
}
