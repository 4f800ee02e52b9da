package vitrine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import vitrine.core.files.Whole;

/// Runs the benchmarks and prints their tables as Markdown, as `docs/benchmarks.md` holds them.
///
/// | property | |
/// |---|---|
/// | `bench.parts` | of `capture,spectrum,spectrum-small,stream,rank,routing,finetune,adapter,prune,open,runs,start,frames,kernels`; all by default |
/// | `bench.rounds` | rounds of each comparison, 5 by default |
/// | `bench.layers` | layers of the checkpoints of `spectrum` and `prune`, 24 by default |
/// | `bench.stream.layers` | layers of the checkpoint of `stream`, 32 by default |
/// | `bench.adapter.layers` | layers of the adapter of `adapter`, 32 by default |
/// | `bench.sequences` | sequences of 512 tokens of `routing`, 40 by default |
/// | `bench.prune.sequences` | calibration sequences of `prune`, 128 by default |
/// | `bench.prune.methods` | `wanda,sparsegpt` by default |
/// | `bench.threads` | threads that compute, 2 by default |
///
/// The environment variable `VITRINE_PYTHON` names a Python with torch, transformers and safetensors; without it the comparison with
/// transformers is left out, and the report says so.
public final class Benchmarks {

    private static final String ALL = "capture,spectrum,spectrum-small,stream,rank,routing,finetune,adapter,prune,open,runs,start,frames,kernels";

    private Benchmarks() {}

    /// @param args the runnable folder, the folder `src/bench`, a small checkpoint, the classes of the tests of the modules `model-core`
    ///        and `views`, where to write the report
    public static void main(String[] args) throws IOException {
        Path scratch = Files.createTempDirectory("vitrine-bench-");
        String python = System.getenv("VITRINE_PYTHON");
        Setting setting = new Setting(new Image(Path.of(args[0]).toAbsolutePath().normalize()), Path.of(args[1]).toAbsolutePath(), scratch,
                python == null || python.isBlank() ? null : python, Integer.getInteger("bench.rounds", 5), Integer.getInteger("bench.threads", 2),
                Path.of(args[2]).toAbsolutePath().normalize(), System.getProperty("java.class.path"), Path.of(args[3]).toAbsolutePath().normalize(),
                Path.of(args[4]).toAbsolutePath().normalize());
        StringBuilder report = new StringBuilder(Machine.describe() + ".\n\n");
        try {
            for (String part : System.getProperty("bench.parts", ALL).split(",")) {
                String table = switch (part.strip()) {
                    case "capture" -> new CaptureBench(setting).run();
                    case "spectrum" -> new SpectrumBench(setting, RandomCheckpoint.QWEN).run();
                    case "spectrum-small" -> new SpectrumBench(setting, RandomCheckpoint.SMOL).run();
                    case "stream" -> new StreamBench(setting).run();
                    case "rank" -> new RankBench(setting).run();
                    case "routing" -> new RoutingBench(setting).run();
                    case "finetune" -> new FinetuneBench(setting).run();
                    case "adapter" -> new AdapterBench(setting).run();
                    case "prune" -> new PruneBench(setting).run();
                    case "open" -> new OpenBench(setting).run();
                    case "runs" -> new RunsBench(setting).run();
                    case "start" -> new StartBench(setting).run();
                    case "frames" -> new FramesBench(setting).run();
                    case "kernels" -> new KernelsBench(setting).run();
                    default -> throw new IllegalArgumentException("bench.parts: " + part + " is unknown; parts are " + List.of(ALL.split(",")));
                };
                report.append(table);
            }
        } finally {
            Whole.delete(scratch);
        }
        Path out = Path.of(args[5]);
        Files.writeString(out, report);
        System.out.println();
        System.out.print(report);
        System.err.println("written to " + out);
    }
}
