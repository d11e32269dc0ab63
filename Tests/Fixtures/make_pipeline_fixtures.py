#!/usr/bin/env python3
"""Writes Tests/Fixtures/Pipelines: tiny random models with a tokenizer, as users have them in a folder, and what
sentence-transformers and transformers make of some texts.

Usage: Tests/Fixtures/make_pipeline_fixtures.py [NAME...]
(needs Python 3 with sentence-transformers 6.2.0, transformers 5.23.0, torch 2.15, safetensors, Pillow 13.0)
"""

import json
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from make_fixtures import BERT, QWEN3, ROBERTA, randomised

OUTPUT = pathlib.Path(__file__).parent / "Pipelines"
WORDS = "a the cat dog sat sits on mat lies in sun why not ##s ##ing ##ed un ##able . , ? !".split()
TEXTS = [
    "The cat sat on the mat.", "a dog", "Why not?", "The sun, the sun, the sun: a cat lies in the sun and sits unmatable!",
    "", "dogs", "  the   MAT ", "sun sun sun sun sun sun sun sun sun sun sun sun sun sun sun sun sun sun sun sun",
]


def tokenizer(start, end, unknown, padding, mask):
    special = [padding, unknown, start, end, mask]
    tokens = special + WORDS + list("bcdefghijklmnopqrstuvwxyz")
    tokens += ["##" + letter for letter in "abcdefghijklmnopqrtuvwxyz"]
    result = Tokenizer(models.WordPiece({token: id for id, token in enumerate(tokens)}, unk_token=unknown))
    result.normalizer = normalizers.BertNormalizer(lowercase=True)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    result.decoder = decoders.WordPiece()
    result.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=f"{start} $A {end} $B:1 {end}:1", special_tokens=[(start, 2), (end, 3)])
    result.add_special_tokens(special)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=result, cls_token=start, sep_token=end, unk_token=unknown, pad_token=padding, mask_token=mask,
        model_max_length=20)


def write_model(name, class_name, settings, *special):
    torch.manual_seed(sum(name.encode()))
    folder = OUTPUT / name
    shutil.rmtree(folder, ignore_errors=True)
    own = tokenizer(*special)
    kind = getattr(transformers, class_name)
    model = randomised(kind(kind.config_class(**dict(settings, vocab_size=len(own), pad_token_id=0))))
    model.save_pretrained(folder)
    own.save_pretrained(folder)
    return folder, own, model


BERT_TOKENS = ("[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]")
ROBERTA_TOKENS = ("<s>", "</s>", "<unk>", "<pad>", "<mask>")
ACTIVATIONS = dict(tanh="torch.nn.modules.activation.Tanh", identity="torch.nn.modules.linear.Identity")

# Folder, class, configuration, tokens, pooling (none for no modules), what follows, sentence_bert_config.json,
# config_sentence_transformers.json.
EMBEDDERS = [
    ("embed-mean", "BertModel", BERT, BERT_TOKENS, dict(pooling_mode_mean_tokens=True), ["Normalize"],
        dict(max_seq_length=12), {}),
    ("embed-all", "BertModel", BERT, BERT_TOKENS,
        dict(pooling_mode=["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]), [],
        dict(max_seq_length=16, do_lower_case=True), dict(similarity_fn_name="dot")),
    ("embed-dense", "RobertaModel", ROBERTA, ROBERTA_TOKENS, dict(pooling_mode_cls_token=True),
        [("Dense", "tanh", 10), ("Dense", "identity", 6), "Normalize"], {},
        dict(similarity_fn_name="euclidean", prompts=dict(query="why the "), default_prompt_name="query")),
    ("embed-last", "Qwen3Model", QWEN3, BERT_TOKENS, dict(pooling_mode_lasttoken=True), ["Normalize"],
        dict(max_seq_length=18), dict(similarity_fn_name="manhattan")),
    ("embed-bare", "BertForMaskedLM", BERT, BERT_TOKENS, None, [], None, None),
]


def write_embedder(name, class_name, settings, special, pooling, steps, lengths, extra):
    from sentence_transformers import SentenceTransformer

    folder, _, model = write_model(name, class_name, settings, *special)
    width = model.config.hidden_size
    if pooling is not None:
        prefix = "sentence_transformers.models."
        modules = [dict(idx=0, name="0", path="", type=prefix + "Transformer"),
                   dict(idx=1, name="1", path="1_Pooling", type=prefix + "Pooling")]
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(dict(word_embedding_dimension=width, **pooling)))
        for index, step in enumerate(steps, 2):
            kind = step if isinstance(step, str) else step[0]
            path = f"{index}_{kind}"
            modules.append(dict(idx=index, name=str(index), path=path, type=prefix + kind))
            if kind == "Dense":
                (folder / path).mkdir()
                _, activation, outputs = step
                (folder / path / "config.json").write_text(json.dumps(dict(
                    in_features=width, out_features=outputs, bias=activation == "tanh",
                    activation_function=ACTIVATIONS[activation])))
                values = {"linear.weight": torch.randn(outputs, width)}
                if activation == "tanh":
                    values["linear.bias"] = torch.randn(outputs)
                save_file(values, folder / path / "model.safetensors")
                width = outputs
        (folder / "modules.json").write_text(json.dumps(modules))
        if lengths:
            (folder / "sentence_bert_config.json").write_text(json.dumps(lengths))
        (folder / "config_sentence_transformers.json").write_text(json.dumps(extra))
    found = SentenceTransformer(str(folder), device="cpu").double()
    vectors = found.encode(TEXTS, convert_to_tensor=True, prompt_name=(extra or {}).get("default_prompt_name"))
    write_expected(folder, dict(
        texts=TEXTS, embeddings=vectors.tolist(), similarities=found.similarity(vectors, vectors).tolist()))


def write_filler(name, class_name, settings, special, texts):
    folder, own, model = write_model(name, class_name, settings, *special)
    cases = []
    for text in texts:
        ids = own(text, return_tensors="pt")
        with torch.no_grad():
            scores = model.double()(**ids).logits[0].softmax(-1)
        masks = []
        for place in (ids.input_ids[0] == own.mask_token_id).nonzero()[:, 0]:
            top = scores[place].topk(5)
            masks.append(dict(ids=top.indices.tolist(), probabilities=top.values.tolist()))
        cases.append(dict(text=text, masks=masks))
    write_expected(folder, dict(cases=cases))


def write_expected(folder, values):
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "expected.json").write_text(json.dumps(values))
    for file in folder.rglob("*"):
        assert file.stat().st_size < 100_000, file
    print(folder.name)


def main():
    assert transformers.__version__ == "5.23.0", transformers.__version__
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    for case in EMBEDDERS:
        if not wanted or case[0] in wanted:
            write_embedder(*case)
    masked = ["the {0} sat on the mat.", "{0} {0} in the {0}!", "{0}"]
    for name, class_name, settings, special in [
        ("fill-bert", "BertForMaskedLM", BERT, BERT_TOKENS), ("fill-roberta", "RobertaForMaskedLM", ROBERTA, ROBERTA_TOKENS)]:
        if not wanted or name in wanted:
            write_filler(name, class_name, settings, special, [text.format(special[-1]) for text in masked])


if __name__ == "__main__":
    main()
