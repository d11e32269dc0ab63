#!/usr/bin/env python3
"""Writes Sources/Tokenizers/Unicode/UnicodeTables.swift: what the reference tokenizer library knows of each scalar.

The library looks scalars up in crates of different Unicode versions, none of which is the version of Swift's standard
library. So nothing is taken from the Unicode database: the library itself is asked about every scalar.

Usage: Scripts/unicode_tables.py  (needs Python 3 with tokenizers 0.23.3)
"""

import pathlib
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

VERSION = "0.23.3"
OUTPUT = pathlib.Path(__file__).parent.parent / "Sources/Tokenizers/Unicode/UnicodeTables.swift"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# Categories of the regular expressions, in the order of `UnicodeCategory`.
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "M", "Nd", "N", "P", "S"]


def number(value):
    """Five bits to a digit, the lowest first; all but the last have the sixth bit set."""
    text = ""
    while value >= 32:
        text += DIGITS[value & 31 | 32]
        value >>= 5
    return text + DIGITS[value]


def signed(value):
    return number(value << 1 if value >= 0 else -value << 1 | 1)


def runs(value_of):
    """Runs of equal values over all code points: a value and a length for each."""
    text, start, value = "", 0, value_of(0)
    for c in range(1, 0x110001):
        new = value_of(c) if c < 0x110000 else None
        if new != value:
            text += number(value) + number(c - start)
            start, value = c, new
    return text


def flags(members):
    """Lengths of runs outside and inside the set, in turn, beginning outside."""
    text, start, inside = "", 0, False
    for c in range(0x110001):
        if c == 0x110000 or (c in members) != inside:
            text += number(c - start)
            start, inside = c, not inside
    return text


def matched(expression):
    """The scalars that match a regular expression of one character."""
    everything = "".join(map(chr, SCALARS))
    rest = set(normalizers.Replace(Regex(expression), "").normalize_str(everything))
    return {c for c in SCALARS if chr(c) not in rest}


def removed(normalizer):
    return {c for c in SCALARS if normalizer.normalize_str("a" + chr(c)) == "a"}


def pieces(pre_tokenizer, text):
    return [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)]


def scripts():
    """A number for each scalar's script, equal for those that are not cut apart; 0 for scalars that go with any."""
    split = pre_tokenizers.UnicodeScripts()
    representatives, last, script_of = [], None, {}
    for c in SCALARS:
        # Text of no script at all yields no piece.
        if not pieces(split, chr(c)):
            script_of[c] = 0
            continue
        order = ([last] if last is not None else []) + list(range(len(representatives)))
        for index in order:
            if len(pieces(split, chr(representatives[index]) + chr(c))) == 1:
                last = index
                break
        else:
            representatives.append(c)
            last = len(representatives) - 1
        script_of[c] = last + 1
    return script_of


def combining_classes():
    """Python's classes, of the scalars that the library reorders as such."""
    nfd, classes = normalizers.NFD(), {}
    for c in SCALARS:
        value = unicodedata.combining(chr(c))
        if value == 1 and nfd.normalize_str("a\u0301" + chr(c)) == "a" + chr(c) + "\u0301":
            classes[c] = 1
        elif value > 1 and nfd.normalize_str("a" + chr(c) + "\u0334") == "a\u0334" + chr(c):
            classes[c] = value
    return classes


def mappings(normalizer, skip=lambda c: False, default=lambda c: chr(c)):
    """Scalars that become something else: the step to the scalar, the length, and the steps between the new scalars."""
    text, previous = "", 0
    for c in SCALARS:
        new = normalizer.normalize_str(chr(c))
        if new == default(c) or skip(c):
            continue
        text += number(c - previous) + number(len(new))
        base = c
        for scalar in new:
            text += signed(ord(scalar) - base)
            base = ord(scalar)
        previous = c
    return text


