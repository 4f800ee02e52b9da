package vitrine.views.anatomy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Which layers of the table are open, and which stand in rows of their own. Immutable: each change makes another one.
///
/// Layers that nobody asked for are folded together, so that a model of eighty layers begins as three rows.
///
/// @param open layers whose tensors are listed
/// @param listed layers that have a row of their own
/// @param closed layers that were closed while a search was on; searching anew forgets them
record Folding(Set<Key> open, Set<Key> listed, Set<Key> closed) {

    /// Up to this many layers all have rows of their own while none is open.
    static final int LISTED_AT_FIRST = 12;

    /// A layer of a stack.
    record Key(int stack, int layer) {}

    static final Folding NONE = new Folding(Set.of(), Set.of(), Set.of());

    boolean open(int stack, int layer) {
        return open.contains(new Key(stack, layer));
    }

    boolean listed(int stack, int layer) {
        return listed.contains(new Key(stack, layer));
    }

    boolean closedWhileFiltered(int stack, int layer) {
        return closed.contains(new Key(stack, layer));
    }

    /// Opens what a click on a group opens, or closes it.
    ///
    /// @param within the layers of the group, as far as there are such
    Folding toggled(TensorRow.Group group, List<Integer> within, boolean filtered) {
        if (group.isRun()) {
            Set<Key> all = new HashSet<>(listed);
            within.forEach(layer -> all.add(new Key(group.stack(), layer)));
            return new Folding(open, Set.copyOf(all), closed);
        }
        Key key = new Key(group.stack(), group.first());
        if (filtered) {
            return new Folding(open, listed, group.open() ? with(closed, key) : without(closed, key));
        }
        return new Folding(group.open() ? without(open, key) : with(open, key), with(listed, key), closed);
    }

    /// Opens one layer, so that its tensors can be seen.
    Folding opened(int stack, int layer) {
        Key key = new Key(stack, layer);
        return new Folding(with(open, key), with(listed, key), without(closed, key));
    }

    /// Opens one layer in place of another that was opened for the same reason.
    Folding moved(Key from, Key to) {
        return new Folding(with(without(open, from), to), with(without(listed, from), to), without(closed, to));
    }

    /// What a new search begins with.
    Folding searching() {
        return new Folding(open, listed, Set.of());
    }

    private static Set<Key> with(Set<Key> keys, Key key) {
        Set<Key> out = new HashSet<>(keys);
        out.add(key);
        return Set.copyOf(out);
    }

    private static Set<Key> without(Set<Key> keys, Key key) {
        if (!keys.contains(key)) {
            return keys;
        }
        Set<Key> out = new HashSet<>(keys);
        out.remove(key);
        return Set.copyOf(out);
    }
}
