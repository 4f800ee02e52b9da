package vitrine.core.dataset;

/// One example of a dataset.
///
/// @param line the line of the file that it begins on, from 1
/// @param label the domain that the line names, or null
public record Example(int line, String label, Content content) {

    /// What an example holds.
    public sealed interface Content {

        /// A text, all of which counts.
        record Text(String text) implements Content {}

        /// A prompt that is only read, and a completion that counts.
        record Completion(String prompt, String completion) implements Content {}

        /// A conversation, which the checkpoint's chat template writes as a text; the assistant's turns count.
        ///
        /// @param messages each with a `role`
        /// @param tools what the assistant may call, or null
        record Conversation(java.util.List<java.util.Map<String, Object>> messages, Object tools) implements Content {}

        /// A sequence already tokenised, taken as it is.
        ///
        /// @param labels a target per token, -100 where it does not count; null where all count
        record Ids(int[] ids, int[] labels) implements Content {}
    }
}
