package vitrine.app.engines;

import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import vitrine.core.engine.PythonInstallation;

/// The Python of tests that need one.
public final class PythonNeeded {

    private PythonNeeded() {}

    /// The Python that the engine would run in; gives the test up, loudly, where none with torch is found.
    ///
    /// @param what is not tested then
    public static PythonInstallation orGivenUp(String what) {
        Optional<PythonInstallation> python = Engines.pythons().best();
        if (python.isEmpty() || !python.get().usable()) {
            String line = "*".repeat(78);
            System.err.printf("%n%s%n*  %s IS NOT TESTED: %s.%n*  VITRINE_PYTHON names a Python with torch, transformers and peft.%n%s%n%n", line, what,
                    python.map(PythonInstallation::problem).orElse("no Python was found"), line);
            Assumptions.abort("no Python with torch");
        }
        return python.get();
    }
}
