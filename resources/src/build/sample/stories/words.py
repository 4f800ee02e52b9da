"""The words that stories are made of. All lists are lists of our own."""


def _w(text):
    return text.split()


GIRLS = _w("""Ada Bela Clara Dora Edda Elsie Fern Greta Hana Ida Ines Ivy Juno Kaya Lena Lila Lotte Mabel Maya Mina Nell Nina Nora Olga
    Petra Rosa Ruby Sana Selma Tess Thea Una Vera Wanda Willa Yara Zoe Amara Celia Delia Esme Flora Hester Iris Marta Odile Priya Salma""")
BOYS = _w("""Abel Anton Arlo Basil Ben Bruno Caleb Cato Colin Dario Emil Ezra Felix Finn Gus Hugo Ivan Jasper Jonas Kai Karim Leo Linus
    Luca Magnus Mateo Milo Nico Noah Oren Oscar Otto Pavel Piet Rafi Remy Rolf Sami Silas Stefan Tariq Theo Tobias Umar Viktor Yusuf Zeno Aldo""")
PETS = _w("Bramble Clover Pepper Pip Hazel Nutmeg Biscuit Thistle Tansy Bracken Smoke Patch Moss Acorn Barley Mallow")

FOLK = ["baker", "miller", "farmer", "fisher", "smith", "weaver", "tailor", "shepherd", "clockmaker", "gardener", "teacher", "carpenter", "potter",
        "captain", "beekeeper", "painter", "cook", "doctor", "sailor", "gatekeeper", "pedlar", "piper", "cobbler", "innkeeper", "lamplighter",
        "mayor", "glassblower", "basket maker", "bell ringer", "candle maker", "toll keeper", "hatter"]
BEASTS = _w("""fox hare bear owl hen goose duck cat dog mouse goat cow donkey horse pony pig frog toad crow magpie sparrow robin wren swan heron
    otter badger hedgehog mole squirrel beaver deer wolf lamb rabbit snail turtle beetle cricket bat raven stork seal crab""")
BIRDS = _w("owl hen goose duck crow magpie sparrow robin wren swan heron raven stork")
YOUNG = {"duck": "duckling", "cat": "kitten", "dog": "puppy", "goat": "kid", "cow": "calf", "horse": "foal", "sheep": "lamb", "fox": "cub", "bear": "cub",
         "owl": "owlet", "hen": "chick", "goose": "gosling", "swan": "cygnet"}
FLOCKS = {"duck": "ducks", "goat": "goats", "hen": "hens", "goose": "geese", "cow": "cows", "rabbit": "rabbits", "frog": "frogs", "crow": "crows", "lamb": "lambs",
          "bee": "bees", "kitten": "kittens", "sparrow": "sparrows", "pony": "ponies", "mouse": "mice", "owl": "owls", "snail": "snails", "swan": "swans"}

SIZE = _w("big little tiny small tall long wide huge thin round")
COLOUR = _w("red blue green yellow white black brown grey golden silver purple orange pink")
MATTER = _w("wooden brass iron copper glass tin clay stone leather paper silk")
STATE = _w("old new bright shiny dusty cracked smooth heavy plain pretty fine rusty crooked clean strange")
MOOD = _w("""happy glad cross proud shy brave tired hungry lonely curious worried calm cheerful kind clever careful patient quiet gentle stubborn
    sleepy bold merry honest polite grumpy""")
GOOD = _w("brave calm cheerful kind clever careful patient quiet gentle bold merry honest polite curious")

# noun: the adjectives' kinds that suit it
THINGS = {"key": "ms", "lamp": "mcs", "bell": "ms", "box": "mcz", "coin": "ms", "ring": "ms", "book": "csz", "map": "sz", "rope": "sz", "basket": "csz",
          "kite": "c", "drum": "cz", "flute": "ms", "spoon": "ms", "cup": "mc", "bowl": "mc", "jug": "mc", "pot": "mz", "hat": "cs", "coat": "cs", "scarf": "cz",
          "glove": "c", "button": "mc", "needle": "ms", "ribbon": "cz", "comb": "ms", "mirror": "sz", "clock": "ms", "candle": "cz", "lantern": "ms", "ball": "cz",
          "doll": "ms", "whistle": "ms", "feather": "cz", "shell": "cz", "pebble": "cz", "marble": "c", "bag": "cs", "sack": "sz", "broom": "s", "bucket": "mc",
          "shovel": "s", "hammer": "sz", "ladder": "sz", "wheel": "mz", "chair": "cs", "blanket": "cs", "pillow": "cs", "umbrella": "cs", "purse": "cs", "brush": "sz",
          "pencil": "c", "compass": "ms", "fiddle": "s", "harp": "s", "trumpet": "ms", "sled": "cs", "teapot": "mc", "jar": "sz", "plate": "mc", "barrel": "sz",
          "boat": "cz", "wagon": "cs", "saddle": "s", "bottle": "cz", "tray": "mc", "thimble": "ms", "horn": "ms", "letter": "s", "parcel": "z"}
