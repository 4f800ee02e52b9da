#!/usr/bin/env python3
"""Build the application's TTF fonts from the npm font packages.

JavaFX reads TTF/OTF files only, cannot switch OpenType features on or off and
cannot pick the weights 500 and 600 by number.  So every weight becomes a font
of its own, with a family name of its own, and the one feature we want (tabular
digits in Inter) is baked into the character map.

    Inter-Regular.ttf           family "Inter"
    Inter-Medium.ttf            family "Inter Medium"
    Inter-SemiBold.ttf          family "Inter SemiBold"
    JetBrainsMono-Regular.ttf   family "JetBrains Mono"
    JetBrainsMono-Medium.ttf    family "JetBrains Mono Medium"

Usage
    npm pack @fontsource/inter@5.3.0 @fontsource/jetbrains-mono@5.3.0 \\
             @expo-google-fonts/inter@0.4.2 @expo-google-fonts/jetbrains-mono@0.4.1
    for f in *.tgz; do mkdir "${f%.tgz}" && tar xzf "$f" -C "${f%.tgz}"; done
    pip install fonttools==4.66.1
    python build_fonts.py FOLDER_WITH_UNPACKED_PACKAGES OUTPUT_FOLDER

Where the packages lie below the first folder does not matter: each one is
recognised by the name in its package.json.

What is done per font
  1. Letters come from the @fontsource subsets listed in SUBSETS (.woff files).
     Each subset is cut down to the characters no earlier subset has, then all
     are joined with fontTools.merge.
  2. The @fontsource subsets hold hardly any symbols (no right arrow, no square
     root, no "less or equal"...).  The blocks in SYMBOL_BLOCKS are filled up
     from the complete TTF of the same family, same version and same weight in
     @expo-google-fonts.  `--without-symbols` leaves this step out.
  3. Inter only: digits and operators take their tabular (`tnum`) forms.
  4. Of the layout features only those in KEEP_FEATURES stay.  In particular
     `calt`, `liga`, `clig`, `dlig` go: "->" or "!=" stay two glyphs.
  5. The name table is written anew; left-overs of the variable font go (STAT).

The output is reproducible: the same input and the same fontTools give the same
bytes.
"""

import argparse
import io
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from fontTools import merge, subset
from fontTools.ttLib import TTFont, newTable

# In this order; a character found in two subsets is taken from the first.
SUBSETS = ("latin", "latin-ext", "greek", "greek-ext", "cyrillic", "cyrillic-ext")

SYMBOL_BLOCKS = (
    (0x2000, 0x206F),  # general punctuation
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x20A0, 0x20CF),  # currency
    (0x2100, 0x214F),  # letter-like symbols
    (0x2190, 0x21FF),  # arrows
    (0x2200, 0x22FF),  # mathematical operators
    (0x2300, 0x23FF),  # technical (keyboard symbols)
    (0x2500, 0x259F),  # box drawing, blocks
    (0x25A0, 0x25FF),  # geometric shapes
    (0x2600, 0x27BF),  # miscellaneous symbols, dingbats
)

# Composition of accents, language forms, mark placement and kerning.
KEEP_FEATURES = ["ccmp", "locl", "mark", "mkmk", "kern"]

DIGITS = "0123456789"
# Operators get digit width too, so that a sign takes the room of one digit.
# Left proportional: full stop, comma, colon, brackets, space and hyphen -
# their tabular forms have no digit width anyway or would spoil running text.
TABULAR = DIGITS + "+\u2212\u00b1\u00d7\u00f7=<>~"
FIGURE_SPACE = 0x2007  # as wide as a digit, by definition

# Symbols the application uses; the script reports which ones a font lacks.
NEEDED = "·→←↑↓×−±√‖ΣσΔW÷…–—“”‘’•≤≥≈∞⁻²³⁴█▸✓"


@dataclass(frozen=True)
class Family:
    name: str  # family name of the regular weight
    file: str  # stem of file and PostScript names
    letters: str  # npm package with the subsets
    symbols: str  # npm package with the complete fonts
    tabular: bool  # bake in tabular digits
    monospaced: bool


INTER = Family("Inter", "Inter", "@fontsource/inter",
               "@expo-google-fonts/inter", True, False)
MONO = Family("JetBrains Mono", "JetBrainsMono", "@fontsource/jetbrains-mono",
              "@expo-google-fonts/jetbrains-mono", False, True)

STYLES = {400: "Regular", 500: "Medium", 600: "SemiBold"}
FONTS = [(INTER, 400), (INTER, 500), (INTER, 600), (MONO, 400), (MONO, 500)]


# ---------------------------------------------------------------- packages

def find_packages(root):
    """Map npm package name -> folder, for every package below `root`."""
    found = {}
    for manifest in sorted(root.rglob("package.json")):
        try:
            name = json.loads(manifest.read_text("utf-8")).get("name")
        except (ValueError, AttributeError):
            continue
        if name in found:
            sys.exit(f"{name} is unpacked twice below {root}")
        found[name] = manifest.parent
    return found


