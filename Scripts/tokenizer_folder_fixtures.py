#!/usr/bin/env python3
"""Writes Tests/Fixtures/Tokenizers/folders.expected.json: folders of tokenizers whose tokenizer_config.json and its kin
change what the tokenizer.json or the vocabulary says, and what the reference library makes of texts.

Usage: Scripts/tokenizer_folder_fixtures.py  (needs Python 3 with transformers 5.23.0, tokenizers 0.23.3 and jinja2)
"""

import json
import os
import pathlib
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, decoders as D, models as M, normalizers as N, pre_tokenizers as P

assert (transformers.__version__, tokenizers.__version__) == ("5.23.0", "0.23.3")
OUTPUT = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/Tokenizers/folders.expected.json"
MESSAGES = [{"role": "user", "content": "Hi"}]

LETTERS = [chr(c) for c in range(33, 127)] + ["Ġ"]
MERGES = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("Ġ", ".")]
PAIRS = {token: id for id, token in enumerate(LETTERS + ["".join(merge) for merge in MERGES])}


def pairs(pre_tokenizer, added=(AddedToken("<|endoftext|>", special=True),)):
    tokenizer = Tokenizer(M.BPE(vocab=PAIRS, merges=MERGES))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, D.ByteLevel()
    tokenizer.add_tokens(list(added))
    return tokenizer


def unigram(scheme="always"):
    words = ["▁", "▁the", ".", "▁.", "'", "▁'", "s", "▁n't", "n't", "a", "b", "x", "▁x", "h", "e", "t", "<", ">", "|", "Z"]
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(word, -2.0 - index / 7) for index, word in enumerate(words)]
    tokenizer = Tokenizer(M.Unigram(vocab, unk_id=3))
    tokenizer.pre_tokenizer = P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme=scheme)])
    tokenizer.decoder = D.Metaspace(prepend_scheme=scheme)
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tokenizer


