package vitrine.views.view;

import vitrine.views.control.Icons;

/// The seven fixed tabs of the window, in their order.
public enum ViewKind {
    ANATOMY("Anatomy", Icons.ANATOMY), ATTENTION("Attention", Icons.ATTENTION), ROUTING("Routing", Icons.ROUTING), RANK("Rank", Icons.RANK),
    LORA("LoRA", Icons.LORA), RUNS("Runs", Icons.RUNS), COMPARE("Compare", Icons.COMPARE);

    private final String label;
    private final Icons icon;

    ViewKind(String label, Icons icon) {
        this.label = label;
        this.icon = icon;
    }

    public String label() {
        return label;
    }

    public Icons icon() {
        return icon;
    }
}
