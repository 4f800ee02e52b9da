"""Recipes of an imagined kitchen: orders in the imperative, with nobody in them."""

from . import words
from .telling import listing

_MEASURES = ["a cup of", "two cups of", "half a cup of", "a spoon of", "two spoons of", "three spoons of", "a handful of", "a pinch of"]
_COUNTED = ["apples", "pears", "plums", "carrots", "onions", "turnips", "potatoes", "eggs", "figs"]
_LOOSE = ["berries", "nuts", "beans", "peas", "cherries", "mushrooms", "oats"]
_DRY = ["flour", "corn", "rice", "salt"]
_WET = ["milk", "honey", "butter", "jam", "tea"]
_GREEN = _COUNTED[3:7] + ["beans", "peas", "mushrooms"]
_SWEET = _COUNTED[:3] + ["figs", "berries", "cherries", "nuts"]


def _one(food):
    """The singular, as it stands before "soup" or "cake"."""
    return {"berries": "berry", "cherries": "cherry", "potatoes": "potato"}.get(food) or food.removesuffix("s")


def _amount(t, food):
    return f"{t.dice.pick(words.NUMBERS[1:])} {food}" if food in _COUNTED else f"{t.dice.pick(_MEASURES if food not in _LOOSE else _MEASURES[:3] + ['a handful of'])} {food}"


def _head(t, dish, foods):
    for_whom = t.phrase("[for two|for three|for four|for six|for a big family|for a rainy day|for cold evenings|as the miller makes it|as in the old inn]")
    t.paragraphs.append(f"{dish[:1].upper()}{dish[1:]} {for_whom}.")
    t.paragraphs.append(f"Take {listing([_amount(t, f) for f in foods])}.")


def _tail(t):
    t.tell("[Serve hot|Serve cold|Serve warm] with [bread|milk|butter|honey|cheese|a little salt].", "[|Keep the rest in a clean jar.|Keep the rest in a cool pantry.|Eat it on the same day.|It is better on the second day.]")


def soup(t):
    main, second = t.dice.sample(_GREEN, 2)
    wet = t.dice.pick(["milk", "butter"])
    _head(t, f"{_one(main)} soup", [main, second, wet, "salt"])
    t.tell(f"Wash the {main} and cut them [small|into thin slices|into cubes|in half].", f"[Wash|Chop] the {second} and [put them|throw them] into a [big|deep|clean] pot.")
    t.tell(f"Add [water|hot water|cold water] and the {wet}. [Boil|Simmer|Cook] over a [low|small|strong|hot] fire [until the {main} are soft|for as long as it takes to sing ten songs|for half an hour|for an hour].",
           "[Stir well|Stir now and then|Do not stir|Stir with a wooden spoon]. Add the salt [last|at the end|before serving].")
    _tail(t)


def cake(t):
    fruit = t.dice.pick(_SWEET)
    wet = t.dice.pick(["honey", "jam"])
    _head(t, f"{_one(fruit)} cake", ["flour", "eggs", wet, "butter", fruit])
    t.tell(f"Beat the eggs with the {wet} until [smooth|thick|pale]. Add the flour [slowly|spoon by spoon|little by little] and stir [well|until smooth|until there are no lumps].",
           f"Wash the {fruit} and [cut them in half|chop them|dry them|cut them into slices].")
    t.tell(f"Melt the butter in a [small|clean] pan and pour it [over the dough|into the bowl]. Lay the {fruit} [on top|in rows|in a ring].", "Bake in a [hot|warm|slow] oven until [brown|golden|the top is golden|the top is brown].", "[Let it cool|Do not open the oven|Leave to cool on a plate].")
    _tail(t)


def dough(t):
    grain = t.dice.pick(["flour", "corn", "oats"])
    extra = t.dice.pick(["nuts", "onions", "honey", "figs", "salt"])
    _head(t, f"{'plain' if grain == 'flour' else _one(grain)} bread", [grain, "butter", "milk", extra])
    t.tell(f"Mix the {grain} with the milk and knead [well|with both hands|until smooth|for half an hour]. Cover with a [clean|damp] cloth and leave to rise [overnight|for an hour|beside the stove|in a warm place].",
           f"Work in the butter and the {extra}.")
    t.tell("Shape into [one loaf|two loaves|small rolls|a ring]. Brush with [milk|water|butter]. Bake in a hot oven until [brown|it sounds hollow|the crust is hard].")
    _tail(t)


def preserve(t):
    fruit = t.dice.pick(_SWEET[:6])
    _head(t, f"{_one(fruit)} jam", [fruit, "honey", "salt"])
    t.tell(f"Wash the {fruit} and [take out the stones|take off the stalks|cut away what is brown]. Put them into a [wide|deep|heavy] pot with the honey.",
           "[Simmer|Boil|Cook] over a [low|small] fire and stir [all the time|with a long spoon|well] until [thick|a drop stays on a cold plate|it is dark and thick].")
    t.tell("Pour into [clean|warm|hot] jars, close [well|tightly] and leave to cool [upside down|on a shelf|overnight].")
    _tail(t)


RECIPES = [soup, cake, dough, preserve]
