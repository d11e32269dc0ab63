#!/usr/bin/env python3
"""Writes Tests/Fixtures/SentencePiece: small models, tiktoken ranks, and what the reference libraries make of texts.

NAME.model with NAME.expected.json: ids and decoded text by `sentencepiece` itself. FOLDER/ with expected.json: a folder
without a tokenizer.json, with ids and text by `transformers`. ranks.tiktoken with tiktoken.expected.json: by `tiktoken`.

Usage: Scripts/sentencepiece_fixtures.py
  (needs Python 3 with sentencepiece 0.2.3, transformers 5.23.0, tokenizers 0.23.3, protobuf and tiktoken 0.14.0)
"""

import base64
import io
import json
import os
import pathlib
import re
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece
import tiktoken
import transformers
from sentencepiece import sentencepiece_model_pb2 as pb
from transformers import AutoTokenizer

VERSIONS = {sentencepiece: "0.2.3", transformers: "5.23.0", tiktoken: "0.14.0"}
ROOT = pathlib.Path(__file__).parent.parent
OUTPUT = ROOT / "Tests/Fixtures/SentencePiece"
CORPUS = re.findall(r".+", (ROOT / "Examples/Quickstart/Harbor.swift").read_text())[:900]
TOKENIZERS = (ROOT / "Scripts/tokenizer_fixtures.py").read_text()
TEXTS = eval(TOKENIZERS.split("\nTEXTS = ")[1].split("STAGE_TEXTS")[0]) + [
    "the user ending def <sep> x y xx", "  \t \n ", "a\u3000 b  ", "<s>hi</s> <unk><pad>", "ünd ÜND ﬁ", "漢字漢字 the", "a" * 90,
    "<ctl>x<sep><sep>y", ">>fra<< Hello", "Hello <extra_id_0> a <pad>world", "the  the   the", "\u00a0\u00a0the",
]
# A small map of characters: what it holds matters more than that it is Unicode's.
RULES = [("\u00a0", " "), ("\u3000", " "), ("\ufb01", "fi"), ("e\u0301", "\u00e9"), ("\u1112\u1161\u11ab", "\ud55c"),
         ("\ufdfa", "صلى الله"), ("\u200b", ""), ("\t", " "), ("\u0041\u030a", "\u00c5"), ("\u212b", "\u00c5"), ("\n", " "),
         ("\uff11", "1"), ("\uff12", "2"), ("\ud83d\udc4d".encode("utf-16", "surrogatepass").decode("utf-16"), "+1")]


def train(path, edit=None, **settings):
    rules = OUTPUT / "rules.tsv"
    rules.write_text("".join(
        " ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n" for a, b in RULES))
    if "normalization_rule_name" not in settings:
        settings["normalization_rule_tsv"] = str(rules)
    written = io.BytesIO()
    lines = CORPUS + [t for t in TEXTS[3:] if not re.search("[\0\r\n\u2028\u0085]", t)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, minloglevel=2, num_threads=1, **settings)
    rules.unlink()
    model = pb.ModelProto()
    model.ParseFromString(written.getvalue())
    model.trainer_spec.ClearField("input")
    if edit:
        edit(model)
    path.write_bytes(model.SerializeToString())


def unused(model):
    for index, piece in enumerate(model.pieces):
        if piece.type == 1 and len(piece.piece) > 2 and index % 7 == 0:
            piece.type = 5


def out_of_use(model):
    for index, piece in enumerate(model.pieces):
        if piece.type == 1 and index % 5 == 0:
            piece.type = 5 if index % 2 else 3


def equal_scores(model):
    for index, piece in enumerate(model.pieces):
        if piece.type == 1:
            piece.score = -float(index // 8)


def plain_spaces(model):
    model.normalizer_spec.escape_whitespaces = False


MODELS = {
    "unigram": dict(model_type="unigram", vocab_size=400, user_defined_symbols=["user", "def", "<sep>", " x"],
                    control_symbols=["<ctl>"], pad_id=3),
    "unigram-bytes": dict(model_type="unigram", vocab_size=600, byte_fallback=True, treat_whitespace_as_suffix=True),
    "unigram-spaces": dict(model_type="unigram", vocab_size=400, normalization_rule_name="identity", add_dummy_prefix=False,
                           remove_extra_whitespaces=False, split_by_whitespace=False, character_coverage=0.98),
    "unigram-equal": dict(model_type="unigram", vocab_size=400, edit=equal_scores),
    "unigram-plain": dict(model_type="unigram", vocab_size=400, edit=plain_spaces),
    "pairs": dict(model_type="bpe", vocab_size=600, user_defined_symbols=["user", "def", "<sep>", "ing"],
                  byte_fallback=True, remove_extra_whitespaces=False, normalization_rule_name="identity"),
    "pairs-unused": dict(model_type="bpe", vocab_size=400, edit=unused, character_coverage=0.98),
    "pairs-equal": dict(model_type="bpe", vocab_size=400, edit=equal_scores, treat_whitespace_as_suffix=True),
    "characters": dict(model_type="char", vocab_size=90, user_defined_symbols=["user", "def", "<sep>", "ab", "abc"],
                       control_symbols=["<ctl>"], pad_id=3),
    "characters-bytes": dict(model_type="char", vocab_size=330, byte_fallback=True, treat_whitespace_as_suffix=True,
                             remove_extra_whitespaces=False, normalization_rule_name="identity"),
    "characters-unused": dict(model_type="char", vocab_size=60, edit=out_of_use),
    "words-unused": dict(model_type="word", vocab_size=200, edit=out_of_use, add_dummy_prefix=False),
    "words": dict(model_type="word", vocab_size=300, user_defined_symbols=["user", "def"], control_symbols=["<ctl>"]),
    "words-spaces": dict(model_type="word", vocab_size=500, add_dummy_prefix=False, remove_extra_whitespaces=False,
                         byte_fallback=True),
}


def write(path, cases):
    path.write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases) + "\n]\n")


