#!/usr/bin/env python3
"""Writes Tests/Fixtures/Tokenizers: small tokenizers of each family, and what the reference library makes of texts.

NAME.json is a tokenizer.json; NAME.expected.json holds texts with their encodings. stages.expected.json holds pairs of
other stages for one of the tokenizers, each with texts, and decoders.expected.json other decoders, each with ids.
holes.expected.json holds tokenizers whose ids have holes.

Usage: Scripts/tokenizer_fixtures.py  (needs Python 3 with tokenizers 0.23.3)
"""

import json
import pathlib
import random
import re

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, trainers
from tokenizers import decoders as D, normalizers as N, pre_tokenizers as P, processors as R

VERSION = "0.23.3"
ROOT = pathlib.Path(__file__).parent.parent
OUTPUT = ROOT / "Tests/Fixtures/Tokenizers"
CORPUS = re.findall(r".+", (ROOT / "Examples/Quickstart/Harbor.swift").read_text())[:1200]
SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]

TEXTS = [
    "", " ", "a", "Mara looked at the old bell.", "  two  spaces ", "I'VE don't 'S 'tis we'll  they'RE",
    "\r\n\r\nline\r\n x", "tab\tthen\n\n\nnew lines \n ", "café and cafe\u0301", "\u212bngström A\u030a",
    "1234567 3.14 \u0663\u0664 ½ Ⅷ ²", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0928\u092e\u0938\u094d\u0924\u0947",
    "你好，世界", "日本語 テキスト ﾃｷｽﾄ", "한국어 \u1112\u1161\u11ab", "👩‍👩‍👧‍👦 🇩🇪🇫 👍🏽", "\u0344\u0327a\u0327\u0301 e\u0327\u0301b",
    "ﬁne ﬂag ﷺ ㍿ ①", "\u0000a\u0000 \ufffd\ufffe\u200b\u200d\ufeff", "İstanbul ISTANBUL ß ẞ ΣΑΣ ς",
    "a\u0300\u0300\u0323\u0301\u0334z", "[CLS] x [SEP][MASK]  y [MASK] z", "foo_bar-baz.qux@example.com",
    "“quotes” ‘single’ — … $100 €5 +=<>|^~`", "\u00a0nbsp\u00a0\u2003em\u3000ideo\u2028ls\u0085nel", "x" * 120,
    "\u05e9\u05c1\u05dc \u0645\u0631 \u0600a\u0601", "Ａ ｃ　１２ 𝔘𝔫 \U0001d15e", "\u1e9b\u0323 \u1e69 s\u0323\u0307",
    "▁▁a▁ ▁b <0x0A> ## ##ing", "can't won't do not you're n't .", "\ud7a3\u11a8 \uac00\u11a7", "\u0301", " \u0301a",
    "\U000e0041\ue000\u0378", "ǅ ᾳ ΐ ŉ", "1a2b 3c4\u0666d", "the bay the harbor the quick brown", "漢字kanjiひらがなカタカナABC абв",
]
STAGE_TEXTS = [TEXTS[i] for i in (4, 5, 7, 10, 14, 15, 17, 18, 20, 25, 27, 29)]


def trained(model, trainer, normalizer=None, pre_tokenizer=None):
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(CORPUS + TEXTS[3:16], trainer)
    return tokenizer


def template(first, last):
    return R.TemplateProcessing(
        single=f"{first[0]} $A {last[0]}", pair=f"{first[0]} $A {last[0]} $B:1 {last[0]}:1", special_tokens=[first, last])


def bert():
    tokenizer = trained(
        models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=700, special_tokens=SPECIAL),
        N.BertNormalizer(), P.BertPreTokenizer())
    tokenizer.post_processor = template(("[CLS]", 1), ("[SEP]", 2))
    tokenizer.decoder = D.WordPiece()
    tokenizer.enable_truncation(12, stride=2)
    tokenizer.enable_padding(pad_id=3, pad_to_multiple_of=8)
    tokenizer.add_tokens([AddedToken("harbor", single_word=True), AddedToken("Quick", normalized=True, rstrip=True)])
    return tokenizer


