package vitrine.core.adapter;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import vitrine.core.architecture.ExpertParameter;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Shape;

/// An adapter on a base: the layer of every module, and the base's tensor for each that is replaced.
///
/// @param sites one per module, in the adapter's order
/// @param replaced the adapter's tensors by the name of the base's tensor
/// @param rows single rows of the base's tables that were trained, by the table's name
public record AdapterFit(Adapter adapter, List<Site> sites, Map<String, TensorEntry> replaced, Map<String, Rows> rows) {

    private static final int NAMED = 3;
    /// What libraries call the head at the outermost, whatever a checkpoint's own name for it is: GPT-NeoX' `embed_out` is `lm_head` since transformers 5.
    private static final Set<String> OUTER_HEADS = Set.of("lm_head", "embed_out");

    /// What a module is in the base.
    public enum Role {
        /// A linear layer.
        LINEAR,
        /// The table that tokens are looked up in.
        TABLE,
        /// The output head, where it is a table of its own or shares the embedding's.
        HEAD
    }

    /// Rows of a table that stand for the base's own.
    ///
    /// @param values `[ids, width]`
    public record Rows(TensorEntry values, int[] ids) {}

    /// One expert's matrix, or some rows of it, in a tensor of all experts.
    ///
    /// @param first the first of the module's outputs among the matrix'
    /// @param turned see [ExpertParameter#turned]: then the module's outputs are the matrix' inputs
    public record Stacked(Experts.Matrices matrices, int expert, int first, boolean turned) {}

    /// The place of a module in the base.
    ///
    /// @param weight the base's tensor
    /// @param linear the layer; null but for [Role#LINEAR], and for experts in one tensor for all
    /// @param layer or -1
    /// @param stacked where it is in a tensor of all experts, or null
    public record Site(AdapterModule module, Role role, String weight, Linear linear, int layer, Stacked stacked) {

        public Site(AdapterModule module, Role role, String weight, Linear linear, int layer) {
            this(module, role, weight, linear, layer, null);
        }

        /// Whether the base's tensor is stored `[in, out]`.
        public boolean inputMajor() {
            return role == Role.TABLE || linear != null && linear.inputMajor();
        }
    }

    /// Finds an adapter's places in a base.
    ///
    /// @throws Refusal `adapter-mismatch`, naming tensors that don't fit
    public static AdapterFit of(Adapter adapter, ModelSpec spec, Checkpoint base) {
        return new Search(adapter, spec, base).run();
    }

    /// The base's tensor that one of the adapter's repeats (`base_layer`), or null where there is none.
    ///
    /// @param name as in [Adapter#copies]
    public static TensorEntry repeatedOrNull(String name, ModelSpec spec, Checkpoint base) {
        return Search.ownOrNull(name, spec, base);
    }

    private static final class Search {
        private final Adapter adapter;
        private final ModelSpec spec;
        private final Checkpoint base;
        private final Map<String, LinearLayers.Placed> linears;
        private final List<String> problems = new ArrayList<>();

        Search(Adapter adapter, ModelSpec spec, Checkpoint base) {
            this.adapter = adapter;
            this.spec = spec;
            this.base = base;
            linears = LinearLayers.of(spec);
        }

        AdapterFit run() {
            adapter.config().requireApplicable();
            if (!adapter.config().targetParameters().isEmpty() && adapter.modules().stream().noneMatch(m -> m.part() != null)) {
                throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "it changes bare parameters (%s), which can be shown and not applied here",
                        String.join(", ", adapter.config().targetParameters())).where("target_parameters");
            }
            Map<String, Rows> rows = new LinkedHashMap<>();
            adapter.rows().forEach((path, values) -> rows(path, values, rows));
            List<Site> sites = new ArrayList<>();
            for (AdapterModule m : adapter.modules()) {
                Site site = site(m);
                if (site != null) {
                    sites.add(site);
                }
            }
            Map<String, NamedTensor> known = NamedTensor.of(spec).stream().collect(Collectors.toMap(NamedTensor::name, t -> t));
            Map<String, TensorEntry> replaced = new LinkedHashMap<>();
            adapter.saved().forEach((name, tensor) -> {
                String own = resolve(name, known.keySet()).or(() -> ownHead(name)).orElse(null);
                Shape shape = own == null ? untiedHead(name) : known.get(own).shape();
                if (shape == null) {
                    problems.add(name + " is saved whole, and the base has no such tensor");
                } else if (!shape.equals(tensor.shape())) {
                    problems.add(String.format("%s is saved as %s, the base's is %s", name, tensor.shape(), shape));
                } else {
                    replaced.put(own == null ? name : own, tensor);
                }
            });
            if (!problems.isEmpty()) {
                int all = adapter.modules().size() + adapter.saved().size();
                throw Refusal.of(Category.ADAPTER_MISMATCH, adapter.checkpoint().path(), "%d of its %d modules %s not fit %s: %s%s", problems.size(), all, problems.size() == 1 ? "does" : "do",
                        base.name(), new Plain(String.join("; ", problems.stream().limit(NAMED).toList())), problems.size() > NAMED ? String.format("; and %d more", problems.size() - NAMED) : "")
                        .help("It was made for another base" + (adapter.config().base().isEmpty() ? "." : ": " + vitrine.core.refusal.Visible.name(adapter.config().base()) + "."));
            }
            return new AdapterFit(adapter, List.copyOf(sites), replaced, rows);
        }

