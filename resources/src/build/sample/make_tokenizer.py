"""Trains the tokenizer on the training texts: `python make_tokenizer.py FOLDER`."""

import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import settings
from stories import library


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    # Byte 0 to 255 come first, so that any text can be written; then merges.
    trainer = trainers.BpeTrainer(vocab_size=settings.VOCABULARY, special_tokens=[settings.BEGIN], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    texts = library.write(settings.SEED, settings.TRAINING)
    t.train_from_iterator((text for text, _ in texts), trainer)
    begin = t.token_to_id(settings.BEGIN)
    # Every text begins with the begin token, whoever calls the tokenizer: it is where idle heads rest their weight.
    t.post_processor = processors.TemplateProcessing(single=settings.BEGIN + " $A", pair=f"{settings.BEGIN} $A {settings.BEGIN} $B", special_tokens=[(settings.BEGIN, begin)])
    t.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": settings.BEGIN, "eos_token": settings.BEGIN, "add_bos_token": True, "add_eos_token": False,
        "clean_up_tokenization_spaces": False, "model_max_length": settings.CONTEXT, "model_input_names": ["input_ids", "attention_mask"]}, indent=2) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
