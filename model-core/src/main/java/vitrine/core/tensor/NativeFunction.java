package vitrine.core.tensor;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/// A C function of a library, bound when it is first called: Java spins classes for every shape of call, which together take longer than a
/// small task.
public final class NativeFunction {

    private final MemorySegment symbol;
    private final FunctionDescriptor type;
    private volatile MethodHandle handle;

    private NativeFunction(MemorySegment symbol, FunctionDescriptor type) {
        this.symbol = symbol;
        this.type = type;
    }

    /// Finds a function.
    ///
    /// @param result null where it returns nothing
    /// @throws IllegalStateException where the library does not have it
    public static NativeFunction of(SymbolLookup library, String name, MemoryLayout result, MemoryLayout... arguments) {
        MemorySegment symbol = library.find(name).orElseThrow(() -> new IllegalStateException("a native library has no function " + name));
        return new NativeFunction(symbol, result == null ? FunctionDescriptor.ofVoid(arguments) : FunctionDescriptor.of(result, arguments));
    }

    /// What calls it; threads that bind it at once get handles that do the same.
    public MethodHandle handle() {
        MethodHandle h = handle;
        if (h == null) {
            h = Linker.nativeLinker().downcallHandle(symbol, type);
            handle = h;
        }
        return h;
    }
}
