package vitrine.views;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.refusal.Visible;
import vitrine.core.tensor.Activation;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.finetune.FinetuneForecast;
import vitrine.core.work.prune.PruneForecast;

/// Who may know whom among the views. `docs/decisions/009-dependency-rules.md` tells where a rule is narrower or wider than the
/// design page.
class ArchitectureTest {

    private static final JavaClasses VIEWS = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("vitrine.views");

    /// Packages that all views share. Every other package of `vitrine.views` is a view.
    private static final String[] SHARED = {"vitrine.views.chart..", "vitrine.views.control..", "vitrine.views.tasks..", "vitrine.views.view.."};

    // --- views and the core

    @Test
    void viewsReadArtifactsAndAskForTasks() {
        classes().that().resideInAPackage("vitrine.views..").should()
                .onlyDependOnClassesThat(resideInAnyPackage("vitrine.views..", "vitrine.resources..", "vitrine.core.artifact", "vitrine.core.task", "vitrine.core.engine",
                        "vitrine.core.checkpoint..", "vitrine.core.adapter", "vitrine.core.architecture", "vitrine.core.analysis..", "vitrine.core.refusal", "vitrine.core.json", "vitrine.core.run")
                        .or(belongTo(Shape.class, DType.class, Activation.class, FinetuneForecast.class, PruneForecast.class)).or(not(resideInAPackage("vitrine..")))
                        .as("are artifacts, tasks, events, headers of checkpoints and adapters, specs, results, forecasts from headers, and the names of shapes, types and activations"))
                .because("a view draws what a worker has computed: no forward pass, kernel, tokenizer or family is called from the window")
                .check(VIEWS);
    }

    @Test
    void viewsComputeNothing() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("org.nd4j..", "org.bytedeco..", "ai.djl..", "jdk.incubator..")
                .orShould().dependOnClassesThat(equivalentTo(TaskRunner.class))
                .because("the window's process loads no native maths: a crash or an out-of-memory kill ends a worker, never the window")
                .check(VIEWS);
    }

    @Test
    void viewsMapNoFiles() {
        noClasses().should().dependOnClassesThat(equivalentTo(MappedWeights.class))
                .because("a file that shrinks under a map ends the process that reads it; the window reads headers by plain reads")
                .check(VIEWS);
    }

    @Test
    void viewsHoldResultsOfAnalysesAndRunNone() {
        noClasses().should().callCodeUnitWhere(runsAnAnalysis())
                .because("an analysis is a task; its records and names (such as those of the head metrics) are what a view draws")
                .check(VIEWS);
    }

    @Test
    void chartsKnowNoModel() {
        noClasses().that().resideInAPackage("vitrine.views.chart..").should()
                .dependOnClassesThat(resideInAPackage("vitrine.core..").and(not(belongTo(Visible.class))))
                .because("a chart draws numbers, whatever they mean; texts among them are made safe to show as everywhere")
                .check(VIEWS);
        noClasses().that().resideInAPackage("vitrine.views.control..").should()
                .dependOnClassesThat(resideInAPackage("vitrine.core..").and(not(belongTo(Provenance.class, Visible.class))))
                .because("a control knows where a number comes from and how a text is made safe to show, and nothing else of a model")
                .check(VIEWS);
    }

    @Test
    void nobodyKnowsTheWindow() {
        noClasses().should().dependOnClassesThat().resideInAPackage("vitrine.app..")
                .because("a view can be shown in any window, and drawn without one")
                .check(VIEWS);
    }

    // --- views among themselves

    @Test
    void oneViewNeverUsesAnother() {
        slices().matching("vitrine.views.(*)..").should().notDependOnEachOther().ignoreDependency(alwaysTrue(), resideInAnyPackage(SHARED))
                .because("a view can be taken out; what two of them need is shared by all")
                .check(VIEWS);
    }

    @Test
    void viewModelsNeedNoToolkit() {
        noClasses().that().haveSimpleNameEndingWith("ViewModel").or().resideInAPackage("vitrine.views.tasks..").should()
                .dependOnClassesThat().resideInAnyPackage("javafx.scene..", "javafx.stage..", "javafx.application..")
                .because("what a view decides is tested without a window")
                .check(VIEWS);
    }

    @Test
    void viewsAreBuiltInJava() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("javafx.fxml..", "javafx.scene.web..")
                .because("references to code are checked by the compiler, and nothing is fetched")
                .check(VIEWS);
        noClasses().should().dependOnClassesThat().resideInAPackage("javafx.scene.chart..")
                .because("every figure is drawn once, by a Pen, to the screen and to files alike")
                .check(VIEWS);
    }

    @Test
    void onlyChartsDrawWithAwt() {
        noClasses().that().resideOutsideOfPackage("vitrine.views.chart..").should().dependOnClassesThat().resideInAnyPackage("java.awt..", "javax.imageio..", "org.jfree..")
                .because("files of figures are made in one place, from the same drawing as the screen's")
                .check(VIEWS);
    }

    @Test
    void noCycles() {
        slices().matching("vitrine.views.(**)").should().beFreeOfCycles()
                .because("packages that need each other are one package")
                .check(VIEWS);
    }

    // --- words for the rules above

    /// Calls into `vitrine.core.analysis` that compute: every constructor and static method but those of enums, and every method of
    /// a class that is no record and no enum.
    private static DescribedPredicate<JavaCall<?>> runsAnAnalysis() {
        return DescribedPredicate.describe("the target computes an analysis", call -> {
            JavaClass owner = call.getTargetOwner();
            if (!owner.getPackageName().startsWith("vitrine.core.analysis") || owner.isEnum()) {
                return false;
            }
            boolean isStatic = call.getTarget().resolveMember().map(m -> m.getModifiers().contains(JavaModifier.STATIC)).orElse(true);
            return call.getTarget().getName().equals("<init>") || isStatic || !owner.isRecord();
        });
    }

    private static DescribedPredicate<JavaClass> belongTo(Class<?>... types) {
        return JavaClass.Predicates.belongToAnyOf(types);
    }
}
