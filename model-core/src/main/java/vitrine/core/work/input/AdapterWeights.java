package vitrine.core.work.input;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.Magnitudes;
import vitrine.core.analysis.adapter.SolarBasis;
import vitrine.core.architecture.ExpertParameter;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.forward.Adaptation;
import vitrine.core.forward.LowRankUpdate;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.StoredValues;

/// Adapters on a base, as the forward pass takes them: factors in float32, scaling and DoRA's row factors within B. Nothing is merged.
///
/// An adapter's weight w multiplies all that it changes: a layer's output is y + w (y with the adapter - y). For LoRA that is the scaling times w.
public final class AdapterWeights implements AutoCloseable {

    /// Where a tied head finds the base's own table while the embedding has another.
    private static final String OWN_TABLE = "the base's own table";

    private final Checkpoint base;
    private final ModelSpec spec;
    private final List<Used> used;
    private final Map<String, Adaptation.Replacement> replaced = new LinkedHashMap<>();
    private final MappedWeights baseMap;
    private final Arena arena = Arena.ofShared();
    private final Map<String, MemorySegment> patched = new LinkedHashMap<>();

    /// A site of one of the adapters, by its number.
    public record Placed(int adapter, AdapterFit.Site site) {}

    private record Used(AdapterFit fit, double weight, MappedWeights map) {}

    private AdapterWeights(List<AdapterFit> fits, List<Double> weights, ModelSpec of, Checkpoint base) {
        this.base = base;
        baseMap = new MappedWeights(base);
        used = new ArrayList<>();
        for (int i = 0; i < fits.size(); i++) {
            AdapterFit fit = fits.get(i);
            require(fit, weights.get(i));
            MappedWeights map = new MappedWeights(fit.adapter().checkpoint());
            used.add(new Used(fit, weights.get(i), map));
            fit.adapter().copies().forEach((name, copy) -> requireOwn(fit, name, copy, map.data(copy), of));
            fit.replaced().forEach((name, tensor) -> {
                if (replaced.putIfAbsent(name, new Adaptation.Replacement(tensor, map.data(tensor))) != null) {
                    throw Refusal.of(Category.ADAPTER_MISMATCH, fit.adapter().checkpoint().path(), "it saves %s whole, and so does another of the adapters", name)
                            .help("Of such adapters one at a time can be used.");
                }
            });
        }
        // A tied head reads the same rows as the embedding, as in PEFT: rows untie nothing.
        spec = untied(of);
        for (Used u : used) {
            u.fit.rows().forEach((table, rows) -> patch(u, table, rows));
        }
    }

    /// Refuses a copy of a tensor that is not the base's own, though perhaps rounded to the type of the copy: PEFT would load it in the place of that.
    private void requireOwn(AdapterFit fit, String name, TensorEntry copy, MemorySegment data, ModelSpec of) {
        TensorEntry own = AdapterFit.repeatedOrNull(name, of, base);
        if (own == null || !own.dtype().readable() || !copy.dtype().readable() || own.dtype() == copy.dtype() && data.mismatch(baseMap.data(own)) == -1) {
            return;
        }
        long other = 0;
        boolean half = copy.dtype() == DType.F16 || copy.dtype() == DType.BF16;
        for (long i = 0; own.shape().equals(copy.shape()) && i < own.elements(); i++) {
            double theirs = StoredValues.at(copy.dtype(), data, i);
            double ours = StoredValues.at(own.dtype(), baseMap.data(own), i);
            if (theirs != ours && !(half && StoredValues.at(copy.dtype(), StoredValues.of(new double[] {ours}, copy.dtype()), 0) == theirs)) {
                other++;
            }
        }
        String help = "It was made for another base, or it changes this table too.";
        if (!own.shape().equals(copy.shape())) {
            throw Refusal.of(Category.ADAPTER_MISMATCH, fit.adapter().checkpoint().path(), "its copy of %s is %s, the base's is %s", own.name(), copy.shape(), own.shape())
                    .where("tensor " + copy.name()).help(help);
        }
        if (other > 0) {
            throw Refusal.of(Category.ADAPTER_MISMATCH, fit.adapter().checkpoint().path(), "%,d of %,d values of its copy of %s are not the base's", other, own.elements(), own.name())
                    .where("tensor " + copy.name()).help(help);
        }
    }

