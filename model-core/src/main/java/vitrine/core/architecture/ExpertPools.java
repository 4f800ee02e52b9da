package vitrine.core.architecture;

/// Layers that share their experts: a checkpoint of universal experts stores one pool and says which layer uses which.
///
/// `expert_pools` of the config lists for every layer the layer whose experts it visits; every layer keeps a router of its own. Without the key
/// each visits its own. The key is Vitrine's: published checkpoints of this kind have none yet.
///
/// Source: Chen et al., *Mixture of Universal Experts*, 2026, for the idea of one pool for many layers.
public final class ExpertPools {

    private ExpertPools() {}

    /// The layer whose experts each layer visits.
    public static int[] read(Config c, int layers) {
        int[] pools = new int[layers];
        if (!c.has("expert_pools")) {
            java.util.Arrays.setAll(pools, l -> l);
            return pools;
        }
        int[] listed = c.wholes("expert_pools");
        if (listed.length != layers) {
            throw c.invalid("expert_pools", "it has %d entries for %d layers", listed.length, layers);
        }
        for (int pool : listed) {
            if (pool >= layers) {
                throw c.invalid("expert_pools", "it names layer %d of %d", pool, layers);
            }
        }
        return listed;
    }
}