        /// Rows of the embedding; a tied head that repeats them adds nothing.
        private void rows(String path, TensorEntry values, Map<String, Rows> to) {
            String tokens = spec.embedding().tokens();
            boolean tiedHead = spec.head() != null && spec.head().tied() && isHead(path);
            if (!tiedHead && resolve(path + ".weight", List.of(tokens)).isEmpty()) {
                problems.add("rows of " + path + " were trained, and it is no embedding of tokens of the base");
                return;
            }
            int[] ids = adapter.config().rowsOf(path);
            if (tiedHead) {
                // The rows are those of the embedding, or the head goes its own way.
                String table = adapter.rows().keySet().stream().filter(p -> resolve(p + ".weight", List.of(tokens)).isPresent()).findFirst().orElse(null);
                if (table == null || ids != null && !java.util.Arrays.equals(ids, adapter.config().rowsOf(table))) {
                    problems.add("rows of " + path + " were trained, and they are not those of the embedding whose table it shares");
                }
                return;
            }
            if (to.containsKey(tokens)) {
                return;
            }
            if (ids == null || values.shape().rank() != 2 || values.shape().size(0) != ids.length || values.shape().size(1) != spec.embedding().width() || !values.dtype().readable()) {
                problems.add(String.format("rows of %s are %s, and the config names %s of %d values each", path, values.shape(), ids == null ? "none" : ids.length, spec.embedding().width()));
                return;
            }
            for (int id : ids) {
                if (id < 0 || id >= spec.vocabSize()) {
                    problems.add(String.format("a row of %s has the id %d; the base has %,d tokens", path, id, spec.vocabSize()));
                    return;
                }
            }
            TensorEntry table = base.tensor(tokens).orElse(null);
            if (table == null || !switch (table.dtype()) {
                case F64, F32, F16, BF16 -> true;
                default -> false;
            }) {
                problems.add("rows of " + path + " cannot be put into a table of its type");
                return;
            }
            to.put(tokens, new Rows(values, ids));
        }

        /// Text that is longer than a name may be.
        private record Plain(String text) {
            @Override
            public String toString() {
                return vitrine.core.refusal.Visible.escape(text);
            }
        }

        /// A head that was saved whole where the base has none of its own: the model is no longer tied.
        private Shape untiedHead(String name) {
            return name.equals("lm_head.weight") && spec.head() != null && spec.head().tied() ? Shape.of(spec.vocabSize(), spec.head().width()) : null;
        }

        /// The base's name for a head that has another name in the adapter.
        private Optional<String> ownHead(String name) {
            return spec.head() != null && !spec.head().tied() && name.endsWith(".weight") && OUTER_HEADS.contains(name.substring(0, name.length() - ".weight".length()))
                    ? Optional.of(spec.head().weight()) : Optional.empty();
        }

