package vitrine.views.rank;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.architecture.Part;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.core.artifact.SpectrumArtifact.Row;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;

/// Spectra of weight matrices, of one checkpoint, of a series, or of what changed between two.
final class WeightSpectra extends Spectra {

    private static final Map<Part, String> SHORT = Map.of(Part.QUERY, "q", Part.KEY, "k", Part.VALUE, "v", Part.OUTPUT, "o");

    private final SpectrumArtifact spectra;

    private WeightSpectra(SpectrumArtifact spectra, List<Kind> kinds, List<Item> items, int layers) {
        super(spectra.artifact(), kinds, items, layers);
        this.spectra = spectra;
    }

    static WeightSpectra of(Artifact artifact) {
        SpectrumArtifact a = SpectrumArtifact.of(artifact);
        Map<String, Kind> kinds = new LinkedHashMap<>();
        Map<Integer, Kind> ordered = new TreeMap<>();
        List<Item> items = new ArrayList<>();
        int layers = 0;
        for (Row r : a.rows()) {
            boolean experts = r.expert() >= 0;
            Kind kind = kinds.computeIfAbsent(r.kind() + (experts ? " experts" : ""), id -> kind(id, r, a));
            if (r.layer() >= 0 && r.head() < 0) {
                ordered.putIfAbsent(2 * part(r.kind()).ordinal() + (experts ? 1 : 0), kind);
            }
            layers = Math.max(layers, r.layer() + 1);
            items.add(new Item(kind, r.checkpoint(), r.layer(), r.head(), r.expert(), r.tensor(), r.rows(), r.columns(), r.dtype(), r.figures(), r.estimated(), r.method(),
                    r.note(), r.absent(), r));
        }
        return new WeightSpectra(a, new ArrayList<>(ordered.values()), items, layers);
    }

    private static Part part(String kind) {
        try {
            return Part.valueOf(kind.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            // A kind of a later version: drawn like what has no kind.
            return Part.OTHER;
        }
    }

    private static Kind kind(String id, Row first, SpectrumArtifact a) {
        Part part = part(first.kind());
        boolean experts = first.expert() >= 0;
        boolean both = a.rows().stream().anyMatch(r -> r.kind().equals(first.kind()) && r.layer() >= 0 && r.expert() >= 0 != experts);
        int heads = a.rows().stream().filter(r -> r.kind().equals(first.kind())).mapToInt(r -> r.head() + 1).max().orElse(0);
        String label = SHORT.getOrDefault(part, part.label().toLowerCase(Locale.ROOT));
        return new Kind(id, experts && both ? label + " exp." : label, part.label().toLowerCase(Locale.ROOT) + (experts ? ", experts" : ""), part.ordinal(), experts, heads,
                first.layer() >= 0);
    }

    @Override
    String subject() {
        String all = String.join(", ", spectra.checkpoints().stream().map(SpectrumArtifact.Subject::name).toList());
        return spectra.against() == null ? all : all + " minus " + spectra.against();
    }

    /// The checkpoint that was subtracted, or null.
    String against() {
        return spectra.against();
    }

    @Override
    List<SpectrumArtifact.Subject> checkpoints() {
        return spectra.checkpoints();
    }

    @Override
    WhatIf.Saves saves() {
        return WhatIf.Saves.PARAMETERS;
    }

    @Override
    double[] values(Item item) {
        return spectra.top((Row) item.origin());
    }

    @Override
    Provenance provenance(Item item) {
        String what = item.estimated() ? "top." : "sv.";
        return artifact().provenance(SpectrumArtifact.tensorName(what, item.checkpoint(), item.name(), checkpoints().size())).orElseGet(() -> item.estimated()
                ? Provenance.estimated(item.name(), item.method(), item.rows() * item.columns(), Double.NaN)
                : Provenance.derived(item.name(), item.dtype(), "singular values" + (item.method().isEmpty() ? "" : " by " + item.method())).of(item.rows() * item.columns()));
    }

    @Override
    Map<Item, Truncation> truncations() {
        Map<Item, Truncation> out = new LinkedHashMap<>();
        try (SafetensorsFile file = artifact().tensors()) {
            for (Item i : items()) {
                String name = SpectrumArtifact.tensorName("sv.", i.checkpoint(), i.name(), checkpoints().size());
                if (i.checkpoint() == 0 && i.layer() >= 0 && i.head() < 0 && file.has(name)) {
                    out.put(i, new Truncation(file.doubles(name), i.rows(), i.columns()));
                }
            }
        }
        return out;
    }
}
