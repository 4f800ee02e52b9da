package vitrine.core.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import vitrine.core.adapter.Adapter;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.dataset.Dataset;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.StoredValues;
import vitrine.core.tokenizer.Vocabulary;

/// The readers of files that come from elsewhere, each as one step that any bytes may be given to.
///
/// Whatever the bytes, a reader answers or refuses ([Refusal]); it throws nothing else, takes less than two seconds and allocates no more than a constant
/// times what it was given.
public enum Reader {
    SAFETENSORS("model.safetensors", "safetensors") {
        @Override
        void read(Path folder, Path file) {
            open(file);
        }
    },
    INDEX("model.safetensors.index.json", "sharded") {
        @Override
        void read(Path folder, Path file) {
            open(file);
        }
    },
    GGUF("model.gguf", "gguf") {
        @Override
        void read(Path folder, Path file) {
            Checkpoint c = open(file);
            refusedOr(c::config);
            refusedOr(() -> Families.read(c.config(), c.configFile(), c.tensors().keySet()));
            refusedOr(() -> Vocabulary.of(c));
        }
    },
    TORCH("pytorch_model.bin", "pickle") {
        @Override
        void read(Path folder, Path file) {
            open(file);
        }
    },
    CONFIG("config.json", "config") {
        @Override
        void read(Path folder, Path file) {
            ObjectNode config = Json.readObject(file, file, 16 << 20, Category.CONFIG_INVALID);
            Families.read(config, file, NAMES);
        }
    },
    TOKENIZER("tokenizer.json", "tokenizer") {
        @Override
        void read(Path folder, Path file) throws IOException {
            copy("adapter/valid/adapter_model.safetensors", folder.resolve("model.safetensors"));
            Vocabulary.of(Checkpoints.open(folder));
        }
    },
    DATASET("data.jsonl", "dataset") {
        @Override
        void read(Path folder, Path file) {
            Dataset.read(file);
        }
    },
    ADAPTER("adapter_config.json", "adapter") {
        @Override
        void read(Path folder, Path file) throws IOException {
            copy("adapter/valid/adapter_model.safetensors", folder.resolve("adapter_model.safetensors"));
            Adapter.of(Checkpoints.open(folder));
        }
    },
    TASK("task.json", null) {
        @Override
        void read(Path folder, Path file) throws IOException {
            JsonNode json = Json.readObject(Files.readAllBytes(file), file, Category.TASK_INVALID);
            Task.fromJson(json);
        }
    };

    private static final Path CORPUS = Path.of("src/test/resources/badinputs");
    private static final Set<String> NAMES = names();
    private static final long MAX_NANOS = 2_000_000_000L;
    private static final long ALLOWANCE = 64L << 20;
    /// What a byte of a file may become in memory: a value of a pickle, an entry of a header.
    private static final long PER_BYTE = 1000;

    private static final List<String> TASKS = List.of(
            "{\"kind\":\"capture\",\"model\":\"m\",\"prompt\":{\"text\":\"a\"},\"what\":[\"attentions\",\"logits\"]}",
            "{\"kind\":\"spectrum\",\"model\":\"m\",\"accuracy\":\"exact\",\"tensors\":[\"*\"]}",
            "{\"kind\":\"rank\",\"model\":\"m\",\"data\":\"d\",\"of\":\"hidden\"}",
            "{\"kind\":\"finetune\",\"model\":\"m\",\"data\":\"d\",\"method\":\"lora\",\"steps\":10,\"settings\":{\"lr\":0.001}}");

    private final String name;
    private final String seeds;

    Reader(String name, String seeds) {
        this.name = name;
        this.seeds = seeds;
    }

    /// What the reader is called where one is chosen.
    public String label() {
        return seeds == null ? "task" : seeds;
    }

    abstract void read(Path folder, Path file) throws IOException;

    /// Tensor names of a small Llama, which configs are read against.
    private static Set<String> names() {
        return Checkpoints.open(Path.of("src/test/resources/reference/fmt-bf16")).tensors().keySet();
    }

    static Checkpoint open(Path file) {
        Checkpoint c = Checkpoints.open(file);
        if (c.tensors().values().stream().allMatch(t -> t.assembly() == null)) {
            // Opening a map costs more than all that came before, and plain tensors were compared with the file's size.
            return c;
        }
        try (MappedWeights map = new MappedWeights(c)) {
            for (TensorEntry t : c.tensors().values()) {
                if (t.elements() > 0 && t.dtype().readable() && t.dtype().bytes(t.elements()) < 1 << 20) {
                    StoredValues.at(t.dtype(), map.data(t), t.elements() - 1);
                }
            }
        }
        return c;
    }

    static void refusedOr(Runnable step) {
        try {
            step.run();
        } catch (Refusal expected) {
            // A part that cannot be told is refused; the others are read all the same.
        }
    }

    static void copy(String corpusFile, Path to) throws IOException {
        if (!Files.exists(to)) {
            Files.copy(CORPUS.resolve(corpusFile), to);
        }
    }

    /// The corpus' files of this kind, smallest first; none larger than 64 kB.
    public List<byte[]> seeds() throws IOException {
        List<byte[]> out = new ArrayList<>();
        if (seeds == null) {
            TASKS.forEach(t -> out.add(t.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
            return out;
        }
        try (Stream<Path> files = Files.walk(CORPUS.resolve(seeds))) {
            for (Path p : files.filter(Files::isRegularFile).filter(this::isSeed).sorted(Comparator.comparing((Path p) -> p.toFile().length()).thenComparing(Path::toString)).toList()) {
                if (Files.size(p) <= 65_536) {
                    out.add(Files.readAllBytes(p));
                }
            }
        }
        return out;
    }

    private boolean isSeed(Path p) {
        String n = p.getFileName().toString();
        return switch (this) {
            case INDEX -> n.endsWith(".index.json");
            case CONFIG -> n.equals("config.json");
            case TOKENIZER -> n.equals("tokenizer.json");
            case ADAPTER -> n.equals("adapter_config.json");
            default -> !n.endsWith(".gz");
        };
    }

    /// Gives a reader some bytes.
    ///
    /// @param folder an empty one of the caller's, or one that was given here before
    /// @throws AssertionError where the reader does what none may
    public void take(byte[] bytes, Path folder) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Path file = folder.resolve(name);
        try {
            Files.write(file, bytes);
            long allocated = threads.getCurrentThreadAllocatedBytes();
            // Time of the processor: what else the machine does is not the reader's.
            long began = threads.getCurrentThreadCpuTime();
            try {
                read(folder, file);
            } catch (Refusal refused) {
                if (refused.getMessage().length() > Refusal.MAX_CHARACTERS || refused.getMessage().chars().anyMatch(c -> c < ' ')) {
                    throw new AssertionError("a refusal of more than one short line: " + refused.getMessage());
                }
            }
            long nanos = threads.getCurrentThreadCpuTime() - began;
            long more = threads.getCurrentThreadAllocatedBytes() - allocated;
            if (nanos > MAX_NANOS) {
                throw new AssertionError(this + " took " + nanos / 1_000_000 + " ms for " + bytes.length + " bytes");
            }
            if (more > ALLOWANCE + PER_BYTE * bytes.length) {
                throw new AssertionError(this + " allocated " + more + " bytes for " + bytes.length);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
