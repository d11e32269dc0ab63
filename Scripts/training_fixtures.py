#!/usr/bin/env python3
"""Writes Tests/Fixtures/Training: what the reference library's trainers learn from Examples/Quickstart/Harbor.swift.

Usage: Scripts/training_fixtures.py  (needs Python 3 with tokenizers 0.23.3)
"""

import json
import pathlib

import tokenizers
from tokenizers import Tokenizer, models, normalizers as N, pre_tokenizers as P, trainers

ROOT = pathlib.Path(__file__).parent.parent
TEXT = str(ROOT / "Examples/Quickstart/Harbor.swift")
OUTPUT = ROOT / "Tests/Fixtures/Training"


def save(name, tokenizer):
    model = json.loads(tokenizer.to_str())["model"]
    (OUTPUT / f"{name}.json").write_text(json.dumps(
        {"vocab": model["vocab"], "merges": model.get("merges")}, ensure_ascii=False, separators=(",", ":")) + "\n")


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


main()
