package vitrine.app.program;

/// The program's version, from its jar.
public final class Version {

    /// Such as `0.1.0`; `development` in the build tree.
    public static final String NUMBER = read();

    private Version() {}

    private static String read() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
