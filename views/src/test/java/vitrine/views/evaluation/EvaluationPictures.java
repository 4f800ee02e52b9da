package vitrine.views.evaluation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import vitrine.views.chart.Theme;
import vitrine.views.control.Segments;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.ViewPicture;

/// Draws an evaluation's maps to PNG files, to be looked at.
///
/// Arguments: an artifact with both maps, an output folder.
public final class EvaluationPictures {

    private EvaluationPictures() {}

    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[1]));
        EvaluationView view = FxThread.get(() -> {
            EvaluationView v = new EvaluationView();
            v.open(Path.of(args[0]));
            return v;
        });
        for (String mode : List.of(Evaluated.IMPACT, Evaluated.LAZY)) {
            FxThread.run(() -> ((Segments<String>) view.headerControls().getFirst()).valueProperty().set(mode));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve(mode + "-dark-1280.png"));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve(mode + "-light-1280.png"));
            ViewPicture.picture(view, Theme.LIGHT, 2560, 1440, out.resolve(mode + "-light-2560.png"));
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve(mode + "-dark-2560.png"));
        }
        System.exit(0);
    }
}
