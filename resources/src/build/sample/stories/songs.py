"""Songs: verses and refrains that come back."""

from . import words
from .tales import listing

# Line ends that rhyme, as whole second halves of a couplet.
_RHYMES = [
    ["all on a summer's day", "and sing the night away", "with nothing more to pay", "and here we mean to stay", "along the winding way", "among the new-mown hay"],
    ["all in the pale moonlight", "until the morning light", "and hold the lantern tight", "and bid the world good night", "with all our main and might", "and keep the fire bright"],
    ["beside the silver sea", "come home and sing with me", "beneath the linden tree", "as merry as can be", "and one and two and three", "with bread and milk for tea"],
    ["and let the river flow", "where all the tall reeds grow", "through rain and wind and snow", "as on and on we go", "a hundred years ago", "with faces all aglow"],
    ["and round and round the town", "with leaves of red and brown", "and never wear a frown", "and up the hill and down"],
    ["as high as any hill", "the evening soft and still", "behind the water mill", "and all the birds sing still", "beside the window sill"],
    ["and ring the silver bell", "the tale I have to tell", "down by the wishing well", "we know the road so well", "all in a cockle shell"],
    ["we have so far to roam", "across the salty foam", "the lamp will light us home", "with neither brush nor comb"],
]


def _couplet(t, start, second):
    family = t.dice.pick(_RHYMES)
    a, b = t.dice.sample(family, 2)
    return [f"{start}, {a},", f"{second}, {b}."]


def _cap(text):
    return text[:1].upper() + text[1:]


def _nonsense(t, n=None):
    n = n or t.dice.between(3, 6)
    return " ".join(t.dice.pick(words.SYLLABLES) for _ in range(n))


def verse_and_refrain(t):
    hero = t.child()
    refrain = [_cap(_nonsense(t)) + ", " + _nonsense(t, t.dice.between(2, 4)) + ",", _cap(t.phrase("[sing, <bird>, sing|turn, mill wheel, turn|blow, wind, blow|dance, <beast>, dance|shine, <colour> moon, shine|ring, old bell, ring]")) + "!"]
    for _ in range(t.dice.between(2, 3)):
        t.paragraphs += _couplet(t, _cap(t.phrase(t.dice.pick([f"{hero} went to {{p}}", f"{hero} had a <colour> <beast>", f"{hero} found a <colour> coin", f"{hero} sat by {{p}}", f"{hero} built a <colour> boat"]), p=t.place())),
                                 t.phrase("[the <beast> sat by the fire|the <folk> came to the door|the <colour> <bird> flew over|we danced with the <folk>|the <beast> slept in the barn]"))
        t.paragraphs[-1] = _cap(t.paragraphs[-1])
        t.paragraphs += refrain


def count_down(t):
    kind = t.dice.pick(sorted(words.FLOCKS))
    flock = words.FLOCKS[kind]
    n = t.dice.between(4, 7)
    where = t.phrase("[on the garden wall|by the garden gate|in the meadow grass|on the old mill wheel|under the apple tree|at the water's edge|on the kitchen floor]")
    went = t.phrase("[went to sleep in the hay|went to look for the moon|went home with the <folk>|said good night and was gone|fell in love with a <beast>|ran away with a <colour> hat]")
    for i in range(n, 0, -1):
        one = i == 1
        t.paragraphs += [f"{_cap(words.NUMBERS[i - 1])} little {kind if one else flock} {where},", f"one {went},".capitalize(),
                         ("and then there were none." if one else f"and then there {'was' if i == 2 else 'were'} {words.NUMBERS[i - 2]}.").capitalize()]


def cumulative(t):
    start = t.phrase("[In my pocket there is|On my cart there is|In my boat there is|On my table there is|In my bag there is]")
    things = [t.thing(words.SMALL_THINGS if "pocket" in start or "bag" in start else None).a for _ in range(t.dice.between(4, 5))]
    for i in range(len(things)):
        t.paragraphs.append(f"{start} {listing(list(reversed(things[:i + 1])))},")
        t.paragraphs.append("and we all go down the road." if i < len(things) - 1 else "and that is all I own.")
        t.paragraphs[-1] = _cap(t.paragraphs[-1])


