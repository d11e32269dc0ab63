#!/usr/bin/env python3
"""Writes Tests/Fixtures/Models: tiny random models as Hugging Face saves them, with inputs and what it computes of them.

Each folder holds config.json and model.safetensors, inputs.safetensors (named as the parameters of `forward`) and
outputs.safetensors (named as the fields that it returns), computed in Float64 and rounded once. Every parameter is random,
biases and norms too. Of the input's rows one is whole, one padded on the right and one on the left.

Usage: Tests/Fixtures/make_fixtures.py [NAME...]  (needs Python 3 with transformers 5.23.0, torch 2.15, safetensors)
"""

import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

VERSION = "5.23.0"
OUTPUT = pathlib.Path(__file__).parent / "Models"
VOCABULARY, TIME, CHOICES = 37, 11, 3

BERT = dict(
    vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
    max_position_embeddings=20, type_vocab_size=3)
ROBERTA = dict(BERT, max_position_embeddings=24, layer_norm_eps=1e-5, type_vocab_size=1)
DISTILBERT = dict(
    vocab_size=VOCABULARY, dim=16, n_layers=2, n_heads=4, hidden_dim=24, max_position_embeddings=20)
GPT2 = dict(vocab_size=VOCABULARY, n_positions=20, n_embd=16, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
LLAMA = dict(
    vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=24, max_position_embeddings=20)
MISTRAL = dict(LLAMA, sliding_window=4, pad_token_id=2)
QWEN2 = dict(LLAMA, num_hidden_layers=3, pad_token_id=2, bos_token_id=None, eos_token_id=[0, 1])
QWEN3 = dict(QWEN2, head_dim=6)
WINDOW = dict(use_sliding_window=True, sliding_window=3, max_window_layers=1)
YARN = dict(rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=6)
LONG = dict(
    rope_type="longrope", rope_theta=100.0, short_factor=[1.0, 1.5], long_factor=[2.0, 4.5],
    original_max_position_embeddings=8)
VIT = dict(
    image_size=12, patch_size=4, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24)
LABELS = dict(id2label={0: "none", 1: "name", 2: "place"}, label2id={"none": 0, "name": 1, "place": 2})

# Folder, class, configuration.
CASES = [
    ("bert", "BertModel", BERT),
    ("bert-masked-lm", "BertForMaskedLM", BERT),
    ("bert-masked-lm-untied", "BertForMaskedLM", dict(BERT, tie_word_embeddings=False, hidden_act="gelu_new")),
    ("bert-pretraining", "BertForPreTraining", dict(BERT, hidden_act="relu")),
    ("bert-next-sentence", "BertForNextSentencePrediction", dict(BERT, layer_norm_eps=1e-3)),
    ("bert-sequence-classification", "BertForSequenceClassification", dict(BERT, hidden_act="silu", **LABELS)),
    ("bert-token-classification", "BertForTokenClassification", dict(BERT, **LABELS)),
    ("bert-question-answering", "BertForQuestionAnswering", BERT),
    ("bert-multiple-choice", "BertForMultipleChoice", BERT),
    ("roberta", "RobertaModel", ROBERTA),
    ("roberta-masked-lm", "RobertaForMaskedLM", dict(ROBERTA, hidden_act="relu")),
    ("roberta-sequence-classification", "RobertaForSequenceClassification", dict(ROBERTA, **LABELS)),
    ("roberta-token-classification", "RobertaForTokenClassification", dict(ROBERTA, pad_token_id=3)),
    ("roberta-question-answering", "RobertaForQuestionAnswering", ROBERTA),
    ("roberta-multiple-choice", "RobertaForMultipleChoice", ROBERTA),
    ("xlm-roberta-masked-lm", "XLMRobertaForMaskedLM", ROBERTA),
    ("distilbert", "DistilBertModel", DISTILBERT),
    ("distilbert-masked-lm", "DistilBertForMaskedLM", dict(DISTILBERT, activation="relu")),
    ("distilbert-sequence-classification", "DistilBertForSequenceClassification", dict(DISTILBERT, **LABELS)),
    ("distilbert-token-classification", "DistilBertForTokenClassification", dict(DISTILBERT, **LABELS)),
    ("distilbert-question-answering", "DistilBertForQuestionAnswering", DISTILBERT),
    ("distilbert-multiple-choice", "DistilBertForMultipleChoice", DISTILBERT),
    ("gpt2", "GPT2Model", GPT2),
    ("gpt2-lm", "GPT2LMHeadModel", GPT2),
    ("gpt2-switches", "GPT2LMHeadModel", dict(
        GPT2, scale_attn_by_inverse_layer_idx=True, scale_attn_weights=False, reorder_and_upcast_attn=True, n_inner=20,
        activation_function="relu", layer_norm_epsilon=1e-3)),
    ("gpt2-sequence-classification", "GPT2ForSequenceClassification", dict(GPT2, pad_token_id=3, **LABELS)),
    ("gpt2-token-classification", "GPT2ForTokenClassification", dict(GPT2, **LABELS)),
    ("gpt2-question-answering", "GPT2ForQuestionAnswering", GPT2),
    ("llama", "LlamaModel", LLAMA),
    ("llama-lm", "LlamaForCausalLM", LLAMA),
    ("llama-biases", "LlamaForCausalLM", dict(
        LLAMA, attention_bias=True, mlp_bias=True, head_dim=6, tie_word_embeddings=True, hidden_act="gelu")),
    ("llama-linear", "LlamaModel", dict(LLAMA, rope_parameters=dict(rope_type="linear", rope_theta=50.0, factor=2.5))),
    ("llama-dynamic", "LlamaModel", dict(
        LLAMA, max_position_embeddings=6, rope_parameters=dict(rope_type="dynamic", rope_theta=50.0, factor=3.0))),
    ("llama-llama3", "LlamaModel", dict(LLAMA, head_dim=8, rope_parameters=dict(
        rope_type="llama3", rope_theta=50.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=3.0,
        original_max_position_embeddings=16))),
    ("llama-yarn", "LlamaModel", dict(LLAMA, head_dim=16, rope_parameters=YARN)),
    ("llama-yarn-scales", "LlamaModel", dict(LLAMA, head_dim=12, rope_parameters=dict(
        YARN, beta_fast=2.0, beta_slow=0.5, truncate=False, mscale=0.7, mscale_all_dim=1.3))),
    ("llama-longrope-short", "LlamaModel", dict(
        LLAMA, rope_parameters=dict(LONG, original_max_position_embeddings=11), max_position_embeddings=44)),
    ("llama-longrope-long", "LlamaModel", dict(LLAMA, rope_parameters=dict(LONG, factor=3.0))),
    ("llama-sequence-classification", "LlamaForSequenceClassification", dict(LLAMA, pad_token_id=4, **LABELS)),
    ("llama-token-classification", "LlamaForTokenClassification", dict(LLAMA, **LABELS)),
    ("llama-question-answering", "LlamaForQuestionAnswering", LLAMA),
    ("mistral", "MistralModel", MISTRAL),
    ("mistral-lm", "MistralForCausalLM", dict(MISTRAL, sliding_window=None, head_dim=6, tie_word_embeddings=True)),
    ("mistral-sequence-classification", "MistralForSequenceClassification", dict(MISTRAL, **LABELS)),
    ("mistral-token-classification", "MistralForTokenClassification", dict(MISTRAL, **LABELS)),
    ("mistral-question-answering", "MistralForQuestionAnswering", MISTRAL),
    ("qwen2", "Qwen2Model", dict(QWEN2, **WINDOW)),
    ("qwen2-lm", "Qwen2ForCausalLM", dict(QWEN2, tie_word_embeddings=True)),
    ("qwen2-sequence-classification", "Qwen2ForSequenceClassification", dict(QWEN2, **LABELS)),
    ("qwen2-token-classification", "Qwen2ForTokenClassification", dict(QWEN2, **LABELS)),
    ("qwen2-question-answering", "Qwen2ForQuestionAnswering", QWEN2),
    ("qwen3", "Qwen3Model", dict(QWEN3, attention_bias=True)),
    ("qwen3-lm", "Qwen3ForCausalLM", dict(QWEN3, **WINDOW)),
    ("qwen3-sequence-classification", "Qwen3ForSequenceClassification", dict(QWEN3, **LABELS)),
    ("qwen3-token-classification", "Qwen3ForTokenClassification", dict(QWEN3, **LABELS)),
    ("qwen3-question-answering", "Qwen3ForQuestionAnswering", QWEN3),
    ("bert-lm", "BertLMHeadModel", dict(BERT, is_decoder=True)),
    ("roberta-lm", "RobertaForCausalLM", dict(ROBERTA, is_decoder=True)),
    ("vit", "ViTModel", dict(VIT, pooler_output_size=10, pooler_act="relu", qkv_bias=False)),
    ("vit-other-size", "ViTModel", dict(VIT, hidden_act="gelu_new", layer_norm_eps=1e-3)),
    ("vit-rectangles", "ViTModel", dict(VIT, image_size=[8, 12], patch_size=[2, 4], num_channels=1)),
    ("vit-classification", "ViTForImageClassification", dict(VIT, **LABELS)),
    ("deit", "DeiTModel", VIT),
    ("deit-other-size", "DeiTModel", VIT),
    ("deit-classification", "DeiTForImageClassification", dict(VIT, qkv_bias=False, **LABELS)),
    ("deit-teacher", "DeiTForImageClassificationWithTeacher", dict(VIT, **LABELS)),
]


def randomised(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=0.3)
            if parameter.dim() == 1 and name.endswith("weight"):
                parameter.add_(1)
    return model.eval()


def images(config, name):
    height, width = config.image_size if isinstance(config.image_size, list) else [config.image_size] * 2
    if name.endswith("other-size"):
        # Five by three patches, and some pixels left over.
        height, width = 5 * config.patch_size, 3 * config.patch_size + 2
    return {"pixel_values": torch.randn(2, config.num_channels, height, width)}


def inputs(config, class_name):
    padding = config.pad_token_id or 0
    rows = 3 * (CHOICES if "MultipleChoice" in class_name else 1)
    ids = torch.randint(5, VOCABULARY, (rows, TIME))
    mask = torch.ones(rows, TIME, dtype=torch.int64)
    for row in range(rows):
        if row % 3 == 1:
            ids[row, TIME - 4:], mask[row, TIME - 4:] = padding, 0
        if row % 3 == 2:
            ids[row, :3], mask[row, :3] = padding, 0
    values = {"input_ids": ids, "attention_mask": mask}
    types = getattr(config, "type_vocab_size", 0)
    if types > 1:
        values["token_type_ids"] = torch.randint(0, types, (rows, TIME))
    if "MultipleChoice" in class_name:
        values = {name: value.reshape(3, CHOICES, TIME) for name, value in values.items()}
    return values


def write(name, class_name, settings):
    torch.manual_seed(sum(name.encode()))
    kind = getattr(transformers, class_name)
    model = randomised(kind(kind.config_class(**settings)))
    folder = OUTPUT / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    is_vision = hasattr(model.config, "image_size")
    values = images(model.config, name) if is_vision else inputs(model.config, class_name)
    settings = dict(interpolate_pos_encoding=True) if name.endswith("other-size") else {}
    with torch.no_grad():
        found = model.double()(**values, **settings)
    outputs = {key: value.float().contiguous() for key, value in found.items() if torch.is_tensor(value)}
    save_file(values, folder / "inputs.safetensors")
    save_file(outputs, folder / "outputs.safetensors")
    for file in folder.iterdir():
        assert file.stat().st_size < 100_000, file
    print(name, {key: list(value.shape) for key, value in outputs.items()})


def main():
    assert transformers.__version__ == VERSION, transformers.__version__
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    for name, class_name, settings in CASES:
        if not wanted or name in wanted:
            write(name, class_name, settings)


if __name__ == "__main__":
    main()
