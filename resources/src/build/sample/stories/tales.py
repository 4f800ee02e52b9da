"""Plots of tales. Each tells itself into a `Telling`; who and what is in it is drawn anew each time.

Many come back to what was said before, word for word: a question asked three times, a message carried, a letter read, a list
packed and unpacked. That is how tales are told, and it gives a model a reason to look back.
"""

from . import words
from .telling import Something, Telling, listing

_HOMES = [
    "[near|beside|behind|close to] the [mill|river|harbour|forest|orchard|old bridge|windmill|market|lake|castle]",
    "in a [village|town|valley] [by the sea|under the hill|by the river|full of <tree> trees|between two hills]",
    "at the edge of [the village|the forest|the town|a wide field]",
    "at the end of a [long road|quiet lane|narrow street]",
    "under a [great|tall|crooked] <tree> tree",
]


def aside(t):
    """A sentence about the world, for the middle of things."""
    return t.dice.pick([
        "The [wind|rain] came from the [sea|hills|north|west] [that day|that week].", "[Above|Over] the roofs [hung|stood] a [pale|thin|yellow|round] moon.", "The [river|lake|pond] was [as smooth as glass|grey|full of leaves|very quiet].",
        "[Somewhere|Far away] a [bell|dog|cock|cuckoo|flute] could be heard.", "The leaves were [red|yellow|brown] and fell [slowly|one by one].", "There was a smell of [bread|smoke|rain|cut grass|snow|apples] in the air.",
        "A [<colour>|small] [butterfly|bird|cat|leaf] went by and [was gone|did not stop].", "It was the [shortest|longest|coldest|warmest] day of the year.",
        "[High up|In the grass|In the reeds] [the swallows|the crickets|the larks|the frogs] were [singing|loud|busy].", "The road was [white with dust|wet|empty|full of carts].",
    ])


def opening(t):
    """Says who `{a}` is and where the story begins."""
    first = t.dice.pick([
        "[Once there was|There once was|Once upon a time there was] {a.intro} who lived {home}.",
        "[Long ago|Many years ago|A long time ago], {home}, there lived {a.intro}.",
        "{home} lived {a.intro}.",
        "This is the story of {a.intro} who lived {home}.",
        "{a.intro} lived {home}.",
    ])
    second = t.dice.pick([
        "", "", "",
        "Everybody [there|in that place] knew {a}.",
        "[Most people thought that|Everybody said that] {a} was [too|very] [proud|shy|curious|careful|quiet|stubborn|merry|polite|bold|gentle].",
        "[Each|Every] <daypart> {a} [went for a walk|looked at the sky|sat by the window|swept the floor|listened to the wind].",
        "{a} had [one good friend|two good friends|no brothers and no sisters|many friends].",
    ])
    t.tell(first, second, aside(t) if t.dice.chance(0.2) else "", home=t.phrase(t.dice.pick(_HOMES)))


def ending(t):
    """Closes the story around `{a}`."""
    if t.dice.chance(0.25):
        return
    t.tell(t.dice.pick([
        "And that was the end of [it|that|the matter].",
        "That [night|evening] {a} [slept well|slept without a dream|was too glad to sleep|thought about the day and smiled].",
        "From that day on, {a} was never [lonely|afraid|bored|late|so <mood>] again.",
        "And [to this day|even now], [people|the children] {home} [tell this story|talk about it|remember {a}].",
        "{a} went home [slowly|happily|singing|before dark], and [the moon came up|the stars came out|a light rain began|the wind lay down].",
        "And if [nobody has moved away|they have not gone away|the roof has not fallen in], they [live there|are there|are happy there] still.",
        "\"What a [day|<weather> day|long day|good day],\" said {a}, and [closed the door|put out the light|went to bed|sat down by the fire].",
    ]), home=t.phrase("[there|in that place|in the village|by the river|on the hill]"))


def meal(t):
    return t.phrase("[a bowl of soup|a piece of cake|a cup of tea|bread and cheese|a warm pie|bread and jam|a plate of pancakes|a slice of pie|a bowl of porridge]")


# ---- Something is lost, asked for, found.

def lost_thing(t):
    t.put(a=t.hero(), x=t.thing(), p=t.place())
    opening(t)
    helpers = [t.anyone() for _ in range(t.dice.between(2, 3))]
    t.tell("[One <weather> <daypart>|One day in <season>|On <day>], {a} could not find {a.his} {x}.",
           "{a} looked [everywhere|high and low|all over the house], but the {x.n} was [gone|nowhere|not there].")
    ask = t.dice.pick(['"Have you seen my {x}?"', '"Do you know where my {x} is?"', '"Did you find my {x}?"'])
    no = t.dice.pick(['"No, I have not seen your {x}," said {b}. "^{go} {c}."', '"I am sorry, I do not know where your {x} is," said {b}. "^{go} {c}."',
                      '"No," said {b}, "I have not seen a {x.n} all day. ^{go} {c}."'])
    for i, b in enumerate(helpers):
        last = i == len(helpers) - 1
        t.tell("{a} [went to|ran to|walked to|asked] {b}." if i == 0 else "[So|Then] {a} [went to|ran to|walked to] {b}.",
               ask + (" asked {a}." if t.dice.chance(0.8) else ""),
               ('"Yes," said {b}. "[It is|I saw it|It lies|I think it is] {p.at}."' if last else no), b=b, c=None if last else helpers[i + 1],
               go=t.phrase("[ask|you must ask|go and ask|perhaps you should ask]"))
    t.tell("{a} [ran|hurried|went|walked] {p.to}, and there [lay|was] the {x}[, wet with rain|, covered with leaves|, clean and dry|, half under a stone|].")
    t.tell(t.dice.pick(["\"[Thank you|Oh, thank you]!\" said {a}, and {a.he} [gave|brought|made] {b} {meal}.", "{a} was [so|very] glad. {a.he} [kept|held] the {x.n} close all the way home.",
                        "{a} [put|tied] a string around the {x.n}, so that it could not be lost again."]), b=helpers[-1], meal=meal(t))
    ending(t)


