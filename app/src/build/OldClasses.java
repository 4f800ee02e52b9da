import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;

/// Gives classes that were compiled for Java 5 the stack maps of later versions.
///
/// The JVM puts no class into an AOT cache that must be checked by its old verifier, and that verifier is slow: with picocli,
/// which is compiled so, every command would start with loading and checking two hundred classes of it. Nothing else of a
/// class changes, and the JVM checks the result as it checks every class.
final class OldClasses implements AutoCloseable {

    /// The version that brought stack maps without an old verifier to fall back on is 51; 52 is Java 8.
    private static final int OLD = 50;
    private static final int NEW = 52;

    private final URLClassLoader loader;
    private final ClassFile classFile;

    /// @param jar where the classes' supertypes are looked up
    OldClasses(Path jar) throws IOException {
        loader = new URLClassLoader(new URL[] {jar.toUri().toURL()});
        classFile = ClassFile.of(ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
                ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(loader)
                        .orElse(ClassHierarchyResolver.ofResourceParsing(ClassLoader.getSystemClassLoader())).cached()));
    }

    byte[] renew(byte[] content) {
        ClassModel model = classFile.parse(content);
        if (model.majorVersion() >= OLD) {
            return content;
        }
        // A transform that changes no instruction, but has every method written anew, and so its stack maps made.
        ClassTransform rewrite = ClassTransform.transformingMethodBodies(CodeTransform.endHandler(code -> { }));
        return classFile.transformClass(model, rewrite.andThen((builder, element) -> {
            if (element instanceof ClassFileVersion) {
                builder.withVersion(NEW, 0);
            } else {
                builder.with(element);
            }
        }));
    }

    @Override
    public void close() throws IOException {
        loader.close();
    }
}