        private Site site(AdapterModule m) {
            if (m.embedding()) {
                if (resolve(m.path() + ".weight", List.of(spec.embedding().tokens())).isEmpty()) {
                    problems.add(m.path() + " is no embedding of tokens of the base");
                    return null;
                }
                return fits(m, spec.vocabSize(), spec.embedding().width()) ? new Site(m, Role.TABLE, spec.embedding().tokens(), null, -1) : null;
            }
            // Mixtral's mixtures are called mlp since transformers 5.
            String weight = resolve(m.path() + ".weight", linears.keySet()).or(() -> resolve(m.path().replace(".mlp.", ".block_sparse_moe.") + ".weight", linears.keySet())).orElse(null);
            if (weight == null) {
                ExpertParameter p = m.part() == null ? null : parameter(m);
                if (p != null) {
                    return expert(m, p);
                }
                if (spec.head() != null && isHead(m.path())) {
                    return fits(m, spec.head().width(), spec.vocabSize()) ? new Site(m, Role.HEAD, spec.head().weight(), null, -1) : null;
                }
                problems.add(m.path() + (m.part() != null ? " is no expert of the base" : " is no linear layer of the base"));
                return null;
            }
            LinearLayers.Placed p = linears.get(weight);
            return fits(m, p.linear().in(), p.linear().out()) ? new Site(m, Role.LINEAR, weight, p.linear(), p.layer()) : null;
        }

        /// The parameter of all experts that a module is a part of, or null.
        private ExpertParameter parameter(AdapterModule m) {
            String stem = m.path().substring(0, m.path().lastIndexOf('.', m.path().lastIndexOf('.') - 1));
            Map<String, ExpertParameter> known = ExpertParameter.of(spec);
            return resolve(stem + "." + (m.kind().equals(ExpertParameter.DOWN) ? ExpertParameter.DOWN : ExpertParameter.GATE_UP), known.keySet()).map(known::get).orElse(null);
        }

        private Site expert(AdapterModule m, ExpertParameter p) {
            if (m.part().experts() != p.experts()) {
                problems.add(String.format("%s is one of %,d experts, the base has %,d", m.path(), m.part().experts(), p.experts()));
                return null;
            }
            Experts.Matrices matrices = p.matrices().get(p.matrices().size() == 2 && m.kind().equals("up_proj") ? 1 : 0);
            boolean half = p.matrices().size() == 1 && !m.kind().equals(ExpertParameter.DOWN);
            int out = p.turned() ? p.in() : matrices.out();
            if (!fits(m, p.turned() ? p.out() : p.in(), half ? out / 2 : out)) {
                return null;
            }
            String stored = ExpertParameter.stored(matrices, m.part().expert());
            if (matrices instanceof Experts.Each each) {
                return new Site(m, Role.LINEAR, stored, each.linears().get(m.part().expert()), p.layer());
            }
            return new Site(m, Role.LINEAR, stored, null, p.layer(), new Stacked(matrices, m.part().expert(), m.part().first(), p.turned()));
        }

        private boolean isHead(String path) {
            return OUTER_HEADS.contains(path) || !spec.head().tied() && resolve(path + ".weight", List.of(spec.head().weight())).isPresent();
        }

        private boolean fits(AdapterModule m, int in, int out) {
            if (m.in() != in) {
                problems.add(m.solar() != null ? String.format("%s reads %,d values, the base's reads %,d", m.path(), m.in(), in)
                        : String.format("A of %s is %s and reads %,d values, the base's reads %,d", m.path(), m.a().shape(), m.in(), in));
            } else if (m.out() != out) {
                problems.add(m.solar() != null ? String.format("%s writes %,d values, the base's writes %,d", m.path(), m.out(), out)
                        : String.format("B of %s is %s and writes %,d values, the base's writes %,d", m.path(), m.b().shape(), m.out(), out));
            }
            return m.in() == in && m.out() == out;
        }

        /// The base's tensor that one of the adapter's repeats (`base_layer`), or null.
        private static TensorEntry ownOrNull(String name, ModelSpec spec, Checkpoint base) {
            String head = spec.head() == null ? null : spec.head().weight();
            return resolve(name, base.tensors().keySet()).or(() -> head != null && name.endsWith(".weight") && OUTER_HEADS.contains(name.substring(0, name.length() - ".weight".length()))
                    ? Optional.of(head) : Optional.empty()).flatMap(base::tensor).orElse(null);
        }

        /// The base's name for a tensor. Published checkpoints may leave out the first part that the library's own names have (`transformer.`, `model.`), or
        /// have one that they have not.
        private static Optional<String> resolve(String name, java.util.Collection<String> known) {
            if (known.contains(name)) {
                return Optional.of(name);
            }
            List<String> alike = known.stream().filter(k -> name.endsWith("." + k) || k.endsWith("." + name)).toList();
            return alike.size() == 1 ? Optional.of(alike.getFirst()) : Optional.empty();
        }
    }
}
