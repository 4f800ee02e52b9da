package vitrine.app.program;

import java.util.List;

/// The bundled samples as the start page offers them.
public final class Samples {

    private Samples() {}

    public static List<SampleOffer> offers(Folders folders) {
        return List.of();
    }
}
