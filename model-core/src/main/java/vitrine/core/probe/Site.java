package vitrine.core.probe;

/// A kind of place in the forward pass; prints as TransformerLens's hook name.
public enum Site {
    RESID_PRE("hook_resid_pre"), ATTN_IN("ln1.hook_normalized"), QUERY_PROJECTED("attn.hook_q_proj"),
    KEY_PROJECTED("attn.hook_k_proj"), QUERY("attn.hook_q"), KEY("attn.hook_k"),
    LATENT("attn.hook_latent"), QUERY_ROTATED("attn.hook_rot_q"), KEY_ROTATED("attn.hook_rot_k"), VALUE("attn.hook_v"),
    ATTN_SCORES("attn.hook_attn_scores"), PATTERN("attn.hook_pattern"), Z("attn.hook_z"), ATTN_OUT("hook_attn_out"),
    RESID_MID("hook_resid_mid"), MLP_IN("ln2.hook_normalized"), MLP_MID("mlp.hook_post"), MLP_OUT("hook_mlp_out"),
    ROUTER_LOGITS("mlp.hook_router_logits"), ROUTER_CHOICE("mlp.hook_router_choice"), EXPERT_IDS("mlp.hook_expert_indices"),
    EXPERT_WEIGHTS("mlp.hook_expert_weights"), SHARED_GATE("mlp.hook_shared_gate"),
    RESID_POST("hook_resid_post"), FINAL_NORM("ln_final.hook_normalized"), LOGITS("hook_logits");

    private final String hook;

    Site(String hook) {
        this.hook = hook;
    }

    /// The hook's name, such as `attn.hook_pattern`.
    public String hook() {
        return hook;
    }

    /// Whether it stands within a layer; `FINAL_NORM` and `LOGITS` stand after all layers. `LATENT` is there in layers with latent attention
    /// only, the router's places in layers with experts only, and `MLP_MID` in those without.
    public boolean perLayer() {
        return this != FINAL_NORM && this != LOGITS;
    }
}
