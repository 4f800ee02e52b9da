package vitrine.views.lora;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;

/// What `vitrine adapter` found, with the small tensors of all modules in memory: a few numbers per rank. What is larger is read when a module is selected.
///
/// @param modules layer by layer, in each from the query to the down projection
record Study(AdapterArtifact artifact, List<Module> modules) {

    static Study of(Artifact artifact) {
        AdapterArtifact a = AdapterArtifact.of(artifact);
        List<Module> modules = new ArrayList<>();
        try (SafetensorsFile file = artifact.tensors()) {
            for (AdapterArtifact.Row r : a.rows()) {
                double[] loss = read(file, "loss_without", r);
                int each = a.domains().isEmpty() ? 0 : loss.length / a.domains().size();
                modules.add(new Module(r, read(file, "sv", r), read(file, "norm_product", r), read(file, "share", r), read(file, "activation", r), read(file, "gate", r), read(file, "sensitivity", r),
                        each == 0 ? loss : java.util.Arrays.copyOf(loss, each)));
            }
        }
        // As a layer is passed through, whatever the order in the file.
        modules.sort(java.util.Comparator.comparingInt(Module::layer).thenComparingInt(Module::category));
        return new Study(a, List.copyOf(modules));
    }

    private static double[] read(SafetensorsFile file, String what, AdapterArtifact.Row row) {
        String name = what + "." + row.module();
        return file.has(name) ? file.doubles(name) : new double[0];
    }

    Optional<Module> module(String path) {
        return modules.stream().filter(m -> m.path().equals(path)).findFirst();
    }

    /// Those that have a spectrum.
    List<Module> known() {
        return modules.stream().filter(m -> m.sigma().length > 0).toList();
    }

    /// The longest spectrum.
    int mostRanks() {
        return modules.stream().mapToInt(m -> m.sigma().length).max().orElse(0);
    }

    /// The base's name, or null.
    String base() {
        return artifact.model();
    }

    /// Whether losses over texts are there.
    boolean measured() {
        return !artifact.domains().isEmpty();
    }

    /// Whether the deltas were compared with the base's weights.
    boolean aligned() {
        return artifact.rows().stream().anyMatch(r -> r.figure("relative_norm").isPresent());
    }

    /// Layers with modules, in order; -1 for what is outside.
    List<Integer> layers() {
        return modules.stream().map(Module::layer).distinct().sorted().toList();
    }

    /// Kinds of module in the order of their first appearance, with the category of their colour.
    Map<String, Integer> kinds() {
        Map<String, Integer> out = new LinkedHashMap<>();
        modules.forEach(m -> out.putIfAbsent(m.kind(), m.category()));
        return out;
    }

    List<Module> at(int layer, String kind) {
        return modules.stream().filter(m -> m.layer() == layer && m.kind().equals(kind)).toList();
    }

    /// The same modules with what another study of the same adapter measured over texts.
    Study with(Study losses) {
        if (losses == null || losses == this) {
            return this;
        }
        List<Module> joined = modules.stream().map(m -> losses.module(m.path()).map(l -> new Module(m.row(), m.sigma(), m.normProduct(), m.share(), l.activation(), either(l.gate(), m.gate()), either(l.sensitivity(), m.sensitivity()), l.loss())).orElse(m)).toList();
        return new Study(artifact, joined);
    }

    private static double[] either(double[] first, double[] second) {
        return first.length > 0 ? first : second;
    }

    Provenance derived(String method) {
        return Provenance.derived(artifact.adapter(), "F64", method);
    }

    /// Of what the texts told.
    Provenance overTexts(String method) {
        return Provenance.measured(artifact.adapter() + (artifact.model() == null ? "" : " on " + artifact.model()), "F32", method)
                .of(artifact.domains().stream().mapToLong(AdapterArtifact.Domain::predictedTokens).sum());
    }
}
