package vitrine.app.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import vitrine.app.engines.Engines;
import vitrine.core.refusal.Refusal;

/// What all subcommands share: the common options, and one line with exit code 2 for a refused input.
abstract class Subcommand implements Callable<Integer> {

    @Spec
    CommandSpec spec;

    @Mixin
    CommonOptions common = new CommonOptions();

    /// Does the work and returns the exit code.
    ///
    /// @throws Refusal for an input that cannot be used
    abstract int run(Output output) throws IOException;

    /// Whether `--engine` may name any engine.
    boolean runsOnEveryEngine() {
        return false;
    }

    /// Whether what the user prefers matters, so that what is wrong in the file is told.
    boolean usesPreferences() {
        return true;
    }

    @Override
    public Integer call() throws IOException {
        Output output = new Output(common.json, spec.commandLine().getOut(), spec.commandLine().getErr());
        try {
            common.require(runsOnEveryEngine());
            if (usesPreferences()) {
                Engines.preferences().problems().forEach(r -> output.warning(r.getMessage()));
            }
            return run(output);
        } catch (Refusal r) {
            output.refusal(r);
            return 2;
        }
    }
}
