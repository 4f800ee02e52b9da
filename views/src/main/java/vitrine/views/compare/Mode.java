package vitrine.views.compare;

/// Which figures are shown.
enum Mode {
    BEHAVIOUR("Behaviour"), WEIGHTS("Weights"), SETTINGS("Settings");

    private final String label;

    Mode(String label) {
        this.label = label;
    }

    String label() {
        return label;
    }
}
