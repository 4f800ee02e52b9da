"""Run with `python -m unittest` in this folder; needs nothing but Python."""

import json
import pathlib
import re
import unittest

import settings
from stories import library
from stories.dice import Dice
from stories.days import DAYS
from stories.songs import SONGS
from stories.tales import PLOTS
from stories.telling import Telling

SAMPLE = pathlib.Path(__file__).parents[2] / "main/resources/vitrine/samples" / settings.NAME


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
        for n, plot in enumerate(PLOTS + DAYS + SONGS):
            for k in range(50):
                telling = Telling(Dice(1000 * n + k))
                plot(telling)
                text = telling.text()
                with self.subTest(plot=plot.__name__, k=k):
                    self.assertRegex(text, r"^[A-Za-z ,.:?!'\"\n-]+$")
                    self.assertNotRegex(text, r"  | [,.?!]|,,|\.\.|\b[Aa] [aeio]|\b[Aa]n [^aeiouAEIOUh]")
                    self.assertEqual(0, text.count('"') % 2)
                    self.assertFalse([line for line in text.split("\n") if not re.match(r'^"?[A-Z]', line)])


if __name__ == "__main__":
    unittest.main()
