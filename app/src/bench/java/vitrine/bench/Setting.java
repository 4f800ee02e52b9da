package vitrine.bench;

import java.nio.file.Path;

/// What all parts are told.
///
/// @param sources the folder `src/bench`
/// @param scratch a folder for checkpoints and results, gone afterwards
/// @param python a Python with torch, transformers and safetensors, or null
/// @param small a small checkpoint
/// @param classPath of the tests, for programs that are measured in a JVM of their own
/// @param core the classes of the module `model-core`'s tests and of its JMH benchmarks
/// @param frames the classes of the module `views`' tests
record Setting(Image image, Path sources, Path scratch, String python, int rounds, int threads, Path small, String classPath, Path core, Path frames) {

    /// Tells whoever waits what is going on.
    void say(String line) {
        System.err.println(line);
    }
}
