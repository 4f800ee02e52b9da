package vitrine.app;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.work.TaskRunner;

/// Rules of the whole program, and who may know whom in `app`. Rules inside the core and among views are tested there.
class ArchitectureTest {

    private static final JavaClasses ALL = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            // The core's tests, of which some are used here, are a folder or a jar, by the phase that Maven is in.
            .withImportOption(location -> !location.contains("-tests.jar")).importPackages("vitrine");

    // --- the modules

    @Test
    void nobodyImportsApp() {
        noClasses().that().resideOutsideOfPackage("vitrine.app..").should().dependOnClassesThat().resideInAPackage("vitrine.app..")
                .because("what the program is made of works without the program")
                .check(ALL);
    }

    @Test
    void resourcesUseNothing() {
        classes().that().resideInAPackage("vitrine.resources..").should()
                .onlyDependOnClassesThat().resideInAnyPackage("vitrine.resources..", "java.lang..", "java.io..", "java.net..", "java.nio..", "java.security..", "java.util..")
                .because("files and their names need neither a model nor a toolkit")
                .check(ALL);
    }

    @Test
    void theWindowsProcessComputesNothing() {
        noClasses().that().resideInAPackage("vitrine.app..").and().resideOutsideOfPackage("vitrine.app.worker..").should()
                .dependOnClassesThat(resideInAnyPackage("vitrine.core.forward..", "vitrine.core.tensor.nd4j..", "vitrine.core.tensor.onednn..", "vitrine.core.tokenizer..", "org.nd4j..",
                        "org.bytedeco..", "ai.djl..").or(equivalentTo(TaskRunner.class)).or(equivalentTo(MappedWeights.class)))
                .because("a native crash, an out-of-memory kill or a file that shrinks under its map ends a worker, never the window")
                .check(ALL);
    }

    @Test
    void theWorkerShowsNothing() {
        noClasses().that().resideInAPackage("vitrine.app.worker..").should().dependOnClassesThat().resideInAnyPackage("javafx..", "java.awt..", "vitrine.views..", "vitrine.app.cli..")
                .because("a worker starts fast and runs where there is no display")
                .check(ALL);
    }

    @Test
    void onlyTheCommandLineParsesOptions() {
        noClasses().that().resideOutsideOfPackage("vitrine.app.cli..").should().dependOnClassesThat().resideInAPackage("picocli..")
                .because("the window, a script and the command line meet in the task, not in the options")
                .check(ALL);
    }

    @Test
    void noCycles() {
        slices().matching("vitrine.app.(**)").should().beFreeOfCycles()
                .because("packages that need each other are one package")
                .check(ALL.that(resideInAPackage("vitrine.app..")));
        noClasses().that().resideInAPackage("vitrine.app..").and().resideOutsideOfPackage("vitrine.app").should().dependOnClassesThat().resideInAPackage("vitrine.app")
                .because("the root puts the others together, so none of them can know it")
                .check(ALL);
    }

    // --- nothing in a file is ever executed, extracted, followed or fetched (reliability.md, G1)

    @Test
    void nothingIsExecuted() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("javax.script..", "java.rmi..", "javax.naming..")
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.io.ObjectInputStream")
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.net.URLClassLoader")
                .orShould().callMethodWhere(calls("java.lang.Class", "forName"))
                .because("a checkpoint is data from a stranger: nothing in it names code")
                .check(ALL);
    }

    @Test
    void onlyEnginesStartProcesses() {
        // Detached commands are our own command line, for runs that outlive the window. The training runs only while the program is built: it starts a worker whose JVM writes its AOT cache.
        noClasses().that().doNotHaveFullyQualifiedName("vitrine.core.engine.WorkerProcess").and().doNotHaveFullyQualifiedName("vitrine.core.engine.DetachedCommand")
                .and().doNotHaveFullyQualifiedName("vitrine.core.engine.Program").and().doNotHaveFullyQualifiedName("vitrine.app.Training").should().dependOnClassesThat().haveFullyQualifiedName("java.lang.ProcessBuilder")
                .because("what is started, with which environment, is read in one place")
                .check(ALL);
        noClasses().should().callMethodWhere(calls("java.lang.Runtime", "exec"))
                .because("a shell or a command built from text is never needed")
                .check(ALL);
    }

    @Test
    void nothingIsFetched() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("java.net.http..", "javafx.scene.web..")
                .orShould().dependOnClassesThat().haveNameMatching("java\\.net\\.(Socket|ServerSocket|DatagramSocket|URLConnection|HttpURLConnection)")
                .orShould().dependOnClassesThat().haveNameMatching("java\\.nio\\.channels\\..*(Socket|Datagram).*")
                .orShould().callMethodWhere(calls("java.net.URL", "openConnection")).orShould().callMethodWhere(calls("java.net.URL", "getContent"))
                .because("nothing leaves the machine, and nothing comes in")
                .check(ALL);
    }

    // --- what is said, and where

    @Test
    void onlyTheWorkerTouchesStandardOutput() {
        noClasses().that().resideOutsideOfPackage("vitrine.app.worker..").should().accessFieldWhere(reads("java.lang.System", "out"))
                .because("standard output carries results or the protocol: the command line is given its writers, the worker keeps its own stream")
                .check(ALL);
        noClasses().that().resideOutsideOfPackages("vitrine.app", "vitrine.app.worker..").should().accessFieldWhere(reads("java.lang.System", "err"))
                .because("what goes wrong is a refusal, an event or a line of the log; the terminal is the entry point's")
                .check(ALL);
        noClasses().that().resideOutsideOfPackage("vitrine.app.worker..").should().callMethodWhere(calls("java.lang.Throwable", "printStackTrace"))
                .because("a trace belongs into the log")
                .check(ALL);
    }

    @Test
    void loggingGoesThroughSlf4j() {
        noClasses().that().doNotHaveFullyQualifiedName("vitrine.app.Logging").and().resideOutsideOfPackage("vitrine.app.worker..").should()
                .dependOnClassesThat().resideInAnyPackage("java.util.logging..", "ch.qos.logback..", "org.apache.logging..", "org.apache.log4j..")
                .because("where the log goes is set up in one place")
                .check(ALL);
    }

    // --- words for the rules above

    /// Calls of a method of this name, on this class or one that inherits it.
    private static DescribedPredicate<JavaAccess<?>> calls(String owner, String name) {
        return DescribedPredicate.describe("the target is " + owner + "." + name,
                access -> access.getTarget().getName().equals(name) && access.getTargetOwner().isAssignableTo(owner));
    }

    private static DescribedPredicate<JavaAccess<?>> reads(String owner, String field) {
        return DescribedPredicate.describe("the target is " + owner + "." + field,
                access -> access.getTarget().getName().equals(field) && access.getTargetOwner().getName().equals(owner));
    }
}
