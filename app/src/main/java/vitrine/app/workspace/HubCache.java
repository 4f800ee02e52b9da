package vitrine.app.workspace;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Models that Hugging Face's client has downloaded to this machine. Only folder names and file sizes are read here.
///
/// @param folder such as `~/.cache/huggingface/hub`
public record HubCache(Path folder) {

    private static final String PREFIX = "models--";

    /// A downloaded model.
    ///
    /// @param name as on the hub: `owner/model`
    /// @param bytes of the files in `blobs`, or of those in the snapshots where the cache holds no blobs
    /// @param incomplete whether a download was broken off
    public record Entry(Path path, String name, long bytes, boolean incomplete) {}

    /// Where the client keeps its cache: `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, else the home folder.
    ///
    /// Source: huggingface_hub's environment variables, documentation of 2025.
    public static HubCache locate(Map<String, String> environment, Path home) {
        for (String name : List.of("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")) {
            if (set(environment, name)) {
                return new HubCache(Path.of(environment.get(name)));
            }
        }
        if (set(environment, "HF_HOME")) {
            return new HubCache(Path.of(environment.get("HF_HOME"), "hub"));
        }
        Path cache = set(environment, "XDG_CACHE_HOME") ? Path.of(environment.get("XDG_CACHE_HOME")) : home.resolve(".cache");
        return new HubCache(cache.resolve("huggingface").resolve("hub"));
    }

    private static boolean set(Map<String, String> environment, String name) {
        String value = environment.get(name);
        return value != null && !value.isBlank();
    }

    /// Whether a folder looks like a hub cache: it holds folders named `models--…`.
    public static boolean looksLikeOne(Path folder) {
        try (Stream<Path> children = Files.list(folder)) {
            return children.limit(1000).anyMatch(c -> c.getFileName().toString().startsWith(PREFIX) && Files.isDirectory(c));
        } catch (IOException unreadable) {
            // What cannot be listed is told when it is opened.
            return false;
        }
    }

    /// All models, by name; empty where there is no cache.
    ///
    /// @throws Refusal where the folder cannot be listed
    public List<Entry> entries() {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        List<Entry> out = new ArrayList<>();
        try (Stream<Path> children = Files.list(folder)) {
            for (Path child : children.filter(c -> c.getFileName().toString().startsWith(PREFIX) && Files.isDirectory(c)).toList()) {
                out.add(entry(child));
            }
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, folder, "it cannot be listed (%s)", Json.reason(e)).cause(e);
        }
        out.sort(Comparator.comparing(Entry::name, String.CASE_INSENSITIVE_ORDER));
        return out;
    }

    private static Entry entry(Path path) throws IOException {
        String name = path.getFileName().toString().substring(PREFIX.length()).replaceFirst("--", "/");
        Path blobs = path.resolve("blobs");
        boolean hasBlobs = Files.isDirectory(blobs);
        Path counted = hasBlobs ? blobs : path.resolve("snapshots");
        long bytes = 0;
        boolean incomplete = false;
        if (Files.isDirectory(counted)) {
            try (Stream<Path> files = Files.walk(counted, hasBlobs ? 1 : 3)) {
                for (Path f : files.filter(p -> Files.isRegularFile(p, LinkOption.NOFOLLOW_LINKS)).toList()) {
                    bytes += Files.size(f);
                    incomplete |= f.getFileName().toString().endsWith(".incomplete");
                }
            }
        }
        return new Entry(path, name, bytes, incomplete);
    }
}