def word_pieces():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", ".", "'", "s", "n", "t", "x", "##x", "a", "b", "##b", "z"]
    tokenizer = Tokenizer(M.WordPiece({word: id for id, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer, tokenizer.normalizer = P.BertPreTokenizer(), N.BertNormalizer(lowercase=True)
    tokenizer.decoder = D.WordPiece(cleanup=False)
    tokenizer.add_special_tokens(words[:5])
    return tokenizer


def words():
    names = ["<unk>", "the", ".", "'", "s", "n't", "!", "?", ","]
    tokenizer = Tokenizer(M.WordLevel({word: id for id, word in enumerate(names)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = P.WhitespaceSplit()
    tokenizer.add_special_tokens(["<unk>"])
    return tokenizer


def llama(scheme=None):
    letters = ["▁"] + [chr(c) for c in range(97, 123)] + ["."]
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he")]
    tokens = ["<unk>", "<s>", "</s>"] + letters + ["".join(merge) for merge in merges]
    vocab = {token: id for id, token in enumerate(tokens)}
    tokenizer = Tokenizer(M.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if scheme:
        tokenizer.pre_tokenizer = P.Metaspace(prepend_scheme=scheme, split=False)
    else:
        tokenizer.normalizer = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
    steps = [D.Replace("▁", " "), D.ByteFallback(), D.Fuse()]
    tokenizer.decoder = D.Sequence(steps + ([] if scheme == "never" else [D.Strip(" ", 1, 0)]))
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


Z = [AddedToken("<|endoftext|>", special=True), AddedToken("<z>")]
BASES = {
    "pairs": pairs(P.ByteLevel(add_prefix_space=False)),
    "spaced pairs": pairs(P.ByteLevel(add_prefix_space=True)),
    "pairs with z": pairs(P.ByteLevel(add_prefix_space=False), Z),
    "unigram": unigram(), "unigram without spaces": unigram("never"),
    "word pieces": word_pieces(), "words": words(), "llama": llama(),
    "first llama": llama("first"), "llama without spaces": llama("never"),
}
FILES = {"vocab.json": PAIRS, "merges.txt": "#version: 0.2\n" + "\n".join(map(" ".join, MERGES)) + "\n"}
VOCABULARY = {"vocab.txt": "\n".join(json.loads(word_pieces().to_str())["model"]["vocab"]) + "\n"}


def token(content, **flags):
    usual = {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    return {**usual, "special": True, **flags}


def typed(content, **flags):
    return {"__type": "AddedToken", **token(content, **flags)}


FAST = "PreTrainedTokenizerFast"
CLEAN = {"clean_up_tokenization_spaces": True}
INSISTS = {**CLEAN, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": True}
SPACED = ["the x . a ' s n't , the ! ?", " .. ' ' ' s 's n' 'm 're 've ?"]
TOKENS = ["a[PAD]b<x>c <y> <z>the Z", "<|endoftext|>t<p> <x>a <|im_start|><|im_end|>"]
FOLDERS = []


def folder(base, config=None, texts=TOKENS, **others):
    files = {name.replace("__", "."): content for name, content in others.items()}
    if config is not None:
        files["tokenizer_config.json"] = config
    FOLDERS.append((base, files, texts))


for base in ["pairs", "unigram", "word pieces", "words"]:
    for config in [CLEAN, INSISTS, {"clean_up_tokenization_spaces": None}]:
        folder(base, {"tokenizer_class": FAST, **config}, SPACED)
for base in ["pairs", "spaced pairs", "unigram", "unigram without spaces", "llama", "first llama", "llama without spaces"]:
    names = ["XLMRobertaTokenizer"] if "unigram" in base else ["LlamaTokenizer"] if "llama" in base else [
        "GPT2Tokenizer", "RobertaTokenizer", "BartTokenizerFast", "BlenderbotTokenizer"]
    for name in [FAST, "Nobody", *names]:
        for setting in [{}, {"add_prefix_space": True}, {"add_prefix_space": False}]:
            folder(base, {"tokenizer_class": name, **setting}, ["the the"])
folder("pairs", {"add_prefix_space": True}, ["the the"], config__json={"model_type": "gpt2"})
folder("pairs", {"add_prefix_space": True}, ["the the"], config__json={"model_type": "qwen3"})
folder("pairs", {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}, ["the the"], config__json={"model_type": "gpt_bigcode"})
folder("pairs", {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": True}, ["the the"], config__json={"model_type": "llama"})
folder("pairs", {"tokenizer_class": FAST, "add_prefix_space": True}, ["the the"], config__json={"model_type": "gpt2"})
for base in ["pairs", "word pieces"]:
    name = {"pairs": "GPT2Tokenizer", "word pieces": "BertTokenizer"}[base]
    for config in [{"tokenizer_class": FAST}, {"tokenizer_class": name}, {}]:
        folder(base, {**config, "pad_token": "[PAD]"})
        folder(base, {**config, "pad_token": "t", "mask_token": typed("<x>", lstrip=True)})
        folder(base, {**config, "additional_special_tokens": ["<y>"]})
        folder(base, {**config, "additional_special_tokens": ["<y>"], "extra_special_tokens": ["<x>"], "image_token": "<z>"})
        folder(base, {**config, "extra_special_tokens": {"boi_token": "<x>", "what": "<y>"}})
        folder(base, {**config, "pad_token": "<x>"}, special_tokens_map__json={"pad_token": "<y>", "mask_token": "<z>"})
        folder(base, {**config, "pad_token": "<x>"}, added_tokens__json={"<y>": 300, "<x>": 299, "Z": 301})
for name in [FAST, "GPT2Tokenizer"]:
    end = {"99": token("<|endoftext|>")}
    for flags in [{}, {"lstrip": True}, {"special": False, "normalized": True}, {"special": False, "normalized": True, "rstrip": True}]:
        folder("pairs with z", {"tokenizer_class": name, "added_tokens_decoder": {**end, "100": token("<z>", **flags)}})
    folder("pairs with z", {"tokenizer_class": name})
    folder("pairs with z", {"tokenizer_class": name, "eos_token": "<z>"})
    folder("pairs with z", {"tokenizer_class": name, "extra_special_tokens": ["<z>"]})
    folder("pairs", {"tokenizer_class": name, "added_tokens_decoder": {
        **end, "300": token("<y>"), "200": token("<x>", special=False)}, "pad_token": "[PAD]"},
        special_tokens_map__json={"pad_token": "<p>"}, added_tokens__json={"<z>": 300})
for name in ["Qwen2Tokenizer", "GPT2Tokenizer"]:
    for config in [
        {}, {"eos_token": "<|im_end|>"}, {"eos_token": "<|im_end|>", "pad_token": "<p>", "unk_token": None},
        {"bos_token": None, "eos_token": None, "unk_token": None, "pad_token": None},
        {"added_tokens_decoder": {"300": token("<|im_start|>"), "3": token("<x>")}},
        {"additional_special_tokens": ["<|im_start|>"]}, {"pad_token": "t"}, {"add_prefix_space": True},
        {"bos_token": "<p>", "eos_token": "<p>", "unk_token": "<p>", "pad_token": "<p>"},
    ]:
        folder("vocabulary", {"tokenizer_class": name, **config}, TOKENS + ["the the x"])
    folder(None, {"tokenizer_class": name, "eos_token": "<p>"}, vocab__json={**PAIRS, "<|endoftext|>": 400}, merges__txt=FILES["merges.txt"])
for config in [{}, {"pad_token": "<p>"}, {"mask_token": "<x>", "additional_special_tokens": ["Z"]}]:
    folder(None, {"tokenizer_class": "BertTokenizer", **config}, vocab__txt=VOCABULARY["vocab.txt"])
    folder(None, {"tokenizer_class": "BertTokenizer", **CLEAN, **config}, SPACED, vocab__txt=VOCABULARY["vocab.txt"])
folder(None, {"tokenizer_class": "BertTokenizer", "eos_token": "the"}, vocab__txt="[UNK]\n[CLS]\n[SEP]\nthe\nx\n", added_tokens__json={"Z": 9})

TEMPLATES = []
RAG = {"additional_chat_templates/rag.jinja": "RAG {{ messages[0].content }}", "additional_chat_templates/tool_use.jinja": "TOOL"}
LISTED = {"chat_template": [{"name": "default", "template": "D"}, {"name": "x", "template": "X{{ eos_token }}"}], "eos_token": "."}
for files in [
    RAG, {**RAG, "chat_template.jinja": "J"}, {**RAG, "tokenizer_config.json": {"chat_template": "C"}},
    {**RAG, "tokenizer_config.json": LISTED}, {"tokenizer_config.json": LISTED},
    {"tokenizer_config.json": {"chat_template": [{"name": "rag", "template": "R"}, {"name": "tool_use", "template": "T"}]}},
    {"tokenizer_config.json": {"chat_template": {"default": "DDD", "rag": "RR"}}},
    {"chat_template.jinja": "J", "tokenizer_config.json": LISTED},
    {"chat_template.jinja": "J", "additional_chat_templates/default.jinja": "DD"},
    {"chat_template.jinja": "{{ bos_token }}{{ image_token }}|{{ pad_token }}{{ eos_token }}", "tokenizer_config.json": {
        "tokenizer_class": "GPT2Tokenizer", "image_token": "<i>", "pad_token": None}},
]:
    TEMPLATES.append(files)


def write(folder, base, files):
    for name, content in {**(bases[base] if base else {}), **files}.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))


def loaded(base, files):
    with tempfile.TemporaryDirectory() as folder:
        write(folder, base, files)
        return transformers.AutoTokenizer.from_pretrained(folder)


def cases(tokenizer, texts):
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        case = {"text": text, "ids": ids, "decoded": tokenizer.decode(ids)}
        kept = tokenizer.decode(ids, skip_special_tokens=True)
        yield case if kept == case["decoded"] else {**case, "kept": kept}


def conversations(tokenizer):
    for named in [{}, {"tools": [{"type": "function", "function": {"name": "f"}}]}, {"tools": []}, {"chat_template": "rag"}, {"chat_template": "x"}]:
        names = tokenizer.chat_template if isinstance(tokenizer.chat_template, dict) else {"default": ""}
        # A name that there is not is a template of its own there.
        if named.get("chat_template", "default") not in names and "chat_template" in named:
            text = None
        else:
            try:
                text = tokenizer.apply_chat_template(MESSAGES, tokenize=False, **named)
            except ValueError:
                text = None
        yield {**{{"chat_template": "name"}.get(key, key): value for key, value in named.items()}, "text": text}


bases = {name: {"tokenizer.json": json.loads(base.to_str())} for name, base in BASES.items()}
bases["vocabulary"] = FILES
folders = [
    {"base": base, "files": files, "cases": list(cases(loaded(base, files), texts))} for base, files, texts in FOLDERS]
templates = [{"files": files, "cases": list(conversations(loaded("pairs", files)))} for files in TEMPLATES]
document = {"version": transformers.__version__, "bases": bases, "folders": folders, "templates": templates}
lines = json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace('{"base":', '\n{"base":').replace('{"files":', '\n{"files":')
OUTPUT.write_text(lines + "\n")
print(len(folders), len(templates), OUTPUT.stat().st_size)
