package vitrine.app.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

/// `--adapter`, of the commands that run a model.
final class AdapterOptions {

    @Option(names = "--adapter", paramLabel = "A[=WEIGHT]", description = "an adapter on the model, a PEFT folder or its file; several are added up. With =WEIGHT all that it changes is "
            + "multiplied by the number")
    List<String> adapters;

    /// The adapters as a task names them, or null for none.
    List<Task.AdapterUse> uses() {
        if (adapters == null) {
            return null;
        }
        List<Task.AdapterUse> out = new ArrayList<>();
        for (String written : adapters) {
            out.add(use(written));
        }
        return out;
    }

    /// A folder whose name holds a `=` is taken as it is where it is there.
    static Task.AdapterUse use(String written) {
        int sign = written.lastIndexOf('=');
        if (sign <= 0 || Files.exists(Path.of(written))) {
            return Task.AdapterUse.of(EngineCommand.absolute(Path.of(written)));
        }
        String number = written.substring(sign + 1);
        double weight;
        try {
            weight = Double.parseDouble(number);
        } catch (NumberFormatException e) {
            throw Refusal.of(Category.TASK_INVALID, null, "--adapter %s: a number belongs behind the =", written).cause(e);
        }
        return new Task.AdapterUse(EngineCommand.absolute(Path.of(written.substring(0, sign))), weight);
    }
}
