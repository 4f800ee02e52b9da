package vitrine.core.train.method;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.ExpertParameter;
import vitrine.core.architecture.Experts;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.tensor.Shape;

/// Low-rank additions to one matrix of every expert of a layer. Gate and up projections that are stored apart share A, since they are one parameter in the library.
///
/// peft's tensors: A `[experts r, in]`, one expert's rows after the other's; B `[out, r experts]`, the columns of one rank of all experts side by side. Where
/// [ExpertParameter#turned], peft's A is the transpose of ours of B, and its B that of A.
///
/// Source: `ParamWrapper` of peft 0.21.
final class ExpertFactors {

    private final ExpertParameter of;
    private final int rank;
    /// Per expert.
    private final List<Parameter> a = new ArrayList<>();
    /// Per expert, of every stored matrix.
    private final List<List<Parameter>> b = new ArrayList<>();

    /// Adapters of zeros.
    ExpertFactors(ExpertParameter of, int rank, float scale, int number, Parameters parameters) {
        this.of = of;
        this.rank = rank;
        for (int e = 0; e < of.experts(); e++) {
            String stem = of.module() + "." + e + ".";
            Parameter first = Parameter.zeros(stem + of.name() + ".lora_A.weight", Shape.of(rank, of.in()), parameters.arena());
            a.add(first);
            List<Parameter> seconds = new ArrayList<>();
            b.add(seconds);
            for (int m = 0; m < of.matrices().size(); m++) {
                Experts.Matrices matrices = of.matrices().get(m);
                String name = of.matrices().size() == 1 ? of.name() : m == 0 ? "gate_proj" : "up_proj";
                Parameter second = Parameter.zeros(stem + name + ".lora_B.weight", Shape.of(matrices.out(), rank), parameters.arena());
                seconds.add(second);
                LowRank low = LowRank.of(first, second, scale, 0f, number);
                String place = matrices instanceof Experts.Each each ? each.linears().get(e).weight() : Parameters.expert(ExpertParameter.stored(matrices, e), e);
                if (m == 0) {
                    parameters.adapt(place, low);
                } else {
                    parameters.adaptResting(place, low);
                    parameters.train(second);
                }
            }
        }
    }

    /// The value that peft's A has at a row and a column.
    interface Values {
        float at(int row, int column);
    }

    /// Sets what is peft's A.
    void setA(Values values) {
        for (int e = 0; e < a.size(); e++) {
            if (of.turned()) {
                b.get(e).getFirst().set(filled(of.out(), rank, e, (o, i, x) -> values.at(x * rank + i, o)));
            } else {
                a.get(e).set(filled(rank, of.in(), e, (i, j, x) -> values.at(x * rank + i, j)));
            }
        }
    }

    /// Sets what is peft's B.
    void setB(Values values) {
        int count = a.size();
        for (int e = 0; e < count; e++) {
            if (of.turned()) {
                a.get(e).set(filled(rank, of.in(), e, (i, j, x) -> values.at(j, i * count + x)));
                continue;
            }
            int first = 0;
            for (Parameter p : b.get(e)) {
                int from = first;
                p.set(filled((int) p.shape().size(0), rank, e, (o, i, x) -> values.at(from + o, i * count + x)));
                first += (int) p.shape().size(0);
            }
        }
    }

    private interface Cell {
        float at(int row, int column, int expert);
    }

    private static float[] filled(int rows, int columns, int expert, Cell cell) {
        float[] out = new float[rows * columns];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                out[r * columns + c] = cell.at(r, c, expert);
            }
        }
        return out;
    }

    /// peft's A, rows behind each other.
    float[] peftA() {
        int in = of.adapterIn();
        float[] out = new float[a.size() * rank * in];
        for (int e = 0; e < a.size(); e++) {
            float[] own = of.turned() ? b.get(e).getFirst().toArray() : a.get(e).toArray();
            for (int i = 0; i < rank; i++) {
                for (int j = 0; j < in; j++) {
                    out[(e * rank + i) * in + j] = of.turned() ? own[j * rank + i] : own[i * in + j];
                }
            }
        }
        return out;
    }

    /// peft's B, rows behind each other.
    float[] peftB() {
        int across = a.size() * rank;
        float[] out = new float[of.adapterOut() * across];
        for (int e = 0; e < a.size(); e++) {
            int row = 0;
            for (Parameter p : of.turned() ? List.of(a.get(e)) : b.get(e)) {
                float[] own = p.toArray();
                int rows = own.length / rank;
                for (int o = 0; o < rows; o++) {
                    for (int i = 0; i < rank; i++) {
                        out[(row + o) * across + i * a.size() + e] = of.turned() ? own[i * rows + o] : own[o * rank + i];
                    }
                }
                row += rows;
            }
        }
        return out;
    }

    ExpertParameter parameter() {
        return of;
    }
}
