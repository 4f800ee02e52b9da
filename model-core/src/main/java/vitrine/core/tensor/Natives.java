package vitrine.core.tensor;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;

/// Finds native libraries: in the installed program's own folder, else unpacked from their jars into JavaCPP's cache.
public final class Natives {

    /// The installed program's folder of native libraries; unset when running from the build tree.
    public static final String FOLDER_PROPERTY = "vitrine.natives";

    private Natives() {}

    /// oneDNN for this platform, or empty where there is none.
    public static Optional<SymbolLookup> oneDnn() throws IOException {
        String name = switch (Loader.getPlatform().replaceAll("-.*", "")) {
            case "linux" -> "libdnnl.so.3";
            case "macosx" -> "libdnnl.3.dylib";
            case "windows" -> "dnnl.dll";
            default -> null;
        };
        if (name == null) {
            return Optional.empty();
        }
        String folder = System.getProperty(FOLDER_PROPERTY);
        if (folder != null) {
            return open(Path.of(folder, name), Path.of(folder, "libgomp.so.1"));
        }
        String base = "/org/bytedeco/dnnl/" + Loader.getPlatform() + "/";
        File openMp = Loader.cacheResource(base + "libgomp.so.1");
        File library = Loader.cacheResource(base + name);
        return library == null ? Optional.empty() : open(library.toPath(), openMp == null ? null : openMp.toPath());
    }

    private static Optional<SymbolLookup> open(Path library, Path openMp) {
        if (!Files.exists(library)) {
            return Optional.empty();
        }
        if (openMp != null && Files.exists(openMp)) {
            System.load(openMp.toAbsolutePath().toString());
        }
        return Optional.of(SymbolLookup.libraryLookup(library, Arena.global()));
    }
}
