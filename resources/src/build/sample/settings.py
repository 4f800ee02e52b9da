"""The figures of the recipe, in one place."""

NAME = "little-stories"
SEED = 2607

# Which texts of the library go where. Numbers far apart share nothing but the word lists and templates.
TRAINING = range(0, 36_000)
VALIDATION = range(1_000_000, 1_000_400)
BUNDLED = range(2_000_000, 2_000_400)
# How many tales and how many songs of BUNDLED stand in the bundled stories.jsonl.
BUNDLED_EACH = 32

BEGIN = "<|endoftext|>"
VOCABULARY = 2048
CONTEXT = 512

MODEL = dict(hidden_size=128, intermediate_size=352, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=4, head_dim=32)
