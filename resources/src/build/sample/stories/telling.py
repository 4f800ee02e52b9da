"""How a template becomes text, and what can stand in one.

| in a template | becomes |
|---|---|
| `[one|another|]` | one of the alternatives, which may nest or be empty |
| `<weather>` | a word of that list in `words.LISTS`, drawn afresh each time |
| `{a}`, `{a.his}` | what a slot of the telling is called, or a form of it |
| `^` | the next letter is a capital |

Sentences begin with a capital by themselves, and "a" becomes "an" before a vowel.
"""

import re

from . import words

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_LIST = re.compile(r"<([a-z]+)>")
_SLOT = re.compile(r"\{([a-z0-9]+)(?:\.([a-z_]+))?\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?!one |use|uni|once )")
_ARTICLE_HONEST = re.compile(r"\b([Aa]) (?=honest |hour )")
_START = re.compile(r"(^|[.!?] |\.\" |\n)(\"?)([a-z])")
_FORCED = re.compile(r"\^([\"]?)([A-Za-z])")


def with_article(text):
    """The text with "an" for "a" before a vowel."""
    return _ARTICLE_HONEST.sub(r"\1n ", _ARTICLE.sub(r"\1n ", text))


class Someone:
    """A character: `{a}` its name or "the fox", and pronouns."""

    def __init__(self, name, kind, female, trait):
        self.kind = kind
        self.name = name
        self.trait = trait
        self.he, self.him, self.his, self.self = ("she", "her", "her", "herself") if female else ("he", "him", "his", "himself")

    def __str__(self):
        return self.name or "the " + self.kind

    @property
    def intro(self):
        return f"a {self.trait} {self.kind} called {self.name}" if self.name else f"a {self.trait} {self.kind}"

    @property
    def a(self):
        return f"a {self.kind}" if not self.name else self.name


class Something:
    """An object: `{x}` "brass key", `{x.the}`, `{x.a}`, `{x.n}` the noun alone."""

    def __init__(self, noun, adjective):
        self.n = noun
        self.adj = adjective

    def __str__(self):
        return f"{self.adj} {self.n}" if self.adj else self.n

    the = property(lambda self: "the " + str(self))
    a = property(lambda self: with_article("a " + str(self)))


class Food:
    """Something to eat: `{f}` "plums", `{f.the}`, `{f.some}`, with `{f.it}`, `{f.was}` in its number."""

    def __init__(self, noun, plural):
        self.n = noun
        self.it = "them" if plural else "it"
        self.they = "they" if plural else "it"
        self.was = "were" if plural else "was"
        self.is_ = "are" if plural else "is"

    def __str__(self):
        return self.n

    the = property(lambda self: "the " + self.n)
    some = property(lambda self: "some " + self.n)


class Somewhere:
    """A place: `{p}` "the mill", `{p.at}` "at the mill", `{p.to}` "to the mill", `{p.n}` "mill"."""

    def __init__(self, noun):
        self.n = noun
        self.preposition = words.PLACES[noun]

    def __str__(self):
        return "the " + self.n

    at = property(lambda self: f"{self.preposition} the {self.n}")
    to = property(lambda self: f"to the {self.n}")


def listing(items, last="and"):
    items = [str(i) for i in items]
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" {last} " + items[-1]


class Telling:
    """One story as it is told: dice, slots by name, and the paragraphs so far."""

    def __init__(self, dice, taken=None):
        self.dice = dice
        self.slots = {}
        self.paragraphs = []
        self._taken = set() if taken is None else taken

    # What can happen in a story is drawn here; nobody and nothing is drawn twice in one telling.

    def fresh(self, items):
        for _ in range(200):
            item = self.dice.pick(items)
            if item not in self._taken:
                self._taken.add(item)
                return item
        raise AssertionError("the list is used up")

    def child(self, adult=False):
        female = self.dice.chance(0.5)
        name = self.fresh(words.GIRLS if female else words.BOYS)
        kind = ("woman" if female else "man") if adult else ("girl" if female else "boy")
        return Someone(name, kind, female, self.dice.pick(words.MOOD))

    def folk(self):
        return Someone(None, self.fresh(words.FOLK), self.dice.chance(0.5), self.dice.pick(["old", "young", "tall", "busy"] + words.GOOD))

    def beast(self, kinds=None, named=False):
        kind = self.fresh(kinds or words.BEASTS)
        return Someone(self.fresh(words.PETS) if named else None, kind, self.dice.chance(0.5), self.dice.pick(words.MOOD + ["little", "young", "old", "grey", "brown"]))

    def anyone(self):
        return self.dice.weighted([self.child, self.folk, self.beast], [5, 3, 4])()

    def hero(self):
        """A child with a name, or now and then an animal."""
        if self.dice.chance(0.72):
            return self.child()
        return self.beast(named=self.dice.chance(0.4))

    def thing(self, nouns=None, adjective=None):
        noun = self.fresh(nouns or sorted(words.THINGS))
        if adjective is None:
            adjective = self.dice.pick(words.adjectives_of(noun)) if noun in words.THINGS and self.dice.chance(0.75) else ""
        return Something(noun, adjective)

    def food(self, nouns=None):
        noun = self.fresh(nouns or sorted(words.FOODS))
        return Food(noun, words.FOODS.get(noun, False))

    def place(self):
        return Somewhere(self.fresh(sorted(words.PLACES)))

    def put(self, **slots):
        self.slots.update(slots)
        return self

    # Templates.

    def say(self, template, **slots):
        """One template as finished text."""
        text = _FORCED.sub(lambda m: m.group(1) + m.group(2).upper(), self.phrase(template, **slots))
        return _START.sub(lambda m: m.group(1) + m.group(2) + m.group(3).upper(), text)

    def phrase(self, template, **slots):
        """One template as part of a sentence: without the capital."""
        text = template
        while _CHOICE.search(text):
            text = _CHOICE.sub(lambda m: self.dice.pick(m.group(1).split("|")), text)
        text = _LIST.sub(lambda m: self.dice.pick(words.LISTS[m.group(1)]), text)
        known = {**self.slots, **slots}

        def slot(m):
            value = known[m.group(1)]
            return str(getattr(value, m.group(2)) if m.group(2) else value)

        text = _SLOT.sub(slot, text)
        text = re.sub(r" +", " ", text).strip().replace(" ,", ",").replace(" .", ".")
        return with_article(text)

    def tell(self, *templates, **slots):
        """One paragraph of templates; empty ones are left out."""
        parts = [self.say(t, **slots) for t in templates if t]
        text = " ".join(p for p in parts if p)
        if text:
            self.paragraphs.append(text)

    def text(self):
        return "\n".join(self.paragraphs)
