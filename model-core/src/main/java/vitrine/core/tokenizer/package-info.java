/// Text to token ids and back, by the `tokenizer.json` beside a checkpoint.
///
/// Start with [vitrine.core.tokenizer.Tokenizer]. The work is done by the Hugging Face tokenizers library, which is native
/// code: it belongs into worker processes.
package vitrine.core.tokenizer;
