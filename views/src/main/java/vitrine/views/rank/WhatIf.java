package vitrine.views.rank;

import java.util.Collection;

/// A threshold for all spectra alike, and what it would leave of them.
///
/// @param rule what the threshold is a share of
/// @param share from 0 to 1
record WhatIf(Rule rule, double share) {

    enum Rule {
        ENERGY("Energy"), RANK("Rank");

        private final String label;

        Rule(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /// What of a model a rank makes smaller.
    enum Saves {
        /// A matrix becomes two factors, k·(m+n) numbers instead of m·n.
        PARAMETERS,
        /// Each token keeps k numbers instead of the width.
        CACHE,
        /// Nothing that is stored: the rank only says how many directions are in use.
        NOTHING
    }

    /// All spectra together.
    ///
    /// @param factored how many become smaller; the others would not and stay whole
    /// @param whole how many stay whole
    /// @param before numbers before, `after` likewise
    /// @param error relative Frobenius error of all of them as one
    record Sum(int factored, int whole, long before, long after, double error) {
        /// How many times smaller.
        double ratio() {
            return after > 0 ? (double) before / after : Double.NaN;
        }
    }

    /// The rank that a spectrum keeps.
    int rank(Truncation t) {
        return rule == Rule.ENERGY ? t.rankFor(share) : (int) Math.round(share * t.size());
    }

    /// All spectra under this threshold. A matrix whose factors would be no smaller than itself is kept whole, without an error.
    Sum sum(Collection<Truncation> all, Saves saves) {
        int factored = 0;
        long before = 0;
        long after = 0;
        double lost = 0;
        double total = 0;
        for (Truncation t : all) {
            int k = rank(t);
            boolean parameters = saves == Saves.PARAMETERS;
            long is = parameters ? t.parameters() : t.size();
            long becomes = parameters ? t.factored(k) : k;
            before += is;
            total += t.total();
            if (becomes < is) {
                factored++;
                after += becomes;
                lost += t.tail(k);
            } else {
                after += is;
            }
        }
        return new Sum(factored, all.size() - factored, before, after, total > 0 ? Math.sqrt(lost / total) : 0);
    }
}
