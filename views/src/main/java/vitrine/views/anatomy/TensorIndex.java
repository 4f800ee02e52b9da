package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.Part;
import vitrine.core.refusal.Visible;

/// All tensors of a checkpoint in the order of the model, with the layers that they form. Immutable; making one and listing it need no
/// toolkit, so both are done beside the JavaFX thread where there are many.
final class TensorIndex {

    /// A run of numbered layers. A model of several towers has several.
    ///
    /// @param prefix what stands before the numbers, such as `model.layers`
    /// @param label the same as short as it can be told from the other stacks
    private record Stack(String prefix, String label, List<Layer> layers) {}

    /// A layer's tensors are those from `from` to `to` (excluded) of all lines.
    private record Layer(int number, int from, int to, long parameters) {}

    /// From this length on a name is shortened where that leaves no doubt.
    private static final int LONG_NAME = 22;

    private final List<TensorLine> lines;
    private final List<Stack> stacks;
    private final int before;
    private final int after;
    private final Map<String, TensorLine> byName;
    private final long mostParameters;

    private TensorIndex(List<TensorLine> lines, List<Stack> stacks, int before, int after) {
        this.lines = lines;
        this.stacks = stacks;
        this.before = before;
        this.after = after;
        byName = HashMap.newHashMap(lines.size());
        lines.forEach(l -> byName.put(l.name(), l));
        mostParameters = Math.max(lines.stream().mapToLong(TensorLine::elements).max().orElse(0),
                stacks.stream().flatMap(s -> s.layers.stream()).mapToLong(Layer::parameters).max().orElse(0));
    }

    /// The tensors of a checkpoint.
    static TensorIndex of(Anatomy anatomy) {
        Map<String, NamedTensor> named = new HashMap<>();
        Map<String, Integer> place = new HashMap<>();
        anatomy.spec().map(NamedTensor::of).orElse(List.of()).forEach(t -> {
            place.put(t.name(), place.size());
            named.put(t.name(), t);
        });
        int firstOfLayers = named.values().stream().filter(t -> t.layer() >= 0).mapToInt(t -> place.get(t.name())).min().orElse(Integer.MAX_VALUE);
        List<Draft> drafts = new ArrayList<>(anatomy.tensors().size());
        for (Anatomy.Item item : anatomy.tensors()) {
            String name = item.entry().name();
            NamedTensor known = named.get(name);
            Map<Part, Long> parts = known != null && known.shape().equals(item.entry().shape()) ? known.parameters() : Map.of(item.part(), item.entry().elements());
            int rank = place.getOrDefault(name, Integer.MAX_VALUE);
            boolean leads = known == null ? item.part() == Part.EMBEDDING && place.isEmpty() : rank < firstOfLayers;
            drafts.add(new Draft(name, item, item.entry().elements(), parts, Names.place(name), rank, drafts.size(), leads));
        }
        return arrange(drafts);
    }

    /// The tensors that an artifact holds values of, without their checkpoint.
    static TensorIndex of(TensorValues values) {
        List<Draft> drafts = new ArrayList<>();
        for (String name : values.names()) {
            drafts.add(new Draft(name, null, values.figures(name).orElseThrow().count(), Map.of(), Names.place(name), Integer.MAX_VALUE, drafts.size(), false));
        }
        return arrange(drafts);
    }

    private record Draft(String name, Anatomy.Item item, long elements, Map<Part, Long> parts, Names.Place place, int rank, int number, boolean leads) {

        TensorLine line(int stack, String label) {
            return new TensorLine(name, item, elements, parts, stack, place == null ? -1 : place.layer(), label);
        }
    }

    private static TensorIndex arrange(List<Draft> drafts) {
        Map<String, Integer> stackOf = new HashMap<>();
        for (Draft d : drafts) {
            if (d.place != null) {
                stackOf.putIfAbsent(d.place.stack(), stackOf.size());
            }
        }
        Comparator<Draft> order = Comparator.comparingInt((Draft d) -> d.place != null ? 1 : d.leads ? 0 : 2)
                .thenComparingInt(d -> d.place == null ? 0 : stackOf.get(d.place.stack()))
                .thenComparingInt(d -> d.place == null ? 0 : d.place.layer())
                .thenComparingInt(Draft::rank).thenComparingInt(Draft::number);
        List<Draft> sorted = drafts.stream().sorted(order).toList();
        List<TensorLine> lines = new ArrayList<>(sorted.size());
        List<Stack> stacks = new ArrayList<>();
        Map<String, Integer> uses = new HashMap<>();
        sorted.stream().filter(d -> d.place == null).forEach(d -> uses.merge(Names.last(d.name), 1, Integer::sum));
        int before = 0;
        int at = 0;
        while (at < sorted.size()) {
            Draft d = sorted.get(at);
            if (d.place == null) {
                lines.add(d.line(-1, outsideLabel(d.name, uses)));
                at++;
                before = stacks.isEmpty() ? at : before;
                continue;
            }
            int end = at;
            while (end < sorted.size() && sameLayer(sorted.get(end).place, d.place)) {
                end++;
            }
            int stack = stackOf.get(d.place.stack());
            if (stack == stacks.size()) {
                stacks.add(new Stack(d.place.stack(), stackLabel(d.place.stack(), stackOf), new ArrayList<>()));
            }
            stacks.get(stack).layers.add(layer(sorted.subList(at, end), at, stack, d.place.layer(), lines));
            at = end;
        }
        int after = stacks.isEmpty() ? before : stacks.getLast().layers.getLast().to;
        return new TensorIndex(List.copyOf(lines), List.copyOf(stacks), before, after);
    }

