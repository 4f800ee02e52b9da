package vitrine.core.task;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Map;
import vitrine.core.prune.NofM;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The numbers of a pruning run; what is null has the default that stands beside it.
///
/// @param sparsity the share of the weights (of the parameters, for methods of rank) that goes, from 0 to below 1
/// @param pattern N:M: of every M consecutive inputs of a row N stay, such as `2:4`; methods with masks
/// @param rank of every matrix; methods of rank; as large as the sparsity allows. With submoe, of the side that merged experts share; all. With masa, how many matrices of each kind layers share
/// @param group what magnitudes are compared in; matrix
/// @param propagation what a layer is calibrated with; dense
/// @param blockSize columns of SparseGPT whose mask is chosen at once; 128
/// @param damping lambda of sparsegpt and slimgpt as a share of the mean diagonal; 0.01
/// @param targetModules endings of the names of the matrices that are pruned (`q_proj`), or patterns (`*` any characters, `?` one); all linear layers of decoder layers, with masa those of attention
/// @param calibrationSequences how many pieces of the calibration texts are used; 128
/// @param sequenceLength where texts are cut, in tokens; the model's own limit, at most 2,048
/// @param seed which pieces, where there are more; 0
/// @param allocation how much of each layer goes: the same of all (uniform), by outliers of the scores (owl) or their medians (dlp), with methods with masks; more of later layers (incremental) with slimgpt; ranks by
///     importance and energy (dynamic) with swift_svd; uniform
/// @param allocationSpread how far layers are from each other at most; 0.08 (owl), 0.15 (dlp), the sparsity or 0.2 (incremental)
/// @param outlierMultiple of the mean above which owl counts a score as an outlier; 3
/// @param alpha how much the dynamic allocation weighs importance against energy, from 0 to 1; 0.5
/// @param layers how many layers go, instead of a share; shortgpt
/// @param even whether every layer loses the same number of heads, as a config needs it; heads and dha, whose keys and values are then grouped alike; true
/// @param parts what goes; taylor, slimgpt and lorap (whose heads lose rank); both
/// @param secondOrder whether the expansion has its second term; taylor; false
/// @param experts how many experts of a layer stay, instead of a share that goes; experts and submoe
/// @param expertsPerToken how many experts a token visits afterwards; experts; as many as before
/// @param criterion what experts are worth; experts; saliency
/// @param factorised whether the thin matrices of methods of rank, fused heads once each, or dictionaries are written too; false
/// @param drop the parts that go; explicit
/// @param ranks ranks of matrices of their own, by their names' endings or patterns as of targetModules; of several that name one the last; alone, only these change; methods of rank
/// @param lowestKept the share of the channels of least norm that stay; lorap; 0.01
/// @param against texts that stand against the calibration texts; contrastive
@RecordBuilder
@JsonInclude(JsonInclude.Include.NON_NULL)
public record PruneSettings(Double sparsity, String pattern, Integer rank, Group group, Propagation propagation, Integer blockSize, Double damping, List<String> targetModules,
                            Integer calibrationSequences, Integer sequenceLength, Long seed, AllocationName allocation, Double allocationSpread, Double outlierMultiple, Double alpha,
                            Boolean factorised, Integer layers, Boolean even, Parts parts, Boolean secondOrder, Integer experts, Criterion criterion,
                            Integer expertsPerToken, DroppedParts drop, Map<String, Integer> ranks, String against, Double lowestKept) {

    /// What of a layer goes.
    public enum Parts {
        both, heads, channels
    }

    /// What an expert is worth.
    public enum Criterion {
        /// How many tokens visit it.
        frequency,
        /// The mean over those tokens of its routing weight times the norm of its output.
        saliency
    }

    /// Nothing said.
    public static final PruneSettings DEFAULTS = PruneSettingsBuilder.builder().build();

    /// These, with another file of texts that stand against those of calibration.
    public PruneSettings against(String file) {
        return PruneSettingsBuilder.builder(this).against(file).build();
    }

    /// How much of each layer goes.
    public enum AllocationName {
        uniform, owl, dlp, dynamic, incremental
    }

    /// What scores are compared in.
    public enum Group {
        matrix, row
    }

    /// What a layer is calibrated with.
    public enum Propagation {
        /// What it reads in the model as it was: layers do not depend on each other.
        dense,
        /// What it reads once the layers before it are pruned.
        sequential
    }

    public PruneSettings {
        if (sparsity != null && !(sparsity >= 0 && sparsity < 1)) {
            throw Refusal.of(Category.TASK_INVALID, null, "sparsity is %s; a number from 0 to below 1 belongs here", sparsity);
        }
        if (pattern != null) {
            NofM.of(pattern);
        }
        atLeast("rank", rank, 1);
        atLeast("layers", layers, 0);
        atLeast("experts", experts, 1);
        atLeast("expertsPerToken", expertsPerToken, 1);
        atLeast("blockSize", blockSize, 1);
        atLeast("calibrationSequences", calibrationSequences, 1);
        atLeast("sequenceLength", sequenceLength, Task.SHORTEST);
        if (damping != null && !(damping >= 0 && Double.isFinite(damping))) {
            throw Refusal.of(Category.TASK_INVALID, null, "damping is %s; a number from 0 belongs here", damping);
        }
        if (allocationSpread != null && !(allocationSpread >= 0 && allocationSpread <= 1)) {
            throw Refusal.of(Category.TASK_INVALID, null, "allocationSpread is %s; a number from 0 to 1 belongs here", allocationSpread);
        }
        if (alpha != null && !(alpha >= 0 && alpha <= 1)) {
            throw Refusal.of(Category.TASK_INVALID, null, "alpha is %s; a number from 0 to 1 belongs here", alpha);
        }
        if (lowestKept != null && !(lowestKept >= 0 && lowestKept < 1)) {
            throw Refusal.of(Category.TASK_INVALID, null, "lowestKept is %s; a number from 0 to below 1 belongs here", lowestKept);
        }
        if (outlierMultiple != null && !(outlierMultiple > 0 && Double.isFinite(outlierMultiple))) {
            throw Refusal.of(Category.TASK_INVALID, null, "outlierMultiple is %s; a number above 0 belongs here", outlierMultiple);
        }
        if (targetModules != null && (targetModules.isEmpty() || targetModules.stream().anyMatch(t -> t == null || t.isBlank()))) {
            throw Refusal.of(Category.TASK_INVALID, null, "targetModules names nothing; names of matrices belong there");
        }
        if (ranks != null) {
            if (ranks.isEmpty() || ranks.containsKey("")) {
                throw Refusal.of(Category.TASK_INVALID, null, "ranks names nothing; names of matrices belong there");
            }
            ranks.forEach((name, r) -> {
                if (r == null) {
                    throw Refusal.of(Category.TASK_INVALID, null, "ranks gives %s no rank", name);
                }
                atLeast("the rank of " + name, r, 1);
            });
        }
    }

    private static void atLeast(String key, Integer value, int least) {
        if (value != null && value < least) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is %,d; a whole number from %d belongs here", key, value, least);
        }
    }

    /// The N:M pattern, or null.
    public NofM nofm() {
        return pattern == null ? null : NofM.of(pattern);
    }

    /// Refuses settings that a method does not have, or that do not say how much goes.
    void requireFor(PruneMethod method) {
        requireFor(method.masks(), "pattern", pattern, method);
        requireFor(method.form() == PruneMethod.Form.RANK || method == PruneMethod.submoe || method == PruneMethod.masa, "rank", rank, method);
        requireFor(method.form() == PruneMethod.Form.RANK || method == PruneMethod.dha || method == PruneMethod.masa, "factorised", factorised, method);
        requireFor(method.form() == PruneMethod.Form.RANK, "ranks", ranks, method);
        requireFor(method == PruneMethod.explicit, "drop", drop, method);
        requireFor(method != PruneMethod.explicit, "sparsity", sparsity, method);
        requireFor(method == PruneMethod.magnitude, "group", group, method);
        requireFor(method == PruneMethod.contrastive, "against", against, method);
        if (method == PruneMethod.contrastive && (against == null || against.isBlank())) {
            throw Refusal.of(Category.TASK_INVALID, null, "against is missing: contrastive holds the calibration texts against others").help("A text file or JSONL; the command says --against.");
        }
        requireFor(method == PruneMethod.sparsegpt, "blockSize", blockSize, method);
        requireFor(method == PruneMethod.sparsegpt || method == PruneMethod.slimgpt, "damping", damping, method);
        requireFor(allocation == null || allocation == AllocationName.uniform || (allocation == AllocationName.dynamic ? method == PruneMethod.swift_svd
                        : allocation == AllocationName.incremental ? method == PruneMethod.slimgpt : method.masks()),
                "allocation " + allocation, allocation, method);
        requireWith(AllocationName.owl, "outlierMultiple", outlierMultiple);
        requireWith(AllocationName.dynamic, "alpha", alpha);
        if (allocationSpread != null && allocation != AllocationName.owl && allocation != AllocationName.dlp && allocation != AllocationName.incremental) {
            throw Refusal.of(Category.TASK_INVALID, null, "allocationSpread goes with the allocations owl, dlp and incremental only");
        }
        if (rank != null && allocation == AllocationName.dynamic) {
            throw Refusal.of(Category.TASK_INVALID, null, "the allocation dynamic shares a sparsity out; one rank for all leaves nothing to share");
        }
        requireFor(method == PruneMethod.shortgpt, "layers", layers, method);
        requireFor(method == PruneMethod.heads || method == PruneMethod.dha, "even", even, method);
        requireFor(method == PruneMethod.taylor || method == PruneMethod.slimgpt || method == PruneMethod.lorap, "parts", parts, method);
        requireFor(method == PruneMethod.lorap, "lowestKept", lowestKept, method);
        requireFor(method == PruneMethod.taylor, "secondOrder", secondOrder, method);
        requireFor(method == PruneMethod.experts || method == PruneMethod.submoe, "experts", experts, method);
        requireFor(method == PruneMethod.experts || method == PruneMethod.submoe || method == PruneMethod.explicit, "expertsPerToken", expertsPerToken, method);
        requireFor(method == PruneMethod.experts, "criterion", criterion, method);
        requireFor(method.form() != PruneMethod.Form.STRUCTURE || method == PruneMethod.masa, "targetModules", targetModules, method);
        requireFor(method.needsData() && method.form() != PruneMethod.Form.STRUCTURE && method != PruneMethod.contrastive, "propagation", propagation, method);
        if (ranks != null && allocation == AllocationName.dynamic) {
            throw Refusal.of(Category.TASK_INVALID, null, "ranks of single matrices do not go with the allocation dynamic, which shares them out");
        }
        if (sparsity == null && pattern == null && (rank == null || method == PruneMethod.submoe) && layers == null && experts == null && expertsPerToken == null && drop == null && ranks == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "nothing says how much goes: %s is missing", method == PruneMethod.explicit ? "drop" : "sparsity").help(switch (method) {
                case magnitude, wanda, sparsegpt, contrastive -> "A pattern such as 2:4 says it too.";
                case svd, whitened_svd, swift_svd -> "A rank says it too.";
                case masa -> "A rank says it too: how many matrices of each kind layers share.";
                case shortgpt -> "A number of layers says it too.";
                case experts, submoe -> "A number of experts that stay says it too.";
                case explicit -> "Name layers, heads or experts to drop.";
                default -> "A share from 0 to below 1 belongs here.";
            });
        }
        if (sparsity != null && (layers != null || experts != null)) {
            throw Refusal.of(Category.TASK_INVALID, null, "sparsity and %s both say how much goes; one of them does", layers != null ? "layers" : "experts");
        }
        if (sparsity != null && rank != null && method != PruneMethod.submoe) {
            throw Refusal.of(Category.TASK_INVALID, null, "sparsity and rank both say how much goes; one of them does");
        }
        if (sparsity != null && pattern != null && Math.abs(sparsity - nofm().sparsity()) > 1e-9) {
            throw Refusal.of(Category.TASK_INVALID, null, "sparsity is %s and the pattern %s leaves out %d of every %d", sparsity, pattern,
                    nofm().of() - nofm().kept(), nofm().of()).help("Leave sparsity out.");
        }
    }

    private void requireWith(AllocationName which, String key, Object value) {
        if (value != null && allocation != which) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s goes with the allocation %s only", key, which);
        }
    }

    private static void requireFor(boolean applies, String key, Object value, PruneMethod method) {
        if (!applies && value != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s does not go with the method %s", key, method.name());
        }
    }

    /// The share of the weights that goes, 0 where it is not said.
    public double share() {
        return pattern != null ? nofm().sparsity() : sparsity == null ? 0 : sparsity;
    }

    /// How many of `count` go, as runs round: at least one stays.
    public int gone(int count) {
        return gone(share(), count);
    }

    /// How many of `count` go where this share of them should: at least one stays.
    public static int gone(double share, int count) {
        return Math.clamp(Math.round(share * count), 0, count - 1);
    }
}
