package vitrine.core.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import vitrine.core.refusal.Refusal;

/// A config and a tokenizer that a checkpoint's own file holds, told in the words of the small files that other formats have beside their weights.
public interface Embedded {

    /// What `config.json` would say.
    ///
    /// @throws Refusal `config-missing`, `config-invalid` or `family-unsupported` where the file does not tell enough
    ObjectNode config();

    /// Whether there is a tokenizer.
    boolean hasTokenizer();

    /// How many tokens the tokenizer has; quick, unlike [#tokenizer].
    ///
    /// @throws Refusal `tokenizer-invalid` where it is of a kind that is not known
    int tokenCount();

    /// What `tokenizer.json` would hold.
    ///
    /// @throws Refusal `tokenizer-invalid` where it cannot be told
    byte[] tokenizer();
}
