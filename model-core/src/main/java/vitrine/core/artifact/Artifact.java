package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsHeader;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A result on the disk: a folder with a manifest and, where the task made tensors, `result.safetensors`; or the one file of tensors that a command wrote to
/// `--out`, whose metadata hold the manifest and what else the folder held.
///
/// @param folder the folder, or that one file
public record Artifact(Path folder, Manifest manifest) {

    /// The file that holds an artifact's tensors.
    public static final String TENSORS = "result.safetensors";

    /// Opens an artifact.
    ///
    /// @throws Refusal `not-found`, `artifact-invalid` or `version-unsupported`
    public static Artifact open(Path path) {
        if (!Files.exists(path)) {
            throw Refusal.of(Category.NOT_FOUND, path, "there is no such file or folder");
        }
        if (Files.isDirectory(path)) {
            return new Artifact(path, Manifest.read(path));
        }
        return inFile(path).orElseThrow(() -> Refusal.of(Category.ARTIFACT_INVALID, path,
                "an artifact is a folder with a manifest.json, or a .safetensors file that a command of this program wrote"));
    }

    /// The artifact that a safetensors file is, or nothing where it is of another kind.
    ///
    /// @throws Refusal where it cannot be read
    public static Optional<Artifact> inFile(Path file) {
        String manifest = SafetensorsHeader.read(file, file).metadata().get(Manifest.FILE);
        return manifest == null ? Optional.empty()
                : Optional.of(new Artifact(file, Manifest.of(Json.readObject(manifest.getBytes(StandardCharsets.UTF_8), file, Category.ARTIFACT_INVALID), file)));
    }

    /// The file of tensors, whether it is there or not.
    public Path tensorFile() {
        return Files.isDirectory(folder) ? folder.resolve(TENSORS) : folder;
    }

    /// A JSON object that stands beside the tensors, in a file of its own or in the metadata.
    ///
    /// @return nothing where there is none
    /// @throws Refusal `artifact-invalid`
    public Optional<ObjectNode> beside(String name, long maxBytes) {
        if (!Files.isDirectory(folder)) {
            String text = SafetensorsHeader.read(folder, folder).metadata().get(name);
            return text == null ? Optional.empty() : Optional.of(Json.readObject(text.getBytes(StandardCharsets.UTF_8), folder, Category.ARTIFACT_INVALID));
        }
        Path file = folder.resolve(name);
        return Files.isRegularFile(file) ? Optional.of(Json.readObject(file, file, maxBytes, Category.ARTIFACT_INVALID)) : Optional.empty();
    }

    /// Writes the artifact as one file: its tensors with the manifest and the other JSON files in the metadata.
    ///
    /// @param target a file that does not exist
    public void writeAsFile(Path target) throws IOException {
        ObjectNode header = Json.object();
        long data;
        try (FileChannel from = FileChannel.open(tensorFile(), StandardOpenOption.READ)) {
            ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            readFully(from, length, 0);
            ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(length.getLong(0)));
            readFully(from, bytes, 8);
            data = 8 + bytes.capacity();
            JsonNode old = Json.mapper().readTree(bytes.array());
            ObjectNode metadata = header.putObject("__metadata__");
            old.path("__metadata__").properties().forEach(e -> metadata.set(e.getKey(), e.getValue()));
            old.properties().stream().filter(e -> !e.getKey().equals("__metadata__")).forEach(e -> header.set(e.getKey(), e.getValue()));
            for (Path json : jsonFiles()) {
                metadata.put(json.getFileName().toString(), Json.line(Json.mapper().readTree(json.toFile())));
            }
            byte[] text = Json.line(header).getBytes(StandardCharsets.UTF_8);
            byte[] padded = Arrays.copyOf(text, (text.length + 7) / 8 * 8);
            Arrays.fill(padded, text.length, padded.length, (byte) ' ');
            try (FileChannel to = FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                ByteBuffer head = ByteBuffer.allocate(8 + padded.length).order(ByteOrder.LITTLE_ENDIAN).putLong(padded.length).put(padded).flip();
                while (head.hasRemaining()) {
                    to.write(head);
                }
                long size = from.size();
                for (long at = data; at < size; ) {
                    at += from.transferTo(at, size - at, to);
                }
            }
        }
    }

    private List<Path> jsonFiles() throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().endsWith(".json")).sorted().toList();
        }
    }

    private static void readFully(FileChannel channel, ByteBuffer into, long position) throws IOException {
        while (into.hasRemaining()) {
            if (channel.read(into, position + into.position()) < 0) {
                throw new EOFException("the file of tensors has become shorter");
            }
        }
    }

    /// Opens the tensors.
    public SafetensorsFile tensors() {
        return SafetensorsFile.open(tensorFile());
    }

    /// How a tensor of this artifact came about.
    public Optional<Provenance> provenance(String tensor) {
        return Optional.ofNullable(manifest.provenance().get(tensor));
    }
}
