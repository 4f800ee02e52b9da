package vitrine.core.forward;

import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.onednn.OneDnn;

/// The products that tests multiply with. Classes of tests run side by side, and an instance of oneDNN belongs to one thread: each thread has its own.
public final class ProductsForTests {

    public static final Products PRODUCTS = new Products() {
        private final ThreadLocal<Products> own = ThreadLocal.withInitial(OneDnn::openOrNull);

        @Override
        public void multiply(Operand a, Operand b, Operand c) {
            own.get().multiply(a, b, c);
        }

        @Override
        public boolean reads(Operand.Element element) {
            return own.get().reads(element);
        }

        @Override
        public String name() {
            return own.get().name();
        }
    };

    private ProductsForTests() {}
}