def left_with(t):
    """Somebody keeps a thing for somebody, puts it away, and is asked for it."""
    t.put(a=t.child(), b=t.anyone(), x=t.thing(words.SMALL_THINGS), h=t.thing(words.HOLDERS, t.dice.pick(words.COLOUR + words.MATTER)), r=t.dice.pick(words.ROOMS))
    t.tell("[One <daypart>|On <day>|In <season>] {a} gave {x.a} to {b}.", '"Please keep the {x.n} for me," said {a}. "[I am going away|I must go to sea|I must visit my aunt] for {n} days."', n=t.dice.pick(words.NUMBERS[1:]))
    t.tell('"I will keep it [well|safe]," said {b}, and {b.he} put the {x} in the {h} in the {r}.')
    for _ in range(t.dice.between(1, 2)):
        t.tell(t.dice.pick(["The next day {c} came and asked for the {x}.", "Then {c} came to the door. \"Give me the {x},\" said {c}.", "After that came {c}, who offered {y.a} for the {x}."]),
               t.dice.pick(['"No," said {b}. "The {x.n} belongs to {a}."', '"I cannot give it to you," said {b}. "It belongs to {a}."', '"The {x} is not mine to give," said {b}.']), c=t.anyone(), y=t.thing(words.CARRIED))
    t.tell("[At last|After a long time|Many days later|When the days were over], {a} came [back|home].", '"Do you still have the {x}?" asked {a}.',
           '"[Of course|Yes, I do|Yes]," said {b}. {b.he} went to the {r}, opened the {h}, and gave the {x} to {a}.')
    if t.dice.chance(0.6):
        t.tell("\"You are a [true|good|kind] friend,\" said {a}. And {a} gave {b} {meal}.", meal=meal(t))
    ending(t)


def passed_along(t):
    """A thing goes from hand to hand, and back the same way."""
    who = [t.anyone() for _ in range(t.dice.between(3, 4))]
    t.put(a=who[0], x=t.thing(words.SMALL_THINGS), p=t.place())
    t.tell("{a} had {x.a}.", "[It was|^that was] the [best|prettiest|oldest|finest] {x.n} in the whole [town|village|valley].")
    for i in range(len(who) - 1):
        t.tell("{a} gave the {x} to {b}.", a=who[i], b=who[i + 1])
    t.tell("Then {a} [wanted|needed] the {x} again.")
    for i in range(len(who) - 1):
        last = i == len(who) - 2
        t.tell('"Where is the {x}?" {a} asked {b}.', ('"Here it is," said {b}.' if last else '"I gave it to {c}," said {b}.'), b=who[i + 1], c=None if last else who[i + 2])
    back = list(reversed(who))
    for i in range(len(back) - 1):
        t.tell("[So|And|Then] {b} gave the {x} to {c}.", b=back[i], c=back[i + 1])
    t.tell("[And there it was|So it came home again|Now it was back where it began]: {a} had {x.a}.")
    ending(t)


def lent_and_returned(t):
    t.put(a=t.anyone(), b=t.child(), x=t.thing(["ladder", "shovel", "hammer", "broom", "bucket", "rope", "wagon", "boat", "saddle", "pot", "needle", "lantern", "sled", "umbrella", "barrel"]),
          d=t.fresh(words.DAYS), n=t.dice.pick(words.NUMBERS[1:7]), f=t.food())
    opening(t)
    t.tell('"May I borrow your {x}?" {b} asked {a} [one <daypart>|one <weather> day|after breakfast].',
           '"[Yes|You may|Certainly]," said {a}, "but bring it back on {d}."', '"I promise to bring it back on {d}," said {b}.')
    t.tell("{n} days [went by|passed].", "{a} [thought about|missed] the {x}.", '"Will {b} bring it back?" {a} [wondered|asked]. "{b.he} promised to bring it back on {d}."')
    t.tell("On {d} there was a knock at the door. There stood {b} with the {x} [and|in one hand, and in the other] [a basket of|a bag of|some] {f}.",
           '"I said that I would bring it back on {d}," said {b}, "and [today is|it is] {d}. The {f} {f.is_} for you."')
    ending(t)


# ---- Words that are carried: messages, letters, passwords, spells.

def message(t):
    t.put(a=t.hero(), b=t.folk(), c=t.folk(), p=t.place())
    saying = t.phrase(t.dice.pick(["the [bridge|mill|road|gate|boat|well] is [broken|closed|open again|ready|clean]", "the [ship|king|doctor|bell|snow|train of wagons] [comes|will be here] [at noon|on <day>|at sunset|before dark]",
                                   "[bring|send] [two|three|four|five|six] [ropes|wheels|lamps|barrels|sacks] and a <size> [ladder|hammer|bell|pot]",
                                   "the [<colour> hen|<colour> cow|<colour> cat] [has come home|sleeps in the barn|is in the garden again]", "there is [soup|cake|pie|music|dancing] at [the inn|the mill|my house|the school] on <day>"]))
    t.put(m=saying)
    opening(t)
    t.tell('"[Run|Go|Hurry] to {c}," said {b}, "and say: {m}."', '"{m}," said {a}. "I will not forget."')
    for verb in t.dice.sample(["crossed the bridge", "climbed the hill", "went through the forest", "walked past the mill", "ran along the river", "came to the market", "waited for the ferry"], t.dice.between(2, 3)):
        t.tell("{a} " + verb + ". \"{m},\" said {a} [all the while|to {a.self}|again|softly].")
    if t.dice.chance(0.5):
        t.put(d=t.beast())
        t.tell('[On the way {a} met|There stood] {d}. "Where are you going?" asked {d}. "I must tell {c} this," said {a}: "{m}."')
    t.tell("At last {a} [stood before|found] {c}. \"What [have you to say|is the news|did {b} say]?\" asked {c}. \"{m},\" said {a}[, and that was all|].")
    t.tell('"{m}," said {c}. "[Good|That is good to know|Well, well|I am glad to hear it]. Thank you, {who}."', who=t.slots["a"].name or t.slots["a"].kind)
    ending(t)


def letter(t):
    t.put(a=t.child(), b=t.child(adult=t.dice.chance(0.5)), k=t.phrase("[cousin|friend|old friend]"), p=t.place(), f=t.food(), x=t.thing(words.CARRIED))
    body = [t.say(s) for s in t.dice.sample([
        "The [snow|rain|sun|wind] is [everywhere|very strong] [here|this week].", "We have a new [calf|foal|kitten|goat|boat|roof|stove].", "I have found {x.a} {p.at}.",
        "The {f} {f.is_} very good this year.", "There are [four|five|six|seven|eight] [swans|ducks|geese|boats] on the [lake|river].", "Come and see me [in <season>|on <day>|soon].",
        "I think of you every <daypart>.", "The [cat|dog|goat] has eaten my [hat|glove|scarf]."], t.dice.between(2, 4))]
    t.put(body=" ".join(body))
    t.tell("{a} [sat down at the table|took a clean sheet of paper|dipped the pen in the ink] and wrote a letter to {b}.", "[This is what|These are the words that] {a.he} wrote:")
    t.tell('"Dear {b}. {body} Your {k}, {a}."')
    t.tell(t.dice.pick(["{c} carried the letter over the hills.", "The letter went by boat and by wagon.", "It took {n} days for the letter to arrive."]), c=t.folk(), n=t.dice.pick(words.NUMBERS[1:]))
    t.tell("[At last|One <weather> <daypart>] {b} opened the letter and read it aloud:")
    t.tell('"Dear {b}. {body} Your {k}, {a}."')
    t.tell("{b} [read it twice|laughed|put the letter in a <colour> box|hung the letter on the wall] and [wrote back at once|packed a bag|smiled all day|looked for a pen].")