    /// Puts single rows into a copy of a table: one of the base's type where that holds every row as it is, else of float32.
    private void patch(Used u, String table, AdapterFit.Rows rows) {
        TensorEntry own = base.tensor(table).orElseThrow();
        Adaptation.Replacement whole = replaced.get(table);
        if (whole != null && patched.get(table) == null) {
            throw Refusal.of(Category.ADAPTER_MISMATCH, u.fit.adapter().checkpoint().path(), "it trains rows of %s, which another of the adapters saves whole", table);
        }
        int width = (int) own.shape().size(1);
        DType type = holds(own.dtype(), table) ? own.dtype() : DType.F32;
        int bytes = type.bits() / 8;
        MemorySegment data = patched.computeIfAbsent(table, t -> copied(own, type));
        MemorySegment values = u.map.data(rows.values());
        for (int r = 0; r < rows.ids().length; r++) {
            double[] row = new double[width];
            for (int c = 0; c < width; c++) {
                long at = (long) rows.ids()[r] * width + c;
                double before = StoredValues.at(own.dtype(), baseMap.data(own), at);
                double now = StoredValues.at(type, data, at);
                row[c] = now + u.weight * (StoredValues.at(rows.values().dtype(), values, (long) r * width + c) - before);
            }
            MemorySegment.copy(StoredValues.of(row, type), 0, data, (long) rows.ids()[r] * width * bytes, (long) width * bytes);
        }
        replaced.put(table, new Adaptation.Replacement(own.as(table, type, own.shape(), null), data));
    }

    /// Whether a type holds all rows of a table that the adapters trained.
    private boolean holds(DType type, String table) {
        return type == DType.F32 || type == DType.F64 || used.stream().filter(u -> u.fit.rows().containsKey(table)).allMatch(u -> {
            TensorEntry rows = u.fit.rows().get(table).values();
            if (u.weight != 1) {
                return false;
            }
            for (long i = 0; i < rows.elements(); i++) {
                double v = StoredValues.at(rows.dtype(), u.map.data(rows), i);
                if (StoredValues.at(type, StoredValues.of(new double[] {v}, type), 0) != v) {
                    return false;
                }
            }
            return true;
        });
    }

    private MemorySegment copied(TensorEntry own, DType type) {
        MemorySegment copy = arena.allocate(own.elements() * type.bits() / 8, 64);
        if (type == own.dtype()) {
            return copy.copyFrom(baseMap.data(own));
        }
        for (long i = 0; i < own.elements(); i++) {
            copy.setAtIndex(JAVA_FLOAT, i, (float) StoredValues.at(own.dtype(), baseMap.data(own), i));
        }
        return copy;
    }

    /// All adapters, as they are used.
    public List<AdapterFit> fits() {
        return used.stream().map(Used::fit).toList();
    }

    public double weightOf(int adapter) {
        return used.get(adapter).weight;
    }

    /// Every site of every adapter.
    public List<Placed> placed() {
        List<Placed> out = new ArrayList<>();
        for (int k = 0; k < used.size(); k++) {
            int number = k;
            used.get(k).fit.sites().forEach(s -> out.add(new Placed(number, s)));
        }
        return out;
    }

    /// The tensor that one of the adapters saves whole for one of the base's, or null.
    public TensorEntry saved(String name) {
        return used.stream().map(u -> u.fit.replaced().get(name)).filter(java.util.Objects::nonNull).findFirst().orElse(null);
    }

    /// A table with the rows that were trained, in the base's type or in float32; null where none were.
    public Adaptation.Replacement patchedOrNull(String name) {
        return patched.containsKey(name) ? replaced.get(name) : null;
    }

    /// A tensor of one of the adapters as stored.
    public MemorySegment data(TensorEntry tensor) {
        return used.stream().filter(u -> u.fit.adapter().checkpoint().tensor(tensor.name()).filter(tensor::equals).isPresent()).findFirst().orElseThrow().map.data(tensor);
    }

