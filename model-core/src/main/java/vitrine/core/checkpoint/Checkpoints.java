package vitrine.core.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.checkpoint.gguf.GgufHeader;
import vitrine.core.checkpoint.gguf.GgufModel;
import vitrine.core.checkpoint.packed.PackedWeights;
import vitrine.core.checkpoint.pytorch.TorchFile;
import vitrine.core.checkpoint.safetensors.SafetensorsHeader;
import vitrine.core.json.Json;
import vitrine.core.json.PlainScanner;
import vitrine.core.json.PlainScanner.NotPlain;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Opens whatever a user points at: a folder, a lone file, a hub cache entry, an adapter folder, a shard index.
public final class Checkpoints {

    private static final String INDEX = "model.safetensors.index.json";
    private static final String SINGLE = "model.safetensors";
    private static final String ADAPTER = "adapter_model.safetensors";
    private static final String TORCH_INDEX = "pytorch_model.bin.index.json";
    private static final String TORCH_SINGLE = "pytorch_model.bin";
    private static final String TORCH_ADAPTER = "adapter_model.bin";
    private static final long MAX_INDEX_BYTES = 256 << 20;

    private Checkpoints() {}

    /// Reads the headers behind `path`; no tensor data is touched.
    ///
    /// @throws Refusal where no checkpoint can be read there, with what would help
    public static Checkpoint open(Path path) {
        if (!Files.exists(path) && !Files.isSymbolicLink(path)) {
            throw Refusal.of(Category.NOT_FOUND, path, "there is no such file or folder").help("Check the path " + shorten(path) + ".");
        }
        if (Files.isDirectory(path)) {
            return openFolder(CheckpointFolder.of(path));
        }
        if (!Files.isRegularFile(path)) {
            throw Refusal.of(Category.UNREADABLE, path, Files.isSymbolicLink(path) ? "it is a symbolic link that leads nowhere" : "it is no ordinary file or folder");
        }
        return openFile(path);
    }

    private static String shorten(Path path) {
        String text = vitrine.core.refusal.Visible.name(path.toString());
        return text.length() > 120 ? "…" + text.substring(text.length() - 119) : text;
    }

    private static Checkpoint openFile(Path file) {
        String name = file.getFileName().toString();
        if (name.endsWith(".safetensors.index.json") || name.endsWith(".bin.index.json")) {
            Path parent = file.toAbsolutePath().getParent();
            return openIndex(CheckpointFolder.of(parent), file, file);
        }
        CheckpointFolder at = CheckpointFolder.plain(file, file.toAbsolutePath().getParent());
        Path real = at.cacheEntry() == null ? file : at.real(file);
        FileKind kind = kindOf(real);
        if (kind == FileKind.JSON && (name.equals("config.json") || name.equals("adapter_config.json"))) {
            return openFolder(CheckpointFolder.of(file.toAbsolutePath().getParent()));
        }
        requireReadable(kind, file);
        if (kind == FileKind.GGUF) {
            return openGguf(at, file, real);
        }
        Builder builder = new Builder();
        builder.add(real, file);
        boolean adapter = name.equals(ADAPTER) || name.equals(TORCH_ADAPTER) || looksLikeAdapter(builder.tensors.keySet());
        String stem = name.replaceAll("\\.(safetensors|bin|pt|pth)$", "");
        Path parent = at.folder();
        boolean plain = stem.equals("model") || stem.equals("pytorch_model") || stem.equals("adapter_model");
        String shown = plain && parent.getFileName() != null ? parent.getFileName().toString() : stem;
        return builder.build(adapter ? Checkpoint.Kind.ADAPTER : Checkpoint.Kind.MODEL, file, at, shown, builder.format);
    }

    private static boolean looksLikeAdapter(Set<String> names) {
        return !names.isEmpty() && names.stream().anyMatch(n -> n.contains(".lora_A.") || n.endsWith(".lora_A") || n.contains(".lora_embedding_A"));
    }

