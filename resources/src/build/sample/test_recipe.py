"""Run with `python -m unittest` in this folder; needs nothing but Python."""

import json
import pathlib
import re
import unittest

import settings
import texts
from stories import library
from stories.accounts import ACCOUNTS
from stories.dice import Dice
from stories.days import DAYS
from stories.kitchen import RECIPES
from stories.post import LETTERS
from stories.songs import SONGS
from stories.tales import PLOTS
from stories.telling import Telling

SAMPLES = pathlib.Path(__file__).parents[2] / "main/resources/vitrine/samples"
SAMPLE = SAMPLES / settings.NAME


class RecipeTest(unittest.TestCase):
    def test_the_dice_are_splitmix64(self):
        # The first numbers of the published generator from seed 1234567.
        dice = Dice(1234567)
        self.assertEqual([6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431], [dice.bits() for _ in range(4)])

    def test_the_same_text_as_when_the_sample_was_made(self):
        card = json.loads((SAMPLE / "figures.json").read_text())
        self.assertEqual(card["texts"]["training_sha256"], library.fingerprint(t for t, _ in library.write(settings.SEED, settings.TRAINING)))

    def test_bundled_texts_are_of_this_library_and_were_not_trained_on(self):
        trained = {t for t, _ in library.write(settings.SEED, settings.TRAINING)}
        bundled = dict(library.write(settings.SEED, settings.BUNDLED))
        lines = [json.loads(line) for line in (SAMPLE / "stories.jsonl").read_text().splitlines()]
        self.assertEqual(2 * settings.BUNDLED_EACH, len(lines))
        for line in lines:
            self.assertEqual(line["label"], bundled[line["text"]])
            self.assertNotIn(line["text"], trained)

    def test_every_plot_tells_clean_text(self):
        for n, plot in enumerate(PLOTS + DAYS + SONGS + RECIPES + LETTERS):
            for k in range(50):
                telling = Telling(Dice(1000 * n + k))
                plot(telling)
                text = telling.text()
                with self.subTest(plot=plot.__name__, k=k):
                    self.assertRegex(text, r"^[A-Za-z ,.:?!'\"\n-]+$")
                    self.assertNotRegex(text, r"  | [,.?!]|,,|\.\.|\b[Aa] [aeio]|\b[Aa]n [^aeiouAEIOUh]")
                    self.assertEqual(0, text.count('"') % 2)
                    self.assertFalse([line for line in text.split("\n") if not re.match(r'^"?[A-Z]', line)])

    def test_sums_are_right(self):
        for n, page in enumerate(ACCOUNTS):
            for k in range(200):
                telling = Telling(Dice(1000 * n + k))
                page(telling)
                text = telling.text()
                for a, sign, b, c in re.findall(r"(\d+) ([x+-]) (\d+) = (\d+)", text):
                    self.assertEqual({"x": int(a) * int(b), "+": int(a) + int(b), "-": int(a) - int(b)}[sign], int(c), text)
                products = [int(p) for p in re.findall(r"x \d+ = (\d+)", text)]
                for total in re.findall(r"Sum: (\d+)", text):
                    self.assertEqual(sum(products), int(total), text)

    def test_texts_that_vitrine_trained_on_are_the_same_and_not_those_beside_the_samples(self):
        for sample, name in (("little-experts", "kinds"), ("little-letters", "letters")):
            kinds = settings.VITRINE_MADE[name]
            card = json.loads((SAMPLES / sample / "figures.json").read_text())
            trained = [t for k in kinds for t in texts.trained_on(k)]
            self.assertEqual(card["texts"]["training_sha256"], library.fingerprint(trained))
            lines = [json.loads(line) for line in (SAMPLES / sample / f"{name}.jsonl").read_text().splitlines()]
            self.assertEqual(sum(settings.HELD_OUT[k] for k in kinds), len(lines))
            self.assertFalse({line["text"] for line in lines} & set(trained))


if __name__ == "__main__":
    unittest.main()
