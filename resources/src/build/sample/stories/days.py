"""Plain days, told without a pattern that comes back: they keep the language loose."""

from . import words
from .tales import aside, ending, meal, opening


def morning(t):
    t.put(a=t.hero(), b=t.anyone())
    t.tell("[The sun came up|It grew light|The night was over] [behind the mill|over the sea|above the roofs|between two hills]. {a} [woke|got up|opened one eye] and [washed|stretched|looked out of the window|put on {a.his} boots].",
           "There was {meal} for breakfast, and {a} ate [all of it|half of it|it slowly|it standing up].", aside(t) if t.dice.chance(0.5) else "", meal=meal(t))
    t.tell("[Outside|At the gate|In the lane] {b} was [waiting|sweeping the steps|feeding the hens|looking for something]. \"[Good morning|You are early|You are late|There you are],\" said {b}. \"[Good morning|I slept well|I dreamed of the sea|I could not sleep],\" said {a}.",
           "They [walked|went] together [as far as|to|past] {p}, and [talked about|did not talk about] [the weather|the harvest|the new bridge|old friends|the price of {f}].", p=t.place(), f=t.food())
    t.tell("[At noon|After that|When the bell rang] {a} [went to work|went to school|went home|sat down in the shade], and {b} [did the same|stayed behind|went back to the garden].", "It was a day like [any other|many others], [and|but] {a} [liked it|was content|remembered it for a long time].")


def first_snow(t):
    t.put(a=t.child(), b=t.hero(), x=t.thing(["sled", "scarf", "shovel", "coat", "hat"]))
    opening(t)
    t.tell("[In the night|While everybody slept|Before breakfast] the first snow fell. It lay on [the roofs|the fields], on [the bridge|the hedges] and on [the nose of the stone lion|every branch|the old boat|the cat].", "{a} [ran outside|opened the door|took the {x}] and [shouted|laughed|stood very still].")
    t.tell("\"[Come out|Look|Wake up]!\" {a} called to {b}. \"It has snowed.\" {b} came with [no hat|one boot|a piece of bread in {b.his} hand], and they [built a snow king|made a long slide|threw snow at the barn|drew a <beast> in the snow].",
           "[Their hands were cold|Their cheeks were red], but [they did not go in|they did not care|it was too good to stop].")
    t.tell("[By evening|Two days later|On <day>] the snow [turned grey|was gone|melted], and there was only [a puddle|a carrot|a hat in the grass|a wet patch] left. \"[Next year|It will come again],\" said {b}.")
    ending(t)


def learning(t):
    t.put(a=t.child(), b=t.anyone())
    what, how, bad, good = t.dice.pick([
        ("swim", "Lie on the water and breathe", "{a} sank and swallowed half the pond", "{a} swam from one bank to the other"),
        ("whistle", "Make your lips round and blow", "only air came out", "out came a clear, high note"),
        ("ride", "Sit straight and hold on", "{a} fell into the hay", "{a} rode once around the field"),
        ("skate", "Bend your knees and look ahead", "{a} sat down hard on the ice", "{a} skated all the way to the island"),
        ("bake bread", "Be patient with the dough", "the loaf was as hard as a brick", "the loaf was round and brown"),
        ("knit", "In, around, through and off", "there was nothing but a knot", "there was a scarf, a little crooked"),
        ("fish", "Sit still and wait", "{a} caught an old boot", "{a} caught a fish as long as an arm"),
        ("read the stars", "Find the bright one first", "{a} saw only dots", "{a} found the bear, the swan and the harp"),
    ])
    k = dict(what=what, how=how, bad=t.phrase(bad), good=t.phrase(good))
    opening(t)
    t.tell("{a} wanted to learn to {what}. {b} was [good at it|the best teacher|willing to help]. \"^{how},\" said {b}. \"That is [all|the whole secret].\"", **k)
    t.tell("[The first time|At first] {bad}. [The second time|Then] it was [no better|worse|a little better]. {a} [was cross|wanted to give up|kicked a stone|tried not to cry].", "\"[I did not learn it in a day either|Again|One more time],\" said {b}. \"^{how}.\"", **k)
    t.tell("[All <season> long|Every <daypart>|Day after day] {a} [practised|tried]. And [one <weather> <daypart>|on <day>|when nobody was looking] {good}.", "\"[Did you see that|Did you see]?\" [cried|called|asked] {a}. \"I saw it,\" said {b}.", **k)
    ending(t)


