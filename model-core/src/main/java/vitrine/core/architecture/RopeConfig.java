package vitrine.core.architecture;

import vitrine.core.architecture.Rope.Scaling;

/// Reads rotary positions from a config in either of its styles: `rope_theta` with `rope_scaling`, or `rope_parameters`.
public final class RopeConfig {

    private final Config config;
    private final int headDim;
    private double defaultTheta = 10_000;
    private double defaultPartial = 1.0;
    private boolean mayBePartial;
    private boolean interleaved;
    private boolean ownMagnitudes;
    private int defaultOriginal;

    private RopeConfig(Config config, int headDim) {
        this.config = config;
        this.headDim = headDim;
    }

    public static RopeConfig of(Config config, int headDim) {
        return new RopeConfig(config, headDim);
    }

    public RopeConfig defaultTheta(double theta) {
        this.defaultTheta = theta;
        return this;
    }

    /// The family may rotate a part of each head: this share where the config does not say.
    public RopeConfig partial(double share) {
        this.defaultPartial = share;
        this.mayBePartial = true;
        return this;
    }

    public RopeConfig interleaved() {
        this.interleaved = true;
        return this;
    }

    /// The family knows the length of pre-training by this value where its config does not say; a length among the rope's own parameters is not read.
    public RopeConfig defaultOriginal(int positions) {
        this.defaultOriginal = positions;
        return this;
    }

    /// A longrope names what cosines and sines are multiplied with, for texts up to the length of pre-training and for longer ones. The rope that is read is that of the former.
    public RopeConfig ownMagnitudes() {
        this.ownMagnitudes = true;
        return this;
    }

    /// The rope that all layers share.
    public Rope read() {
        return read("rope_theta", "partial_rotary_factor");
    }

    /// The rope that all layers share, for families with names of their own for base and share.
    public Rope read(String thetaKey, String partialKey) {
        double theta = config.numberOr(thetaKey, defaultTheta);
        // A share of null is none that was left out: transformers 5.18 then turns the whole head.
        double partial = config.isNull(partialKey) ? 1 : config.numberOr(partialKey, defaultPartial);
        return rope(parameters(config), theta, partial);
    }

    /// The parameters that hold, or null where there are none: a `rope_scaling` that says anything takes the place of `rope_parameters` whole, base included, as transformers 5 has it.
    public static Config parameters(Config config) {
        Config older = config.objectOrNull("rope_scaling");
        if (older != null && !older.isEmpty()) {
            config.ignore("rope_parameters");
            return older;
        }
        Config newer = config.objectOrNull("rope_parameters");
        return newer != null ? newer : older;
    }

    /// The rope of one layer type, where `rope_parameters` holds one object per type.
    public Rope read(Config ofType, double theta) {
        return rope(ofType, theta, defaultPartial);
    }

    /// The plain rope of a base.
    public Rope plain(double theta) {
        return rope(null, theta, defaultPartial);
    }

    /// A rope from its parameters (null for the plain one) and what the config says beside them.
    public Rope rope(Config p, double outerTheta, double outerPartial) {
        double theta = p == null ? outerTheta : p.numberOr("rope_theta", outerTheta);
        double partial = p == null ? outerPartial : p.numberOr("partial_rotary_factor", outerPartial);
        if (partial != 1.0 && !mayBePartial) {
            throw config.unsupported("partial_rotary_factor", "rotation of a part of each head, " + partial + ",");
        }
        int rotated = (int) (headDim * partial);
        if (rotated < 2 || rotated % 2 != 0 || rotated > headDim) {
            throw config.invalid("partial_rotary_factor", "of a head of %d values it turns %d; an even number up to %d can turn", headDim, rotated, headDim);
        }
        if (!(theta > 0)) {
            throw config.invalid("rope_theta", "is %s; it must be positive", theta);
        }
        return new Rope(theta, rotated, interleaved, p == null ? new Scaling.None() : scaling(p, rotated / 2));
    }

    private Scaling scaling(Config p, int pairs) {
        p.ignore("finetuned");
        String type = p.textOr("rope_type", p.textOr("type", "default"));
        return switch (type) {
            case "default" -> new Scaling.None();
            case "linear" -> new Scaling.Linear(positive(p, "factor"));
            case "dynamic" -> {
                p.ignore("original_max_position_embeddings");
                if (pairs < 2) {
                    throw p.unsupported("rope_type", "a dynamic rope of one pair, whose base has no definition,");
                }
                yield new Scaling.Dynamic(positive(p, "factor"), config.positive("max_position_embeddings"));
            }
            case "llama3" -> new Scaling.Llama3(positive(p, "factor"), positive(p, "low_freq_factor"), positive(p, "high_freq_factor"),
                    originalPositions(p));
            case "yarn" -> yarn(p);
            case "longrope", "su" -> longRope(p, pairs);
            default -> throw p.unsupported("rope_type", "rope type " + type);
        };
    }

    private static double positive(Config p, String key) {
        double v = p.number(key);
        if (!(v > 0)) {
            throw p.invalid(key, "is %s; it must be positive", v);
        }
        return v;
    }

    private int originalPositions(Config p) {
        String key = "original_max_position_embeddings";
        p.ignore(key);
        if (defaultOriginal > 0) {
            return config.positiveOr(key, defaultOriginal);
        }
        // The key beside the rope's own parameters wins over the one among them.
        return config.has(key) ? config.positive(key) : p.has(key) ? p.positive(key) : config.positive("max_position_embeddings");
    }

    private Scaling yarn(Config p) {
        int original = originalPositions(p);
        double factor = p.has("factor") ? positive(p, "factor") : (double) config.positive("max_position_embeddings") / original;
        double mscale = p.numberOr("mscale", 0);
        double mscaleAll = p.numberOr("mscale_all_dim", 0);
        double attention = p.has("attention_factor") ? p.number("attention_factor")
                : mscale != 0 && mscaleAll != 0 ? magnitude(factor, mscale) / magnitude(factor, mscaleAll) : magnitude(factor, 1);
        double fast = p.numberOr("beta_fast", 0);
        double slow = p.numberOr("beta_slow", 0);
        return new Scaling.Yarn(factor, original, fast == 0 ? 32 : fast, slow == 0 ? 1 : slow, attention, p.flagOr("truncate", true));
    }

    private static double magnitude(double scale, double mscale) {
        return scale <= 1 ? 1 : 0.1 * mscale * Math.log(scale) + 1;
    }

    private Scaling longRope(Config p, int pairs) {
        int original = originalPositions(p);
        double factor = p.has("factor") ? positive(p, "factor") : (double) config.positive("max_position_embeddings") / original;
        double attention = p.has("attention_factor") ? p.number("attention_factor")
                : factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
        if (ownMagnitudes) {
            attention = p.number("short_mscale");
            p.number("long_mscale");
        } else if (p.has("short_mscale") || p.has("long_mscale")) {
            throw p.unsupported("short_mscale", "a separate magnitude for short and long contexts");
        }
        return new Scaling.LongRope(p.numbers("short_factor", pairs), p.numbers("long_factor", pairs), original, attention);
    }
}
