package vitrine.core.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.LinkedHashMap;
import vitrine.core.tensor.NativeFunction;
import vitrine.core.tensor.Natives;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;

/// Matrix products by oneDNN's C interface, called through `java.lang.foreign`.
///
/// oneDNN multiplies float32 activations with weights that are *stored* as float32, bfloat16 or float16 and widens them
/// inside the product: the weights stay where the checkpoint's memory map has them. The arithmetic is float32.
///
/// One instance belongs to one thread. Primitives are cached by shape, since making one takes longer than a small product; they are memory of the C library, which goes with [#close()] only.
///
/// Source: oneDNN 3.11, C API (`dnnl.h`), matmul primitive.
public final class OneDnn implements Products {

    private static final int ARG_SRC = 1;
    private static final int ARG_DST = 17;
    private static final int ARG_WEIGHTS = 33;
    private static final int CACHE_LIMIT = 1024;
    /// glibc's name for the size from which a block is mapped by itself, and that size, which it raises of itself else.
    private static final int M_MMAP_THRESHOLD = -3;
    private static final int LARGE_BLOCK = 128 << 10;
    /// Of primitives that oneDNN itself keeps, for whoever asks for the same shape again: a model that is opened anew.
    private static final int KEPT_BY_LIBRARY = 128;
    /// Products of fewer multiplications are made by one thread: sharing them out takes longer, and much longer on a busy machine, where each waits
    /// for the slowest.
    private static final long SHARED_WORK = 1L << 20;

    private record Key(Operand.Element[] elements, long[] numbers) {
        @Override
        public boolean equals(Object o) {
            return o instanceof Key k && Arrays.equals(elements, k.elements) && Arrays.equals(numbers, k.numbers);
        }

        @Override
        public int hashCode() {
            return 31 * Arrays.hashCode(elements) + Arrays.hashCode(numbers);
        }
    }

    private record Primitive(MemorySegment primitive, MemorySegment[] memories, MemorySegment arguments) {}

    private final Arena arena = Arena.ofAuto();
    private final Api api;
    private final MemorySegment engine;
    private final MemorySegment stream;
    /// The one used longest ago comes first, and goes first.
    private final LinkedHashMap<Key, Primitive> primitives = new LinkedHashMap<>(64, 0.75f, true);
    private int threads;
    private boolean closed;

    private OneDnn(Api api) {
        this.api = api;
        threads = api.most;
        MemorySegment out = arena.allocate(ADDRESS);
        check("dnnl_engine_create", () -> (int) api.engineCreate.handle().invokeExact(out, 1, 0L));
        engine = out.get(ADDRESS, 0);
        check("dnnl_stream_create", () -> (int) api.streamCreate.handle().invokeExact(out, engine, 1));
        stream = out.get(ADDRESS, 0);
    }

    /// Opens oneDNN, or returns null where this platform's build has no oneDNN library.
    public static OneDnn openOrNull() {
        return Api.LOADED == null ? null : new OneDnn(Api.LOADED);
    }

    /// Has this instance's products made by the calling thread alone, from now on; where several threads work side by side, teams of OpenMP threads
    /// would stand in each other's way.
    ///
    /// @return false where that cannot be told to the library
    public boolean oneThread() {
        threads = 1;
        api.threads(1);
        return api.setThreads != null;
    }

    @Override
    public boolean reads(Operand.Element element) {
        return true;
    }

    @Override
    public String name() {
        return "oneDNN";
    }

