#!/usr/bin/env python3
"""Writes Tests/Fixtures/TokenizerReferences: what each stage of a tokenizer makes of texts that break tokenizers.

NAME.json holds, for each text, what the reference library's stages give one after the other:

    normalized  the normalizer's text (left out where it is the text itself)
    pieces      the pre-tokenizer's pieces of that
    model       the model's ids of those pieces
    ids         the ids of the text without anything around it, added tokens found (left out where they are the model's)
    whole       the ids with what the post-processor puts around them (left out where it puts nothing)
    decoded     the decoder's text of those (left out where it is the text itself); special tokens as the file writes
                them, as tokenizers 0.21 and transformers do, where 0.23 gives some of them in their normalized form

`tokenizer verify` compares with them. `size` and `marks` tell to which vocabulary a file belongs.

Usage: make_tokenizer_references.py [NAME=PATH...]
PATH is a tokenizer.json, or a folder with the older files. Without any: all of Tests/Fixtures/Tokenizers.
Needs Python 3 with tokenizers 0.23.3, and with transformers 5.23 for folders.
"""

import json
import pathlib
import sys

import tokenizers
from tokenizers import Tokenizer

VERSION = "0.23.3"
FIXTURES = pathlib.Path(__file__).parent
OUTPUT = FIXTURES / "TokenizerReferences"

# Each line has one idea of what breaks tokenizers.
TEXTS = [
    # Nothing, and white space of every kind.
    "", " ", "   ", "\n", "\r\n", "\t \x0b\x0c\x1c\x1d\x1e\x1f\x85", "a\u00a0b\u1680c\u2000d\u2009e\u200af\u202fg\u205fh\u3000i",
    "\u2028line\u2029paragraph\u0085next", " lead", "trail ", "a  b   c    d", "x\n\n\ny\r\r\nz \n w", "\ttab\t\ttabs",
    # Words, contractions, numbers.
    "The quick brown fox jumps over the lazy dog.", "I'VE they'll WE'RE don't 'tis o'clock y'all'd've",
    "\u2019s it\u2019s can\u2019t \u02bcn", "camelCase HTTPServer snake_case kebab-case SHOUT", "1 12 123 1234 12345 1,234.5 -0 1e-9 0x1F",
    "\u0661\u0662\u0663 \u0967\u0968 \u00b2\u00b3 \u00bd \u2167 \u2460 \U0001d7d8 \u4e09", "a1b2 3rd 4th v2.0 \u00b5m 5\u2103",
    # Marks that compose, in and out of order; compositions that are excluded.
    "caf\u00e9 cafe\u0301 CAF\u00c9 CAFE\u0301", "\u212b \u00c5 A\u030a \u2126 \u212a", "a\u0327\u0301 a\u0301\u0327 \u1e09 c\u0327\u0301",
    "\u0344 \u0340\u0341 \u0374 \u037e \u0387", "\u0958 \u0915\u093c \u2add \u2adc \U0001d15e", "\u1e9b\u0323 \ufb1d \u05d9\u05b4",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0358\u0348l\u0356\u0320\u0331g\u0348\u032do", "\u0301alone \u0308\u0301", "e" + "\u0301" * 20,
    "\u0f71\u0f72 \u0f73 \u0f75 \u0f81", "\u09c7\u09be \u0b47\u0b56 \u0dd9\u0dcf",
    # Hangul, whole and in letters.
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab\u1100\u116e\u11a8", "\ud7a3\u11a8 \uac00\u11a7\u11a8 \u3131\u314f \uffa1",
    # Case that changes length or depends on place.
    "\u0130stanbul \u0131I i\u0307 \u0130", "\u00df \u1e9e STRASSE stra\u00dfe", "\u03a3\u03a3 \u03c3\u03c2 \u03a3\u0391\u03a3",
    "\u01c4 \u01c5 \u01c6 \u1f88 \u0149 \u01f0 \ufb00 \u0390", "\u10a0\u2d00 \u13a0\uab70 \U00010400\U00010428 \U0001e900\U0001e922",
    # Compatibility forms.
    "\ufb01ne \ufb02ag \ufb03 \ufdfa \u337f \u3392", "\uff21\uff42\uff43\uff11\uff12\uff01\u3000\uff76\uff9e\uff8a\uff9f", "\U0001d518\U0001d52b\U0001d4b3 \u2102\u210d x\u00b2y\u2083",
    "\u2026 \u2024\u2025 \u203c \u2047 \u00bc \u2153 \u33ff \u32d0", "\uf900 \ufa0e \U0002f800 \u2f00 \u2e80",
    # Emoji: joined, flagged, coloured, boxed, out of order.
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f9d1\U0001f3fd\u200d\U0001f680 \u2764\ufe0f\u200d\U0001f525", "\U0001f1e9\U0001f1ea\U0001f1eb \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "#\ufe0f\u20e3 1\u20e3 \u2122\ufe0e \u263a\ufe0f \U0001f44d\U0001f3fd\U0001f3fb", "a\u200db\u200cc\u2060d\ufefff \ufefffirst",
    # Right to left, and signs that turn text about.
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u0645\u0631\u062d\u0628\u0627 \u0644\u0627", "\u202eabc\u202c \u2066x\u2069 \u200f\u061c", "\u0600\u0661 \u06dd\u0662 \u0640\u0640 \u064b\u0651",
    # Scripts without spaces, and with marks that matter.
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01 \u0e33 \u0eb3", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0915\u094d\u200d\u0937 \u0b95\u0bca", "\u1780\u17d2\u1798\u17c2\u179a \u1019\u103c\u1014\u103a\u1019\u102c",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u6f22\u5b57kanji\u3072\u3089\u304c\u306a\u30ab\u30bf\u30ab\u30ca\u30fc", "\u304b\u3099 \u304c \u309b \u30fd\u3099", "\U00020000\U0002a6d6 \u3400 \U00030000 \u3007",
    # What is no character, or none yet, or nobody's.
    "\x00nul\x00 \x01\x02\x7f", "\ufffd \ufffe\uffff \ufdd0 \U0001ffff \U0010ffff", "\ue000\uf8ff \U000f0000 \u0378 \u05ff \U000e0fff", "\u00ad soft\u00adhyphen \u034f \u180e \u115f \u3164",
    # Punctuation and signs.
    "\u00bf\u00a1 \u201cquotes\u201d \u2018single\u2019 \u00abguillemets\u00bb \u2014\u2013\u2010\u2212", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "\u20ac100 \u00a35 $3.50 \u00a5\uffe5 \u20b9", "foo_bar-baz.qux+tag@example.com https://a.b/c?d=e&f=%20#g",
    "\u3001\u3002\u300c\u300d\u30fb \u061f\u060c \u0964 \u1362 \u104a", "=== --- ... ??? !!! ```code``` **bold**",
    # What looks like a tokenizer's own writing.
    "\u2581\u2581under \u2581 a\u2581b", "<0x0A> <0x00> <0xGG> <0x80>", "##ing ## #", "\u0120the \u010a \u0100 \u0143", "</w> a</w> @@ b@@",
    "<s>x</s> <unk><pad> [CLS]a[SEP] [MASK]. <|endoftext|>y <mask> <|im_start|>user", " <s> \u00a0[MASK] \n</s>\n[UNK]x", "[cls] <S> <|END|> <extra_id_0> [unused1]",
    # Length.
    "x" * 200, "ab" * 60, "\U0001f600" * 12, "\u00e9" * 60, "a " * 40, " " * 70 + "end", "=" * 90, "\n" * 40,
    # All at once.
    "mixed \u6df7\u5408 \u0441\u043c\u0435\u0448\u0430\u043d\u043e \u03bc\u03b9\u03ba\u03c4\u03cc \u05de\u05e2\u05d5\u05e8\u05d1 \u0645\u062e\u062a\u0644\u0637 \U0001f600e\u0301\ufb01\u00a0\u200d\u0000",
    "def f(x):\n    return {\n\t'a': x**2,  # caf\u00e9\n    }\n\n", '{"k": [1, 2.5e3, "\\u00e9\\n"], "\u00e9": null}', "\\u0041 &amp; &#x41; %41 =41",
]


