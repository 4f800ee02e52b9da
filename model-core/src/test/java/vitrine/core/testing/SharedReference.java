package vitrine.core.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/// Trained checkpoints and texts that are not the project's to ship. Tests of real input read them where they are, and say so
/// loudly where they are not.
public final class SharedReference {

    private SharedReference() {}

    /// The folder of a trained checkpoint or of the texts; the calling test is skipped, with a banner, where it is absent.
    public static Path require(String name) {
        for (Path root : new Path[] {Path.of("../../shared/reference"), Path.of("../shared/reference")}) {
            if (Files.isDirectory(root.resolve(name))) {
                return root.resolve(name).toAbsolutePath().normalize();
            }
        }
        System.err.println("""

                *******************************************************************************
                *  NOT TESTED WITH REAL INPUT: %-47s*
                *  The trained checkpoints are expected in ../shared/reference beside the clone. *
                *******************************************************************************
                """.formatted(name + " is absent."));
        Assumptions.abort(name + " is absent");
        throw new IllegalStateException("unreachable");
    }
}