    private static Checkpoint openFolder(CheckpointFolder at) {
        Path adapter = at.folder().resolve(ADAPTER);
        Path index = at.folder().resolve(INDEX);
        Path single = at.folder().resolve(SINGLE);
        if (exists(adapter) && !exists(index) && !exists(single)) {
            return openParts(at, List.of(adapter), Checkpoint.Kind.ADAPTER);
        }
        if (exists(index)) {
            return openIndex(at, index, at.shown());
        }
        if (exists(single)) {
            return openParts(at, List.of(single), Checkpoint.Kind.MODEL);
        }
        // What save_pretrained wrote before safetensors.
        if (exists(at.folder().resolve(TORCH_INDEX))) {
            return openIndex(at, at.folder().resolve(TORCH_INDEX), at.shown());
        }
        if (exists(at.folder().resolve(TORCH_SINGLE))) {
            return openParts(at, List.of(at.folder().resolve(TORCH_SINGLE)), Checkpoint.Kind.MODEL);
        }
        if (exists(at.folder().resolve(TORCH_ADAPTER))) {
            return openParts(at, List.of(at.folder().resolve(TORCH_ADAPTER)), Checkpoint.Kind.ADAPTER);
        }
        List<Path> others = CheckpointFolder.list(at.folder()).filter(p -> p.getFileName().toString().endsWith(".safetensors")).toList();
        if (!others.isEmpty()) {
            Checkpoint opened = openParts(at, others, Checkpoint.Kind.MODEL);
            if (others.size() > 1) {
                opened.warnings().add(new Warning(Category.INDEX_INVALID, String.format(
                        "There is no %s: all %d safetensors files of the folder were read as one checkpoint.", INDEX, others.size())));
            }
            return opened;
        }
        List<Path> gguf = CheckpointFolder.list(at.folder()).filter(p -> p.getFileName().toString().endsWith(".gguf")).toList();
        // Of the parts of one model the first is opened.
        List<Path> whole = gguf.stream().filter(p -> !PART.matcher(p.getFileName().toString()).matches() || Integer.parseInt(part(p).group(2)) == 1).toList();
        if (whole.size() > 1) {
            throw Refusal.of(Category.UNKNOWN_FORMAT, at.shown(), "it holds %,d GGUF files, each a model of its own", whole.size())
                    .help("Open one of them, such as " + vitrine.core.refusal.Visible.name(whole.getFirst().getFileName().toString()) + ".");
        }
        if (whole.size() == 1) {
            Path real = at.real(whole.getFirst());
            requireReadable(kindOf(real), whole.getFirst());
            return openFile(whole.getFirst());
        }
        throw nothingHere(at);
    }

