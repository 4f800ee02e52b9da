package vitrine.core.checkpoint.pytorch;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// One pickle, read as data: it builds numbers, texts, containers and the places of tensors, and calls nothing.
///
/// Values are `null`, [Boolean], [Long], [BigInteger], [Double], [String], `byte[]`, and the records below.
final class Pickle {

    /// A list, a tuple or a set.
    record Items(List<Object> values) {}

    /// A dictionary by its texts and numbers; what has another key is kept under a key of its own.
    record Dict(Map<Object, Object> values) {}

    /// A name of the list below.
    record Global(String name) {}

    /// Where a storage's values lie: its key, its type's name, how many.
    record Storage(String type, String key, long values) {}

    /// A view of a storage.
    ///
    /// @param dtype the type's name where it is not the storage's own, or null
    record View(Storage storage, long offset, List<Object> size, List<Object> stride, String dtype) {}

    private static final String REMEDY = "It is not run. Where you trust the file, convert it to safetensors with Python.";
    private static final Object MARK = new Object();
    private static final int MAX_LINE = 1000;
    private static final int MAX_DIGITS = 255;
    /// What is pushed and remembered, all together: 100,000 tensors take about two million.
    private static final int MAX_OBJECTS = 8_000_000;

    /// Names that only stand for something.
    private static final Set<String> TYPES = Set.of("torch.FloatStorage", "torch.DoubleStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.LongStorage",
            "torch.IntStorage", "torch.ShortStorage", "torch.CharStorage", "torch.ByteStorage", "torch.BoolStorage", "torch.storage.UntypedStorage", "torch.UntypedStorage",
            "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64", "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
            "torch.uint16", "torch.uint32", "torch.uint64", "torch.float8_e4m3fn", "torch.float8_e5m2", "torch.strided");
    /// Names that may be called, with what is done here instead.
    private static final Set<String> CALLS = Set.of("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_tensor",
            "torch._utils._rebuild_parameter", "collections.OrderedDict", "torch.Size", "torch.device", "builtins.set", "__builtin__.set", "builtins.frozenset",
            "__builtin__.frozenset", "builtins.list", "__builtin__.list");

    private final PickleInput in;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Long, Object> memo = new HashMap<>();
    private long objects;

    private Pickle(PickleInput in) {
        this.in = in;
    }

    /// Reads one pickle up to its STOP.
    ///
    /// @throws Refusal `pickle-forbidden`, naming what it would call, or `pickle-invalid`
    static Object read(PickleInput in) throws IOException {
        return new Pickle(in).run();
    }

    private Object run() throws IOException {
        while (true) {
            int op = in.u8();
            if (op == '.') {
                return pop();
            }
            step(op);
            if (++objects > MAX_OBJECTS) {
                throw in.refuse(Category.LIMIT_EXCEEDED, "it builds more than %,d values", MAX_OBJECTS);
            }
        }
    }