    /// Lets go of all primitives; nothing is multiplied afterwards.
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            primitives.values().forEach(this::drop);
            primitives.clear();
            check("dnnl_stream_destroy", () -> (int) api.streamDestroy.handle().invokeExact(stream));
            check("dnnl_engine_destroy", () -> (int) api.engineDestroy.handle().invokeExact(engine));
            api.giveBack();
        }
    }

    @Override
    public void multiply(Operand a, Operand b, Operand c) {
        if (closed) {
            throw new IllegalStateException("these products are closed");
        }
        // The same for the same shape: a primitive is run by as many threads as it was made for.
        boolean alone = work(a, c) < SHARED_WORK;
        if (alone) {
            api.threads(1);
        }
        try {
            Key key = key(a, b, c);
            Primitive p = primitives.get(key);
            if (p == null) {
                if (primitives.size() >= CACHE_LIMIT) {
                    drop(primitives.pollFirstEntry().getValue());
                }
                p = create(a, b, c);
                primitives.put(key, p);
            }
            api.setHandle(p.memories[0], a.data());
            api.setHandle(p.memories[1], b.data());
            api.setHandle(p.memories[2], c.data());
            api.execute(p.primitive, stream, p.arguments);
        } finally {
            if (alone) {
                api.threads(threads);
            }
        }
    }

    /// Multiplications of a product.
    private static long work(Operand a, Operand c) {
        long n = a.sizes()[a.sizes().length - 1];
        for (long size : c.sizes()) {
            n *= size;
        }
        return n;
    }

    private static Key key(Operand a, Operand b, Operand c) {
        int n = a.sizes().length;
        long[] numbers = new long[n * 6];
        int at = 0;
        for (Operand o : new Operand[] {a, b, c}) {
            System.arraycopy(o.sizes(), 0, numbers, at, n);
            System.arraycopy(o.strides(), 0, numbers, at + n, n);
            at += 2 * n;
        }
        return new Key(new Operand.Element[] {a.element(), b.element(), c.element()}, numbers);
    }

    private Primitive create(Operand a, Operand b, Operand c) {
        // Lives as long as its arguments do: shapes come and go for as long as a worker lives.
        Arena own = Arena.ofAuto();
        MemorySegment out = own.allocate(ADDRESS);
        MemorySegment[] descriptors = {descriptor(a, own, out), descriptor(b, own, out), descriptor(c, own, out)};
        check("dnnl_matmul_primitive_desc_create", () -> (int) api.matmulCreate.handle().invokeExact(out, engine,
                descriptors[0], descriptors[1], MemorySegment.NULL, descriptors[2], MemorySegment.NULL));
        MemorySegment description = out.get(ADDRESS, 0);
        check("dnnl_primitive_create", () -> (int) api.primitiveCreate.handle().invokeExact(out, description));
        MemorySegment primitive = out.get(ADDRESS, 0);
        check("dnnl_primitive_desc_destroy", () -> (int) api.primitiveDescDestroy.handle().invokeExact(description));

        MemorySegment[] memories = new MemorySegment[3];
        MemorySegment arguments = own.allocate(3 * 16L, 8);
        int[] kinds = {ARG_SRC, ARG_WEIGHTS, ARG_DST};
        for (int i = 0; i < 3; i++) {
            MemorySegment descriptor = descriptors[i];
            check("dnnl_memory_create", () -> (int) api.memoryCreate.handle().invokeExact(out, descriptor, engine, MemorySegment.NULL));
            memories[i] = out.get(ADDRESS, 0);
            check("dnnl_memory_desc_destroy", () -> (int) api.descDestroy.handle().invokeExact(descriptor));
            arguments.set(JAVA_INT, i * 16L, kinds[i]);
            arguments.set(ADDRESS, i * 16L + 8, memories[i]);
        }
        return new Primitive(primitive, memories, arguments);
    }

    private MemorySegment descriptor(Operand o, Arena own, MemorySegment out) {
        MemorySegment dims = own.allocate(JAVA_LONG, 12);
        MemorySegment strides = own.allocate(JAVA_LONG, 12);
        MemorySegment.copy(o.sizes(), 0, dims, JAVA_LONG, 0, o.sizes().length);
        MemorySegment.copy(o.strides(), 0, strides, JAVA_LONG, 0, o.strides().length);
        check("dnnl_memory_desc_create_with_strides", () -> (int) api.descCreate.handle().invokeExact(out, o.sizes().length, dims, code(o.element()), strides));
        return out.get(ADDRESS, 0);
    }

    /// oneDNN's own numbers (`dnnl_data_type_t`).
    private static int code(Operand.Element element) {
        return switch (element) {
            case F16 -> 1;
            case BF16 -> 2;
            case F32 -> 3;
        };
    }

    private void drop(Primitive p) {
        for (MemorySegment memory : p.memories) {
            check("dnnl_memory_destroy", () -> (int) api.memoryDestroy.handle().invokeExact(memory));
        }
        check("dnnl_primitive_destroy", () -> (int) api.primitiveDestroy.handle().invokeExact(p.primitive));
    }

    /// The bound C functions. Loaded once per process.
    private static final class Api {
        static final Api LOADED = load();

        final NativeFunction engineCreate;
        final NativeFunction engineDestroy;
        final NativeFunction streamCreate;
        final NativeFunction streamDestroy;
        final NativeFunction streamWait;
        final NativeFunction descCreate;
        final NativeFunction descDestroy;
        final NativeFunction matmulCreate;
        final NativeFunction primitiveCreate;
        final NativeFunction primitiveDescDestroy;
        final NativeFunction primitiveDestroy;
        final NativeFunction memoryCreate;
        final NativeFunction memoryDestroy;
        final NativeFunction setHandle;
        final NativeFunction execute;
        /// glibc's way to return what was freed to the system, which it keeps otherwise; null where there is none.
        private final NativeFunction trim;
        /// Sets how many threads OpenMP uses for the calling thread's work; null where there is no such function.
        private final MethodHandle setThreads;
        final int most;

        private Api(SymbolLookup library) {
            engineCreate = bind(library, "dnnl_engine_create", ADDRESS, JAVA_INT, JAVA_LONG);
            engineDestroy = bind(library, "dnnl_engine_destroy", ADDRESS);
            streamCreate = bind(library, "dnnl_stream_create", ADDRESS, ADDRESS, JAVA_INT);
            streamDestroy = bind(library, "dnnl_stream_destroy", ADDRESS);
            streamWait = bind(library, "dnnl_stream_wait", ADDRESS);
            descCreate = bind(library, "dnnl_memory_desc_create_with_strides", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
            descDestroy = bind(library, "dnnl_memory_desc_destroy", ADDRESS);
            matmulCreate = bind(library, "dnnl_matmul_primitive_desc_create",
                    ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
            primitiveCreate = bind(library, "dnnl_primitive_create", ADDRESS, ADDRESS);
            primitiveDescDestroy = bind(library, "dnnl_primitive_desc_destroy", ADDRESS);
            primitiveDestroy = bind(library, "dnnl_primitive_destroy", ADDRESS);
            memoryCreate = bind(library, "dnnl_memory_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS);
            memoryDestroy = bind(library, "dnnl_memory_destroy", ADDRESS);
            setHandle = bind(library, "dnnl_memory_set_data_handle", ADDRESS, ADDRESS);
            execute = bind(library, "dnnl_primitive_execute", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
            SymbolLookup c = Linker.nativeLinker().defaultLookup();
            trim = c.find("malloc_trim").isPresent() ? bind(c, "malloc_trim", JAVA_LONG) : null;
            c.find("mallopt").ifPresent(found -> keepLargeBlocksApart(bind(c, "mallopt", JAVA_INT, JAVA_INT)));
            setThreads = openMp(library, "omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
            MethodHandle getThreads = openMp(library, "omp_get_max_threads", FunctionDescriptor.of(JAVA_INT));
            most = getThreads == null ? 1 : count(getThreads);
            NativeFunction keep = bind(library, "dnnl_set_primitive_cache_capacity", JAVA_INT);
            check("dnnl_set_primitive_cache_capacity", () -> (int) keep.handle().invokeExact(KEPT_BY_LIBRARY));
        }

        /// A primitive holds buffers of 256 KiB for code of a few. By themselves they take what is written of them; from glibc's heap, where it puts them once such a buffer was freed, they take memory that
        /// was used for something else before and is resident: a megabyte for each primitive. So blocks of that size stay apart from the heap.
        private static void keepLargeBlocksApart(NativeFunction mallopt) {
            try {
                int ignored = (int) mallopt.handle().invokeExact(M_MMAP_THRESHOLD, LARGE_BLOCK);
            } catch (Throwable t) {
                throw failed(t);
            }
        }

        private static int count(MethodHandle function) {
            try {
                return (int) function.invokeExact();
            } catch (Throwable t) {
                throw failed(t);
            }
        }

        private static MethodHandle openMp(SymbolLookup library, String name, FunctionDescriptor type) {
            return library.or(SymbolLookup.loaderLookup()).or(Api::systemOpenMp).find(name).map(s -> Linker.nativeLinker().downcallHandle(s, type)).orElse(null);
        }

        /// Where the library is the system's own, and already loaded.
        private static java.util.Optional<MemorySegment> systemOpenMp(String name) {
            try {
                return SymbolLookup.libraryLookup("libgomp.so.1", Arena.global()).find(name);
            } catch (IllegalArgumentException e) {
                return java.util.Optional.empty();
            }
        }

        void threads(int count) {
            if (setThreads == null) {
                return;
            }
            try {
                setThreads.invokeExact(count);
            } catch (Throwable t) {
                throw failed(t);
            }
        }

        void giveBack() {
            if (trim == null) {
                return;
            }
            try {
                int given = (int) trim.handle().invokeExact(0L);
            } catch (Throwable t) {
                throw failed(t);
            }
        }

        private static Api load() {
            try {
                return Natives.oneDnn().map(Api::new).orElse(null);
            } catch (IOException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        private static NativeFunction bind(SymbolLookup library, String name, MemoryLayout... arguments) {
            return NativeFunction.of(library, name, JAVA_INT, arguments);
        }

        void setHandle(MemorySegment memory, MemorySegment data) {
            check("dnnl_memory_set_data_handle", () -> (int) setHandle.handle().invokeExact(memory, data));
        }

        void execute(MemorySegment primitive, MemorySegment stream, MemorySegment arguments) {
            check("dnnl_primitive_execute", () -> (int) execute.handle().invokeExact(primitive, stream, 3, arguments));
            check("dnnl_stream_wait", () -> (int) streamWait.handle().invokeExact(stream));
        }

        private static IllegalStateException failed(Throwable t) {
            return t instanceof IllegalStateException e ? e : new IllegalStateException("oneDNN could not be called", t);
        }
    }

    /// A call of a C function, which answers with a status.
    @FunctionalInterface
    private interface Call {
        int make() throws Throwable;
    }

    private static void check(String function, Call call) {
        int status;
        try {
            status = call.make();
        } catch (Throwable t) {
            throw Api.failed(t);
        }
        if (status != 0) {
            throw new IllegalStateException(function + " returned status " + status);
        }
    }
}