def lullaby(t):
    c = t.child()
    thing = t.phrase("[sleep|hush|rest]")
    refrain = f"{_cap(thing)}, {c}, {thing}."
    lines = t.dice.sample(["The <beast> is in the barn,", "The <colour> moon is up,", "The wind is in the <tree> tree,", "The boats are on the shore,", "The fire is burning low,", "The <bird> is in the nest,",
                           "The rain is on the roof,", "The mill wheel is still,", "The stars are on the hill,", "The <folk> has shut the door,"], t.dice.between(4, 6))
    for i, line in enumerate(lines):
        t.paragraphs.append(t.say(line))
        if i % 2 == 1 or t.dice.chance(0.3):
            t.paragraphs.append(refrain)
    if t.paragraphs[-1] != refrain:
        t.paragraphs.append(refrain)


def who_will(t):
    jobs = t.dice.sample(["carry the water", "gather the wood", "grind the corn", "bake the bread", "milk the cow", "sweep the floor", "feed the hens", "light the lamp", "mend the net", "ring the bell", "shut the gate", "pick the plums",
                          "row the boat", "wash the pots", "wind the clock", "call the cows"], t.dice.between(4, 6))
    ending = t.phrase("[early in the morning|all the summer long|when the day is done|when the sun is low]")
    for job in jobs:
        t.put(b=t.anyone())
        t.paragraphs += [f"Who will {job}?", t.say(f"\"I will {job},\" said {{b}},"), f"{_cap(ending)}."]


def week(t):
    c = t.child()
    days = words.DAYS[:t.dice.between(4, 7)]
    tail = t.phrase("[and so the week goes on|and that is what {c.he} did|and home again by night|and nobody knew why]", c=c)
    for d in days:
        t.paragraphs += [t.say(f"On {d} {c} " + "[met|fed|found|sang to|danced with|followed] a <colour> <beast>,"), _cap(tail) + "."]


def farewell(t):
    ends = t.dice.sample(["mill", "bridge", "garden gate", "river", "apple tree", "kitchen stove", "windy hill", "market square", "silver lake", "harbour wall", "little house", "meadow"], t.dice.between(4, 5))
    word = t.dice.pick(["Goodbye", "Farewell", "Good night", "Hello", "Good morning"])
    verse = t.phrase("[we are going over the hill|the boat is waiting for us|the sun is going down|the road is calling us]" if word in ("Goodbye", "Farewell", "Good night") else "[we are coming home again|the long night is over now|the sun is on the hill|we have so much to tell]")
    for e in ends:
        t.paragraphs += [f"{word}, old {e}, {word.lower()},", _cap(verse) + "."]


def inside(t):
    start = t.dice.pick([["hill", "tree", "branch", "nest", "egg", "bird", "feather"], ["town", "street", "house", "room", "table", "box", "ring"], ["sea", "ship", "cabin", "chest", "bag", "book", "picture"],
                         ["forest", "path", "hut", "kitchen", "shelf", "pot", "spoon"], ["valley", "farm", "barn", "cart", "basket", "hat", "mouse"]])
    start = start[:t.dice.between(5, 7)]
    adj = [t.dice.pick(words.SIZE + words.COLOUR) for _ in start]
    noun = [f"{a} {n}" for a, n in zip(adj, start)]
    t.paragraphs.append(t.say(f"There was a {noun[0]}."))
    for i in range(1, len(noun)):
        where = "On" if start[i - 1] in ("hill", "sea", "table", "shelf", "branch", "bird") else "By" if start[i - 1] == "path" else "In"
        t.paragraphs.append(t.say(f"{where} the {noun[i - 1]} was a {noun[i]},"))
        if i > 1:
            t.paragraphs.append(_cap(", ".join(f"the {n}" for n in reversed(noun[:i]))) + ".")