def excluded_compositions():
    nfd, nfc = normalizers.NFD(), normalizers.NFC()
    return {
        c for c in SCALARS
        if len(nfd.normalize_str(chr(c))) > 1 and nfc.normalize_str(chr(c)) != chr(c)
    }


def main():
    assert tokenizers.__version__ == VERSION, f"tokenizers {VERSION} is needed, not {tokenizers.__version__}"
    of_category = {}
    for index, name in reversed(list(enumerate(CATEGORIES))):
        for c in matched(rf"\p{{{name}}}"):
            of_category[c] = index + 1
    bert = lambda **on: normalizers.BertNormalizer(
        **(dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False) | on))
    cleaned = {c for c in removed(bert(clean_text=True))}
    marks = {c for c in removed(bert(strip_accents=True)) if normalizers.NFD().normalize_str(chr(c)) == chr(c)}
    white = {c for c in SCALARS if not pieces(pre_tokenizers.WhitespaceSplit(), chr(c))}
    assert white == matched(r"\s"), "the two kinds of white space differ"
    punctuation = {c for c in SCALARS if not pieces(pre_tokenizers.Punctuation("removed"), chr(c))}
    numeric = {c for c in SCALARS if len(pieces(pre_tokenizers.Digits(True), "a" + chr(c))) == 2}
    words = {c for c in SCALARS if len(pieces(pre_tokenizers.Whitespace(), "a" + chr(c))) == 1 and c not in white}
    words &= {c for c in words if pieces(pre_tokenizers.Whitespace(), "a" + chr(c)) == ["a" + chr(c)]}
    script_of, class_of = scripts(), combining_classes()
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()
    hangul = lambda c: 0xAC00 <= c <= 0xD7A3
    tables = [
        ("categories", "Runs of `UnicodeCategory`, as regular expressions see it.", runs(lambda c: of_category.get(c, 0))),
        ("whitespace", "White space.", flags(white)),
        ("punctuation", "What BERT's and the other splits at punctuation cut off.", flags(punctuation)),
        ("numeric", "What the split at digits calls numeric.", flags(numeric)),
        ("words", "What `\\\\w` matches.", flags(words)),
        ("bracketWords", "What `\\\\w` within brackets matches in patterns that files bring.",
         flags(matched(r"[\w#]") - {ord("#")})),
        ("han", "What `\\\\p{Han}` matches.", flags(matched(r"\p{Han}"))),
        ("controls", "What BERT's cleaning drops.", flags(cleaned)),
        ("nonspacingMarks", "What BERT calls accents.", flags(marks)),
        ("combiningMarks", "What StripAccents drops.", flags(removed(normalizers.StripAccents()))),
        ("scripts", "Runs of scripts, by arbitrary numbers; 0 goes with any.", runs(lambda c: script_of.get(c, 0))),
        ("combiningClasses", "Runs of canonical combining classes.", runs(lambda c: class_of.get(c, 0))),
        ("lowercase", "Lower case.", mappings(normalizers.Lowercase())),
        ("canonical", "Full canonical decompositions, without Hangul syllables.", mappings(nfd, skip=hangul)),
        ("compatible", "Full compatible decompositions that differ from the canonical ones.",
         mappings(nfkd, skip=hangul, default=lambda c: nfd.normalize_str(chr(c)))),
        ("uncomposed", "Scalars with a decomposition of several that no composition gives.",
         flags(excluded_compositions())),
    ]
    lines = [
        f"// Written by Scripts/unicode_tables.py, which asked tokenizers {VERSION} about every scalar.",
        "// `UnicodeData` says how the numbers are read.",
        "enum UnicodeTables {",
    ]
    for name, summary, text in tables:
        lines += [f"  /// {summary.replace(chr(92) * 2, chr(92))}", f'  static let {name}: StaticString = """']
        lines += ["    " + text[i:i + 110] for i in range(0, len(text), 110)]
        lines += ['    """', ""]
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text("\n".join(lines[:-1] + ["}", ""]))
    print({name: len(text) for name, _, text in tables})


main()
