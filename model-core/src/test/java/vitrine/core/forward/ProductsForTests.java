package vitrine.core.forward;

import vitrine.core.tensor.Products;
import vitrine.core.tensor.onednn.OneDnn;

/// The products that tests multiply with.
public final class ProductsForTests {

    public static final Products PRODUCTS = OneDnn.openOrNull();

    private ProductsForTests() {}
}