def roberta():
    tokenizer = trained(
        models.BPE(), trainers.BpeTrainer(
            vocab_size=700, special_tokens=["<s>", "</s>", "<mask>"], initial_alphabet=P.ByteLevel.alphabet()),
        None, P.ByteLevel(add_prefix_space=True))
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True)])
    tokenizer.post_processor = R.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    tokenizer.decoder = D.ByteLevel()
    tokenizer.enable_truncation(10, stride=3, strategy="only_second", direction="left")
    tokenizer.enable_padding(direction="left", length=16, pad_id=1, pad_token="</s>")
    return tokenizer


def llama():
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = trained(
        models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        trainers.BpeTrainer(vocab_size=800, special_tokens=special, limit_alphabet=60),
        N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]))
    # The tokens for bytes are tokens of the model, and not looked for in text.
    whole = json.loads(tokenizer.to_str())
    whole["added_tokens"] = [token for token in whole["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    tokenizer.post_processor = R.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    tokenizer.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    return tokenizer


def t5():
    tokenizer = trained(
        models.Unigram(), trainers.UnigramTrainer(vocab_size=700, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"),
        N.Sequence([N.NFKC(), N.Replace(Regex(" {2,}"), " ")]), P.Metaspace())
    tokenizer.post_processor = R.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    tokenizer.decoder = D.Metaspace()
    tokenizer.enable_truncation(9)
    return tokenizer


def words():
    tokenizer = trained(
        models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(vocab_size=300, special_tokens=SPECIAL),
        N.Sequence([N.NFD(), N.StripAccents(), N.Lowercase()]), P.Whitespace())
    tokenizer.post_processor = R.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def clip():
    tokenizer = trained(
        models.BPE(unk_token="<|end|>", end_of_word_suffix="</w>"),
        trainers.BpeTrainer(
            vocab_size=800, special_tokens=["<|start|>", "<|end|>"], end_of_word_suffix="</w>",
            initial_alphabet=P.ByteLevel.alphabet()),
        N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]),
        P.Sequence([
            P.Split(Regex(r"<\|start\|>|<\|end\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True),
            P.ByteLevel(add_prefix_space=False)]))
    tokenizer.post_processor = template(("<|start|>", 0), ("<|end|>", 1))
    tokenizer.decoder = D.BPEDecoder()
    return tokenizer


def added():
    """Added tokens whose white space overlaps."""
    vocabulary = {c: i for i, c in enumerate(sorted({c for text in TEXTS for c in text} - {"▁"}))}
    tokenizer = Tokenizer(models.BPE(vocab={"[UNK]": len(vocabulary)} | vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = P.Punctuation("merged_with_next")
    tokenizer.add_tokens([
        AddedToken("  ", rstrip=True), AddedToken(" ", single_word=True), AddedToken("\n", rstrip=True),
        AddedToken("[MASK]", lstrip=True, rstrip=True), AddedToken(" b", lstrip=True), AddedToken("\n\n", normalized=False),
        AddedToken("\t", lstrip=True)])
    tokenizer.decoder = D.Fuse()
    return tokenizer


def o200k():
    words = (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    tokenizer = trained(
        models.BPE(ignore_merges=True),
        trainers.BpeTrainer(vocab_size=700, special_tokens=["<|begin|>"], initial_alphabet=P.ByteLevel.alphabet()),
        None, P.Sequence([P.Split(Regex(words), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    tokenizer.post_processor = R.Sequence([
        R.ByteLevel(trim_offsets=True, add_prefix_space=False),
        R.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|>:1 $B:1", special_tokens=[("<|begin|>", 0)])])
    tokenizer.decoder = D.ByteLevel()
    return tokenizer


def stages():
    """Normalizers and pre-tokenizers beside those of the families."""
    split = lambda pattern, behavior, invert: {
        "type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    metaspace = lambda scheme, split: {
        "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}
    sequence = lambda *steps: {"type": "Sequence", "normalizers": list(steps)}
    cuts = lambda *steps: {"type": "Sequence", "pretokenizers": list(steps)}
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    normalizers = [{"type": name} for name in ["NFC", "NFD", "NFKC", "NFKD", "Nmt", "ByteLevel"]] + [
        strip, {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": True, "lowercase": False},
        sequence({"type": "NFKD"}, {"type": "StripAccents"}, {"type": "NFC"}, strip,
                 {"type": "Replace", "pattern": {"String": "e"}, "content": "ééé"}, {"type": "Prepend", "prepend": "xyz"},
                 {"type": "Lowercase"})]
    pre_tokenizers = [{"type": name} for name in ["BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts"]]
    pre_tokenizers += [metaspace(scheme, cut) for scheme in ("always", "first", "never") for cut in (True, False)]
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        pre_tokenizers.append({"type": "Punctuation", "behavior": behavior})
        pre_tokenizers += [split({"Regex": r"\p{N}{1,3}|[aeiou]+|\s+(?!\S)"}, behavior, invert) for invert in (True, False)]
    pre_tokenizers += [
        {"type": "Digits", "individual_digits": False}, {"type": "Digits", "individual_digits": True},
        {"type": "CharDelimiterSplit", "delimiter": "é"}, {"type": "FixedLength", "length": 3},
        cuts({"type": "WhitespaceSplit"}, metaspace("first", True)),
        cuts(byte_level, split({"Regex": r"\p{L}+"}, "Isolated", False)),
        cuts(split({"Regex": r" ?[^(\s|[.,!?…。，、।۔،])]+"}, "Isolated", False), byte_level),
        cuts(split({"Regex": r"\w+?b|[^\W\d]{2}|.a*+|\P{L}"}, "Isolated", False), byte_level)]
    return [(normalizer, None) for normalizer in normalizers] + [(None, cut) for cut in pre_tokenizers] + [
        (normalizers[2], cut) for cut in pre_tokenizers[4:6]]


def decoders():
    """Decoders beside those of the families, for the tokens of one of them."""
    strip = lambda content, start, stop: {"type": "Strip", "content": content, "start": start, "stop": stop}
    replace = lambda pattern, content: {"type": "Replace", "pattern": pattern, "content": content}
    ctc = lambda cleanup: {"type": "CTC", "pad_token": "e", "word_delimiter_token": "▁", "cleanup": cleanup}
    steps = [
        None, {"type": "Fuse"}, {"type": "ByteFallback"}, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
        {"type": "BPEDecoder", "suffix": "e"}, ctc(True), ctc(False), replace({"String": "▁"}, " "),
        replace({"Regex": "[aeiou]+|▁t"}, "_"), {"type": "WordPiece", "prefix": "▁", "cleanup": True},
        {"type": "WordPiece", "prefix": "t", "cleanup": False},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}]
    sequences = [
        [replace({"String": "▁"}, " "), {"type": "WordPiece", "prefix": " ", "cleanup": True}],
        [{"type": "Fuse"}, strip("▁", 2, 2)], [{"type": "ByteFallback"}, {"type": "BPEDecoder", "suffix": "▁"}, ctc(True)],
        [replace({"String": "▁"}, " "), ctc(True), {"type": "Fuse"}, strip(" ", 0, 1)]]
    return steps + [{"type": "Sequence", "decoders": sequence} for sequence in sequences]


def holes():
    """Vocabularies whose ids have holes, with added tokens whose ids other tokens have too."""
    token = lambda content, id, special=False, normalized=False: {
        "id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": normalized,
        "special": special}
    for vocabulary, added in [
        ({"?": 0, "a": 1, "b": 5}, []),
        ({"?": 0, "a": 1, "b": 5}, [token("<c>", 6, True)]),
        ({"?": 0, "a": 1, "b": 3}, [token("<c>", 4, True)]),
        ({"?": 0, "a": 1, "b": 3}, [token("<c>", 3)]),
        ({"?": 0, "a": 1, "b": 3}, [token("<c>", 4, True), token("<d>", 5)]),
        ({"?": 0, "a": 1, "b": 3}, [token("b", 3, True), token("<d>", 5)]),
        ({"?": 0, "a": 1, "b": 5}, [token("b", 5, True), token("<d>", 6), token("<e>", 7, True)]),
        ({"?": 0, "a": 1, "b": 5}, [token("<c>", 2, True), token("<d>", 3)]),
        ({"?": 0, "a": 1, "b": 7, "<e>": 5}, [token("<e>", 5, True), token("<c>", 8), token("<d>", 9, True)]),
        ({"?": 0, "a": 1, "b": 2, "<e>": 4}, [token("<c>", 9, True), token("<e>", 4, True), token("<d>", 10, True)]),
        ({"?": 0, "a": 3, "b": 4, "<c>": 9}, [token("<c>", 9, True, True), token("<d>", 10, False, True)]),
    ]:
        model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "?"}
        yield {"version": "1.0", "added_tokens": added, "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": model}


def encoding(e, with_overflow=True):
    value = {"ids": e.ids, "tokens": e.tokens, "offsets": [end for offset in e.offsets for end in offset]}
    for name, values, usual in [
        ("type_ids", e.type_ids, 0), ("special", e.special_tokens_mask, 0), ("attention", e.attention_mask, 1)
    ]:
        if any(v != usual for v in values):
            value[name] = values
    if e.overflowing and with_overflow:
        # Parts of pairs hold parts again in the library, which say nothing new.
        value["overflow"] = [encoding(part, with_overflow=False) for part in e.overflowing]
    return value


def case(tokenizer, text, pair=None, special=True, **more):
    value = {"text": text, **({"pair": pair} if pair is not None else {}), **({} if special else {"plain": True}), **more}
    try:
        e = tokenizer.encode(text, pair, add_special_tokens=special)
    except Exception:
        return value | {"fails": True}
    return value | encoding(e) | {
        "decoded": tokenizer.decode(e.ids, skip_special_tokens=True),
        "whole": tokenizer.decode(e.ids, skip_special_tokens=False)}


def write(name, value):
    (OUTPUT / f"{name}.expected.json").write_text(
        "[\n" + ",\n".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in value) + "\n]\n")


def main():
    assert tokenizers.__version__ == VERSION, f"tokenizers {VERSION} is needed, not {tokenizers.__version__}"
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for make in [bert, roberta, llama, t5, words, clip, added, o200k]:
        tokenizer = make()
        text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
        (OUTPUT / f"{make.__name__}.json").write_text(text + "\n")
        plain = Tokenizer.from_str(text)
        plain.no_truncation()
        plain.no_padding()
        cases = [case(plain, t) for t in TEXTS] + [case(plain, t, special=False) for t in TEXTS[3:6]]
        cases += [case(plain, a, b) for a, b in zip(TEXTS[3:9], TEXTS[12:18])]
        cut = Tokenizer.from_str(text)
        if cut.truncation or cut.padding:
            for a, b in [(TEXTS[3], TEXTS[5]), (TEXTS[2], TEXTS[24]), (TEXTS[38], TEXTS[3])]:
                cases.append(case(cut, a, b, settings=True))
            if cut.truncation["strategy"] != "only_second":
                cases += [case(cut, t, settings=True) for t in (TEXTS[2], TEXTS[5], TEXTS[24])]
        write(make.__name__, cases)
    base, groups = json.loads((OUTPUT / "llama.json").read_text()), []
    for normalizer, pre_tokenizer in stages():
        tokenizer = Tokenizer.from_str(json.dumps(base | {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer}))
        cases = []
        for text in STAGE_TEXTS:
            e = tokenizer.encode(text, add_special_tokens=False)
            cases.append({"text": text, "ids": e.ids, "offsets": [end for offset in e.offsets for end in offset]})
        groups.append({"normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "cases": cases})
    write("stages", groups)
    groups, chosen = [], random.Random(1)
    for decoder in decoders():
        tokenizer = Tokenizer.from_str(json.dumps(base | {"decoder": decoder}))
        size = tokenizer.get_vocab_size()
        texts = [tokenizer.encode(text, add_special_tokens=False).ids for text in STAGE_TEXTS]
        texts += [[chosen.randrange(3, size) for _ in range(30)] for _ in range(6)]
        texts += [[chosen.choice([195, 172, 233, 262, 263, 270]) for _ in range(9)] for _ in range(4)] + [[], [270], [270] * 3]
        cases = []
        for ids in texts:
            try:
                cases.append({"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False)})
            except BaseException:  # The library's panic where a text is stripped that is shorter than what is looked for.
                pass
        groups.append({"decoder": decoder, "cases": cases})
    write("decoders", groups)
    groups = []
    for file in holes():
        tokenizer = Tokenizer.from_str(json.dumps(file))
        ids = [id for id in range(12) if tokenizer.id_to_token(id) is not None]
        groups.append({
            "file": file, "text": "a b c x <c> <d> <e>", "ids": tokenizer.encode("a b c x <c> <d> <e>").ids, "known": ids,
            "tokens": {token: tokenizer.token_to_id(token) for token in sorted(tokenizer.get_vocab())},
            "decoded": tokenizer.decode(ids, skip_special_tokens=False), "kept": tokenizer.decode(ids)})
    write("holes", groups)


main()