    /// The name of one part of a model that was split: `NAME-00001-of-00003.gguf`.
    private static final Pattern PART = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})\\.gguf");

    private static Matcher part(Path file) {
        Matcher m = PART.matcher(file.getFileName().toString());
        return m.matches() ? m : null;
    }

    /// A GGUF file, or the first part of one with the others beside it.
    private static Checkpoint openGguf(CheckpointFolder at, Path file, Path real) {
        Builder builder = new Builder();
        GgufHeader header = builder.readGguf(real, file);
        long parts = GgufModel.parts(header);
        List<TensorEntry> all = new ArrayList<>(header.tensors());
        if (parts > 1) {
            Matcher m = part(file);
            if (m == null || Integer.parseInt(m.group(3)) != parts || Integer.parseInt(m.group(2)) != 1) {
                throw Refusal.of(Category.SHARD_MISSING, file, "it is one of %,d parts of a model", parts).help("Open the first, whose name ends in -00001-of-%05d.gguf.".formatted(Math.min(parts, 99_999)));
            }
            for (int i = 2; i <= parts; i++) {
                Path other = at.named("%s-%05d-of-%s.gguf".formatted(m.group(1), i, m.group(3)), file);
                if (!exists(other)) {
                    throw Refusal.of(Category.SHARD_MISSING, file, "part %,d of %,d, %s, is not in the folder", i, parts, other.getFileName().toString()).help("Download the missing file.");
                }
                Path part = at.real(other);
                requireReadable(kindOf(part), other);
                all.addAll(builder.readGguf(part, other).tensors());
            }
        }
        GgufModel model = GgufModel.of(header, all);
        model.tensors().forEach(t -> builder.tensors.put(t.name(), t));
        builder.metadata.putAll(model.metadata());
        builder.embedded = model;
        String name = file.getFileName().toString();
        Matcher m = parts > 1 ? part(file) : null;
        String stem = m != null ? m.group(1) : name.replaceAll("\\.gguf$", "");
        Path parent = at.folder();
        String shown = stem.equals("model") && parent.getFileName() != null ? parent.getFileName().toString() : stem;
        return builder.build(Checkpoint.Kind.MODEL, file, at, shown, parts > 1 ? "GGUF, " + parts + " parts" : "GGUF");
    }

    private static boolean exists(Path file) {
        return Files.exists(file) || Files.isSymbolicLink(file);
    }

    private static Refusal nothingHere(CheckpointFolder at) {
        if (at.hasIncompleteDownload()) {
            return CheckpointFolder.incomplete(at.shown());
        }
        List<String> names = CheckpointFolder.list(at.folder()).map(p -> p.getFileName().toString()).toList();
        if (names.contains("adapter_config.json")) {
            return Refusal.of(Category.TENSOR_MISSING, at.shown(), "there is an adapter_config.json but no %s", ADAPTER)
                    .help("An adapter's tensors lie in a file of that name, or in adapter_model.bin.");
        }
        String other = names.stream().filter(n -> n.endsWith(".bin") || n.endsWith(".pt") || n.endsWith(".pth")).findFirst().orElse(null);
        if (other != null) {
            return Refusal.of(Category.UNKNOWN_FORMAT, at.shown(), "it holds no safetensors file and no pytorch_model.bin, but %s, which may be anything", other)
                    .help("Open that file itself.");
        }
        return Refusal.of(Category.UNKNOWN_FORMAT, at.shown(), names.isEmpty()
                ? "the folder is empty: no model was found" : "no model was found among its %,d entries", names.size())
                .help("A checkpoint folder holds model.safetensors, or shards and " + INDEX + ".");
    }

    private static Checkpoint openParts(CheckpointFolder at, List<Path> files, Checkpoint.Kind kind) {
        Builder builder = new Builder();
        for (Path file : files) {
            Path real = at.real(file);
            requireReadable(kindOf(real), file);
            for (TensorEntry twice : builder.add(real, file)) {
                throw Refusal.of(Category.DUPLICATE_NAME, file, "this name also stands in another file of the folder, and there is no index to choose")
                        .where("tensor " + twice.name());
            }
        }
        String format = files.size() == 1 ? builder.format : builder.format + ", " + files.size() + " files";
        return builder.build(kind, at.shown(), at, nameOf(at), format);
    }

    private static String nameOf(CheckpointFolder at) {
        if (at.cacheEntry() != null) {
            String entry = at.cacheEntry().getFileName().toString();
            return entry.substring(entry.lastIndexOf("--") + 2);
        }
        return at.shown().toAbsolutePath().normalize().getFileName().toString();
    }

    private static Checkpoint openIndex(CheckpointFolder at, Path index, Path shown) {
        ShardIndex map = ShardIndex.read(at.real(index), index);
        Set<String> shards = new LinkedHashSet<>(map.shardOf().values());
        for (String shard : shards) {
            at.named(shard, index);
        }
        Builder builder = new Builder();
        Map<String, String> surplus = new LinkedHashMap<>();
        for (String shard : shards) {
            Path file = at.named(shard, index);
            if (!exists(file)) {
                throw at.hasIncompleteDownload() ? CheckpointFolder.incomplete(shown)
                        : Refusal.of(Category.SHARD_MISSING, index, "it names the shard %s, which is not in the folder", shard)
                                .help("Download the missing file.");
            }
            Path real = at.real(file);
            requireReadable(kindOf(real), file);
            builder.add(real, file, map.shardOf(), shard, surplus);
        }
        for (Map.Entry<String, String> e : map.shardOf().entrySet()) {
            if (!builder.tensors.containsKey(e.getKey())) {
                throw Refusal.of(Category.TENSOR_MISSING, index, "it places this tensor in %s, which does not hold it", e.getValue())
                        .where("tensor " + e.getKey());
            }
        }
        Checkpoint opened = builder.build(Checkpoint.Kind.MODEL, shown, at, nameOf(at), builder.format + ", " + shards.size() + " shards");
        surplus.forEach((name, shard) -> opened.warnings().add(new Warning(Category.INDEX_INVALID,
                map.shardOf().containsKey(name)
                        ? String.format("Tensor %s lies in %s too; the copy that the index names, in %s, is used.", name, shard, map.shardOf().get(name))
                        : String.format("Tensor %s of %s is not in the index; it is shown all the same.", name, shard))));
        long bytes = builder.tensors.values().stream().mapToLong(TensorEntry::bytes).sum();
        if (map.totalSize() >= 0 && map.totalSize() != bytes) {
            opened.warnings().add(new Warning(Category.INDEX_INVALID, String.format(
                    "The index says that all tensors have %,d bytes; they have %,d.", map.totalSize(), bytes)));
        }
        return opened;
    }

    private static FileKind kindOf(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            // A pipe would be waited for.
            throw Refusal.of(Category.UNREADABLE, file, Files.isDirectory(file) ? "it is a folder where a file belongs" : "it is no ordinary file");
        }
        try {
            return FileKind.of(file);
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    private static void requireReadable(FileKind kind, Path shown) {
        String what;
        String help;
        switch (kind) {
            case SAFETENSORS, GGUF, ZIP, PICKLE, EMPTY, UNKNOWN -> {
                return;
            }
            case LFS_POINTER -> {
                what = "it is a Git LFS pointer of a few lines, not the weights themselves";
                help = "Fetch the file with git lfs pull, or download it from the model's page.";
            }
            case GGML -> {
                what = "it begins with the magic of GGML, the format before GGUF, which is not read";
                help = "Convert it to GGUF with llama.cpp, or open the checkpoint that it was made from.";
            }
            case JSON -> {
                what = "it holds JSON text, not weights";
                help = "Open the folder that holds the safetensors files.";
            }
            case TEXT -> {
                what = "it holds plain text, not weights";
                help = "A checkpoint is a safetensors file or a folder that holds one.";
            }
            default -> throw new IllegalStateException("no answer for " + kind);
        }
        throw Refusal.of(Category.UNKNOWN_FORMAT, shown, what).help(help);
    }

    /// The map of a sharded checkpoint's index: which shard holds which tensor; `totalSize` is -1 where it is not told.
    private record ShardIndex(Map<String, String> shardOf, long totalSize) {

        static ShardIndex read(Path file, Path shown) {
            byte[] bytes = Json.readBytes(file, MAX_INDEX_BYTES, Category.INDEX_INVALID);
            try {
                return scan(new PlainScanner(bytes));
            } catch (NotPlain e) {
                return parse(bytes, shown);
            }
        }

        /// Reads an index of the plainest kind, as all common writers make it.
        private static ShardIndex scan(PlainScanner s) throws NotPlain {
            Map<String, String> map = null;
            long total = -1;
            boolean metadata = false;
            s.expect('{');
            do {
                switch (s.key()) {
                    case "weight_map" -> {
                        s.require(map == null);
                        map = scanMap(s);
                    }
                    case "metadata" -> {
                        s.require(!metadata);
                        metadata = true;
                        total = scanTotal(s);
                    }
                    default -> throw s.notPlain();
                }
            } while (s.more('}'));
            s.expectEnd();
            s.require(map != null);
            return new ShardIndex(map, total);
        }

        private static Map<String, String> scanMap(PlainScanner s) throws NotPlain {
            Map<String, String> map = new LinkedHashMap<>();
            Map<String, String> shards = new LinkedHashMap<>();
            s.expect('{');
            if (!s.take('}')) {
                do {
                    String tensor = s.key();
                    String shard = s.string();
                    String known = shards.putIfAbsent(shard, shard);
                    s.require(map.put(tensor, known == null ? shard : known) == null);
                } while (s.more('}'));
            }
            return map;
        }

        private static long scanTotal(PlainScanner s) throws NotPlain {
            long total = -1;
            s.expect('{');
            if (!s.take('}')) {
                do {
                    boolean size = s.key().equals("total_size");
                    long number = s.number();
                    s.require(!size || total < 0);
                    total = size ? number : total;
                } while (s.more('}'));
            }
            return total;
        }

        private static ShardIndex parse(byte[] bytes, Path shown) {
            Json.requireUtf8(shown, bytes, bytes.length, Category.INDEX_INVALID);
            Map<String, String> map = null;
            long total = -1;
            try (JsonParser p = Json.parser(bytes, 0, bytes.length)) {
                if (p.nextToken() != JsonToken.START_OBJECT) {
                    throw Refusal.of(Category.INDEX_INVALID, shown, "it is no JSON object");
                }
                while (p.nextToken() == JsonToken.FIELD_NAME) {
                    String key = p.currentName();
                    p.nextToken();
                    if (key.equals("weight_map")) {
                        if (map != null) {
                            throw Refusal.of(Category.DUPLICATE_NAME, shown, "weight_map stands twice");
                        }
                        map = readMap(p, shown);
                    } else if (key.equals("metadata") && p.currentToken() == JsonToken.START_OBJECT) {
                        total = readTotal(p);
                    } else {
                        p.skipChildren();
                    }
                }
                if (p.nextToken() != null) {
                    throw Refusal.of(Category.INDEX_INVALID, shown, "there is something after the closing brace of its JSON");
                }
            } catch (IOException e) {
                throw Json.refuse(shown, Category.INDEX_INVALID, e);
            }
            if (map == null) {
                throw Refusal.of(Category.INDEX_INVALID, shown, "it has no weight_map, the list of which shard holds which tensor");
            }
            return new ShardIndex(map, total);
        }

        private static Map<String, String> readMap(JsonParser p, Path shown) throws IOException {
            if (p.currentToken() != JsonToken.START_OBJECT) {
                throw Refusal.of(Category.INDEX_INVALID, shown, "its weight_map is no object");
            }
            Map<String, String> map = new LinkedHashMap<>();
            Map<String, String> shards = new LinkedHashMap<>();
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String tensor = p.currentName();
                if (p.nextToken() != JsonToken.VALUE_STRING) {
                    throw Refusal.of(Category.INDEX_INVALID, shown, "weight_map gives no file name").where("tensor " + tensor);
                }
                String shard = shards.computeIfAbsent(p.getText(), s -> s);
                if (map.put(tensor, shard) != null) {
                    throw Refusal.of(Category.DUPLICATE_NAME, shown, "it stands twice in weight_map").where("tensor " + tensor);
                }
            }
            return map;
        }

        private static long readTotal(JsonParser p) throws IOException {
            long total = -1;
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String key = p.currentName();
                p.nextToken();
                if (key.equals("total_size") && p.currentToken().isNumeric()) {
                    total = p.getNumberType() == JsonParser.NumberType.BIG_INTEGER ? Long.MAX_VALUE : p.getValueAsLong(-1);
                } else {
                    p.skipChildren();
                }
            }
            return total;
        }
    }

    /// Gathers files and tensors while a checkpoint is opened.
    private static final class Builder {
        final List<DataFile> files = new ArrayList<>();
        final Map<String, TensorEntry> tensors = new LinkedHashMap<>();
        final Map<String, String> metadata = new LinkedHashMap<>();
        Embedded embedded;
        String format = "safetensors";

        GgufHeader readGguf(Path real, Path shown) {
            GgufHeader header = GgufHeader.read(real, shown);
            addFile(real, shown, header.size(), header.dataOffset());
            return header;
        }

        private void addFile(Path real, Path shown, long size, long headerBytes) {
            try {
                long modified = Files.readAttributes(real, BasicFileAttributes.class).lastModifiedTime().toMillis();
                files.add(new DataFile(real, size, headerBytes, modified));
            } catch (IOException e) {
                throw Refusal.of(Category.UNREADABLE, shown, "cannot be read (%s)", Json.reason(e)).cause(e);
            }
        }

        private List<TensorEntry> read(Path real, Path shown) {
            FileKind kind = kindOf(real);
            if (kind == FileKind.ZIP || kind == FileKind.PICKLE) {
                TorchFile file = kind == FileKind.ZIP ? TorchFile.readZip(real, shown) : TorchFile.readLegacy(real, shown);
                addFile(real, shown, file.size(), file.dataOffset());
                format = "PyTorch";
                return file.tensors();
            }
            SafetensorsHeader header = SafetensorsHeader.read(real, shown);
            addFile(real, shown, header.size(), header.dataOffset());
            metadata.putAll(header.metadata());
            return header.tensors();
        }

        /// Adds a file's tensors and returns those whose names were there before.
        List<TensorEntry> add(Path real, Path shown) {
            List<TensorEntry> twice = new ArrayList<>();
            for (TensorEntry t : read(real, shown)) {
                if (tensors.putIfAbsent(t.name(), t) != null) {
                    twice.add(t);
                }
            }
            return twice;
        }

        /// Adds a shard's tensors as the index places them; what it does not place there goes to `surplus`.
        void add(Path real, Path shown, Map<String, String> shardOf, String shard, Map<String, String> surplus) {
            for (TensorEntry t : read(real, shown)) {
                String owner = shardOf.get(t.name());
                if (shard.equals(owner)) {
                    tensors.put(t.name(), t);
                } else {
                    surplus.put(t.name(), shard);
                    if (owner == null) {
                        tensors.putIfAbsent(t.name(), t);
                    }
                }
            }
        }

        Checkpoint build(Checkpoint.Kind kind, Path path, CheckpointFolder folder, String name, String format) {
            List<Warning> warnings = new ArrayList<>();
            if (tensors.isEmpty()) {
                warnings.add(new Warning(Category.TENSOR_MISSING, "The file is valid and holds no tensors."));
            }
            Checkpoint plain = new Checkpoint(kind, path, folder, name, format, files, tensors, metadata, warnings, embedded);
            if (!PackedWeights.areIn(tensors.keySet())) {
                return plain;
            }
            ObjectNode config = null;
            try {
                config = plain.config();
            } catch (Refusal missing) {
                warnings.add(new Warning(missing.category(), "There is no config that says how weights are packed: they are read in the form that most files have."));
            }
            return new Checkpoint(kind, path, folder, name, format, files, PackedWeights.unpacked(tensors, config), metadata, warnings, embedded);
        }
    }
}