def password(t):
    secret = t.dice.sample(words.SECRET, t.dice.between(2, 5))
    t.put(a=t.hero(), b=t.anyone(), w=" ".join(secret), p=t.fresh(["gate", "tower", "castle", "cave", "barn", "tree house", "cellar", "lighthouse"]), guard=t.anyone())
    opening(t)
    t.tell("[Nobody could|No one might] go into the {p} without the secret words. {guard} stood at the door [day and night|and listened|with a <colour> lantern].",
           '{b} [whispered|said] to {a}: "The words are {w}. [Do not forget them|Remember them|Tell nobody]."', '"{w}," said {a}. "^{w}."')
    if t.dice.chance(0.6):
        wrong = " ".join(t.dice.sample(secret, len(secret)) if len(secret) > 3 else t.dice.sample([s for s in words.SECRET if s not in secret], len(secret)))
        t.put(c=t.anyone(), v=wrong)
        t.tell('First came {c}. "What are the words?" asked {guard}. "{v}," said {c}. "Those are not the words," said {guard}, and the door stayed [shut|closed].')
    t.tell('[Then {a} came|Next came {a}]. "What are the words?" asked {guard}. "{w}," said {a}. [The door opened|Slowly the door opened|At once the door opened].')
    t.tell("[Inside|In the {p}] [there were|{a} found] {things}.", things=listing([t.thing().a for _ in range(t.dice.between(2, 3))]))
    ending(t)


def spell(t):
    t.put(a=t.hero(), b=t.folk(), w=" ".join(t.dice.sample(words.SECRET, t.dice.between(3, 5))), x=t.thing(words.CARRIED))
    effect = t.dice.pick(["danced", "flew around the room", "sang", "began to shine", "turned <colour>", "grew as big as a house", "jumped on the table", "laughed"])
    t.put(e=t.phrase(effect))
    t.tell("{b} had {x.a} that [was not like others|could do a strange thing].", 'When {b} said "{w}", the {x.n} {e}.', "{a} [saw it|watched through the window|hid behind the door and listened] and wanted to try it.")
    t.tell('[That night|When {b} was asleep|The next day] {a} said to the {x.n}: "{v}." [Nothing happened|The {x.n} did not move].', v=" ".join(t.dice.sample(words.SECRET, 3)))
    t.tell('{a} [tried again|thought hard|closed {a.his} eyes]. "{w}," said {a}, and the {x.n} {e}.')
    t.tell('"{w}," said {a} [again|a second time], and [again|once more] the {x.n} {e}.', '{b} [woke up|came in] and laughed. "Now you know it too," said {b}. "^{w}."')
    ending(t)


def parrot(t):
    t.put(a=t.child(), b=t.beast(["crow", "raven", "magpie", "parrot", "starling"]), c=t.folk())
    t.slots["b"].name = t.fresh(words.PETS)
    opening(t)
    t.tell("{a} had a {b.kind} called {b}, and {b} could [speak|talk]. But {b} only said what others had said.")
    for line in t.dice.sample(["Good morning, <folk>", "Who has eaten the [jam|cake|honey|butter]", "It is going to [rain|snow] on <day>", "Close the [door|window|gate], it is cold", "[One, two, three, four|Two apples, three pears, one plum]",
                               "The <colour> [hat|coat|boat] is mine", "Where is my <colour> [hat|glove|ribbon]", "The soup is too [hot|salty|thin]"], t.dice.between(2, 4)):
        said = t.say(line)
        mark = "?" if said.split()[0] in ("Who", "Where") else "."
        t.tell(f'"{said}{mark if mark == "?" else ","}" said ' + t.dice.pick(["{a}", "{c}"]) + f'. "{said}{mark if mark == "?" else ","}" said {{b}}.')
    t.tell("[So it went all day|That was all that {b} could say], and [nobody minded|everybody laughed|{a} liked it that way].")
    ending(t)


def echo(t):
    t.put(a=t.child(), p=t.fresh(["cave", "well", "tower", "wall", "bridge", "cliff"]))
    opening(t)
    t.tell("[One <weather> day|On <day>] {a} stood by the {p} and called.")
    for line in t.dice.sample(["Hello", "Who are you", "My name is {a}", "I am not afraid", "Come out and play", "It is a <weather> day", "Good night", "I can hear you"], t.dice.between(3, 5)):
        line = t.say(line)
        mark = "?" if line == "Who are you" else "!"
        t.tell(f'"{line}{mark}" called {{a}}. "{line}{mark}" called the {{p}}.')
    t.tell('"[It only says what I say|It says everything twice]," said {a}, and [went home to tea|told everybody|laughed, and the {p} laughed too].')


# ---- Lists: errands, packing, soup, orders.

def errand(t):
    foods = [t.food() for _ in range(t.dice.between(3, 4))]
    t.put(a=t.child(), l=listing(foods), b=t.phrase("[mother|father|grandmother|grandfather|aunt|uncle]"))
    opening(t)
    t.tell('"[Go|Run] to the market," said {a.his} {b}, "and buy {l}."', '"{l}," said {a}. "I can remember that."')
    for _ in range(t.dice.between(1, 2)):
        t.tell("On the way {a} met {c}. \"{what}\" said {c}. \"[I cannot|Not now|Later],\" said {a}. \"I must buy {l}.\"", c=t.anyone(),
               what=t.dice.pick(["Come and play!", "Sit down with me!", "Come and see my garden!", "Help me with my boat!", "Come and hear my song!"]))
    t.tell('At the market {a} stood before {d}. "What do you want?" asked {d}. "{l}," said {a}.', d=t.folk())
    t.tell("{a} came home with {l}. \"[Well done|You have forgotten nothing|Good],\" said {a.his} {b}, and they made {meal}.", meal=t.phrase("[a pie|soup|a pudding|pancakes|a stew|a cake]"))
    ending(t)


def packing(t):
    things = [t.thing(words.SMALL_THINGS + words.CARRIED) for _ in range(t.dice.between(3, 5))]
    t.put(a=t.hero(), h=t.thing(["bag", "basket", "box", "sack"], t.dice.pick(words.COLOUR)), p=t.place())
    opening(t)
    t.tell("[One day|In <season>|On <day>] {a} [set out for|made a journey to|wanted to go to] the {q}, and packed the {h}.", q=t.slots["p"].n)
    for i in range(len(things)):
        t.tell("In the {h} {a.he} put {l}.", l=listing([x.a for x in things[:i + 1]]))
    t.tell("{p.at}, {a} opened the {h} and took everything out again: {l}.", l=listing([x.the for x in things]))
    t.tell(t.dice.pick(['"[I have forgotten|But where is] my [lunch|supper|hat]?" said {a}.', "Nothing was missing.", '"Now I am at home here," said {a}.', "Only the {y.n} was [broken|wet|cracked]."]), y=things[0])
    ending(t)


