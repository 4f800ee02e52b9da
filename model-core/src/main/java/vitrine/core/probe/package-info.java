/// Named places inside the forward pass where a value can be read or replaced.
///
/// Start with [vitrine.core.probe.Probe]: it says which places it [vitrine.core.probe.Probe#wants] and is called with the
/// value there. What it leaves in the matrix is what the rest of the pass uses, so an intervention is a probe that writes.
///
/// ## Places and shapes
///
/// | site | shape of one call | notes |
/// |---|---|---|
/// | `RESID_PRE`, `RESID_MID`, `RESID_POST` | `[positions, hidden]` | the residual stream; no `RESID_MID` in parallel layers |
/// | `ATTN_IN`, `MLP_IN` | `[positions, hidden]` | what the block reads, after its norm |
/// | `QUERY_PROJECTED` | `[positions, heads * headDim]` | output of the projection, with its bias, before any norm |
/// | `KEY_PROJECTED` | `[positions, kvHeads * headDim]` | likewise |
/// | `QUERY`, `QUERY_ROTATED` | `[positions, heads * headDim]` | after norm; before and after rotary embedding (the same where there is none) |
/// | `KEY`, `KEY_ROTATED`, `VALUE` | `[positions, kvHeads * headDim]` (values: `valueDim`) | likewise, before sharing among heads |
/// | `LATENT` | `[positions, latent]` | latent attention: what keys and values of all heads are made of, after its norm |
/// | `ATTN_SCORES` | `[queries, keys]`, one call per head | scaled, capped and masked (−∞), before softmax |
/// | `PATTERN` | `[queries, keys]`, one call per head | attention weights; hidden entries are 0 |
/// | `Z` | `[positions, heads * headDim]` | weighted values, before the output projection |
/// | `ATTN_OUT`, `MLP_OUT` | `[positions, hidden]` | the block's raw output, before a norm of it and the residual |
/// | `MLP_MID` | `[positions, intermediate]` | after the activation and the gate; not in layers with experts |
/// | `ROUTER_LOGITS` | `[positions, experts]` | the router's raw logits; −∞ bars an expert |
/// | `ROUTER_CHOICE` | `[positions, experts]` | the score that the choice is made by: with the correction, and −∞ outside the chosen groups |
/// | `EXPERT_IDS` | `[positions, k]` | the chosen experts' numbers, by falling weight |
/// | `EXPERT_WEIGHTS` | `[positions, k]` | their weights, in the order of `EXPERT_IDS` |
/// | `SHARED_GATE` | `[positions, 1]` | the weight of the shared expert, where it is gated |
/// | `FINAL_NORM` | `[positions, hidden]` | what the head reads |
/// | `LOGITS` | `[positions, vocabulary]`, in blocks of rows | after scaling and soft cap |
///
/// Where a layer repeats its attention ([vitrine.core.architecture.AttentionLoops]), the places of attention are those of its first run, and
/// `RESID_MID` comes after the last.
///
/// All float32, one sequence per call. [vitrine.core.probe.Place#firstPosition] is the position of row 0.
///
/// ## Promises
///
/// A pass with probes that only read is bit-identical to one without. A value is valid only during the call.
///
/// Source of the names: Elhage et al., *A Mathematical Framework for Transformer Circuits*, 2021, and TransformerLens.
package vitrine.core.probe;
