package vitrine.core.work.adapter;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.analysis.adapter.DeltaSpectrum;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.RankBudget;
import vitrine.core.analysis.adapter.StartFactors;
import vitrine.core.analysis.adapter.StoredComponents;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.forward.Adaptation;
import vitrine.core.forward.LowRankUpdate;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// An adapter with fewer ranks, as a PEFT folder with a card; or with fewer coefficients in bases of the base's singular vectors (SOLAR), as a folder that is
/// read here only.
public final class AdapterCutRun {

    private final Task.AdapterCut task;
    private final Adapter adapter;
    private final MappedWeights map;
    private final LoadedModel model;
    private final Progress progress;
    private final Consumer<String> warn;
    private final boolean singular;
    private final Coefficients solar;
    /// What each component is worth, longest kept first: singular values, or norm products.
    private double[][] worth;
    private Integer[][] order;
    private double[] squares;

    private AdapterCutRun(Task.AdapterCut task, Adapter adapter, MappedWeights map, LoadedModel model, Progress progress, Consumer<String> warn) {
        this.task = task;
        this.adapter = adapter;
        this.map = map;
        this.model = model;
        this.progress = progress;
        this.warn = warn;
        singular = task.order() != Task.Order.norm_product;
        solar = task.solar() == null ? null : new Coefficients(task.solar(), adapter, model, warn);
    }