    private void step(int op) throws IOException {
        switch (op) {
            case 0x80 -> {
                int protocol = in.u8();
                if (protocol > 5) {
                    throw in.refuse(Category.VERSION_UNSUPPORTED, "its pickle protocol is %d; protocols up to 5 are read", protocol);
                }
            }
            case 0x95 -> in.i64();
            case '(' -> push(MARK);
            case '0' -> pop();
            case '1' -> sinceMark();
            case '2' -> {
                Object top = pop();
                push(top);
                push(top);
            }
            case 'N' -> push(null);
            case 0x88 -> push(true);
            case 0x89 -> push(false);
            case 'I' -> number(in.line(MAX_LINE), true);
            case 'L' -> number(in.line(MAX_LINE).replaceAll("L$", ""), false);
            case 'J' -> push((long) in.i32());
            case 'K' -> push((long) in.u8());
            case 'M' -> push((long) in.u16());
            case 0x8a -> big(in.u8());
            case 0x8b -> big(in.i32());
            case 'F' -> real(in.line(MAX_LINE));
            case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(in.i64())));
            case 'S' -> push(quoted(in.line(1 << 16)));
            case 'V' -> push(in.line(1 << 16));
            case 'T', 'B' -> push(op == 'T' ? latin(in.bytes(in.i32())) : in.bytes(Integer.toUnsignedLong(in.i32())));
            case 'U' -> push(latin(in.bytes(in.u8())));
            case 'C' -> push(in.bytes(in.u8()));
            case 0x8e, 0x96 -> push(in.bytes(in.i64()));
            case 'X' -> push(text(in.bytes(Integer.toUnsignedLong(in.i32()))));
            case 0x8c -> push(text(in.bytes(in.u8())));
            case 0x8d -> push(text(in.bytes(in.i64())));
            case ']', ')', 0x8f -> push(new Items(new ArrayList<>(2)));
            case '}' -> push(new Dict(new LinkedHashMap<>()));
            case 'a' -> {
                Object value = pop();
                items(peek()).add(value);
            }
            case 'e', 0x90 -> {
                List<Object> values = sinceMark();
                items(peek()).addAll(values);
            }
            case 'l', 't', 0x91 -> push(new Items(sinceMark()));
            case 0x85, 0x86, 0x87 -> tuple(op - 0x84);
            case 'd' -> {
                Dict dict = new Dict(new LinkedHashMap<>());
                put(dict, sinceMark());
                push(dict);
            }
            case 's' -> {
                Object value = pop();
                Object key = pop();
                List<Object> pair = new ArrayList<>(2);
                pair.add(key);
                pair.add(value);
                put(dict(peek()), pair);
            }
            case 'u' -> {
                List<Object> pairs = sinceMark();
                put(dict(peek()), pairs);
            }
            case 'p' -> memo.put(index(in.line(20)), peek());
            case 'q' -> memo.put((long) in.u8(), peek());
            case 'r' -> memo.put(Integer.toUnsignedLong(in.i32()), peek());
            case 0x94 -> memo.put((long) memo.size(), peek());
            case 'g' -> get(index(in.line(20)));
            case 'h' -> get(in.u8());
            case 'j' -> get(Integer.toUnsignedLong(in.i32()));
            case 'c' -> push(global(in.line(MAX_LINE) + "." + in.line(MAX_LINE)));
            case 0x93 -> {
                Object name = pop();
                Object module = pop();
                push(global((module instanceof String m ? m : "?") + "." + (name instanceof String n ? n : "?")));
            }
            case 'R' -> call();
            case 0x81 -> call();
            case 'b' -> {
                pop();
                if (!(peek() instanceof Dict)) {
                    throw in.refuse(Category.PICKLE_FORBIDDEN, "it sets the state of an object that is no dictionary");
                }
            }
            case 'Q' -> push(storage(pop()));
            case 'P', 'i', 'o', 0x92, 0x82, 0x83, 0x84 -> throw in.refuse(Category.PICKLE_FORBIDDEN, "it calls %s", op == 'i' ? in.line(MAX_LINE) + "." + in.line(MAX_LINE)
                    : "something with the opcode 0x" + Integer.toHexString(op)).help(REMEDY);
            default -> throw in.refuse(Category.PICKLE_INVALID, "byte %,d is 0x%s, which is no opcode", in.position() - 1, Integer.toHexString(op));
        }
    }

    private void push(Object value) {
        stack.add(value);
    }

    private Object pop() {
        if (stack.isEmpty()) {
            throw in.refuse(Category.PICKLE_INVALID, "it takes a value where there is none, before byte %,d", in.position());
        }
        Object value = stack.removeLast();
        if (value == MARK) {
            throw in.refuse(Category.PICKLE_INVALID, "it takes a value where a mark stands, before byte %,d", in.position());
        }
        return value;
    }

    private Object peek() {
        Object value = pop();
        push(value);
        return value;
    }

    private List<Object> sinceMark() {
        int mark = stack.lastIndexOf(MARK);
        if (mark < 0) {
            throw in.refuse(Category.PICKLE_INVALID, "it goes back to a mark where there is none, before byte %,d", in.position());
        }
        List<Object> part = stack.subList(mark + 1, stack.size());
        List<Object> values = new ArrayList<>(part);
        stack.subList(mark, stack.size()).clear();
        return values;
    }

    private void tuple(int n) {
        List<Object> values = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            values.addFirst(pop());
        }
        push(new Items(values));
    }

    private void number(String digits, boolean flags) {
        if (flags && (digits.equals("00") || digits.equals("01"))) {
            push(digits.equals("01"));
            return;
        }
        try {
            BigInteger v = new BigInteger(digits.strip());
            push(v.bitLength() < 64 ? (Object) v.longValue() : v);
        } catch (NumberFormatException e) {
            throw in.refuse(Category.PICKLE_INVALID, "%s is no whole number", digits).cause(e);
        }
    }

    private void big(int length) throws IOException {
        if (length < 0 || length > MAX_DIGITS) {
            throw in.refuse(Category.LIMIT_EXCEEDED, "a number of %,d bytes stands where at most %d belong", Integer.toUnsignedLong(length), MAX_DIGITS);
        }
        byte[] b = in.bytes(length);
        byte[] reversed = new byte[b.length];
        for (int i = 0; i < b.length; i++) {
            reversed[i] = b[b.length - 1 - i];
        }
        BigInteger v = b.length == 0 ? BigInteger.ZERO : new BigInteger(reversed);
        push(v.bitLength() < 64 ? (Object) v.longValue() : v);
    }

    private void real(String digits) {
        try {
            push(Double.parseDouble(digits));
        } catch (NumberFormatException e) {
            throw in.refuse(Category.PICKLE_INVALID, "%s is no number", digits).cause(e);
        }
    }

    private static String quoted(String line) {
        return line.length() >= 2 && (line.startsWith("'") || line.startsWith("\"")) ? line.substring(1, line.length() - 1) : line;
    }

    private static String latin(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private String text(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw in.refuse(Category.PICKLE_INVALID, "a text of %,d bytes is no UTF-8", bytes.length).cause(e);
        }
    }

    private long index(String digits) {
        try {
            return Long.parseLong(digits.strip());
        } catch (NumberFormatException e) {
            throw in.refuse(Category.PICKLE_INVALID, "%s is no place in its memory", digits).cause(e);
        }
    }

    private void get(long index) {
        if (!memo.containsKey(index)) {
            throw in.refuse(Category.PICKLE_INVALID, "it takes value %,d out of its memory, which is not there", index);
        }
        push(memo.get(index));
    }

    private List<Object> items(Object value) {
        if (value instanceof Items i) {
            return i.values;
        }
        throw in.refuse(Category.PICKLE_INVALID, "it appends to what is no list, before byte %,d", in.position());
    }

    private Dict dict(Object value) {
        if (value instanceof Dict d) {
            return d;
        }
        throw in.refuse(Category.PICKLE_INVALID, "it sets an item of what is no dictionary, before byte %,d", in.position());
    }

    private void put(Dict dict, List<Object> pairs) {
        if (pairs.size() % 2 != 0) {
            throw in.refuse(Category.PICKLE_INVALID, "a key has no value, before byte %,d", in.position());
        }
        for (int i = 0; i < pairs.size(); i += 2) {
            Object key = pairs.get(i);
            // Keys of other kinds are never hashed: a list that holds itself has no hash.
            dict.values.put(key instanceof String || key instanceof Long ? key : new Object(), pairs.get(i + 1));
        }
    }

    private Global global(String name) {
        if (TYPES.contains(name) || CALLS.contains(name)) {
            return new Global(name);
        }
        throw in.refuse(Category.PICKLE_FORBIDDEN, "it names %s, which is not on the list of what a checkpoint needs", name).help(REMEDY);
    }

    /// What a call would give, for the names that may be called.
    private void call() {
        Object arguments = pop();
        Object callee = pop();
        if (!(callee instanceof Global g) || !CALLS.contains(g.name) || !(arguments instanceof Items a)) {
            throw in.refuse(Category.PICKLE_FORBIDDEN, "it calls %s", callee instanceof Global g ? g.name : "a value").help(REMEDY);
        }
        List<Object> v = a.values;
        push(switch (g.name) {
            case "collections.OrderedDict" -> {
                Dict dict = new Dict(new LinkedHashMap<>());
                if (!v.isEmpty() && v.getFirst() instanceof Items pairs) {
                    for (Object pair : pairs.values) {
                        put(dict, pair instanceof Items p ? p.values : List.of());
                    }
                }
                yield dict;
            }
            case "torch._utils._rebuild_parameter" -> v.isEmpty() ? null : v.getFirst();
            case "torch.device" -> null;
            case "torch.Size", "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset", "builtins.list", "__builtin__.list" ->
                    v.isEmpty() ? new Items(new ArrayList<>()) : v.getFirst() instanceof Items i ? i : a;
            default -> view(v, g.name.endsWith("_v3"));
        });
    }

    private View view(List<Object> v, boolean typed) {
        String dtype = typed && v.size() > 6 && v.get(6) instanceof Global t ? t.name : null;
        if (v.size() >= 4 && v.get(0) instanceof Storage s && v.get(1) instanceof Long offset && v.get(2) instanceof Items size && v.get(3) instanceof Items stride
                && typed == (dtype != null)) {
            return new View(s, offset, size.values, stride.values, dtype);
        }
        throw in.refuse(Category.PICKLE_INVALID, "a tensor is made of something else than a storage, an offset, sizes and strides, before byte %,d", in.position());
    }

    /// `("storage", type, key, device, number of values)`, in older files with a view behind.
    private Storage storage(Object id) {
        if (id instanceof Items i && i.values.size() >= 5 && "storage".equals(i.values.get(0)) && i.values.get(1) instanceof Global type && i.values.get(2) instanceof String key
                && i.values.get(4) instanceof Long values && values >= 0 && (i.values.size() < 6 || i.values.get(5) == null)) {
            return new Storage(type.name, key, values);
        }
        throw in.refuse(Category.PICKLE_INVALID, "what it says of a storage is not understood, before byte %,d", in.position());
    }
}