def writing_special_tokens(tokenizer):
    """The same tokenizer, decoding special tokens as they are written."""
    value = json.loads(tokenizer.to_str())
    for token in value["added_tokens"]:
        token["normalized"] = token["normalized"] and not token["special"]
    return Tokenizer.from_str(json.dumps(value))


def case(tokenizer, decoder, text):
    normalized = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
    if tokenizer.pre_tokenizer:
        pieces = [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]
    else:
        pieces = [normalized] if normalized else []
    model = [token.id for piece in pieces for token in tokenizer.model.tokenize(piece)]
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    whole = tokenizer.encode(text).ids
    decoded = decoder.decode(whole, skip_special_tokens=False)
    value = {"text": text, "normalized": normalized, "pieces": pieces, "model": model, "ids": ids, "whole": whole, "decoded": decoded}
    for name, same in [("normalized", text), ("decoded", text), ("whole", ids), ("ids", model)]:
        if value[name] == same:
            del value[name]
    return value


def load(path):
    if path.is_file():
        tokenizer = Tokenizer.from_file(str(path))
    else:
        import transformers
        assert transformers.__version__.startswith("5.23"), "transformers 5.23 is needed"
        tokenizer = transformers.AutoTokenizer.from_pretrained(path).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def main():
    assert tokenizers.__version__ == VERSION, f"tokenizers {VERSION} is needed, not {tokenizers.__version__}"
    OUTPUT.mkdir(exist_ok=True)
    given = [argument.split("=", 1) for argument in sys.argv[1:]] or [
        (path.stem, path) for path in sorted((FIXTURES / "Tokenizers").glob("*.json")) if ".expected" not in path.name]
    for name, path in given:
        tokenizer = load(pathlib.Path(path))
        tokens = {id: token for token, id in tokenizer.get_vocab(with_added_tokens=True).items()}
        size = max(tokens) + 1
        # Tokens from all over the vocabulary.
        marks = {tokens[id]: id for id in sorted(tokens)[:: max(1, len(tokens) // 16)]}
        head = {"tokenizer": name, "library": f"tokenizers {VERSION}", "size": size, "marks": marks}
        dumps = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        decoder = writing_special_tokens(tokenizer)
        cases = ",\n".join(dumps(case(tokenizer, decoder, text)) for text in TEXTS)
        (OUTPUT / f"{name}.json").write_text(f'{dumps(head)[:-1]},"cases":[\n{cases}\n]}}\n')


main()