def soup(t):
    t.put(a=t.hero(), k=t.phrase("[pot|kettle]"))
    givers = [(t.anyone(), t.food(words.POTTABLE)) for _ in range(t.dice.between(3, 4))]
    opening(t)
    t.tell("[One <weather> day|In a hard <season>] {a} had nothing to eat, only [a pot of water|water and a fire].", '"What are you cooking?" asked {b}.',
           '"Soup," said {a}, "but there are no {f} in it yet." "I have {f}," said {b}.' if givers[0][1].was == "were" else '"Soup," said {a}, "but there is no {f} in it yet." "I have {f}," said {b}.', b=givers[0][0], f=givers[0][1])
    for i, (b, f) in enumerate(givers):
        if i:
            t.tell('[Then came {b}|After that {b} came by|Next came {b}]. "What are you cooking?" asked {b}. "Soup with {l}," said {a}. "I have {f}," said {b}.', b=b, f=f, l=listing([g[1] for g in givers[:i]]))
        t.tell("{b} put {f.the} in the pot.", b=b, f=f)
    t.tell("[So they all ate|They sat down together and ate] soup with {l}. {who} each had [two bowls|a full bowl].", l=listing([g[1] for g in givers]), who=t.say(listing([str(g[0]) for g in givers])))
    ending(t)


def inn_orders(t):
    guests = [(t.anyone(), d) for d in t.dice.sample(words.DISHES, t.dice.between(3, 4))]
    t.put(a=t.folk() if t.dice.chance(0.4) else t.child(adult=True))
    t.tell("{a} [kept|had] an inn {home}. [One <weather> <daypart>|On <day>|In the middle of <season>] {n} guests came in.", home=t.phrase(t.dice.pick(_HOMES)), n=words.NUMBERS[len(guests) - 1])
    for g, d in guests:
        t.tell(t.dice.pick(['{g} asked for {d}.', '"{d} for me," said {g}.', '{g} wanted {d}.', '"I would like some {d}," said {g}.']), g=g, d=d)
    t.tell("{a} [went to the kitchen|said it all again to the cook|wrote nothing down]: {l}.", l=listing([f"{d} for {g}" for g, d in guests]))
    for g, d in t.dice.sample(guests, len(guests)):
        t.tell("{a} brought the {d} to {g}.", d=d, g=g)
    t.tell('"[How did you remember it all|How do you do it]?" asked {g}. "[It is easy|I listen]," said {a}. "^{l}."', g=guests[0][0], l=listing([f"{d} for {g}" for g, d in guests]))


def lost_property(t):
    owners = []
    for colour in t.dice.sample(words.COLOUR, t.dice.between(3, 4)):
        owners.append((t.anyone(), Something(t.dice.pick(words.GARMENTS), colour)))
    t.put(a=t.folk())
    t.tell("After the [feast|dance|storm|wedding|party] {a} found {l} {p.at}.", l=listing([x.a for _, x in owners]), p=t.place())
    t.tell("[So|The next day] {a} went from door to door.")
    for b, x in owners:
        t.tell('"Whose is the {x}?" asked {a}. "The {x} is mine," said {b}[, and put it on|].', b=b, x=x)
    t.tell("[In the end|So] {l}.", l=listing([f"{b} had the {x}" for b, x in owners]))
    if t.dice.chance(0.5):
        b, x = t.dice.pick(owners)
        t.tell('"And who has the {x}?" asked {c}. "{b} has the {x}," said {a}.', b=b, x=x, c=t.anyone())
    ending(t)


def roll_call(t):
    children = [t.child() for _ in range(t.dice.between(4, 6))]
    t.put(a=t.folk(), m=t.dice.pick(children[1:]))
    t.tell("[Every <daypart>|On <day>] {a} called the names of the children. {calls}", calls=" ".join(f'"{c}?" "Here."' for c in children))
    t.tell("[They went to the {p.n}|They walked {p.to}], and {there}.", p=t.place(), there=t.phrase("[there they sang|there they played|it began to rain|they ate their bread]"))
    silence = t.phrase("^[nobody answered|there was no answer|no answer].")
    t.tell("[On the way home|Before they went home|In the evening] {a} called the names again. {calls}", calls=" ".join(f'"{c}?" ' + (silence if c is t.slots["m"] else '"Here."') for c in children))
    t.tell("[Where was {m}?|{m} was missing.] They looked {n1} and {n2}. {m} was {n3}, fast asleep.", n1=t.fresh(words.NOOKS), n2=t.fresh(words.NOOKS), n3=t.fresh(words.NOOKS))
    t.tell("\"{m}?\" said {a}. \"Here,\" said {m}.")


def recipe(t):
    foods = [t.food() for _ in range(3)]
    t.put(a=t.child(), b=t.phrase("[grandmother|grandfather|aunt|uncle]"), d=t.phrase("[pie|cake|soup|stew|pudding]"), f1=foods[0], f2=foods[1], f3=foods[2])
    steps = [t.phrase(s) for s in ["take {f1.the} and wash {f1.it}", "put {f2.the} in a [big|little|<colour>] [bowl|pot]", "add {f3.the} [slowly|last|with a spoon]", "stir it [three|five|seven|ten] times", "wait until the [bell rings|sun goes down|cat wakes up]"]]
    t.tell('"How do you make your {d}?" {a} asked {a.his} {b}. "[Listen|It is easy|I will tell you]," said {a.his} {b}.', '"^{s}."', s=", ".join(steps[:-1]) + ", and " + steps[-1])
    t.tell("So {a} went to the kitchen.", "\"^{s},\" said {a} [softly|to {a.self}].", s=", ".join(steps[:-1]) + ", and " + steps[-1])
    past = {"take": "took", "add": "added", "stir": "stirred", "wait": "waited", "wash": "washed", "rings": "rang", "goes": "went", "wakes": "woke"}
    done = [" ".join(past.get(w, w) for w in s.split()) for s in steps]
    t.tell("{a} {s}.", s=", ".join(done[:-1]) + ", and " + done[-1])
    t.tell("The {d} was [very good|the best in the village|a little burnt, but good].", '"[Well done|Just like mine|You have learned it]," said {a.his} {b}.')


# ---- Steps that come back: pulling, chains, directions, doors.

