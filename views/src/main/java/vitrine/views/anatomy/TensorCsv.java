package vitrine.views.anatomy;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import vitrine.core.refusal.Visible;
import vitrine.views.chart.Numbers;

/// Tensors as comma-separated values with full precision. A field is empty where nothing is known.
final class TensorCsv {

    private static final String HEAD = "tensor,part,layer,dtype,shape,parameters,bytes,offset,file,mean,standard_deviation,min,max,zeros,nan,infinite\r\n";

    private TensorCsv() {}

    static String of(List<TensorLine> lines, Function<String, Optional<TensorValues.Figures>> figures) {
        StringBuilder out = new StringBuilder(HEAD);
        for (TensorLine line : lines) {
            out.append(Visible.csv(line.name())).append(',').append(line.item() == null ? "" : line.part().name().toLowerCase(java.util.Locale.ROOT)).append(',');
            if (line.layer() >= 0) {
                out.append(line.layer());
            }
            out.append(',').append(line.dtype()).append(',').append(line.shape() == null ? "" : line.shape().rank() == 0 ? "" : shape(line)).append(',');
            out.append(line.elements()).append(',');
            if (line.item() != null) {
                out.append(line.item().entry().bytes()).append(',').append(line.item().entry().offset()).append(',')
                        .append(Visible.csv(String.valueOf(line.item().entry().file().getFileName())));
            } else {
                out.append(",,");
            }
            figures.apply(line.name()).ifPresentOrElse(f -> {
                for (double v : new double[] {f.mean(), f.deviation(), f.min(), f.max()}) {
                    out.append(',').append(Double.isFinite(v) ? Numbers.exact(v) : "");
                }
                out.append(',').append(f.zeros()).append(',').append(f.nan()).append(',').append(f.infinite());
            }, () -> out.append(",,,,,,,"));
            out.append("\r\n");
        }
        return out.toString();
    }

    private static String shape(TensorLine line) {
        return Names.tight(line.shape()).replace('×', 'x');
    }
}