def folder(name, configuration):
    path = OUTPUT / name
    path.mkdir(exist_ok=True)
    (path / "tokenizer_config.json").write_text(json.dumps(configuration) + "\n")
    return path


def reference(path):
    tokenizer = AutoTokenizer.from_pretrained(path)
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text)
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)})
    cases += [{"text": a, "pair": b, "ids": tokenizer(a, b)["input_ids"]} for a, b in zip(TEXTS[3:6], TEXTS[12:15])]
    write(path / "expected.json", cases)


def marian(path):
    vocabulary = {"</s>": 0, "<unk>": 1}
    for name in ["source", "target"]:
        model = sentencepiece.SentencePieceProcessor(model_file=str(path / f"{name}.spm"))
        for index in range(len(model)):
            if not model.is_control(index):
                vocabulary.setdefault(model.id_to_piece(index), len(vocabulary))
    for token in [">>fra<<", "<pad>"]:
        vocabulary[token] = len(vocabulary)
    (path / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")) + "\n")


def ranks():
    """The most frequent pairs of bytes, joined one after the other within words of the corpus."""
    words = [[bytes([b]) for b in w.encode()] for w in re.findall(r" ?\w+|\s+|[^\w\s]+", "\n".join(CORPUS + TEXTS))]
    tokens = [bytes([b]) for b in range(256)]
    while len(tokens) < 600:
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        a, b = max(sorted(counts), key=counts.get)
        if a + b not in tokens:
            tokens.append(a + b)
        for word in words:
            index = 0
            while index + 1 < len(word):
                if word[index] == a and word[index + 1] == b:
                    word[index:index + 2] = [a + b]
                index += 1
    return {token: rank for rank, token in enumerate(tokens)}


def main():
    for library, version in VERSIONS.items():
        assert library.__version__ == version, f"{library.__name__} {version} is needed, not {library.__version__}"
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    for name, settings in MODELS.items():
        train(OUTPUT / f"{name}.model", **settings)
        model = sentencepiece.SentencePieceProcessor(model_file=str(OUTPUT / f"{name}.model"))
        write(OUTPUT / f"{name}.expected.json", [
            {"text": t, "ids": model.encode(t), "decoded": model.decode(model.encode(t))} for t in TEXTS])

    path = folder("t5", {"tokenizer_class": "T5Tokenizer", "extra_ids": 10})
    train(path / "spiece.model", model_type="unigram", vocab_size=400, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    reference(path)
    path = folder("xlm-roberta", {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512})
    train(path / "sentencepiece.bpe.model", model_type="unigram", vocab_size=400)
    reference(path)
    path = folder("llama", {
        "tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": True, "legacy": False})
    train(path / "tokenizer.model", model_type="bpe", vocab_size=600, byte_fallback=True, remove_extra_whitespaces=False,
          normalization_rule_name="identity", user_defined_symbols=["user"])
    reference(path)
    path = folder("marian", {"tokenizer_class": "MarianTokenizer", "source_lang": "eng", "target_lang": "fra"})
    train(path / "source.spm", model_type="unigram", vocab_size=400)
    train(path / "target.spm", model_type="unigram", vocab_size=300, character_coverage=0.98)
    marian(path)
    reference(path)

    table = ranks()
    (OUTPUT / "ranks.tiktoken").write_text(
        "".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in table.items()))
    special = {"<|begin_of_text|>": 600, "<|end|>": 603}
    patterns = {
        "gpt2": r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
        "cl100k": r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"""
                  r"""|\s*[\r\n]|\s+(?!\S)|\s""",
        "llama3": r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"""
                  r"""|\s*[\r\n]+|\s+(?!\S)|\s+""",
        "o200k": "|".join([
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""\p{N}{1,3}""", r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""", r"""\s*[\r\n]+""", r"""\s+(?!\S)""", r"""\s+"""])}
    cases = []
    for layout, pattern in patterns.items():
        encoding = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=table, special_tokens=special)
        for text in TEXTS + ["<|begin_of_text|>Hello<|end|><|endoftext|>", "aaaaaa aaaaaaa bananananas"]:
            ids = encoding.encode(text, allowed_special="all")
            cases.append({"layout": layout, "text": text, "ids": ids, "decoded": encoding.decode(ids)})
    write(OUTPUT / "tiktoken.expected.json", cases)


main()