def pulling(t):
    t.put(a=t.folk(), x=t.dice.pick(["the cart", "the old boat", "the great turnip", "the stone", "the wagon", "the big root", "the gate", "the well rope", "the plough"]))
    helpers = [t.anyone() for _ in range(t.dice.between(2, 4))]
    how = t.dice.pick(["{x} did not move", "{x} stayed where it was", "{x} would not move"])
    t.tell("{a} [wanted to move|tried to move|had to move] {x}. {a} pulled and pulled, but " + how + ".")
    line = [str(t.slots["a"])]
    for i, b in enumerate(helpers):
        line.append(str(b))
        t.tell('[So {a} called {b}|"Help me!" {a} called, and {b} came|Then came {b}].', "^" + listing([w + " pulled" for w in line]) + (", but " + how if i < len(helpers) - 1 else ", and {x} [moved|came free|gave way] at last") + ".", b=b)
    t.tell("They all [fell down|sat down|laughed]. \"[It was {b} who did it|That was {b}'s doing],\" said {a}. \"[It was all of us|Everyone pulled],\" said {b}.", b=helpers[-1])


def house_chain(t):
    beasts = [t.beast() for _ in range(t.dice.between(3, 4))]
    verbs = t.dice.sample(["chased", "woke", "followed", "frightened", "bit", "kicked", "laughed at", "ran from", "bumped into", "sang to"], len(beasts))
    t.put(p=t.dice.pick(["barn", "house", "mill", "stable", "tower"]), f=t.food(), n=t.child())
    chain = t.phrase("the {f} that lay in the {p} that {n} built")
    t.tell("This is the {p} that {n} built.")
    t.tell("^" + "[These are|Here are] {c}." if t.slots["f"].was == "were" else "^[This is|Here is] {c}.", c=chain)
    chain = t.phrase(f"the {beasts[0].kind} that ate {chain}")
    t.tell("This is {c}.", c=chain)
    for b, verb in zip(beasts[1:], verbs):
        chain = f"the {b.kind} that {verb} {chain}"
        t.tell("This is {c}.", c=chain)
    t.tell("[And this is {n}, who saw it all and laughed|And {n}? {n} went to bed|And there they all are still].")


def directions(t):
    t.put(a=t.hero(), b=t.anyone(), x=t.thing(), p=t.place())
    marks = t.dice.sample(words.LANDMARKS, 3)
    side = t.dice.pick(["left", "right"])
    steps = t.dice.pick([
        ("[go] past the {m1}, [turn] {s} at the {m2}, and [stop] at the {m3}", "went past the {m1}, turned {s} at the {m2}, and stopped at the {m3}"),
        ("[go] to the {m1}, [walk] {n} steps to the {m2}, and [look] behind the {m3}", "went to the {m1}, walked {n} steps to the {m2}, and looked behind the {m3}"),
        ("[go] under the {m1}, [climb] over the {m2}, and [wait] by the {m3}", "went under the {m1}, climbed over the {m2}, and waited by the {m3}"),
    ])
    k = dict(m1=marks[0], m2=marks[1], m3=marks[2], s=side, n=t.dice.pick(words.NUMBERS[2:]))
    t.put(s1=t.phrase(steps[0], **k), s2=t.phrase(steps[1], **k))
    opening(t)
    t.tell('"[How do I find|Where is|How do I come to] {goal}?" {a} asked {b}.', '"^{s1}," said {b}.', goal=t.phrase("the [treasure|old tower|wise woman|hidden door|silver spring|lost {x.n}]"))
    if t.dice.chance(0.5):
        t.tell('"^{s1}," said {a}, so as not to forget it.')
    t.tell("{a} {s2}. And there[, in the grass,|, under a stone,|] was {x.a}.")
    if t.dice.chance(0.5):
        t.tell('[When {a} came home|Later], {c} asked the way. "^{s1}," said {a}.', c=t.anyone())
    ending(t)


def at_the_door(t):
    guests = [t.anyone() for _ in range(t.dice.between(3, 4))]
    t.put(a=t.hero())
    weather = t.dice.pick(["rain", "snow", "wind", "storm", "frost"])
    t.put(w=weather)
    opening(t)
    t.tell("One <daypart> the {w} came [over the hill|down from the north|from the sea].")
    for i, g in enumerate(guests):
        t.tell('[There was a knock at the door|Knock, knock, knock]. "Who is there?" asked {a}. "It is I, {g}. [Let me in|Please let me in], for the {w} is cold."', '"Come in," said {a}, "and sit by the fire."' if i == 0 else '"Come in," said {a}. "There is room beside {o}."', g=g, o=guests[i - 1])
    t.tell("[Soon|At last] the house was full: {l} all sat by the fire.", l=listing(guests))
    t.tell(t.dice.pick(["In the morning the {w} was over, and each of them brought {a} a gift: {l}.", "When the {w} was over, they [swept the floor|made breakfast|sang a song] and went home."]), l=listing([t.thing().a for _ in guests]))
    ending(t)


def hide_and_seek(t):
    t.put(a=t.child(), b=t.hero())
    places = [t.fresh(words.NOOKS) for _ in range(t.dice.between(3, 5))]
    opening(t)
    t.tell('"Let us play hide and seek," said {b}. {a} closed {a.his} eyes and counted: "^{n}."', n=", ".join(words.NUMBERS[:t.dice.between(4, 10)]))
    for p in places[:-1]:
        t.tell("{a} looked {p}. {b} was not {p}.", p=p)
    t.tell('[Then|At last] {a} looked {p}. "[There you are|I have found you]!" said {a}.', p=places[-1])
    t.tell('"Now it is my turn," said {b}, and counted: "^{n}."', n=", ".join(words.NUMBERS[:t.dice.between(4, 10)]))
    ending(t)


def three_boxes(t):
    colours = t.dice.sample(words.COLOUR, 3)
    h = t.fresh(["box", "door", "drawer", "chest", "jar"])
    inside = [t.thing() for _ in range(3)]
    t.put(a=t.hero(), b=t.folk(), h=h)
    opening(t)
    t.tell("{b} showed {a} three " + (h + "es" if h == "box" else h + "s") + ": a {c1} one, a {c2} one and a {c3} one.", '"[Choose|You may open them all|Open them one by one]," said {b}, "[but slowly|and tell me what you find]."', c1=colours[0], c2=colours[1], c3=colours[2])
    for c, x in zip(colours, inside):
        t.tell("{a} opened the {c} {h}. In the {c} {h} was {x.a}.", c=c, x=x)
    pairs = list(zip(colours, inside))
    c, x = t.dice.pick(pairs)
    t.tell('"Where was the {x}?" asked {b}. "In the {c} {h}," said {a}. "Then it is yours," said {b}.', c=c, x=x)
    ending(t)


