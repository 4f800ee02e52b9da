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

# What Vitrine trains by itself, by the name of its texts: which kinds it sees, and how many numbers of the library of each kind. The kinds have
# about as many tokens each.
VITRINE_MADE = {"kinds": ["tale", "song", "recipe", "account"], "letters": ["letter"]}
TRAINED_ON = {"tale": 1_600, "song": 2_100, "recipe": 2_000, "account": 3_800, "letter": 1_500}
HELD_OUT = {"tale": 24, "song": 30, "recipe": 30, "account": 54, "letter": 60}