    /// The name of a tensor outside of the layers: in full where it is short, else its end where that says which it is.
    private static String outsideLabel(String name, Map<String, Integer> uses) {
        String stem = Names.withoutWeight(name);
        String last = Names.last(name);
        return stem.length() <= LONG_NAME || uses.get(last) > 1 ? stem : last;
    }

    private static boolean sameLayer(Names.Place a, Names.Place b) {
        return a != null && a.layer() == b.layer() && a.stack().equals(b.stack());
    }

    private static String stackLabel(String prefix, Map<String, Integer> all) {
        String tail = Names.tail(prefix);
        return all.keySet().stream().filter(p -> Names.tail(p).equals(tail)).count() == 1 ? tail : prefix;
    }

    private static Layer layer(List<Draft> drafts, int from, int stack, int number, List<TensorLine> lines) {
        Map<String, Integer> uses = new HashMap<>();
        drafts.forEach(d -> Names.ends(d.place.rest()).forEach(end -> uses.merge(end, 1, Integer::sum)));
        long parameters = 0;
        for (Draft d : drafts) {
            String label = Names.ends(d.place.rest()).stream().filter(end -> uses.get(end) == 1).findFirst().orElse(Names.withoutWeight(d.place.rest()));
            TensorLine line = d.line(stack, label);
            lines.add(line);
            parameters += line.idle() ? 0 : line.elements();
        }
        return new Layer(number, from, from + drafts.size(), parameters);
    }

    /// The first layer that there is, if there is one.
    Optional<Folding.Key> firstLayer() {
        return stacks.isEmpty() ? Optional.empty() : Optional.of(new Folding.Key(0, stacks.getFirst().layers.getFirst().number));
    }

    int size() {
        return lines.size();
    }

    /// The largest number of values in a tensor or a layer.
    long mostParameters() {
        return mostParameters;
    }

    /// All tensors, in the order of the model.
    List<TensorLine> lines() {
        return lines;
    }

