package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.refusal.Visible;
import vitrine.views.chart.Numbers;

/// What the user should know about what is open: what the headers showed, and what the values showed once they were read.
final class Notes {

    private static final int TOLD_TENSORS = 5;

    private Notes() {}

    /// Warnings first, then what is only worth knowing.
    ///
    /// @param anatomy null where only an artifact is open
    /// @param nonFinite tensors with values that are NaN or infinite
    static List<Note> of(Anatomy anatomy, Map<String, TensorValues.Figures> nonFinite) {
        List<Note> notes = new ArrayList<>();
        nonFinite.entrySet().stream().limit(TOLD_TENSORS).forEach(e -> notes.add(new Note(true, String.format("%s holds %s (%s NaN, %s infinite).", Visible.name(e.getKey()),
                e.getValue().nonFinite() == 1 ? "1 value that is not finite" : Numbers.count(e.getValue().nonFinite()) + " values that are not finite",
                Numbers.count(e.getValue().nan()), Numbers.count(e.getValue().infinite())), e.getKey())));
        if (nonFinite.size() > TOLD_TENSORS) {
            notes.add(Note.warning(Numbers.count(nonFinite.size() - TOLD_TENSORS) + " more tensors hold values that are not finite."));
        }
        if (anatomy == null) {
            return notes;
        }
        anatomy.warnings().forEach(w -> notes.add(Note.warning(Visible.escape(w.message()))));
        if (anatomy.tied()) {
            notes.add(Note.information("The output head is tied to the embedding: it has no tensor of its own."));
        }
        long idle = anatomy.tensors().stream().filter(Anatomy.Item::idle).count();
        if (idle > 0) {
            notes.add(Note.information(idle == 1 ? "1 tensor is stored but has no use in the forward pass; it is not counted."
                    : Numbers.count(idle) + " tensors are stored but have no use in the forward pass; they are not counted."));
        }
        return notes;
    }
}