def trades(t):
    n = t.dice.between(3, 4)
    things = [t.thing() for _ in range(n + 1)]
    t.put(a=t.hero(), x=things[0])
    opening(t)
    t.tell("{a} had {x.a}, but {a.he} wanted {y.a}.", y=things[-1])
    for i in range(n):
        t.tell('{a} met {b}. "Will you give me your {y} for my {x}?" asked {a}. "[Yes|Gladly|Why not]," said {b}. So {a} gave {b} the {x} and got the {y}.', b=t.anyone(), x=things[i], y=things[i + 1])
    t.tell("[Now|So now] {a} had {y.a}. \"[First I had|I began with] {x.a},\" said {a}, \"{chain}.\"", y=things[-1], chain=", ".join("then " + x.a for x in things[1:]))
    ending(t)


# ---- Beasts and weather.

def lost_young(t):
    kind = t.dice.pick(sorted(words.YOUNG))
    t._taken.add(kind)
    t.put(k=words.YOUNG[kind], m=kind, c=t.dice.pick(words.COLOUR[:8]))
    others = [t.beast() for _ in range(t.dice.between(2, 4))]
    t.tell("A little {c} {k} [woke up|lost its way in the fog|fell out of the hay] and could not see its mother.")
    for b in others:
        t.tell('The {k} went to {b}. "Are you my mother?" asked the {k}. "No," said {b}, "I am a {b.kind}. Your mother is [not a {b.kind}|another]."', b=b)
    t.tell('[At last|Then] the {k} met a big {c} {m}. "Are you my mother?" asked the {k}. "Yes," said the {m}, "I am your mother. [Where have you been?|Come home.|I was looking for you.]"')
    t.tell("[And they went home together|They went home, the {m} in front and the {k} behind].")


def thorn(t):
    """A kindness is repaid."""
    t.put(a=t.hero(), b=t.beast(["bear", "wolf", "fox", "deer", "horse", "badger", "goat", "dog"]), p=t.place())
    need, help_, back = t.dice.pick([
        ("had a thorn in {b.his} foot", "pulled out the thorn", "carried {a} over the river"),
        ("was caught in a net", "cut the net", "dug {a} out of the snow"),
        ("had fallen into a hole", "let down a rope", "showed {a} the way home in the fog"),
        ("was hungry and cold", "shared {a.his} bread", "found {a} in the dark forest"),
        ("could not cross the river", "made a bridge of branches", "pulled {a} out of the water"),
    ])
    k = dict(need=t.phrase(need), h=t.phrase(help_), back=t.phrase(back))
    opening(t)
    t.tell("[One <weather> day|One <daypart>] {a} found {b} {p.at}. {b} {need}.", '"[Help me|Please help me]," said {b}. {a} was [afraid|not afraid], but {a.he} {h}.', '"I will not forget it," said {b}.', **k)
    t.tell("[A year later|Many days later|In the next <season>] {a} was [in danger|lost|in need]. \"[Help|Help me]!\" called {a}. And who came? {b} came, and {b.he} {back}.",
           '"You {h} once," said {b}. "I said that I would not forget it."', **{**k, "h": k["h"].replace(" " + t.slots["a"].his + " ", " your ")})
    ending(t)


def contest(t):
    who = [t.beast() for _ in range(3)]
    t.put(a=who[0], b=who[1], c=who[2])
    skill, past, best = t.dice.pick([("jump", "jumped", "far"), ("sing", "sang", "loud"), ("run", "ran", "fast"), ("climb", "climbed", "high"), ("swim", "swam", "far"), ("throw a stone", "threw a stone", "far"), ("sit still", "sat still", "long")])
    k = dict(skill=skill, past=past, best=best)
    t.tell("{a}, {b} and {c} [sat together|met] {p.at}. \"Who can {skill} [the best|best of all]?\" asked {a}.", p=t.place(), **k)
    t.tell('"I can {skill} very {best}," said {a}, and {a.he} {past}. It was [not very|quite] {best}.', **k)
    t.tell('"I can {skill} as {best} as the [wind|old miller|great bell]," said {b}, and {b.he} {past}. It was [not very|quite] {best}.', **k)
    t.tell('"I do not know if I can {skill}," said {c}. But {c.he} {past}, and it was the [best|finest] that anyone had seen.', **k)
    t.tell("So {c} won the prize, {y.a}, and [gave it to|showed it to] {a} and {b}.", y=t.thing())


def counting(t):
    kind = t.dice.pick(sorted(words.FLOCKS))
    flock = words.FLOCKS[kind]
    t._taken.add(kind)
    n = t.dice.between(4, 9)
    t.put(a=t.child(), f=flock, k=kind, n=words.NUMBERS[n - 1], m=words.NUMBERS[n - 2], p=t.place(), nook=t.fresh(words.NOOKS + ["in the nettles", "in a hollow tree", "on the roof"]))
    opening(t)
    count = lambda k: ", ".join(words.NUMBERS[:k])
    t.tell("{a} had {n} {f}. [Every <daypart>|Each day] {a} counted them: {c}.", c=count(n))
    t.tell("[One <weather> day|On <day>] they all went {p.to}. On the way home {a} counted them again: {c}. One was missing.", c=count(n - 1))
    t.tell('"{m} {f}," said {a}, "but I have {n} {f}." {a} [looked|searched] [high and low|everywhere|until dark]. The last {k} sat {nook} [and slept|, fast asleep|and was quite happy].')
    t.tell("{a} counted once more: {c}. {n} {f}, and all was well.", c=count(n))


def flood(t):
    t.put(a=t.hero(), p=t.fresh(["hill", "tower", "castle", "mill"]))
    carry = [(t.anyone(), t.thing(words.CARRIED)) for _ in range(3)]
    opening(t)
    t.tell("It rained for {n} days. The river [rose|grew] and came [to the first house|to the door|over the bridge].", '"[Up|Quick, up] to the {p}!" called {a}.', n=t.dice.pick(words.NUMBERS[2:9]))
    for b, x in carry:
        t.tell("{b} took the {x} and [ran|went|climbed] to the {p}.", b=b, x=x)
    t.tell("They sat {at} the {p} all night: {l}.", at="on" if t.slots["p"] == "hill" else "in", l=listing([f"{b} with the {x}" for b, x in carry]))
    t.tell("[In the morning|On <day>] the water [went down|was gone]. {l}.", l=listing([f"{b} took the {x} home" for b, x in carry]))
    ending(t)


def garden(t):
    rows = [t.food([f for f in words.POTTABLE if words.FOODS[f]] + ["oats"]) for _ in range(3)]
    t.put(a=t.hero(), b=t.beast(["crow", "rabbit", "mole", "snail", "goat", "deer", "magpie"]))
    opening(t)
    t.tell("In spring {a} made a garden. In the first row {a.he} planted {x}, in the second row {y}, and in the third row {z}.", x=rows[0], y=rows[1], z=rows[2])
    t.tell("{a} watered the {x}, the {y} and the {z} every <daypart>, [and waited|for many weeks].", x=rows[0], y=rows[1], z=rows[2])
    t.tell('[One day|In summer] {b} came. "What grows here?" asked {b}. "In the first row {x}, in the second row {y}, and in the third row {z}," said {a}. "[Then I will eat the|May I have some] {e}," said {b}.', x=rows[0], y=rows[1], z=rows[2], e=t.dice.pick(rows))
    t.tell("[They shared the {x}, the {y} and the {z}|In autumn there were {x}, {y} and {z} for both], and nobody was hungry [in winter|that year].", x=rows[0], y=rows[1], z=rows[2])


