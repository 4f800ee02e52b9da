package vitrine.core.work.routing;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import vitrine.core.analysis.routing.LayerRouting;
import vitrine.core.analysis.routing.NextTokenShift;
import vitrine.core.analysis.routing.RoutingStatistics;
import vitrine.core.analysis.routing.VocabularyCounts;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.tokenizer.Token;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.Tokens;

/// Legible texts of the ids that a routing artifact speaks of, so that it can be drawn without the checkpoint's tokenizer.
final class TokenNames {

    private TokenNames() {}

    /// A JSON object from id to text; empty where the checkpoint has no tokenizer that can be read.
    ///
    /// @param shift or null
    static Optional<String> of(RoutingStatistics stats, List<Sequences.Labelled> data, NextTokenShift shift, LoadedModel model, Progress progress) {
        TreeSet<Integer> ids = new TreeSet<>();
        int kept = stats.layer(0).kept().count();
        data.stream().flatMapToInt(s -> java.util.Arrays.stream(s.ids())).limit(kept).forEach(ids::add);
        for (LayerRouting l : stats.all()) {
            for (VocabularyCounts counts : List.of(l.input(), l.next(), l.predicted())) {
                counts.lists(l.experts(), RoutingRun.LEAST_OCCURRENCES, RoutingArtifact.VOCABULARY).forEach(words -> words.forEach(w -> ids.add(w.id())));
            }
        }
        if (shift != null) {
            for (NextTokenShift.Moved m : shift.most()) {
                ids.add(m.id());
                m.before().forEach(l -> ids.add(l.id()));
                m.after().forEach(l -> ids.add(l.id()));
            }
        }
        int[] list = ids.stream().mapToInt(Integer::intValue).toArray();
        ObjectNode out = Json.object();
        for (Token t : Tokens.describe(list, model.checkpoint(), progress)) {
            if (!t.text().equals("#" + t.id())) {
                out.put(String.valueOf(t.id()), t.text());
            }
        }
        return out.isEmpty() ? Optional.empty() : Optional.of(Json.line(out));
    }
}