    public Factors factors(Placed placed, Arena in) {
        return read(used.get(placed.adapter), placed.site, in);
    }

    /// Rows of the weight with all adapters at a site: W + the sum of w (W' - W), W' with that adapter alone and whole; float64.
    ///
    /// @param factors of each, in the order of `placed`
    /// @param rows rows of the base's weight from `first` on as [#weight] reads it, changed in place
    public void merge(List<Placed> placed, List<Factors> factors, int first, Dense rows, Arena in) {
        Dense own = placed.stream().anyMatch(p -> p.site.module().magnitude() != null) ? rows.copy(in) : null;
        for (int k = 0; k < placed.size(); k++) {
            Used u = used.get(placed.get(k).adapter);
            AdapterFit.Site site = placed.get(k).site;
            Factors delta = site.role() == AdapterFit.Role.TABLE ? factors.get(k).ofTable(in) : factors.get(k);
            TensorEntry m = site.module().magnitude();
            if (m == null) {
                rows.add(delta.deltaRows(in, first, rows.rows()), u.weight);
            } else {
                Dense alone = own.copy(in).add(delta.deltaRows(in, first, rows.rows()), 1);
                Magnitudes.apply(alone, first, Factors.values(m, u.map, in).toArray());
                rows.add(alone.add(own, -1), u.weight);
            }
        }
    }

    /// Fits adapters to a base.
    ///
    /// @throws Refusal where one does not fit, or cannot be applied
    static AdapterWeights of(List<Task.AdapterUse> uses, ModelSpec spec, Checkpoint base) {
        List<AdapterFit> fits = new ArrayList<>();
        for (Task.AdapterUse use : uses) {
            fits.add(AdapterFit.of(Adapter.open(use.path()), spec, base));
        }
        return new AdapterWeights(fits, uses.stream().map(u -> u.weight() == null ? 1.0 : u.weight()).toList(), spec, base);
    }

