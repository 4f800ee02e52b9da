package vitrine.core;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import org.junit.jupiter.api.Test;
import vitrine.core.architecture.family.Families;
import vitrine.core.tensor.NativeFunction;
import vitrine.core.train.method.FirstFactors;
import vitrine.core.work.TaskRunner;

/// Who may know whom inside the model core. Each package stands on those below it:
///
///     work (one package per kind of task)
///                           engine
///                           task
///     analysis.*            artifact
///     train.*    run        prune.*
///     backward
///     forward    dataset
///     probe      tokenizer  adapter
///                           architecture.*
///     tensor.*              checkpoint.*
///     json   files   progress   refusal   jinja
///
/// `docs/decisions/009-dependency-rules.md` tells where a rule is narrower or wider than the design page.
class ArchitectureTest {

    private static final JavaClasses CORE = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("vitrine.core");

    // --- what the core as a whole knows

    @Test
    void knowsNoWindow() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("javafx..", "java.awt..", "javax.swing..", "vitrine.views..", "vitrine.app..", "vitrine.resources..")
                .because("the command line, the worker and scripts use the core without a toolkit")
                .check(CORE);
    }

    @Test
    void onlyTheBridgeUsesNd4j() {
        noClasses().that().resideOutsideOfPackage("vitrine.core.tensor.nd4j").should().dependOnClassesThat().resideInAnyPackage("org.nd4j..")
                .because("an INDArray has an owner that closes it, and there is one place to look for that")
                .check(CORE);
    }

    @Test
    void nativeLibrariesAreCalledInFewPlaces() {
        noClasses().that().resideOutsideOfPackages("vitrine.core.tensor", "vitrine.core.tensor.nd4j").should().dependOnClassesThat().resideInAnyPackage("org.bytedeco..")
                .because("where native libraries are found is the business of Natives and of the ND4J bridge")
                .check(CORE);
        noClasses().that().resideOutsideOfPackage("vitrine.core.tensor.onednn").and().doNotBelongToAnyOf(NativeFunction.class).should()
                .dependOnClassesThat().haveFullyQualifiedName("java.lang.foreign.Linker")
                .because("a wrong call from Java into native code ends the process: such calls are kept together")
                .check(CORE);
        noClasses().that().resideOutsideOfPackages("vitrine.core.tensor.onednn", "vitrine.core.tensor.openblas").should().dependOnClassesThat().belongToAnyOf(NativeFunction.class)
                .because("a wrong call from Java into native code ends the process: such calls are kept together")
                .check(CORE);
        noClasses().that().resideOutsideOfPackage("vitrine.core.tokenizer").should().dependOnClassesThat().resideInAnyPackage("ai.djl..")
                .because("the tokenizers library is native code behind one type")
                .check(CORE);
        noClasses().that().resideOutsideOfPackage("vitrine.core.tensor.kernel").should().dependOnClassesThat().resideInAnyPackage("jdk.incubator..")
                .because("an incubating module changes: its users are kept together, each with a plain form of the same bits")
                .check(CORE);
    }

    // --- package by package, from below

    @Test
    void foundationsStandOnTheJdk() {
        classes().that().resideInAnyPackage("vitrine.core.refusal", "vitrine.core.progress", "vitrine.core.files").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.refusal", "vitrine.core.progress", "vitrine.core.files").and(not(ofJackson())))
                .because("every reader and every task uses them")
                .check(CORE);
        classes().that().resideInAPackage("vitrine.core.json").should().onlyDependOnClassesThat(ofOurs("vitrine.core.json", "vitrine.core.refusal"))
                .because("reading JSON is below everything that reads JSON")
                .check(CORE);
    }

    @Test
    void tensorsKnowNoModel() {
        classes().that().resideInAPackage("vitrine.core.tensor").should().onlyDependOnClassesThat(ofOurs("vitrine.core.tensor"))
                .because("shapes, element types and matrices are the ground that kernels, oneDNN and ND4J share")
                .check(CORE);
        classes().that().resideInAnyPackage("vitrine.core.tensor.kernel", "vitrine.core.tensor.onednn", "vitrine.core.tensor.openblas", "vitrine.core.tensor.nd4j").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.tensor", "vitrine.core.tensor.kernel", "vitrine.core.tensor.onednn", "vitrine.core.tensor.openblas",
                        "vitrine.core.tensor.nd4j"))
                .because("arithmetic knows numbers, not models")
                .check(CORE);
        slices().matching("vitrine.core.tensor.(*)").should().notDependOnEachOther()
                .because("kernels, oneDNN, OpenBLAS and ND4J can each be replaced")
                .check(CORE);
    }

    @Test
    void formatsKnowNoArchitectures() {
        classes().that().resideInAPackage("vitrine.core.checkpoint..").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.checkpoint..", "vitrine.core.tensor", "vitrine.core.json", "vitrine.core.refusal"))
                .because("a checkpoint opens for its anatomy whatever its family, and without a computation")
                .check(CORE);
        slices().matching("vitrine.core.checkpoint.(*)").should().notDependOnEachOther()
                .because("one format never needs another")
                .check(CORE);
    }

    @Test
    void adaptersKnowNoForwardPass() {
        classes().that().resideInAPackage("vitrine.core.adapter").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.adapter", "vitrine.core.architecture", "vitrine.core.checkpoint", "vitrine.core.tensor", "vitrine.core.refusal"))
                .because("what an adapter changes is data: how that is run is written once, in forward")
                .check(CORE);
    }

    @Test
    void architecturesKnowNoForwardPass() {
        classes().that().resideInAPackage("vitrine.core.architecture..").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.architecture..", "vitrine.core.checkpoint", "vitrine.core.tensor", "vitrine.core.refusal"))
                .because("a family is data: how to run it is written once, in forward")
                .check(CORE);
    }

    @Test
    void familiesKnowNothingOfEachOther() {
        slices().assignedFrom(families()).should().notDependOnEachOther()
                .because("a change for one family must not move the numbers of another")
                .check(CORE);
        noClasses().that().resideOutsideOfPackage("vitrine.core.architecture.family").should()
                .dependOnClassesThat(resideInAPackage("vitrine.core.architecture.family").and(not(JavaClass.Predicates.equivalentTo(Families.class))))
                .because("what a model can do is in its spec: code that asks for a family by name has to be changed for every new one")
                .check(CORE);
    }

    @Test
    void probesKnowTensorsOnly() {
        classes().that().resideInAPackage("vitrine.core.probe").should().onlyDependOnClassesThat(ofOurs("vitrine.core.probe", "vitrine.core.tensor"))
                .because("a probe is called by the pass and does not call it")
                .check(CORE);
    }

    @Test
    void theForwardPassKnowsNoFormatAndNoFamily() {
        classes().that().resideInAPackage("vitrine.core.forward").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.forward", "vitrine.core.architecture", "vitrine.core.checkpoint", "vitrine.core.probe",
                        "vitrine.core.progress", "vitrine.core.refusal", "vitrine.core.tensor", "vitrine.core.tensor.kernel"))
                .because("one pass runs every family from every format, on whatever products it is given")
                .check(CORE);
    }

    @Test
    void theBackwardPassKnowsNoMethodOfTraining() {
        classes().that().resideInAPackage("vitrine.core.backward").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.backward", "vitrine.core.forward", "vitrine.core.architecture", "vitrine.core.checkpoint", "vitrine.core.progress",
                        "vitrine.core.refusal", "vitrine.core.tensor", "vitrine.core.tensor.kernel"))
                .because("gradients are the same whatever is done with them")
                .check(CORE);
    }

    @Test
    void trainingKnowsNoTasksAndNoTexts() {
        classes().that().resideInAPackage("vitrine.core.train..").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.train..", "vitrine.core.backward", "vitrine.core.adapter", "vitrine.core.architecture", "vitrine.core.checkpoint",
                        "vitrine.core.checkpoint.safetensors", "vitrine.core.files", "vitrine.core.json", "vitrine.core.progress", "vitrine.core.refusal", "vitrine.core.tensor",
                        "vitrine.core.tensor.kernel", "vitrine.core.tensor.openblas"))
                .because("a trainer is given token sequences, and told of by whoever asked for it")
                .check(CORE);
        noClasses().that().resideInAPackage("vitrine.core.train").should().dependOnClassesThat().resideInAPackage("vitrine.core.train.method")
                .because("a new method changes nothing but itself")
                .check(CORE);
    }

    @Test
    void pruningKnowsNoTasksAndNoTexts() {
        classes().that().resideInAPackage("vitrine.core.prune..").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.prune..", "vitrine.core.forward", "vitrine.core.architecture", "vitrine.core.probe", "vitrine.core.progress", "vitrine.core.refusal",
                        "vitrine.core.tensor", "vitrine.core.tensor.kernel", "vitrine.core.tensor.openblas"))
                .because("a method is given a matrix and what it reads; where both come from is the task's business")
                .check(CORE);
        noClasses().that().resideInAPackage("vitrine.core.prune").should().dependOnClassesThat().resideInAPackage("vitrine.core.prune.method")
                .because("a new method changes nothing but itself")
                .check(CORE);
    }

    @Test
    void runsKnowFilesOnly() {
        classes().that().resideInAPackage("vitrine.core.run").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.run", "vitrine.core.artifact", "vitrine.core.files", "vitrine.core.json", "vitrine.core.refusal"))
                .because("the window lists runs without the means to make one")
                .check(CORE);
        noClasses().that().resideInAnyPackage("vitrine.core.task", "vitrine.core.work..").should().dependOnClassesThat().resideInAPackage("vitrine.core.run")
                .because("a worker computes; who keeps its figures is not its business")
                .check(CORE);
    }

    @Test
    void textsKnowNoModel() {
        classes().that().resideInAPackage("vitrine.core.jinja").should().onlyDependOnClassesThat(resideInAnyPackage("vitrine.core.jinja", "java.lang", "java.lang.runtime", "java.lang.invoke",
                        "java.util..", "java.math"))
                .because("a template is a foreign program: it gets no file, no class, no clock and no environment into its hands")
                .check(CORE);
        classes().that().resideInAPackage("vitrine.core.tokenizer").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.tokenizer", "vitrine.core.jinja", "vitrine.core.checkpoint", "vitrine.core.json", "vitrine.core.refusal"))
                .because("tokenising needs the files beside a checkpoint and nothing of the model")
                .check(CORE);
        classes().that().resideInAPackage("vitrine.core.dataset").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.dataset", "vitrine.core.tokenizer", "vitrine.core.jinja", "vitrine.core.json", "vitrine.core.refusal"))
                .because("texts are read in the same way for every model")
                .check(CORE);
    }

    @Test
    void oneAnalysisNeverUsesAnother() {
        slices().matching("vitrine.core.analysis.(*)..").should().notDependOnEachOther()
                .because("each measure can be read, checked and changed by itself")
                .check(CORE);
    }

    @Test
    void analysesKnowNoTasks() {
        noClasses().that().resideInAPackage("vitrine.core.analysis..").should()
                .dependOnClassesThat().resideInAnyPackage("vitrine.core.task..", "vitrine.core.engine..", "vitrine.core.artifact..")
                .because("a measure is called from a test in two lines; who asked and where the result goes is the task's business")
                .check(CORE);
    }

    @Test
    void artifactsKnowFilesOnly() {
        classes().that().resideInAPackage("vitrine.core.artifact").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.artifact", "vitrine.core.checkpoint.safetensors", "vitrine.core.files", "vitrine.core.json", "vitrine.core.refusal"))
                .because("a result is read on a machine that has neither the checkpoint nor the engine")
                .check(CORE);
    }

    @Test
    void tasksKnowNoEngines() {
        noClasses().that().resideInAnyPackage("vitrine.core.task", "vitrine.core.work..").should().dependOnClassesThat().resideInAPackage("vitrine.core.engine..")
                .because("a task runs in whatever process it is in")
                .check(CORE);
    }

    @Test
    void tasksAreData() {
        classes().that().resideInAPackage("vitrine.core.task").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.task", "vitrine.core.analysis..", "vitrine.core.architecture", "vitrine.core.artifact", "vitrine.core.checkpoint", "vitrine.core.files", "vitrine.core.json",
                        "vitrine.core.prune", "vitrine.core.refusal").or(JavaClass.Predicates.equivalentTo(FirstFactors.Kind.class)))
                .because("a task is written, checked and named where nothing could run it")
                .check(CORE);
    }

    @Test
    void workIsStartedInOnePlace() {
        noClasses().that().resideInAPackage("vitrine.core.work.(*)..").should().dependOnClassesThat().resideInAPackage("vitrine.core.work")
                .because("only the runner knows every kind of task")
                .check(CORE);
        classes().that().resideInAnyPackage("vitrine.core.work.input", "vitrine.core.work.output").should()
                .onlyDependOnClassesThat(resideInAnyPackage("vitrine.core.work.input", "vitrine.core.work.output").or(not(resideInAPackage("vitrine.core.work.."))).as("are of no kind of task"))
                .because("what all kinds of work share belongs to none of them")
                .check(CORE);
        noClasses().that().resideOutsideOfPackage("vitrine.core.work..").should().dependOnClassesThat().resideInAPackage("vitrine.core.work..")
                .because("what is computed with is the same whoever asks")
                .check(CORE);
    }

    @Test
    void enginesComputeNothing() {
        classes().that().resideInAPackage("vitrine.core.engine").should()
                .onlyDependOnClassesThat(ofOurs("vitrine.core.engine", "vitrine.core.task", "vitrine.core.artifact", "vitrine.core.json", "vitrine.core.files", "vitrine.core.refusal"))
                .because("an engine starts processes and reads what they print")
                .check(CORE);
        noClasses().that().resideInAPackage("vitrine.core.engine").should().dependOnClassesThat().areAssignableTo(TaskRunner.class)
                .because("a task that ran here would take the window with it when it crashes")
                .check(CORE);
    }

    @Test
    void noCycles() {
        slices().assignedFrom(packages()).should().beFreeOfCycles()
                // The front door asks the formats that it knows, in order; the formats answer in its vocabulary (TensorEntry).
                .ignoreDependency(resideInAPackage("vitrine.core.checkpoint"), resideInAnyPackage("vitrine.core.checkpoint.gguf", "vitrine.core.checkpoint.packed", "vitrine.core.checkpoint.pytorch", "vitrine.core.checkpoint.safetensors"))
                .because("packages that need each other are one package")
                .check(CORE);
    }

    // --- words for the rules above

    /// Classes of these packages, and any that is not of this program.
    private static DescribedPredicate<JavaClass> ofOurs(String... allowed) {
        return resideInAnyPackage(allowed).or(not(resideInAPackage("vitrine.."))).as("of this program reside in %s", String.join(", ", allowed));
    }

    private static DescribedPredicate<JavaClass> ofJackson() {
        return resideInAPackage("com.fasterxml..").as("of Jackson");
    }

    /// One slice per package.
    private static SliceAssignment packages() {
        return new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass c) {
                return c.getPackageName().startsWith("vitrine.") ? SliceIdentifier.of(c.getPackageName()) : SliceIdentifier.ignore();
            }

            @Override
            public String getDescription() {
                return "each package";
            }
        };
    }

    /// One slice per family, with the classes nested in it; the list of all families is none.
    private static SliceAssignment families() {
        return new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass c) {
                String name = c.getName().replaceAll("\\$.*", "");
                return c.getPackageName().equals("vitrine.core.architecture.family") && !name.equals(Families.class.getName())
                        ? SliceIdentifier.of(name) : SliceIdentifier.ignore();
            }

            @Override
            public String getDescription() {
                return "each family";
            }
        };
    }
}
