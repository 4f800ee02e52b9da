package vitrine.views.rank;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.artifact.RankArtifact.Measures;
import vitrine.core.artifact.RankArtifact.Of;
import vitrine.core.artifact.RankArtifact.Row;
import vitrine.core.artifact.RankArtifact.Site;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.core.artifact.SpectrumArtifact.Figure;

/// Spectra of hidden states, of what linear layers put out, or of keys and values, over a text.
final class ValueSpectra extends Spectra {

    private static final String LAYER = "_layer";
    /// Colours by the matrix that makes the values; places without one take colours that no matrix kind of this view has.
    private static final Map<String, Integer> CATEGORIES = Map.of("q", 0, "k", 1, "v", 2, "o", 3, "gate", 4, "up", 5, "down", 6, "resid", 8, "attn", 3, "mlp", 6);
    private static final Map<String, String> LABELS = Map.of("k_proj", "k before rotary", "kv", "k and v", "resid", "residual", "attn_out", "attention", "mlp_out", "MLP");
    private static final int OTHER = 11;

    private final RankArtifact ranks;

    private ValueSpectra(RankArtifact ranks, List<Kind> kinds, List<Item> items) {
        super(ranks.artifact(), kinds, items, ranks.layers());
        this.ranks = ranks;
    }

    static ValueSpectra of(Artifact artifact) {
        RankArtifact a = RankArtifact.of(artifact);
        boolean cache = a.of() == Of.kv;
        Map<String, Integer> heads = new LinkedHashMap<>();
        a.sites().forEach(s -> heads.merge(id(s, cache), s.heads(), Math::max));
        Map<String, Kind> kinds = new LinkedHashMap<>();
        List<Item> items = new ArrayList<>();
        for (Site site : a.sites()) {
            Kind kind = kinds.computeIfAbsent(id(site, cache), id -> kind(id, a, heads.get(id)));
            for (Row r : site.rows()) {
                items.add(new Item(kind, 0, r.layer(), r.head(), -1, "", r.tokens(), r.values() > 0 ? r.values() : site.width(), "F64", figures(r.measures()), false, site.label(),
                        null, r.measures().isEmpty() ? "all values are 0, or some are not finite" : null, r));
            }
        }
        return new ValueSpectra(a, new ArrayList<>(kinds.values()), items);
    }

    /// Sites of a layer as a whole and of its heads are of one kind.
    private static String id(Site site, boolean cache) {
        return cache && site.name().endsWith(LAYER) ? site.name().substring(0, site.name().length() - LAYER.length()) : site.name();
    }

    private static Kind kind(String id, RankArtifact a, int heads) {
        boolean outputs = a.of() == Of.activations;
        String stem = id.replace("_out", "").replace("_proj", "");
        int category = id.equals("k_proj") ? 9 : CATEGORIES.getOrDefault(stem, OTHER);
        String label = outputs ? stem : LABELS.getOrDefault(id, id);
        String words = switch (a.of()) {
            case kv -> switch (id) {
                case "k" -> "cached keys";
                case "v" -> "cached values";
                case "kv" -> "keys and values side by side";
                case "k_proj" -> "keys before rotary embedding";
                default -> id;
            };
            case hidden -> switch (id) {
                case "resid" -> "residual stream";
                case "attn_out" -> "attention output";
                case "mlp_out" -> "MLP output";
                default -> id;
            };
            case activations -> stem + " outputs";
        };
        return new Kind(id, label, words, category, false, heads, a.of() == Of.kv && (id.equals("k") || id.equals("v")));
    }

    private static Map<Measure, Figure> figures(Optional<Measures> measures) {
        Map<Measure, Figure> out = new EnumMap<>(Measure.class);
        measures.ifPresent(m -> {
            put(out, Measure.EFFECTIVE_RANK, m.effectiveRank());
            put(out, Measure.EFFECTIVE_RANK_SQUARED, m.effectiveRankSquared());
            put(out, Measure.NORMALISED_EFFECTIVE_RANK, m.normalisedEffectiveRank());
            put(out, Measure.PARTICIPATION_RATIO, m.participationRatio());
            put(out, Measure.PARTICIPATION_RATIO_SIGMA, m.participationRatioSigma());
            put(out, Measure.STABLE_RANK, m.stableRank());
            put(out, Measure.NUCLEAR_RANK, m.nuclearRank());
            put(out, Measure.SPECTRAL_NORM, m.spectralNorm());
            put(out, Measure.FROBENIUS_NORM, m.frobeniusNorm());
            put(out, Measure.NUCLEAR_NORM, m.nuclearNorm());
            put(out, Measure.RANK_90, m.energyRank90());
            put(out, Measure.RANK_95, m.energyRank95());
            put(out, Measure.RANK_99, m.energyRank99());
            if (Double.isFinite(m.conditionNumber())) {
                put(out, Measure.CONDITION_NUMBER, m.conditionNumber());
            }
        });
        return out;
    }

    private static void put(Map<Measure, Figure> out, Measure measure, double value) {
        out.put(measure, new Figure(value, Double.NaN, Double.NaN));
    }

    RankArtifact ranks() {
        return ranks;
    }

    @Override
    String subject() {
        return ranks.model();
    }

    @Override
    List<SpectrumArtifact.Subject> checkpoints() {
        return List.of(new SpectrumArtifact.Subject(0, ranks.model(), ranks.model(), -1));
    }

    @Override
    WhatIf.Saves saves() {
        return ranks.of() == Of.kv ? WhatIf.Saves.CACHE : WhatIf.Saves.NOTHING;
    }

    @Override
    double[] values(Item item) {
        return ranks.values((Row) item.origin());
    }

    @Override
    Provenance provenance(Item item) {
        return ranks.provenance((Row) item.origin()).orElseGet(() -> Provenance.derived(item.kind().words(), "F64", "singular values of " + item.method()).of(item.rows()));
    }

    @Override
    Map<Item, Truncation> truncations() {
        Map<Item, Truncation> out = new LinkedHashMap<>();
        for (Item i : items()) {
            if (i.kind().counted() && i.head() < 0 && i.absent() == null) {
                out.put(i, new Truncation(values(i), i.rows(), i.columns()));
            }
        }
        return out;
    }
}