    Optional<TensorLine> find(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /// The tensors that a listing lets through, in its order.
    ///
    /// @param values what values a listing sorts by; NaN sorts last either way
    List<TensorLine> chosen(Listing listing, ToDoubleFunction<TensorLine> values) {
        Predicate<TensorLine> filter = listing.filter();
        List<TensorLine> out = new ArrayList<>();
        for (TensorLine line : lines) {
            if (filter.test(line)) {
                out.add(line);
            }
        }
        if (listing.order() != Order.MODEL) {
            out.sort(comparator(listing, values));
        }
        return out;
    }

    private static Comparator<TensorLine> comparator(Listing listing, ToDoubleFunction<TensorLine> values) {
        return switch (listing.order()) {
            case NAME -> directed(Comparator.comparing(TensorLine::name, Names::compareNaturally), listing);
            case TYPE -> directed(Comparator.comparing(TensorLine::dtype), listing);
            case SHAPE -> directed(TensorIndex::compareShapes, listing);
            case MODEL -> (a, b) -> 0;
            default -> (a, b) -> {
                double x = values.applyAsDouble(a);
                double y = values.applyAsDouble(b);
                if (Double.isNaN(x) || Double.isNaN(y)) {
                    return Boolean.compare(Double.isNaN(x), Double.isNaN(y));
                }
                return listing.descending() ? Double.compare(y, x) : Double.compare(x, y);
            };
        };
    }

    private static Comparator<TensorLine> directed(Comparator<TensorLine> ascending, Listing listing) {
        return listing.descending() ? ascending.reversed() : ascending;
    }

    private static int compareShapes(TensorLine a, TensorLine b) {
        if (a.shape() == null || b.shape() == null) {
            return Boolean.compare(a.shape() == null, b.shape() == null);
        }
        int order = Integer.compare(a.shape().rank(), b.shape().rank());
        for (int i = 0; order == 0 && i < a.shape().rank(); i++) {
            order = Long.compare(a.shape().size(i), b.shape().size(i));
        }
        return order;
    }

    /// What the table shows.
    ///
    /// @param matches how many tensors there are behind the rows, whether their groups are open or not
    record Listed(List<TensorRow> rows, int matches) {}

    /// The rows of a listing: layers as groups, opened and folded as `folding` says; a flat list where it is sorted.
    Listed list(Listing listing, Folding folding, ToDoubleFunction<TensorLine> values) {
        if (listing.order() != Order.MODEL) {
            List<TensorRow> flat = new ArrayList<>();
            chosen(listing, values).forEach(line -> flat.add(new TensorRow.Leaf(line, Names.withoutWeight(line.name()), 0)));
            return new Listed(flat, flat.size());
        }
        List<TensorRow> rows = grouped(listing, folding);
        int matches = 0;
        for (TensorRow row : rows) {
            matches += switch (row) {
                case TensorRow.Group g -> g.tensors();
                case TensorRow.Leaf l -> l.depth() == 0 ? 1 : 0;
            };
        }
        return new Listed(rows, matches);
    }

    private List<TensorRow> grouped(Listing listing, Folding folding) {
        List<TensorRow> rows = new ArrayList<>();
        Predicate<TensorLine> filter = listing.filter();
        leaves(0, before, 0, filter, rows);
        for (int s = 0; s < stacks.size(); s++) {
            if (listing.filtered()) {
                matching(s, filter, folding, rows);
            } else {
                folded(s, folding, rows);
            }
        }
        leaves(after, lines.size(), 0, filter, rows);
        return rows;
    }

    private void leaves(int from, int to, int depth, Predicate<TensorLine> filter, List<TensorRow> rows) {
        for (TensorLine line : lines.subList(from, to)) {
            if (filter.test(line)) {
                rows.add(new TensorRow.Leaf(line, line.label(), depth));
            }
        }
    }

    /// Layers with a match, open unless they were closed by hand.
    private void matching(int stack, Predicate<TensorLine> filter, Folding folding, List<TensorRow> rows) {
        for (Layer layer : stacks.get(stack).layers) {
            List<TensorRow> found = new ArrayList<>();
            leaves(layer.from, layer.to, 1, filter, found);
            if (found.isEmpty()) {
                continue;
            }
            long parameters = found.stream().map(r -> ((TensorRow.Leaf) r).tensor()).filter(t -> !t.idle()).mapToLong(TensorLine::elements).sum();
            boolean open = !folding.closedWhileFiltered(stack, layer.number);
            rows.add(new TensorRow.Group(label(stack, layer.number, layer.number), stack, layer.number, layer.number, found.size(), parameters, open));
            if (open) {
                rows.addAll(found);
            }
        }
    }

    /// All layers; neighbours that nobody asked for make one row.
    private void folded(int stack, Folding folding, List<TensorRow> rows) {
        List<Layer> layers = stacks.get(stack).layers;
        int at = 0;
        while (at < layers.size()) {
            int end = at;
            while (end < layers.size() && !folding.listed(stack, layers.get(end).number)) {
                end++;
            }
            if (end - at > 1 && end - at < layers.size() || end - at > Folding.LISTED_AT_FIRST) {
                List<Layer> run = layers.subList(at, end);
                rows.add(new TensorRow.Group(label(stack, run.getFirst().number, run.getLast().number), stack, run.getFirst().number, run.getLast().number,
                        run.getLast().to - run.getFirst().from, run.stream().mapToLong(Layer::parameters).sum(), false));
                at = end;
                continue;
            }
            for (int i = at; i < Math.max(end, at + 1); i++) {
                Layer layer = layers.get(i);
                boolean open = folding.open(stack, layer.number);
                rows.add(new TensorRow.Group(label(stack, layer.number, layer.number), stack, layer.number, layer.number, layer.to - layer.from, layer.parameters, open));
                if (open) {
                    leaves(layer.from, layer.to, 1, line -> true, rows);
                }
            }
            at = Math.max(end, at + 1);
        }
    }

    /// The numbers of the layers that a group stands for.
    List<Integer> layers(TensorRow.Group group) {
        return stacks.get(group.stack()).layers.stream().map(Layer::number).filter(n -> n >= group.first() && n <= group.last()).toList();
    }

    private String label(int stack, int first, int last) {
        return Visible.name(stacks.get(stack).label) + "." + first + (last > first ? " – " + last : "");
    }
}
