package vitrine.views.anatomy;

import java.util.List;
import vitrine.resources.Guide;
import vitrine.views.view.HelpTopic;

/// What the figures of this view mean, by which formula, from where.
final class AnatomyHelp {

    private AnatomyHelp() {}

    static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("Parameters", "All values of all weights, counted in the headers of the files. An output head that is tied to the embedding is one matrix and counts once; "
                    + "tensors that the forward pass does not use, such as stored masks, are left out.",
                    "Σ over tensors of the product of the sizes of its shape", "safetensors header; the wiring by config.json", Guide.Section.formula("anatomy", "parameters")),
            new HelpTopic("Parameters by part", "Which share of the parameters each kind of matrix has. A fused projection is counted by the part of each of its rows. "
                    + "For a family that is not known, parts are guessed from words in tensor names, and the figure says so.",
                    "parameters of the part ÷ all parameters", "config.json of the checkpoint", Guide.Section.formula("anatomy", "by part")),
            new HelpTopic("Weights in memory", "What all weights take when widened to float32, as the embedded engine computes with them where it must.",
                    "parameters × 4 bytes", "Derived", Guide.Section.formula("anatomy", "weights in memory")),
            new HelpTopic("KV cache", "Keys and values of all layers that are kept while text is generated. Shared key/value heads make it smaller. Sliding windows are not counted: "
                    + "an engine may drop what lies outside of them.",
                    "2 × layers × key/value heads × head size × positions × 4 bytes", "Shazeer, Fast Transformer Decoding, 2019, for shared heads", Guide.Section.formula("anatomy", "KV cache")),
            new HelpTopic("Block diagram", "The way from tokens to logits, one layer in full. It is drawn from the config's meaning: where norms stand, which heads share keys and values, "
                    + "which positions and windows hold. Dashed lines are the residual stream; at a plus a block's output joins it. A click selects a box's tensor, a second one its bias.",
                    "h = x + attention(norm(x)),  y = h + MLP(norm(h)) for norms before the blocks", "Vaswani et al., Attention Is All You Need, 2017; Ainslie et al., GQA, 2023", Guide.Section.formulas("anatomy")),
            new HelpTopic("Values", "Every stored value is read and widened exactly. NaN and infinities are counted apart; other figures are of the finite values. "
                    + "Histograms have 64 even bins from the least to the largest value, 32 in the table's rows. PyTorch's Tensor.std() divides by n − 1 unless told otherwise; here it is n.",
                    "mean = Σx ÷ n,  std = √(Σ(x − mean)² ÷ n), float64 sums", "Standard definitions", Guide.Section.formula("anatomy", "mean")),
            new HelpTopic("File layout", "Each tensor where it lies in its file, in the colour of its part. The first bytes are the header: its length, then names, types, shapes and places as JSON.",
                    "offset = 8 + length of the header + data_offsets[0]", "safetensors format, version 0.8", Guide.Section.formula("anatomy", "place in the file")));
}
