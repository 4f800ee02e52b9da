package vitrine.core.work.input;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import vitrine.core.analysis.spectrum.MatrixValues;
import vitrine.core.analysis.spectrum.ScaledMatrix;
import vitrine.core.analysis.spectrum.StoredMatrix;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.WeightMatrices;
import vitrine.core.architecture.WeightMatrix;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.StoredValues;

/// The weight matrices of a checkpoint, with their values. No forward pass is needed: a family that is not known, or a config that is
/// missing, only leaves fused tensors whole.
public final class WeightSource implements AutoCloseable {

    private static final int FP8_BLOCK = 128;

    private final String path;
    private final Checkpoint checkpoint;
    private final WeightMatrices list;
    private final int[] block;
    private final MappedWeights map;
    private final Map<String, WeightMatrix> byName = new LinkedHashMap<>();
    private final Map<String, double[]> scales = new ConcurrentHashMap<>();

    private WeightSource(String path, Checkpoint checkpoint, WeightMatrices list, int[] block) {
        this.path = path;
        this.checkpoint = checkpoint;
        this.list = list;
        this.block = block;
        map = new MappedWeights(checkpoint);
        list.matrices().forEach(m -> byName.put(m.name(), m));
    }

    /// @param heads whether attention heads are matrices of their own as well
    public static WeightSource open(String path, boolean heads) {
        Checkpoint checkpoint = Checkpoints.open(Path.of(path));
        if (checkpoint.kind() == Checkpoint.Kind.ADAPTER) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "this is an adapter; spectra are of a checkpoint's own weights").help("Open its base model.");
        }
        ObjectNode config = null;
        ModelSpec spec = null;
        try {
            config = checkpoint.config();
            spec = Families.read(config, checkpoint.configFile(), checkpoint.tensors().keySet());
        } catch (Refusal unknown) {
            // Weights have spectra whether or not a forward pass could be run on them.
            spec = null;
        }
        int[] block = {FP8_BLOCK, FP8_BLOCK};
        if (config != null && config.at("/quantization_config/weight_block_size").size() == 2) {
            block = new int[] {config.at("/quantization_config/weight_block_size/0").asInt(FP8_BLOCK), config.at("/quantization_config/weight_block_size/1").asInt(FP8_BLOCK)};
        }
        return new WeightSource(path, checkpoint, WeightMatrices.of(checkpoint, spec, config, heads), block);
    }

    public String path() {
        return path;
    }

    public String name() {
        return checkpoint.name();
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    public WeightMatrices list() {
        return list;
    }

    public Map<String, WeightMatrix> byName() {
        return byName;
    }

    /// A matrix's values, dequantised where they have scales.
    ///
    /// @throws Refusal where the scales do not fit the matrix
    public MatrixValues values(WeightMatrix m) {
        StoredMatrix stored = new StoredMatrix(m.tensor().dtype(), map.data(m.tensor()), m.view(), m.tensor().assembly() == null);
        TensorEntry scale = list.scales().get(m.tensor().name());
        if (scale == null) {
            return stored;
        }
        int rank = m.tensor().shape().rank();
        int rows = (int) m.tensor().shape().size(rank - 2);
        int columns = (int) m.tensor().shape().size(rank - 1);
        long stack = rank == 3 ? m.tensor().shape().size(0) : 1;
        int[] size = blockSize(scale, stack, rows, columns);
        if (size == null) {
            throw Refusal.of(Category.SHAPE_INVALID, scale.file(), "its shape is %s; scales of blocks of %d x %d of %s %s belong there, or one per row, or one for all", scale.shape(),
                    block[0], block[1], m.tensor().name(), m.tensor().shape()).where("tensor " + scale.name());
        }
        return new ScaledMatrix(stored, scales(scale), rows, columns, size[0], size[1]);
    }

    /// What one scale covers, or null where their number fits nothing.
    private int[] blockSize(TensorEntry scale, long stack, int rows, int columns) {
        if (!scale.dtype().readable()) {
            return null;
        }
        long n = scale.elements();
        if (n == stack) {
            return new int[] {rows, columns};
        }
        long down = (rows + block[0] - 1L) / Math.max(1, block[0]);
        long across = (columns + block[1] - 1L) / Math.max(1, block[1]);
        boolean blocks = block[0] > 0 && block[1] > 0 && n == stack * down * across && scale.shape().size(scale.shape().rank() - 1) == across;
        if (blocks) {
            return block;
        }
        return n == stack * rows ? new int[] {1, columns} : null;
    }

    private double[] scales(TensorEntry scale) {
        return scales.computeIfAbsent(scale.name(), n -> {
            double[] v = new double[Math.toIntExact(scale.elements())];
            for (int i = 0; i < v.length; i++) {
                v[i] = StoredValues.at(scale.dtype(), map.data(scale), i);
            }
            return v;
        });
    }

    /// The matrix will not be read again soon.
    public void release(WeightMatrix m) {
        map.release(m.tensor());
    }

    @Override
    public void close() {
        map.close();
    }
}
