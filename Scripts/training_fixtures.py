#!/usr/bin/env python3
"""Writes Tests/Fixtures/Training: what the reference library's trainers learn from Examples/Quickstart/Harbor.swift.

Usage: Scripts/training_fixtures.py  (needs Python 3 with tokenizers 0.23.3)
"""

import json
import pathlib

import tokenizers
from tokenizers import Regex, Tokenizer, models, normalizers as N, pre_tokenizers as P, trainers

ROOT = pathlib.Path(__file__).parent.parent
TEXT = str(ROOT / "Examples/Quickstart/Harbor.swift")
OUTPUT = ROOT / "Tests/Fixtures/Training"


def save(name, tokenizer):
    model = json.loads(tokenizer.to_str())["model"]
    (OUTPUT / f"{name}.json").write_text(json.dumps(
        {"vocab": model["vocab"], "merges": model.get("merges")}, ensure_ascii=False, separators=(",", ":")) + "\n")


def unigram(lines, size, special):
    pieces = Tokenizer(models.Unigram())
    pieces.normalizer = N.Sequence([N.NFKC(), N.Replace(Regex(" {2,}"), " ")])
    pieces.pre_tokenizer = P.Metaspace(prepend_scheme="always")
    pieces.train_from_iterator(lines, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False))
    return pieces


def main():
    assert tokenizers.__version__ == "0.23.3"
    OUTPUT.mkdir(parents=True, exist_ok=True)
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = P.ByteLevel(add_prefix_space=False)
    pairs.train([TEXT], trainers.BpeTrainer(
        vocab_size=900, special_tokens=["<|endoftext|>"], initial_alphabet=P.ByteLevel.alphabet(), min_frequency=2,
        show_progress=False))
    save("bpe", pairs)
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer, words.pre_tokenizer = N.BertNormalizer(), P.BertPreTokenizer()
    words.train([TEXT], trainers.WordPieceTrainer(
        vocab_size=600, special_tokens=["[UNK]", "[CLS]", "[SEP]"], min_frequency=2, show_progress=False))
    save("wordpiece", words)
    # Of a few lines nothing has to be dropped: what is left shows the first pieces and their scores.
    lines = pathlib.Path(TEXT).read_text().splitlines(keepends=True)
    save("unigram", unigram(lines, 500, ["<unk>", "<pad>"]))
    save("unigram-few", unigram(lines[:40], 8000, ["<unk>"]))


main()
