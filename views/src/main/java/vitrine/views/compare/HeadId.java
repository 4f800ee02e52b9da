package vitrine.views.compare;

/// A head, counted from 0.
record HeadId(int layer, int head) {

    @Override
    public String toString() {
        return "layer " + layer + ", head " + head;
    }
}
