"""Pages of an account book: figures, and sums that are right."""

from . import words

_GOODS = ["loaves", "cakes", "plums", "pears", "eggs", "hats", "candles", "ropes", "bells", "keys", "jars", "spoons", "cups", "boxes", "brooms", "buttons", "ribbons", "lamps", "nails", "pots"]


def bill(t):
    t.paragraphs.append(t.say("[Bill|Account|Page] of the <folk>, <day>."))
    total = 0
    for goods in t.dice.sample(_GOODS, t.dice.between(2, 4)):
        n, price = t.dice.between(2, 9), t.dice.between(2, 9)
        total += n * price
        t.paragraphs.append(f"{n} {goods} at {price}: {n} x {price} = {n * price}")
    t.paragraphs.append(f"Sum: {total}")
    if t.dice.chance(0.6):
        paid = (total // 10 + 1) * 10
        t.paragraphs.append(f"Paid: {paid}. Change: {paid} - {total} = {paid - total}")


def store(t):
    t.paragraphs.append(t.say("[Stock|Count] in the <room>, <day>."))
    for goods in t.dice.sample(_GOODS, t.dice.between(2, 4)):
        had, more = t.dice.between(11, 60), t.dice.between(2, 29)
        plus = t.dice.chance(0.5) or more > had
        t.paragraphs.append(f"{goods}: {had} {'+' if plus else '-'} {more} = {had + more if plus else had - more}")


def table(t):
    n = t.dice.between(2, 9)
    t.paragraphs.append(f"Table of {n}.")
    first = t.dice.between(1, 4)
    for k in range(first, first + t.dice.between(4, 6)):
        t.paragraphs.append(f"{k} x {n} = {k * n}")


def tally(t):
    t.paragraphs.append(t.say("[Wages|Toll|Milk|Eggs] of the week."))
    total = 0
    days = words.DAYS[:t.dice.between(3, 6)]
    for day in days:
        n = t.dice.between(1, 19)
        total += n
        t.paragraphs.append(f"{day}: {n}, in all {total}")


ACCOUNTS = [bill, store, table, tally]