_KINDS = {"m": MATTER, "c": COLOUR, "s": STATE, "z": SIZE}
SMALL_THINGS = _w("""key bell coin ring book map spoon cup button needle ribbon comb candle ball doll whistle feather shell pebble marble brush pencil
    compass thimble flute glove purse letter""")
CARRIED = _w("""lamp rope basket kite drum bowl jug pot hat coat scarf clock lantern bag broom bucket shovel hammer blanket pillow umbrella fiddle teapot
    jar plate bottle tray horn trumpet mirror""")
HOLDERS = _w("box bag basket jar pot drawer chest cupboard sack barrel jug bucket")
PLAYED = _w("flute drum fiddle harp trumpet whistle horn bell")
GARMENTS = _w("hat coat scarf cap apron cloak shawl cape")


def adjectives_of(noun):
    return [a for kind in THINGS[noun] for a in _KINDS[kind]]


# food: (phrase with "some", is it plural)
FOODS = {"bread": False, "soup": False, "cheese": False, "honey": False, "milk": False, "butter": False, "jam": False, "porridge": False, "cake": False,
         "plums": True, "apples": True, "pears": True, "berries": True, "nuts": True, "carrots": True, "onions": True, "beans": True, "peas": True,
         "turnips": True, "potatoes": True, "eggs": True, "figs": True, "cherries": True, "mushrooms": True, "rice": False, "tea": False, "salt": False,
         "flour": False, "oats": True, "corn": False}
DISHES = _w("soup bread cheese cake porridge pie tea milk rice jam stew pudding")
POTTABLE = _w("carrots onions beans peas turnips potatoes mushrooms salt corn rice butter")

# place: (at, to)
PLACES = {"mill": "at", "bridge": "by", "river": "by", "market": "at", "harbour": "at", "orchard": "in", "meadow": "in", "forest": "in", "hill": "on", "tower": "in",
          "well": "by", "barn": "in", "stable": "in", "school": "at", "bakery": "at", "inn": "at", "castle": "at", "garden": "in", "cave": "in", "pond": "by",
          "lake": "by", "beach": "on", "lighthouse": "at", "forge": "at", "workshop": "in", "library": "in", "square": "in", "gate": "at", "crossroads": "at",
          "field": "in", "farm": "on", "ferry": "at", "oak tree": "under", "wall": "by", "stone steps": "by", "old road": "on", "windmill": "at", "hedge": "by"}
LANDMARKS = ["mill", "bridge", "well", "barn", "tower", "inn", "forge", "pond", "gate", "oak tree", "wall", "windmill", "hedge", "school", "orchard", "stable",
             "chapel", "white house", "red house", "stone steps", "lamp post", "fountain", "old boat", "apple tree"]
NOOKS = ["under the bed", "behind the door", "in the cupboard", "under the table", "behind the stove", "in the barrel", "on the shelf", "under the stairs",
         "behind the curtain", "in the wood box", "under the blanket", "behind the clock", "in the big pot", "on top of the wardrobe", "in the laundry basket",
         "behind the woodpile", "under the bench", "in the hay"]
ROOMS = _w("kitchen attic cellar hall workshop pantry parlour stable barn loft")
TREES = _w("oak ash birch apple pear willow elm maple pine cherry")

SEASON = _w("spring summer autumn winter")
DAYPART = _w("morning afternoon evening night")
DAYS = _w("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
WEATHER = _w("sunny windy rainy foggy cold warm snowy stormy misty still bright frosty")
NUMBERS = _w("one two three four five six seven eight nine ten eleven twelve")
ORDINALS = _w("first second third fourth fifth")
SYLLABLES = _w("la lo li fa fi fol de rol dee da di do hey ho hum ding dong tum tra na nonny fiddle riddle tumble derry down dilly")
# Short words for passwords, spells and signals: they make no sense together, and that is the point.
SECRET = _w("""willow lamp river seven copper moon thistle harbour salt button feather nine garden candle stone cherry fog bell barley ladder winter frog
    silver kettle ribbon owl plum hammer star basket linen orange gate cricket snow honey needle cloud anchor fern drum pepper bridge mirror goose
    violet spoon acorn amber chalk ember flint lilac marble oak pearl quill rain saddle tin velvet wool""")

LISTS = {"size": SIZE, "colour": COLOUR, "matter": MATTER, "state": STATE, "mood": MOOD, "good": GOOD, "season": SEASON, "daypart": DAYPART, "day": DAYS,
         "weather": WEATHER, "tree": TREES, "room": ROOMS, "beast": BEASTS, "bird": BIRDS, "folk": FOLK, "landmark": LANDMARKS, "garment": GARMENTS,
         "food": sorted(FOODS), "dish": DISHES}