def sick_friend(t):
    t.put(a=t.hero(), b=t.anyone(), f=t.food(["honey", "soup", "tea", "plums", "apples", "berries", "cherries", "milk", "cake"]))
    opening(t)
    t.tell("[On <day>|One <weather> <daypart>] {b} did not come [to the well|to the market|to play|to the square]. \"^{b} [is ill|has a cold|must stay in bed],\" said {c}.", "{a} [thought for a moment|did not wait], took [some|a basket with] {f}, and went [to see {b}|to the house of {b}].", c=t.folk())
    t.tell("{b} lay [in bed|by the stove|under three blankets] and [sneezed|coughed|did not want to talk]. \"I have brought you {f},\" said {a}. \"[I am not hungry|You are kind|Put {f.it} there],\" said {b}[, but {b.he} ate {f.the} all the same|, and smiled a little|].",
           "{a} [told the news|read from a book|sang softly|only sat there] until [the sun went down|{b} was asleep|the candle was low].")
    t.tell("[A week later|After {n} days] {b} was well again, and [the two of them|they] [went fishing|walked to the sea|ate {f} in the sun].", n=t.dice.pick(words.NUMBERS[1:7]))
    ending(t)


def broken(t):
    t.put(a=t.child(), b=t.phrase("[grandmother|grandfather|aunt|uncle|mother|father]"), x=t.thing(["cup", "bowl", "jug", "plate", "teapot", "mirror", "jar", "clock", "doll", "lamp"]), c=t.folk())
    t.tell("{a} [knocked against|bumped into] the table, and the {x} fell [down|on the floor]. [It broke into|There it lay in] {n} pieces.", "It was the {x} of {a.his} {b}[, and it was very old|, the one with the gold rim|].", n=t.dice.pick(words.NUMBERS[1:9]))
    t.tell("{a} [hid the pieces under the bed|wrapped the pieces in a cloth|looked at the pieces for a long time] and [could not eat|said nothing all day|felt sick]. [In the evening|The next day|At last] {a} said: \"It was I. I broke the {x}.\"")
    t.tell("{a.his} {b} was quiet. Then {a.his} {b} said: \"[A {x.n} can be mended|It is only a {x.n}|I broke one too, when I was small]. [What matters is that you told me|Thank you for telling me].\"")
    t.tell("They [took|brought] the pieces to {c}, who [glued|put] them together. [You could still see|One can still see] the cracks, and {a.his} {b} [liked it better than before|said that it was finer than before|would not have another].")


def ship(t):
    t.put(a=t.child(), b=t.child(adult=True), k=t.phrase("[father|mother|uncle|aunt|brother|sister]"), n=t.dice.pick(words.NUMBERS[2:10]))
    opening(t)
    t.tell("{a.his} {k} was at sea. \"[When|On which day] will the ship come?\" asked {a}. \"[When the wind turns|Before winter|When you have stopped counting],\" said {b}.", "{a} went to the harbour [every day|every evening|whenever there was time] and [looked out|counted the sails|watched the gulls].")
    t.tell("{n} ships came in. [One|The first] brought [tea|salt|rope|oranges], [one|the next] brought [silk|glass|iron|letters], but none of them brought {a.his} {k}.", aside(t))
    t.tell("Then, [on <day>|in the fog|one <weather> <daypart>], there was a [<colour>|small|patched] sail behind the [island|lighthouse|breakwater]. {a} [ran|ran and ran|did not run, but stood still]. [Somebody waved|A hand went up|A voice called {a.his} name].", "\"You have grown,\" said {a.his} {k}. \"[You have not|So have you|I counted the ships],\" said {a}.")
    ending(t)


def tree(t):
    t.put(a=t.child(), b=t.phrase("[grandmother|grandfather|aunt|uncle]"), k=t.dice.pick(words.TREES))
    t.tell("On the day when {a} was [five|six|seven|eight], {a.his} {b} and {a} planted a {k} tree. It was [no taller than a spoon|as thin as a pencil|not much to look at].", "\"[When will it be big|How long does it take]?\" asked {a}. \"[Longer than you like|Ask me again next year],\" said {a.his} {b}.")
    t.tell("The first year it had {n} leaves. [The second year|The next year] a [goat|deer|rabbit] ate half of them. {a} [built a fence|was angry at the whole world|brought it water].", n=t.dice.pick(words.NUMBERS[2:]))
    t.tell("[Years went by|Many springs came and went]. {a} [went away to sea|went to the town|learned to be a <folk>] and [came back|came home again]. The {k} tree was [taller than the house|so tall that owls lived in it|full of birds].", "{a} sat down under it with a small [girl|boy]. \"[How long does it take|When was it small]?\" asked the child. \"[Not long|Longer than you like],\" said {a}.")