def night_noise(t):
    c = t.beast(["mouse", "owl", "cricket", "hedgehog", "bat", "frog", "crow", "beaver"])
    t.put(a=t.child(), n=t.phrase("[tap, tap, tap|scratch, scratch, scratch|creak, creak, creak|whoo, whoo, whoo|drip, drip, drip|bump, bump, bump]"))
    t.tell("It was a [dark|windy|stormy|still|cold|rainy|long] night. {a} lay in bed and heard a noise: {n}.")
    for what in t.dice.sample(["the wind in the tree", "the rain on the roof", "the clock in the hall", "the cat on the stairs", "the mouse in the wall", "the old gate", "the shutter", "the tap in the kitchen"], 3):
        t.tell('"It is only {w}," said {a}. But {w} was [still|quiet]. ^{n}.', w=what)
    t.tell("{a} [took a candle|lit the lamp|put on a <colour> coat] and went to look. In the {r} sat {c}. ^{n}, went {c}.", r=t.dice.pick(words.ROOMS), c=c)
    t.tell('"So it was you," said {a}, and [laughed|went back to bed|gave {c.him} some milk|opened the window]. [^{n}, all night long|All night long it went: {n}].', c=c)


# ---- People: naming, building, asking, forgiving, inventing.

def naming(t):
    t.put(a=t.child(), b=t.child(), k=t.phrase("[kitten|puppy|foal|lamb|pony|goat|duckling|boat]"), c=t.phrase("<colour>"))
    names = t.dice.sample(words.PETS, t.dice.between(3, 5))
    opening(t)
    t.tell("{a} and {b} had a new {k}. It was {c}[ and very small| all over| and quite round|]. It had no name.")
    for i, n in enumerate(names[:-1]):
        t.tell('"Let us call it {n}," said ' + ("{a}" if i % 2 == 0 else "{b}") + '. "No, not {n}," said ' + ("{b}" if i % 2 == 0 else "{a}") + ".", n=n)
    t.tell('"Not ' + ", not ".join(names[:-1]) + '," said {b}. "[What about {n}?|Then let us call it {n}.]" "Yes," said {a}, "{n}."', n=names[-1])
    t.tell("And so the {c} {k} was called {n}.", n=names[-1])


def building(t):
    parts = [t.fresh(["wood", "rope", "paper", "nails", "cloth", "glue", "string", "wire", "reeds", "straw", "wax", "bark", "canvas"]) for _ in range(3)]
    t.put(a=t.hero(), k=t.phrase("[boat|kite|tower|bridge|tree house|wagon|windmill|raft]"), l=listing(parts))
    opening(t)
    t.tell('"I will build a {k}," said {a}. "For a {k} I need {l}."')
    for part in parts:
        t.tell("{b} [gave|brought|sold] {a} the {q}.", b=t.anyone(), q=part)
    t.tell("With {l} {a} built a {k}. It took {n} days. The {k} was <colour> and [a little crooked|very fine|bigger than the house].", n=t.dice.pick(words.NUMBERS[2:]))
    t.tell('"Will it [hold|work|stand]?" asked {b}. [It did|It did, for a day and a night|It did, and it does to this day].', b=t.anyone())
    ending(t)


def riddle(t):
    lines, answer = t.dice.pick([
        ("It has [a face|two hands] but [no eyes|no feet]", "clock"), ("It has teeth but does not bite", "comb"), ("It runs all day and never leaves its bed", "river"),
        ("It has an eye but cannot see", "needle"), ("It goes up and down the hill and never moves", "road"), ("It has a neck but no head", "bottle"),
        ("The more it dries, the wetter it gets", "towel"), ("It eats wood and dies when it drinks", "fire"), ("It has many keys and opens no door", "piano"),
        ("It is full of holes and holds water", "sponge"), ("It has leaves but is not a tree", "book"), ("It follows you all day and goes home at night", "shadow"),
    ])
    t.put(a=t.hero(), b=t.folk(), c=t.anyone(), q=t.phrase(lines), r=answer)
    wrong = t.dice.sample(["moon", "wind", "snail", "lamp", "mill", "cat", "bell", "star", "door", "sea", "spider", "candle", "hat"], 2)
    opening(t)
    t.tell('"[Guess|Listen|Here is a riddle]," said {b}. "^{q}. What is it?"')
    t.tell('"^{q}," said {c}. "Is it a {w}?" "No, it is not a {w}," said {b}.', w=wrong[0])
    t.tell('"^{q}," said {a}. "Is it a {w}?" "No, it is not a {w}," said {b}.', w=wrong[1])
    t.tell('{a} thought [all day|for a long time|until the candle was low]. "^{q}," said {a}. "I know. It is a {r}." "Yes," said {b}, "it is a {r}."')
    ending(t)


def quarrel(t):
    t.put(a=t.child(), b=t.child(), x=t.thing())
    opening(t)
    t.tell('{a} and {b} [found|were given] {x.a}. "The {x.n} is mine," said {a}. "The {x.n} is mine," said {b}.')
    t.tell('"It is mine!" "It is mine!" [They did not speak all day|They did not speak for {n} days|They went home by different roads].', n=t.dice.pick(words.NUMBERS[1:6]))
    t.tell('Then {c} said: "[Let {a} have it on {d} and {b} on {e}.|Let {a} have it in the morning and {b} in the evening.|What is a {x.n} without a friend?]"', c=t.folk(), d=t.fresh(words.DAYS), e=t.fresh(words.DAYS))
    t.tell('"The {x.n} is yours," said {a}. "The {x.n} is yours," said {b}. And they [laughed|shared it|played until dark].')


def machine(t):
    sound = t.dice.sample(["click", "clack", "whirr", "bing", "puff", "tick", "bong", "hiss", "clank", "pop"], t.dice.between(3, 4))
    t.put(a=t.folk() if t.dice.chance(0.5) else t.child(adult=True), s=", ".join(sound), x=t.food())
    t.tell("{a} had a machine that made {x}[ out of nothing but air| out of rain| from old shoes|].", "It went: {s}. And out came [a plate of|a bag of|a whole bucket of] {x}.")
    t.tell('"[May I try|Let me try]," said {b}. ^{s}, and out came {x}. "[Again|Once more]," said {b}. ^{s}, and out came {x}.', b=t.child())
    t.tell("[But then|One <weather> <daypart>|At night] the machine would not stop. ^{s}. ^{s}. There {x.was} {x} on the [stairs|roof|bed|road]. ^{s}.")
    t.tell("At last {c} [pulled out a wheel|took away a screw|opened the <colour> lid], and it was still. [Nobody ate {x} for a year|All the village ate {x} for {n} days].", c=t.anyone(), n=t.dice.pick(words.NUMBERS[2:]))