def letter_files(package, family, weight):
    """The subset files of one weight; a family may lack some (greek-ext)."""
    stem = family.letters.split("/")[1]
    files = [package / "files" / f"{stem}-{s}-{weight}-normal.woff" for s in SUBSETS]
    files = [f for f in files if f.exists()]
    if not files or "-latin-" not in files[0].name:
        sys.exit(f"{package}: no latin subset for weight {weight}")
    return files


def symbol_file(package, family, weight):
    folder = f"{weight}{STYLES[weight]}"
    return package / folder / f"{family.file}_{folder}.ttf"


def open_font(path):
    return TTFont(path, recalcTimestamp=False)


# ---------------------------------------------------------------- subsetting

def cut(font, codepoints):
    """Keep only `codepoints`, what they are made of, and KEEP_FEATURES."""
    options = subset.Options()
    options.layout_features = KEEP_FEATURES
    options.layout_scripts = ["*"]
    options.name_IDs = ["*"]
    options.name_languages = ["*"]
    options.notdef_outline = True
    options.glyph_names = True
    options.hinting = False  # the sources are not hinted
    options.recalc_timestamp = False
    options.drop_tables = ["STAT", "gasp", "DSIG", "meta"]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codepoints)
    cutter.subset(font)


def use_tabular_forms(font):
    """Point the characters of TABULAR to the glyphs `tnum` would choose."""
    gsub = font["GSUB"].table
    tnum = {}
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag != "tnum":
            continue
        for index in record.Feature.LookupListIndex:
            for table in gsub.LookupList.Lookup[index].SubTable:
                table = getattr(table, "ExtSubTable", table)
                tnum.update(table.mapping)  # single substitution
    for table in font["cmap"].tables:
        for char in TABULAR:
            glyph = table.cmap.get(ord(char))
            if glyph in tnum:
                table.cmap[ord(char)] = tnum[glyph]


def in_symbol_blocks(codepoint):
    return any(first <= codepoint <= last for first, last in SYMBOL_BLOCKS)


def collect_parts(family, letters, symbols):
    """Open the source fonts, cut so that no character is in two of them."""
    parts, taken = [], set()
    for path in letters + ([symbols] if symbols else []):
        font = open_font(path)
        wanted = set(font.getBestCmap()) - taken
        if path == symbols:
            wanted = {c for c in wanted if in_symbol_blocks(c)}
        if parts and not same_design(font, parts[0]):
            sys.exit(f"{path.name}: other version or metrics than {letters[0].name}")
        if not wanted:
            continue
        if family.tabular and path != symbols:
            use_tabular_forms(font)
        cut(font, wanted)
        taken |= wanted
        parts.append(font)
    return parts


def same_design(a, b):
    def key(font):
        return (font["head"].unitsPerEm, font["head"].fontRevision,
                font["hhea"].ascent, font["hhea"].descent, font["hhea"].lineGap,
                font["OS/2"].usWeightClass)
    return key(a) == key(b)


# ---------------------------------------------------------------- joining

def join(parts):
    """Merge the parts.  fontTools.merge wants files, so save them in memory.

    A glyph that two parts need (a base letter under an accent, say) is in the
    result twice, under two names; no character points to the second one.
    """
    files = []
    for font in parts:
        stream = io.BytesIO()
        font.save(stream)
        stream.seek(0)
        files.append(stream)
    merged = merge.Merger().merge(files)
    # Through a file once more: merging leaves tables half decompiled.
    stream = io.BytesIO()
    merged.save(stream)
    stream.seek(0)
    merged = open_font(stream)
    # Drops what only the joining brought along (second .notdef and the like).
    cut(merged, set(merged.getBestCmap()))
    return merged


def set_names(font, family, weight, original):
    """Only name IDs 1, 2, 4 and 6 name the font, so all readers agree."""
    style = STYLES[weight]
    name = family.name if weight == 400 else f"{family.name} {style}"
    full = f"{name} Regular" if weight == 400 else name
    postscript = f"{family.file}-{style}"
    version = original.getDebugName(5)
    texts = {
        0: original.getDebugName(0),
        1: name,
        2: "Regular",
        3: f"{version};{postscript}",
        4: full,
        5: version,
        6: postscript,
        13: "This Font Software is licensed under the SIL Open Font License, Version 1.1.",
        14: "https://openfontlicense.org",
    }
    table = font["name"] = newTable("name")
    table.names = []
    for name_id, text in texts.items():
        table.setName(text, name_id, 3, 1, 0x409)  # Windows, Unicode, en-US