def rainy_day(t):
    t.put(a=t.child(), b=t.child(), x=t.thing(["box", "chair", "blanket", "umbrella", "basket", "table", "barrel"], ""))
    opening(t)
    t.tell("It rained [and rained|all <day>|so hard that the hens stayed in]. {a} and {b} sat [at the window|on the stairs|by the stove] and [did not know what to do|sighed|counted drops].", "\"[This {x.n} is a ship|Let us say that this {x.n} is a ship|I see a ship],\" said {b} [at last|suddenly], and [climbed in|sat on it|put a <colour> flag on it].")
    t.tell("They sailed [past the kitchen|around the table|down the hall], where [the whales|the islands|the stars] were, and [over to the stove|on to the stairs], where it was [always summer|very hot|dark]. [The cat was a tiger|The carpet was the sea|The broom was the mast].",
           "[Once they nearly sank|Twice they lost the map|On the third day there was nothing to eat but {f}].", f=t.food(["bread", "cheese", "apples", "nuts", "cake", "plums"]))
    t.tell("\"It has stopped raining,\" said [somebody|{b}'s mother|{a}'s father]. {a} and {b} looked [up|at each other]. \"[We have no time|We are at sea|Not now],\" they said.")


def market_day(t):
    t.put(a=t.hero(), b=t.folk(), x=t.thing(), f=t.food())
    opening(t)
    t.tell("On market day the square was full of [people|carts|voices|geese]. One could buy {f} and [ribbons|rope|pots|honey|hats], and one could [have a tooth pulled|hear a song|see a puppet show|lose a purse].", "{a} had [one coin|two coins|three coins] and wanted [everything|nothing in particular|to be careful].")
    t.tell("There was {x.a} on the table of {b}. \"[How much is it|What does it cost]?\" asked {a}. \"[What would you give?|More than you have,|Three coins, because it is you,|One coin and a song,]\" said {b}.",
           "{a} [turned the coin over|looked at the {x.n} from all sides|walked around the square twice] and [came back|thought about it].")
    t.tell("[In the end|At last] {a} bought [{f}|nothing|the {x}] and [was glad|never regretted it|was glad of it|went home with light feet].", aside(t))
    ending(t)


def stars(t):
    t.put(a=t.child(), b=t.anyone())
    t.tell("[One clear night|On a night without a moon|Late in <season>] {a} and {b} lay [on the roof|in the grass|in the old boat|on the hay wagon] and looked at the stars.", "\"How many are there?\" asked {a}. \"[More than sheep|Nobody has counted them|I once came as far as nine hundred],\" said {b}.")
    t.tell("\"[That one|The bright one there] is mine,\" said {a}. \"[Then that one|Then the small one beside it] is mine,\" said {b}. They [gave them names|divided the sky between them|pointed until their arms were tired].", aside(t))
    t.tell("[A star fell|One of them fell]. {a} [made a wish|forgot to make a wish|held {a.his} breath]. \"[What did you wish|Did you wish for something]?\" asked {b}. \"[I may not say|Nothing, I have everything|A bigger blanket],\" said {a}.")


def stranger(t):
    t.put(a=t.child(), b=t.child(), p=t.place())
    t.tell("A new [family|<folk>] came to the village with a [<colour>|tall|rattling] cart, {n} [goats|chairs|boxes] and a {b.kind} called {b}.", "{b} [did not speak much|had a strange coat|came from the other side of the hills]. [Nobody sat beside {b.him}|At school {b.he} sat alone|The others stared].", n=t.dice.pick(words.NUMBERS[1:]))
    t.tell("{a} saw {b} {p.at}. [At first neither spoke|They looked at their shoes]. Then {a} [held out a plum|showed {b.him} a frog|asked: \"Can you climb?\"|said: \"You may come with me.\"] and {b} [smiled|nodded|laughed out loud].")
    t.tell("[In the evening|By <day>|Before long] they had [a secret path|a house of branches|two names for everything], and when [another|the next] cart came [over the hill|down the road], {b} was the first to [wave|run to the gate|say hello].")
    ending(t)


DAYS = [morning, first_snow, learning, sick_friend, broken, ship, tree, rainy_day, market_day, stars, stranger]