    public static Outcome run(Task.AdapterCut task, Path staging, Progress progress, Consumer<String> warn) throws IOException {
        Adapter adapter = Adapter.open(task.adapter());
        if (adapter.modules().isEmpty()) {
            throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "it has no low-rank factors that could be cut");
        }
        if (!adapter.rows().isEmpty() || !adapter.config().targetParameters().isEmpty()) {
            throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "it changes single rows or bare parameters, which cannot be cut here");
        }
        if (task.model() == null && adapter.modules().stream().anyMatch(m -> m.solar() != null)) {
            throw Refusal.of(Category.TASK_INVALID, adapter.checkpoint().path(), "its deltas are coefficients (SOLAR), and to find them its base is needed").help("Name the base: --model BASE.");
        }
        try (MappedWeights map = new MappedWeights(adapter.checkpoint());
             LoadedModel model = task.model() == null ? null : LoadedModel.open(task.model(), List.of(Task.AdapterUse.of(task.adapter())))) {
            return new AdapterCutRun(task, adapter, map, model, progress, warn).run(staging);
        }
    }

    private Outcome run(Path staging) throws IOException {
        adapter.notes().forEach(warn);
        List<AdapterModule> modules = adapter.modules();
        for (Task.AdapterCut.Components w : task.without() == null ? List.<Task.AdapterCut.Components>of() : task.without()) {
            if (modules.stream().noneMatch(m -> m.path().equals(w.module()))) {
                throw Refusal.of(Category.TASK_INVALID, adapter.checkpoint().path(), "it has no module %s", Visible.name(w.module())).help("The modules are listed by vitrine adapter.");
            }
        }
        worth = new double[modules.size()][];
        order = new Integer[modules.size()][];
        squares = new double[modules.size()];
        for (int m = 0; m < modules.size(); m++) {
            progress.checkCancelled();
            progress.step(m, modules.size(), "modules");
            read(m);
        }
        AdapterLosses losses = task.data() == null || task.data().isEmpty() ? null : new AdapterLosses(model, task.data(), task.maxLength(), task.maxTokens(), progress);
        double[] before = null;
        if (losses != null) {
            losses.plan(task.lossRise() == null ? 2 : 16);
            before = losses.losses(model.weights().adaptation(), List.of(new AdapterLosses.Variation(-1, a -> model.weights().adaptation())))[0];
        }
        int[] kept = kept(losses, before);
        if (Arrays.stream(kept).allMatch(k -> k == 0)) {
            throw Refusal.of(Category.TASK_INVALID, adapter.checkpoint().path(), "nothing would be left of it").help(task.without() == null ? "Ask for more." : "Leave a component.");
        }
        double[] after = losses == null ? null : loss(losses, kept);
        return write(staging, kept, losses, before, after);
    }

    private void read(int m) {
        AdapterModule module = adapter.modules().get(m);
        try (Arena arena = Arena.ofShared()) {
            Factors f = whole(m, arena);
            if (f.nonFinite() > 0) {
                throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "%,d values of %s are not finite, so it has no best part", f.nonFinite(), module.path());
            }
            double[] s = DeltaSpectrum.of(f, arena).values();
            squares[m] = Arrays.stream(s).map(v -> v * v).sum();
            if (solar != null) {
                worth[m] = solar.read(m, f, s, arena);
                order[m] = solar.order(m);
            } else {
                double[] n = singular ? s : StoredComponents.of(f, arena).normProduct();
                order[m] = task.without() != null ? others(module, n.length) : singular ? null : StoredComponents.order(n);
                worth[m] = order[m] == null ? n : Arrays.stream(order[m]).mapToDouble(i -> n[i]).toArray();
            }
        }
    }

    /// The components of a module that nothing leaves out, in their order, and after them those that go.
    private Integer[] others(AdapterModule module, int count) {
        List<Integer> gone = gone(module);
        for (int c : gone) {
            if (c >= count) {
                throw Refusal.of(Category.TASK_INVALID, adapter.checkpoint().path(), "component %,d of %s is to go; its %,d are counted from 0", c, Visible.name(module.path()), count);
            }
        }
        return java.util.stream.Stream.concat(java.util.stream.IntStream.range(0, count).boxed().filter(c -> !gone.contains(c)), gone.stream()).toArray(Integer[]::new);
    }

    private List<Integer> gone(AdapterModule module) {
        return task.without().stream().filter(w -> w.module().equals(module.path())).findFirst().map(w -> w.components().stream().sorted().toList()).orElse(List.of());
    }

    /// All of a module's factors.
    private Factors whole(int m, Arena arena) {
        return model == null ? Factors.read(adapter.modules().get(m), map, arena) : model.adapters().factors(model.adapters().fit().sites().get(m), arena);
    }

    /// The factors of a module with its first `count` components, and the scaling that goes with them.
    private Factors factors(int m, int count, Arena arena) {
        if (solar != null) {
            return solar.factors(m, count, arena);
        }
        Factors f = whole(m, arena);
        if (singular && order[m] == null) {
            return StartFactors.truncated(DeltaSpectrum.of(f, arena), count, 1, arena);
        }
        Factors all = singular ? StartFactors.truncated(DeltaSpectrum.of(f, arena), order[m].length, 1, arena) : f;
        return all.picked(Arrays.copyOf(order[m], count), arena);
    }

    // --- how many

    private int[] kept(AdapterLosses losses, double[] before) {
        if (task.without() != null) {
            return java.util.stream.IntStream.range(0, worth.length).map(m -> worth[m].length - gone(adapter.modules().get(m)).size()).toArray();
        }
        if (task.rank() != null) {
            return solar == null ? RankBudget.uniform(worth, task.rank()) : solar.asManyAs(task.rank());
        }
        if (task.energy() != null && solar != null) {
            return solar.energy(task.energy());
        }
        if (task.energy() != null) {
            return RankBudget.energy(worth, task.energy());
        }
        long[] cost = adapter.modules().stream().mapToLong(m -> cost(m)).toArray();
        int[] removals = RankBudget.removals(worth, cost);
        if (task.parameters() != null) {
            // Of the factors as they are stored; a delta of coefficients has as many values as its factors would have.
            long whole = adapter.modules().stream().mapToLong(m -> m.rank() * ((long) m.in() + m.out())).sum();
            int fits = removals.length;
            int not = -1;
            while (fits - not > 1) {
                int middle = (fits + not) >>> 1;
                if (parameters(RankBudget.after(worth, removals, middle)) > task.parameters() * whole) {
                    not = middle;
                } else {
                    fits = middle;
                }
            }
            return RankBudget.after(worth, removals, fits);
        }
        // The most removals that the loss allows, by halving; the loss is not quite monotone, and what is found is one that holds.
        double allowed = mean(losses, before) + task.lossRise();
        int holds = 0;
        // The last rank stays: where the texts are told better without the adapter, one that does next to nothing is what was asked for.
        int fails = removals.length;
        while (fails - holds > 1) {
            int middle = (holds + fails) >>> 1;
            progress.checkCancelled();
            if (mean(losses, loss(losses, RankBudget.after(worth, removals, middle))) <= allowed) {
                holds = middle;
            } else {
                fails = middle;
            }
        }
        return RankBudget.after(worth, removals, holds);
    }

    private long parameters(int[] kept) {
        long sum = 0;
        for (int m = 0; m < kept.length; m++) {
            sum += kept[m] * cost(adapter.modules().get(m));
        }
        return sum;
    }

    /// Values that one component takes.
    private long cost(AdapterModule m) {
        return solar != null ? 1 : (long) m.in() + m.out();
    }

    /// Over all texts, every predicted token the same.
    private static double mean(AdapterLosses losses, double[] of) {
        double sum = 0;
        long count = 0;
        for (int d = 0; d < of.length; d++) {
            sum += of[d] * losses.predicted(d);
            count += losses.predicted(d);
        }
        return sum / count;
    }

    private double[] loss(AdapterLosses losses, int[] kept) {
        Adaptation whole = model.weights().adaptation();
        return losses.losses(whole, List.of(new AdapterLosses.Variation(-1, own -> {
            Map<String, List<LowRankUpdate>> linears = new LinkedHashMap<>(whole.linears());
            Map<String, List<LowRankUpdate>> tables = new LinkedHashMap<>(whole.tables());
            for (int m = 0; m < kept.length; m++) {
                AdapterFit.Site site = model.adapters().fit().sites().get(m);
                try (Arena scratch = Arena.ofShared()) {
                    (site.role() == AdapterFit.Role.TABLE ? tables : linears).put(model.adapters().key(site),
                            kept[m] == 0 ? List.of() : List.of(model.adapters().update(site, factors(m, kept[m], scratch), own)));
                }
            }
            return new Adaptation(linears, tables, whole.replaced());
        })))[0];
    }

    // --- what is written

    private Outcome write(Path staging, int[] kept, AdapterLosses losses, double[] before, double[] after) throws IOException {
        boolean stabilised = adapter.config().rankStabilised();
        List<PeftFolder.Module> modules = new ArrayList<>();
        Map<String, Integer> index = new LinkedHashMap<>();
        List<String> gone = new ArrayList<>();
        double lost = 0;
        double total = 0;
        try (Arena arena = Arena.ofShared()) {
            for (int m = 0; m < kept.length; m++) {
                AdapterModule module = adapter.modules().get(m);
                total += squares[m];
                lost += lost(m, kept[m]);
                if (kept[m] == 0) {
                    gone.add(module.path());
                    continue;
                }
                double scaling = singular || solar != null ? 1 : module.scaling();
                double alpha = stabilised ? scaling * Math.sqrt(kept[m]) : scaling * kept[m];
                index.put(module.path(), m);
                modules.add(new PeftFolder.Module(module.path(), module.embedding(), module.out(), module.in(), solar == null ? kept[m] : solar.rank(m, kept[m]), alpha, extra(module.magnitude(), 1, arena),
                        extra(module.bias(), module.scaling() / scaling, arena)));
            }
        }
        ObjectNode config = adapter.config().json().deepCopy();
        PeftFolder folder = new PeftFolder(config, modules);
        adapter.saved().values().forEach(t -> folder.keep(t, map.data(t)));
        adapter.copies().values().forEach(t -> folder.keep(t, map.data(t)));
        int[] done = {0};
        if (solar != null) {
            folder.storeAs(solar.storage(index, kept));
        }
        folder.write(staging, (module, arena) -> factors(index.get(module.path()), module.rank(), arena), () -> {
            progress.checkCancelled();
            progress.step(++done[0], modules.size(), "modules");
        });
        if (!gone.isEmpty()) {
            warn.accept(String.format("%,d modules keep no rank and are left out: %s%s.", gone.size(), String.join(", ", gone.stream().limit(3).map(Visible::name).toList()),
                    gone.size() > 3 ? " and others" : ""));
        }
        ObjectNode summary = Json.object().put("adapter", adapter.name()).put("storage", solar == null ? "peft" : "solar").put("order", singular ? "singular" : "norm_product").put("modules", modules.size())
                .put("left_out", gone.size()).put("parameters_before", adapter.parameters()).put("parameters", after(kept));
        Figures.put(summary, "relative_error", total == 0 ? 0 : Math.sqrt(lost / total));
        Figures.put(summary, "energy", total == 0 ? 1 : 1 - lost / total);
        long bytes = Files.size(staging.resolve(PeftFolder.TENSORS));
        summary.put("bytes_before", adapter.checkpoint().fileBytes()).put("bytes", bytes);
        if (solar != null) {
            solar.tell(summary, kept);
        }
        ObjectNode ranks = summary.putObject(solar == null ? "ranks" : "coefficients");
        for (int m = 0; m < kept.length; m++) {
            ranks.put(adapter.modules().get(m).path(), kept[m]);
        }
        if (losses != null) {
            ArrayNode domains = summary.putArray("domains");
            for (int d = 0; d < losses.domains().size(); d++) {
                ObjectNode n = domains.addObject().put("name", losses.domains().get(d)).put("predicted_tokens", losses.predicted(d));
                Figures.putLoss(n.putObject("before"), before[d], warn);
                Figures.putLoss(n.putObject("after"), after[d], warn);
            }
        }
        Files.write(staging.resolve("README.md"), card(summary).getBytes(StandardCharsets.UTF_8));
        return new Outcome(summary, Map.of("relative_error", Provenance.derived(adapter.name(), "F64", solar != null ? "root of 1 - the squares of the kept coefficients of P^T dW Q by the squared norm of all deltas" : singular ? "root of the squares of the singular values that were cut, by that of all"
                : "Frobenius norm of what was cut, by that of the delta, over all modules")));
    }

    /// The squared norm of what is cut from a module: by the values themselves where they are singular ones, else by the two deltas.
    private double lost(int m, int count) {
        if (count == worth[m].length && solar == null) {
            return 0;
        }
        if (solar != null) {
            return Math.max(0, squares[m] - Arrays.stream(worth[m], 0, count).map(v -> v * v).sum());
        }
        if (singular) {
            return Arrays.stream(worth[m], count, worth[m].length).map(v -> v * v).sum();
        }
        try (Arena arena = Arena.ofShared()) {
            Factors f = whole(m, arena);
            double norm = DeltaSpectrum.of(f.picked(Arrays.copyOfRange(order[m], count, order[m].length), arena), arena).measures().frobenius();
            return norm * norm;
        }
    }

    private long after(int[] kept) {
        long sum = parameters(kept) + adapter.saved().values().stream().mapToLong(TensorEntry::elements).sum();
        for (int m = 0; m < kept.length; m++) {
            AdapterModule module = adapter.modules().get(m);
            sum += kept[m] == 0 ? 0 : (module.magnitude() == null ? 0 : module.magnitude().elements()) + (module.bias() == null ? 0 : module.bias().elements());
        }
        return sum;
    }

    private PeftFolder.Extra extra(TensorEntry t, double factor, Arena arena) {
        return t == null ? null : new PeftFolder.Extra(Arrays.stream(Factors.values(t, map, arena).toArray()).map(v -> v * factor).toArray());
    }

    private String card(ObjectNode s) {
        StringBuilder out = new StringBuilder(String.format(Locale.ROOT, "# %s, cut%n%n", Visible.escape(adapter.name())));
        out.append(String.format(Locale.ROOT, "Cut by Vitrine, %s. Base: %s.%n%n", solar != null ? "to the largest coefficients in bases of the base's singular vectors" : task.without() != null ? "without single " + (singular ? "singular" : "stored") + " components" : singular ? "by singular values of each delta" : "to the stored components of the largest norm",
                adapter.config().base().isEmpty() ? "not named" : Visible.escape(adapter.config().base())));
        out.append("| | before | after |\n| --- | --- | --- |\n");
        out.append(String.format(Locale.ROOT, "| parameters | %,d | %,d |%n", s.get("parameters_before").asLong(), s.get("parameters").asLong()));
        out.append(String.format(Locale.ROOT, "| share of the squared norm of all deltas | 1 | %.6f |%n", s.get("energy").asDouble()));
        out.append(String.format(Locale.ROOT, "| relative error of all deltas together | 0 | %.6f |%n", s.get("relative_error").asDouble()));
        s.path("domains").forEach(d -> out.append(String.format(Locale.ROOT, "| loss on %s, nats per token | %s | %s |%n| perplexity on %s | %s | %s |%n", Visible.escape(d.get("name").asText()),
                d.at("/before/loss").asText(), d.at("/after/loss").asText(), Visible.escape(d.get("name").asText()), d.at("/before/perplexity").asText(), d.at("/after/perplexity").asText())));
        out.append(String.format(Locale.ROOT, "| bytes of tensors | %,d | %,d |%n", s.get("bytes_before").asLong(), s.get("bytes").asLong()));
        if (solar != null) {
            out.append(solar.card(s));
        }
        out.append("\n| module | ").append(solar == null ? "ranks" : "coefficients").append(" kept |\n| --- | --- |\n");
        s.get(solar == null ? "ranks" : "coefficients").properties().forEach(e -> out.append("| ").append(Visible.escape(e.getKey())).append(" | ").append(e.getValue().asInt()).append(" |\n"));
        return out.toString();
    }
}
