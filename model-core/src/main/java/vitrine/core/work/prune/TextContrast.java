package vitrine.core.work.prune;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.TextNorms;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;

/// How far two sets of texts are apart at every input of every matrix of the model as it is: one pass over both, layer by layer, a text at a time.
final class TextContrast {

    private final Map<String, double[]> byInputs = new HashMap<>();

    TextContrast(LoadedModel model, CalibrationTexts wanted, CalibrationTexts against, Progress progress) {
        int layers = model.spec().layers().size();
        int hidden = model.spec().hiddenSize();
        try (CalibrationPass here = CalibrationPass.apart(model.forward(), model.weights(), hidden, wanted.ids());
             CalibrationPass there = CalibrationPass.apart(model.forward(), model.weights(), hidden, against.ids())) {
            for (LayerSpec l : model.spec().layers()) {
                progress.checkCancelled();
                progress.step(l.index(), layers, "layers contrasted");
                List<PrunableMatrix> own = PrunableMatrix.of(l);
                TextNorms a = new TextNorms(own);
                here.pass(a, new Quiet(progress));
                TextNorms b = new TextNorms(own);
                there.pass(b, new Quiet(progress));
                byInputs.putAll(TextNorms.contrast(a, b));
            }
        }
    }

    /// `[in]`; above 0 where the wanted texts put in more.
    double[] of(PrunableMatrix m) {
        return byInputs.get(m.inputs());
    }
}