    private static void require(AdapterFit fit, double weight) {
        Adapter adapter = fit.adapter();
        if (adapter.config().changedBaseOrNull() != null) {
            throw Refusal.of(Category.ADAPTER_MISMATCH, adapter.checkpoint().path(), "it was initialised by %s, which changed the base's weights as well: on the original base its result would be wrong",
                    adapter.config().initialisation()).where("init_lora_weights").help("Convert it to a plain LoRA where it was trained (peft: path_initial_model_for_weight_conversion).");
        }
        for (AdapterModule m : adapter.modules()) {
            if (m.embedding() && m.magnitude() != null) {
                throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "DoRA on the embedding %s can be shown and not applied here", m.path());
            }
        }
        if (weight != 1 && !fit.replaced().isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, adapter.checkpoint().path(), "it saves %,d tensors whole (%s), which a weight of %s cannot be given", fit.replaced().size(),
                    fit.replaced().keySet().iterator().next(), weight).help("Leave the weight out.");
        }
    }

    private ModelSpec untied(ModelSpec of) {
        Head h = of.head();
        String tokens = of.embedding().tokens();
        if (h == null || !h.tied()) {
            return of;
        }
        String weight = h.weight();
        if (replaced.containsKey("lm_head.weight")) {
            weight = "lm_head.weight";
        } else if (replaced.containsKey(tokens) && !patched.containsKey(tokens)
                && used.stream().anyMatch(u -> u.fit.replaced().containsKey(tokens) && u.fit.adapter().config().savesWhole(tokens.substring(0, tokens.lastIndexOf('.'))))) {
            // As with PEFT, a head that was tied keeps the table of the base; but where the table itself was saved, both change.
            weight = OWN_TABLE;
            TensorEntry own = base.tensor(tokens).orElseThrow();
            replaced.put(OWN_TABLE, new Adaptation.Replacement(own, baseMap.data(own)));
        }
        Head head = new Head(h.transform(), h.inputProjection(), weight, h.bias(), h.width(), false, h.multiplier(), h.softCap());
        return weight.equals(h.weight()) ? of : new ModelSpec(of.modelType(), of.family(), of.encoder(), of.hiddenSize(), of.vocabSize(), of.maxPositions(), of.positionsAreHard(),
                of.embedding(), of.layers(), of.finalNorm(), head, of.ignoredSuffixes());
    }

    /// The spec to run: the base's, with a head of its own where an adapter has untied it.
    ModelSpec spec() {
        return spec;
    }

    /// The base as it is, for the spec that the adapters leave: a head of its own reads the table that it was tied to.
    public Adaptation none() {
        String weight = spec.head() == null ? null : spec.head().weight();
        if (weight == null || !replaced.containsKey(weight) || base.tensor(weight).isPresent()) {
            return Adaptation.NONE;
        }
        TensorEntry own = base.tensor(spec.embedding().tokens()).orElseThrow();
        return new Adaptation(Map.of(), Map.of(), Map.of(weight, new Adaptation.Replacement(own, baseMap.data(own))));
    }

    /// `whole` with another update of one site; for a single adapter.
    public Adaptation with(Adaptation whole, AdapterFit.Site site, List<LowRankUpdate> updates) {
        return site.role() == AdapterFit.Role.TABLE ? whole.withTable(key(site), updates) : whole.withLinear(place(site), updates);
    }

    /// What the adapters do, whole.
    Adaptation adaptation() {
        Map<String, List<LowRankUpdate>> linears = new HashMap<>();
        Map<String, List<LowRankUpdate>> tables = new HashMap<>();
        for (Used u : used) {
            for (AdapterFit.Site site : u.fit.sites()) {
                try (Arena reading = Arena.ofConfined()) {
                    (site.role() == AdapterFit.Role.TABLE ? tables : linears).computeIfAbsent(place(site), k -> new ArrayList<>())
                            .add(update(u, site, read(u, site, reading), arena));
                }
            }
        }
        return new Adaptation(linears, tables, replaced);
    }

    /// The head's weight may have another name by now.
    public String key(AdapterFit.Site site) {
        return site.role() == AdapterFit.Role.HEAD ? spec.head().weight() : site.weight();
    }

    /// Where the forward pass looks for a site's updates.
    private String place(AdapterFit.Site site) {
        return site.stacked() == null ? key(site) : ExpertParameter.place(site.weight(), site.stacked().expert());
    }

    /// The factors of a site's module; for a single adapter.
    public Factors factors(AdapterFit.Site site, Arena in) {
        return read(used.getFirst(), site, in);
    }

    private Factors read(Used u, AdapterFit.Site site, Arena in) {
        if (site.module().solar() == null) {
            return Factors.read(site.module(), u.map, in);
        }
        SiteWeight w = weight(site);
        Factors f = SolarBasis.factors(site.module(), u.map, w, in);
        w.release();
        return f;
    }

    /// A tensor of the adapter as one row; for a single adapter.
    public Dense values(TensorEntry tensor, Arena in) {
        return Factors.values(tensor, used.getFirst().map, in);
    }

    public AdapterFit fit() {
        return used.getFirst().fit;
    }

    /// The update of one site with other factors of the same delta, or of a part of it; for a single adapter.
    public LowRankUpdate update(AdapterFit.Site site, Factors factors, Arena in) {
        return update(used.getFirst(), site, factors, in);
    }

    /// The base's weight at a site.
    public SiteWeight weight(AdapterFit.Site site) {
        return new SiteWeight(site, base, baseMap);
    }

    /// Rows of the merged weight, `W + s B A`, or with DoRA `m / c (W + s B A)`, in float64.
    ///
    /// @param first the first row, of `rows` of the base's weight as [#weight] reads it
    /// @param rows changed in place
    public void merge(AdapterFit.Site site, Factors f, int first, Dense rows, Arena in) {
        Used u = used.getFirst();
        Factors delta = site.role() == AdapterFit.Role.TABLE ? f.ofTable(in) : f;
        rows.add(delta.deltaRows(in, first, rows.rows()), u.weight);
        TensorEntry m = site.module().magnitude();
        if (m != null) {
            try (Arena scratch = Arena.ofConfined()) {
                Magnitudes.apply(rows, first, Factors.values(m, u.map, scratch).toArray());
            }
        }
    }

    /// The names of the base's tensors that the adapters change or stand for. A head that shares the embedding's table and alone is adapted is none of
    /// them: see [#partsHead].
    public Set<String> changed() {
        Set<String> names = new LinkedHashSet<>(replaced.keySet());
        names.remove(OWN_TABLE);
        for (Used u : used) {
            for (AdapterFit.Site site : u.fit.sites()) {
                if (!parted(site)) {
                    names.add(key(site));
                }
                if (site.module().bias() != null && site.linear() != null && site.linear().bias() != null) {
                    names.add(site.linear().bias());
                }
            }
        }
        return names;
    }

    /// A tensor that an adapter saves whole in the place of the base's own, or null.
    public TensorEntry replacementOrNull(String name) {
        Adaptation.Replacement r = replaced.get(name);
        return r == null ? null : r.tensor();
    }

    /// Whether the adapters change a head and not the embedding whose table it shares.
    public boolean partsHead() {
        return used.stream().anyMatch(u -> u.fit.sites().stream().anyMatch(this::parted)) || replaced.containsKey(OWN_TABLE);
    }

    private boolean parted(AdapterFit.Site site) {
        return site.role() == AdapterFit.Role.HEAD && (key(site).equals(spec.embedding().tokens()) || base.tensor(key(site)).isEmpty());
    }

    /// A tensor of [#changed] with all adapters on it, in the order in which the base stores it, float64.
    public MemorySegment merged(String name, Arena in) {
        Adaptation.Replacement whole = replaced.get(name);
        TensorEntry t = whole == null ? base.tensor(name).orElseThrow() : whole.tensor();
        MemorySegment out = in.allocate(8 * t.elements(), 64);
        MemorySegment from = whole == null ? baseMap.data(t) : whole.data();
        for (long i = 0; i < t.elements(); i++) {
            out.setAtIndex(JAVA_DOUBLE, i, StoredValues.at(t.dtype(), from, i));
        }
        for (Used u : used) {
            for (AdapterFit.Site site : u.fit.sites()) {
                if (key(site).equals(name) && !parted(site)) {
                    add(u, site, out);
                }
                if (site.module().bias() != null && site.linear() != null && name.equals(site.linear().bias())) {
                    TensorEntry more = site.module().bias();
                    for (long i = 0; i < more.elements(); i++) {
                        out.setAtIndex(JAVA_DOUBLE, i, out.getAtIndex(JAVA_DOUBLE, i)
                                + u.weight * site.module().scaling() * StoredValues.at(more.dtype(), u.map.data(more), i));
                    }
                }
            }
        }
        return out;
    }

    /// One expert of a tensor of all with what adapters add to it, as stored, float64.
    public double[] merged(List<Placed> placed, int expert) {
        Experts.Stack s = (Experts.Stack) placed.getFirst().site.stacked().matrices();
        TensorEntry t = base.tensor(s.weight()).orElseThrow();
        long first = (long) expert * s.out() * s.in();
        double[] out = new double[s.out() * s.in()];
        for (int i = 0; i < out.length; i++) {
            out[i] = StoredValues.at(t.dtype(), baseMap.data(t), first + i);
        }
        for (Placed p : placed) {
            if (p.site.stacked().expert() == expert) {
                try (Arena scratch = Arena.ofShared()) {
                    SiteWeight w = weight(p.site);
                    Dense change = factors(p, scratch).delta(scratch);
                    for (int r = 0; r < change.rows(); r++) {
                        for (int c = 0; c < change.columns(); c++) {
                            out[(int) (w.at(r, c) - first)] += used.get(p.adapter).weight * change.get(r, c);
                        }
                    }
                }
            }
        }
        return out;
    }

    /// Adds w (W' - W) of one adapter to a stored weight.
    private void add(Used u, AdapterFit.Site site, MemorySegment out) {
        try (Arena scratch = Arena.ofShared()) {
            SiteWeight w = weight(site);
            Factors f = Factors.read(site.module(), u.map, scratch);
            Dense change = (site.role() == AdapterFit.Role.TABLE ? f.ofTable(scratch) : f).delta(scratch);
            if (site.module().magnitude() != null) {
                Dense own = w.whole(scratch);
                Dense turned = own.copy(scratch).add(change, 1);
                Magnitudes.apply(turned, 0, Factors.values(site.module().magnitude(), u.map, scratch).toArray());
                change = turned.add(own, -1);
            }
            for (int r = 0; r < change.rows(); r++) {
                for (int c = 0; c < change.columns(); c++) {
                    long at = w.at(r, c);
                    out.setAtIndex(JAVA_DOUBLE, at, out.getAtIndex(JAVA_DOUBLE, at) + u.weight * change.get(r, c));
                }
            }
            w.release();
        }
    }

    private LowRankUpdate update(Used u, AdapterFit.Site site, Factors f, Arena in) {
        AdapterModule m = site.module();
        double s = f.scaling() * u.weight;
        float[] own = null;
        double[] rows = null;
        if (m.magnitude() != null) {
            rows = rowFactors(site, f, u);
            own = new float[rows.length];
            for (int o = 0; o < rows.length; o++) {
                own[o] = (float) (u.weight * (rows[o] - 1));
            }
        }
        if (site.stacked() != null) {
            return ofExpert(site.stacked(), f, s, in);
        }
        Matrix a = Matrix.allocate(in, f.rank(), f.in());
        for (long i = 0; i < (long) f.rank() * f.in(); i++) {
            a.data().setAtIndex(JAVA_FLOAT, i, (float) f.a().data().getAtIndex(JAVA_DOUBLE, i));
        }
        Matrix b = Matrix.allocate(in, f.out(), f.rank());
        for (int o = 0; o < f.out(); o++) {
            double factor = rows == null ? s : s * rows[o];
            for (int i = 0; i < f.rank(); i++) {
                b.set(o, i, (float) (factor * f.b().get(o, i)));
            }
        }
        MemorySegment bias = null;
        if (m.bias() != null) {
            bias = in.allocate(4L * f.out(), 64);
            MemorySegment stored = u.map.data(m.bias());
            for (int o = 0; o < f.out(); o++) {
                bias.setAtIndex(JAVA_FLOAT, o, (float) (m.scaling() * u.weight * StoredValues.at(m.bias().dtype(), stored, o)));
            }
        }
        return new LowRankUpdate(a, b, own, bias, null, null);
    }

    /// The update of some outputs of an expert's matrix, 0 for the others; or where the module's outputs are the matrix' inputs, of some inputs.
    private static LowRankUpdate ofExpert(AdapterFit.Stacked at, Factors f, double scaling, Arena in) {
        Matrix a = Matrix.allocate(in, f.rank(), at.matrices().in());
        Matrix b = Matrix.allocate(in, at.matrices().out(), f.rank());
        for (int i = 0; i < f.rank(); i++) {
            for (int o = 0; o < f.out(); o++) {
                if (at.turned()) {
                    a.set(i, at.first() + o, (float) f.b().get(o, i));
                } else {
                    b.set(at.first() + o, i, (float) (scaling * f.b().get(o, i)));
                }
            }
            for (int j = 0; j < f.in(); j++) {
                if (at.turned()) {
                    b.set(j, i, (float) (scaling * f.a().get(i, j)));
                } else {
                    a.set(i, j, (float) f.a().get(i, j));
                }
            }
        }
        return new LowRankUpdate(a, b, null, null, null, null);
    }

    /// DoRA's m / c: c_o the length of row o of W + s B A.
    private double[] rowFactors(AdapterFit.Site site, Factors f, Used u) {
        SiteWeight w = weight(site);
        double[] out = new double[w.rows()];
        MemorySegment magnitude = u.map.data(site.module().magnitude());
        w.eachBlock((first, rows) -> {
            try (Arena scratch = Arena.ofConfined()) {
                Dense v = rows.copy(scratch).add(f.deltaRows(scratch, first, rows.rows()), 1);
                for (int r = 0; r < v.rows(); r++) {
                    out[first + r] = StoredValues.at(site.module().magnitude().dtype(), magnitude, first + r) / Math.sqrt(v.rows(r, 1).squares());
                }
            }
        });
        w.release();
        return out;
    }

    @Override
    public void close() {
        arena.close();
        used.forEach(u -> u.map.close());
        baseMap.close();
    }
}
