package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// An adapter's tensors by the module of the base that they change.
///
/// Source: the state dictionaries that PEFT 0.21 writes (`lora_A`, `lora_B`, `lora_embedding_A`, `lora_embedding_B`,
/// `lora_magnitude_vector`).
///
/// @param name the module's name in the base model
/// @param a the matrix that reads, `[rank, in]`, or null
/// @param b the matrix that writes, `[out, rank]`, or null
/// @param others magnitudes of DoRA, biases, or a weight that is stored whole
record AdapterModules(String name, TensorLine a, TensorLine b, List<TensorLine> others) {

    private static final String WRAPPED = "base_model.model.";
    private static final String FACTOR = ".lora_";

    /// The modules in the order of the index.
    static List<AdapterModules> of(TensorIndex index) {
        Map<String, List<TensorLine>> byModule = new LinkedHashMap<>();
        for (TensorLine line : index.lines()) {
            byModule.computeIfAbsent(module(line.name()), m -> new ArrayList<>()).add(line);
        }
        List<AdapterModules> out = new ArrayList<>(byModule.size());
        byModule.forEach((module, lines) -> {
            TensorLine a = first(lines, "A");
            TensorLine b = first(lines, "B");
            out.add(new AdapterModules(module, a, b, lines.stream().filter(l -> l != a && l != b).toList()));
        });
        return out;
    }

    private static String module(String tensor) {
        int factor = tensor.indexOf(FACTOR);
        String stem = factor > 0 ? tensor.substring(0, factor) : Names.withoutWeight(tensor);
        return stem.startsWith(WRAPPED) ? stem.substring(WRAPPED.length()) : stem;
    }

    private static TensorLine first(List<TensorLine> lines, String factor) {
        return lines.stream().filter(l -> l.name().contains(".lora_" + factor + ".") || l.name().contains(".lora_embedding_" + factor)).findFirst().orElse(null);
    }

    /// The module's name without what stands before its layers: `layers.0.self_attn.q_proj`.
    String shortName() {
        Names.Place place = Names.place(name + ".");
        return place == null ? name : name.substring(place.stack().length() - Names.tail(place.stack()).length());
    }

    /// The rank, or -1 where there are no two factors.
    long rank() {
        return a != null && b != null && a.shape() != null && a.shape().rank() > 0 ? a.shape().size(0) : -1;
    }

    long parameters() {
        return tensors().stream().mapToLong(TensorLine::elements).sum();
    }

    /// All of the module's tensors, A first.
    List<TensorLine> tensors() {
        List<TensorLine> all = new ArrayList<>();
        if (a != null) {
            all.add(a);
        }
        if (b != null) {
            all.add(b);
        }
        all.addAll(others);
        return all;
    }

    boolean has(String tensor) {
        return tensors().stream().anyMatch(t -> t.name().equals(tensor));
    }

    /// What there is beside A and B, in words; empty for nothing.
    String also() {
        return others.isEmpty() ? "" : a == null && b == null ? "stored whole" : others.stream().anyMatch(o -> o.name().contains("magnitude")) ? "magnitude" : "bias";
    }
}