def feast(t):
    dishes = [(t.anyone(), t.food()) for _ in range(t.dice.between(3, 5))]
    t.put(a=t.folk())
    t.tell("On <day> {a} gave a feast {p.at}.", "Everybody brought something: {l}.", p=t.place(), l=listing([f"{b} brought {f}" for b, f in dishes]))
    t.tell("[They ate and sang|They sat until the moon came up]. \"Who brought the {f}?\" asked {a}. \"I brought the {f},\" said {b}.", b=dishes[-1][0], f=dishes[-1][1])
    b, f = t.dice.pick(dishes[:-1])
    t.tell('"And who brought the {f}?" "^{b} brought the {f}," said {c}.', b=b, f=f, c=t.anyone())
    t.tell("[When it was late|In the end] nothing was left [but a bone|but crumbs|on the table].")


def journey(t):
    stops = [t.place() for _ in range(3)]
    t.put(a=t.hero(), b=t.beast(["dog", "donkey", "pony", "goat", "horse", "goose"]))
    opening(t)
    t.tell("{a} wanted to see the sea. \"[Take me with you|I will go too],\" said {b}. So they went together.")
    saying = t.phrase("[Is this the sea|Are we there now]")
    for p in stops:
        t.tell('They came {p.to}. "' + saying + '?" asked {b}. "No," said {a}, "this is [only|not the sea, this is] the {p.n}."', p=p)
    t.tell('[And then, behind a last hill|At last, in the evening], it lay before them, blue and wide. "' + saying + '?" asked {b}. "Yes," said {a}, "[this is the sea|now we are there]."')
    t.tell("They went home the same way: from the sea to {p3}, from {p3} to {p2}, and from {p2} to {p1}.", p1=stops[0], p2=stops[1], p3=stops[2])


def music(t):
    notes = [t.dice.pick(words.SYLLABLES) for _ in range(t.dice.between(4, 7))]
    t.put(a=t.child(), x=t.thing(words.PLAYED), tune=" ".join(notes), b=t.anyone())
    opening(t)
    t.tell("{a} [found|had|was given] {x.a}, and knew only one tune: {tune}.", "{a} played it [at breakfast|in the morning] and {a.he} played it [at night|in the evening]: {tune}.")
    t.tell('"[Always the same tune,|Always that tune,|Do you know no other tune?]" said {b}. But [when {a} was ill|when {a} was away|one <weather> day], it was quiet, and {b} [was sad|missed it|could not sleep].')
    t.tell('{b} [hummed|whistled] it softly: "^{tune}." And from [the house|the window|far away] came the answer: {tune}.')
    ending(t)


def promise(t):
    t.put(a=t.child(), b=t.beast(), x=t.thing(words.SMALL_THINGS), d=t.phrase("open the <colour> [box|door|bag|jar|drawer|book]"))
    opening(t)
    t.tell('{b} gave {a} {x.a}. "You may keep it," said {b}, "but you must never {d}." "I will never {d}," said {a}.')
    t.tell("{a} thought about it [by day|in the morning], and [dreamed of it by night|in the evening {a.he} thought about it again]. \"I said that I would never {d},\" said {a} to {a.self}.")
    t.tell('[After a year|After {n} days] {b} came back. "Did you {d}?" asked {b}. "No," said {a}, "I did not {d}." "Then the {x} is yours for ever," said {b}.', n=t.dice.pick(words.NUMBERS[3:]))
    ending(t)


def wishes(t):
    t.put(a=t.child(), b=t.beast(["frog", "toad", "swan", "crab", "seal", "owl", "hare"]), x=t.thing(), y=t.thing(), p=t.place())
    opening(t)
    t.tell('{a} found {b} {p.at}, caught in the reeds, and set {b.him} free. "You have three wishes," said {b}.')
    t.tell('"I wish for {x.a}," said {a}, and there was {x.a}. "[That was one|One]," said {b}.')
    t.tell('"I wish for {y.a}," said {a}, and there was {y.a}. "[That was two|Two]," said {b}.')
    t.tell('{a} looked at the {x} and the {y}. "I wish that [you were my friend|you would stay|everybody had enough]," said {a}. "[That was three|Three]," said {b}, "and it was the best."')
    ending(t)


def colours_of_doors(t):
    """Who lives where; asked again at the end."""
    who = [(t.anyone(), c) for c in t.dice.sample(words.COLOUR, t.dice.between(3, 4))]
    t.put(a=t.folk(), m=t.thing(["letter", "parcel"], ""))
    t.tell("In [our|a little] street there are {n} houses. {l}.", n=words.NUMBERS[len(who) - 1], l=t.say(listing([f"{b} lives in the {c} house" for b, c in who])))
    for b, c in t.dice.sample(who, len(who)):
        t.tell("{a} had a {m.n} for {b}. So {a} went to the {c} house.", b=b, c=c)
    b, c = t.dice.pick(who)
    t.tell('"Who lives in the {c} house?" asked a stranger. "{b} lives in the {c} house," said {a}.', b=b, c=c)


def nested(t):
    """Somebody tells a story inside the story."""
    t.put(a=t.child(), b=t.phrase("[grandmother|grandfather|aunt|uncle]"))
    t.tell("It was [late|a <weather> evening|bedtime].", '"Tell me a story," said {a}. "Which one?" asked {a.his} {b}. "The one about [the sea|a <beast>|long ago|a <folk>|somebody brave]," said {a}.')
    t.tell("[So {a.his} {b} began|And {a.his} {b} told this story].")
    inner = Telling(t.dice, t._taken)
    t.dice.pick([lost_thing, left_with, thorn, echo, pulling, contest, wishes, quarrel, directions, password, three_boxes, counting, lost_young])(inner)
    t.paragraphs += inner.paragraphs
    t.tell("\"[And that is the end|That was the story],\" said {a.his} {b}. \"[Again|Tell it again|One more]!\" said {a}. \"[Tomorrow|Not tonight|On <day>],\" said {a.his} {b}, and [blew out the candle|put out the lamp|closed the door].")


PLOTS = [lost_thing, left_with, passed_along, lent_and_returned, message, letter, password, spell, parrot, echo, errand, packing, soup, inn_orders, lost_property,
         roll_call, recipe, pulling, house_chain, directions, at_the_door, hide_and_seek, three_boxes, trades, lost_young, thorn, contest, counting, flood, garden,
         night_noise, naming, building, riddle, quarrel, machine, feast, journey, music, promise, wishes, colours_of_doors, nested]