def build(family, weight, letters, symbols):
    first = open_font(letters[0])
    font = join(collect_parts(family, letters, symbols))

    set_names(font, family, weight, first["name"])

    os2, head = font["OS/2"], font["head"]
    os2.usWeightClass = weight
    os2.fsSelection = 0x0040 | (first["OS/2"].fsSelection & 0x0080)  # REGULAR, typo metrics
    os2.fsType = 0  # installable
    os2.recalcUnicodeRanges(font)
    os2.recalcCodePageRanges(font)
    os2.recalcAvgCharWidth(font)
    os2.panose = first["OS/2"].panose
    head.macStyle = 0
    head.fontRevision = first["head"].fontRevision
    head.created, head.modified = first["head"].created, first["head"].modified
    # Line height exactly as in the original.
    for tag, fields in (
        ("hhea", ("ascent", "descent", "lineGap")),
        ("OS/2", ("sTypoAscender", "sTypoDescender", "sTypoLineGap",
                  "usWinAscent", "usWinDescent", "sxHeight", "sCapHeight")),
    ):
        for field in fields:
            setattr(font[tag], field, getattr(first[tag], field))
    post = font["post"]
    post.formatType = 3.0  # no glyph names: nothing at run time reads them
    post.isFixedPitch = int(family.monospaced)
    post.underlinePosition = first["post"].underlinePosition
    post.underlineThickness = first["post"].underlineThickness

    # Smooth at every size, no grid fitting.
    gasp = font["gasp"] = newTable("gasp")
    gasp.version, gasp.gaspRange = 1, {0xFFFF: 0x000A}

    if family.tabular:
        widths, cmap = font["hmtx"].metrics, font.getBestCmap()
        if FIGURE_SPACE in cmap:
            glyph = cmap[FIGURE_SPACE]
            widths[glyph] = (widths[cmap[ord("0")]][0], widths[glyph][1])
    return font


# ---------------------------------------------------------------- checking

def kerned_glyphs(font):
    """Names of all glyphs that some kerning pair can move."""
    if "GPOS" not in font:
        return set()
    names = set()
    for lookup in font["GPOS"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            if table.LookupType != 2:
                continue
            names |= set(table.Coverage.glyphs)
            if table.Format == 1:
                for pairs in table.PairSet:
                    names |= {p.SecondGlyph for p in pairs.PairValueRecord}
            else:
                names |= set(table.ClassDef2.classDefs)
    return names


def check(font, family, weight):
    """Stop on a font that would break the application's assumptions."""
    cmap, widths = font.getBestCmap(), font["hmtx"].metrics
    digits = [cmap[ord(d)] for d in DIGITS]
    assert len({widths[g][0] for g in digits}) == 1, "digits of different width"
    if family.tabular:
        assert not kerned_glyphs(font) & set(digits), "digits are kerned"
    if family.monospaced:
        odd = [hex(c) for c, g in cmap.items() if widths[g][0] not in (0, widths[digits[0]][0])]
        assert not odd, f"not monospaced: {odd}"
    for tag in ("fvar", "gvar", "avar", "HVAR", "MVAR", "STAT"):
        assert tag not in font, f"left-over of the variable font: {tag}"
    features = set()
    for tag in ("GSUB", "GPOS"):
        if tag in font and font[tag].table.FeatureList:
            features |= {r.FeatureTag for r in font[tag].table.FeatureList.FeatureRecord}
    assert features <= set(KEEP_FEATURES), f"unexpected features {features}"
    assert font["OS/2"].usWeightClass == weight
    return "".join(c for c in NEEDED if ord(c) not in cmap), sorted(features)


def main():
    parser = argparse.ArgumentParser(description="Build the application's TTF fonts.")
    parser.add_argument("packages", type=Path, help="folder with the unpacked npm packages")
    parser.add_argument("output", type=Path, help="folder for the TTF and licence files")
    parser.add_argument("--without-symbols", action="store_true",
                        help="use the @fontsource packages only")
    args = parser.parse_args()

    packages = find_packages(args.packages)

    def package(name):
        if name not in packages:
            sys.exit(f"{name} is not below {args.packages}")
        return packages[name]

    args.output.mkdir(parents=True, exist_ok=True)
    for family, weight in FONTS:
        letters = letter_files(package(family.letters), family, weight)
        symbols = None
        if not args.without_symbols:
            symbols = symbol_file(package(family.symbols), family, weight)
        target = args.output / f"{family.file}-{STYLES[weight]}.ttf"
        build(family, weight, letters, symbols).save(target)

        font = open_font(target)
        missing, features = check(font, family, weight)
        print(f"{target.name}: {target.stat().st_size} bytes, "
              f"{font['maxp'].numGlyphs} glyphs, {len(font.getBestCmap())} characters, "
              f"features {' '.join(features)}; missing: {missing or 'none'}")

    for family in (INTER, MONO):
        shutil.copyfile(package(family.letters) / "LICENSE",
                        args.output / f"{family.file}-OFL.txt")


if __name__ == "__main__":
    main()
