package vitrine.core.tensor;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
        return library("dnnl", name, List.of("libgomp.so.1"));
    }

    /// OpenBLAS with LAPACKE for this platform, or empty where there is none.
    public static Optional<SymbolLookup> openBlas() throws IOException {
        return switch (Loader.getPlatform().replaceAll("-.*", "")) {
            case "linux" -> library("openblas", "libopenblas.so.0", List.of("libgcc_s.so.1", "libquadmath.so.0", "libgfortran.so.5"));
            case "macosx" -> library("openblas", "libopenblas.0.dylib", List.of("libgcc_s.1.1.dylib", "libquadmath.0.dylib", "libgfortran.5.dylib"));
            case "windows" -> library("openblas", "libopenblas.dll", List.of("libgcc_s_seh-1.dll", "libquadmath-0.dll", "libgfortran-5.dll"));
            default -> Optional.empty();
        };
    }

    /// A library of a JavaCPP jar.
    ///
    /// @param needed libraries that it stands on, in order; those that the jar does not have are the system's
    private static Optional<SymbolLookup> library(String jar, String name, List<String> needed) throws IOException {
        for (String n : needed) {
            Path path = find(jar, n);
            if (path != null) {
                System.load(path.toAbsolutePath().toString());
            }
        }
        Path library = find(jar, name);
        return library == null ? Optional.empty() : Optional.of(SymbolLookup.libraryLookup(library, Arena.global()));
    }

    private static Path find(String jar, String name) throws IOException {
        String folder = System.getProperty(FOLDER_PROPERTY);
        if (folder != null) {
            Path path = Path.of(folder, name);
            return Files.exists(path) ? path : null;
        }
        File file = Loader.cacheResource("/org/bytedeco/" + jar + "/" + Loader.getPlatform() + "/" + name);
        return file == null || !file.exists() ? null : file.toPath();
    }
}