def if_i_had(t):
    verbs = t.dice.sample([("a boat", "sail to the island"), ("a horse", "ride to the sea"), ("a bell", "ring it at noon"), ("a lamp", "light up the lane"), ("a drum", "play in the square"), ("a ladder", "climb to the moon"), ("a garden", "grow plums for you"),
                           ("a mill", "grind corn all day"), ("a coat", "give it to you"), ("a kite", "fly over the hill"), ("a pie", "share it with you"), ("a broom", "sweep clouds away")], t.dice.between(3, 5))
    tail = _cap(_nonsense(t)) + "."
    for what, do in verbs:
        t.paragraphs += [t.say(f"If I had {what}, a <colour> {what[2:]},"), f"I would {do}, I would {do},", tail]


def colours_song(t):
    nouns = ["rose", "hat", "leaf", "sea", "sky", "door", "hen", "plum", "moon", "boat", "coat", "snow", "night", "grass", "kite", "barn"]
    pairs = list(zip(t.dice.sample(words.COLOUR, 4), t.dice.sample(nouns, 4)))
    for c, n in pairs:
        t.paragraphs.append(f"{_cap(c)} is the {n}, {c}, {c}, {c},")
        t.paragraphs.append(f"And {c} is the ribbon that I will wear.")
    t.paragraphs.append(_cap(", ".join(f"{c} is the {n}" for c, n in pairs)) + ".")


def where_going(t):
    a, b = t.beast(), t.beast()
    t.put(a=a, b=b)
    stops = t.dice.sample(["over the hill", "down to the mill", "into the town", "up the stone stairs", "under the bridge", "back to my house", "round the green lake"], t.dice.between(3, 4))
    why = t.dice.sample(["to buy a new hat", "to sell my old drum", "to look at the moon", "to dance with the hens", "to ask for some bread", "to find a lost shoe", "to sing with the frogs"], len(stops))
    for s, w in zip(stops, why):
        t.paragraphs += [t.say('"Where are you going?" said {a} to {b}.'), f'"{_cap(s)}," said the {b.kind}, "{s}."', t.say('"And why are you going?" said {a} to {b}.'), f'"{_cap(w)}," said the {b.kind}, "{w}."']


def work_song(t):
    verb = t.dice.pick(["Pull", "Row", "Turn", "Stamp", "Swing", "Lift", "Roll", "Push"])
    what = t.phrase("[the rope|the wheel|the oars|the hammer|the stone|the barrel]")
    count = ", ".join(words.NUMBERS[:t.dice.between(3, 4)])
    for _ in range(t.dice.between(3, 4)):
        d, e = t.dice.sample(words.DISHES, 2)
        t.paragraphs += [f"{verb} {what}, {verb.lower()} {what}, {count},", t.say("[For the <folk> and the <folk>|For the <beast> and the <bird>|For the {d} and the {e}],", d=d, e=e), f"{verb} {what}, {verb.lower()} {what}, {count}."]


def nonsense(t):
    """A row of words that comes back: nothing but memory helps here."""
    row = " ".join(t.dice.sample(words.SECRET, t.dice.between(4, 8)))
    c = t.child()
    t.paragraphs.append(t.say(f"{c} " + t.dice.pick(["learned a rhyme that made no sense:", "knew a song that had no meaning:", "skipped over the rope and sang:", "bounced the ball against the wall and sang:"])))
    for i in range(t.dice.pick([2, 4])):
        t.paragraphs.append(_cap(row) + ("." if i % 2 else ","))


def round_song(t):
    lines = [t.say(x) for x in t.dice.sample(["[Wake|Rise] up, <folk>, the <bird> is singing,", "Down by the <landmark> the <beast> is dancing,", "Who has seen the <colour> <beast>,", "Bring the <dish> and shut the door,", "Over the <landmark> the moon is rising,",
                                             "Hear the <matter> bell is ringing,"], 3)]
    end = _cap(_nonsense(t, 4)) + "."
    for _ in range(t.dice.between(2, 3)):
        t.paragraphs += lines + [end]


SONGS = [verse_and_refrain, count_down, cumulative, lullaby, who_will, week, farewell, inside, if_i_had, colours_song, where_going, work_song, nonsense, round_song]
