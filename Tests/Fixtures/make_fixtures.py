#!/usr/bin/env python3
"""Writes Tests/Fixtures/Models: tiny random models as Hugging Face saves them, with inputs and what it computes of them.

Each folder holds config.json and model.safetensors, inputs.safetensors (named as the parameters of `forward`) and
outputs.safetensors (named as the fields that it returns), computed in Float64 and rounded once. Every parameter is random,
biases and norms too. Of the input's rows one is whole, one padded on the right and one on the left.

Usage: Tests/Fixtures/make_fixtures.py [NAME...]  (needs Python 3 with transformers 5.23.0, torch 2.15, safetensors)
"""

import json
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

T5 = dict(
    vocab_size=VOCABULARY, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=4, relative_attention_num_buckets=8,
    relative_attention_max_distance=9, decoder_start_token_id=0)
T5_GATED = dict(T5, feed_forward_proj="gated-gelu", num_decoder_layers=3, num_heads=3, d_kv=8)
BART = dict(
    vocab_size=VOCABULARY, max_position_embeddings=20, d_model=16, encoder_layers=2, encoder_attention_heads=4,
    encoder_ffn_dim=24, decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=20)
MARIAN = dict(BART, pad_token_id=36, decoder_start_token_id=36, eos_token_id=0, scale_embedding=True)

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
    ("gpt2-double-heads", "GPT2DoubleHeadsModel", dict(GPT2, summary_activation="tanh")),
    ("gpt2-question-answering", "GPT2ForQuestionAnswering", GPT2),
    ("llama", "LlamaModel", LLAMA),
    ("llama-lm", "LlamaForCausalLM", LLAMA),
    ("llama-beyond-context", "LlamaForCausalLM", dict(LLAMA, max_position_embeddings=6)),
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
    ("vit-masked-images", "ViTForMaskedImageModeling", dict(VIT, encoder_stride=4)),
    ("deit-masked-images", "DeiTForMaskedImageModeling", dict(VIT, encoder_stride=3)),
    ("deit", "DeiTModel", VIT),
    ("deit-other-size", "DeiTModel", VIT),
    ("deit-classification", "DeiTForImageClassification", dict(VIT, qkv_bias=False, **LABELS)),
    ("deit-teacher", "DeiTForImageClassificationWithTeacher", dict(VIT, **LABELS)),
    ("bert-positions", "BertModel", BERT),
    ("roberta-positions", "RobertaForTokenClassification", ROBERTA),
    ("distilbert-positions", "DistilBertForTokenClassification", DISTILBERT),
    ("gpt2-positions", "GPT2LMHeadModel", GPT2),
    ("llama-dynamic-positions", "LlamaModel", dict(
        LLAMA, rope_parameters=dict(rope_type="dynamic", rope_theta=50.0, factor=3.0), max_position_embeddings=30)),
    ("qwen3-positions", "Qwen3ForSequenceClassification", dict(QWEN3, **WINDOW)),
    ("t5", "T5Model", T5),
    ("t5-lm", "T5ForConditionalGeneration", T5),
    ("t5-lm-gated", "T5ForConditionalGeneration", dict(T5_GATED, tie_word_embeddings=False)),
    ("t5-encoder", "T5EncoderModel", T5_GATED),
    ("t5-sequence-classification", "T5ForSequenceClassification", dict(T5_GATED, **LABELS)),
    ("t5-token-classification", "T5ForTokenClassification", dict(T5, **LABELS)),
    ("t5-question-answering", "T5ForQuestionAnswering", T5),
    ("bart", "BartModel", dict(BART, scale_embedding=True, activation_function="gelu_new")),
    ("bart-lm", "BartForConditionalGeneration", BART),
    ("bart-sequence-classification", "BartForSequenceClassification", dict(BART, **LABELS)),
    ("bart-question-answering", "BartForQuestionAnswering", BART),
    ("marian", "MarianModel", MARIAN),
    ("marian-lm", "MarianMTModel", dict(MARIAN, activation_function="swish")),
    ("marian-odd-width", "MarianModel", dict(MARIAN, d_model=15, encoder_attention_heads=3, decoder_attention_heads=5)),
    (
        "marian-lm-two-vocabularies", "MarianMTModel",
        dict(
            MARIAN, decoder_vocab_size=VOCABULARY - 3, share_encoder_decoder_embeddings=False, pad_token_id=30,
            decoder_start_token_id=30)),
    ("bart-decoder", "BartForCausalLM", BART),
    ("marian-decoder", "MarianForCausalLM", MARIAN),
    ("mbart-decoder", "MBartForCausalLM", dict(BART, scale_embedding=True, tie_word_embeddings=False)),
    ("pegasus-decoder", "PegasusForCausalLM", BART),
    ("mbart-lm", "MBartForConditionalGeneration", dict(BART, scale_embedding=True, decoder_start_token_id=3)),
    ("mbart-sequence-classification", "MBartForSequenceClassification", dict(BART, **LABELS)),
    ("mbart-question-answering", "MBartForQuestionAnswering", dict(BART, scale_embedding=True)),
    ("pegasus-lm", "PegasusForConditionalGeneration", dict(BART, activation_function="relu")),
]


def randomised(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:  # sinusoids
                continue
            parameter.normal_(std=0.3)
            if parameter.dim() == 1 and name.endswith("weight"):
                parameter.add_(1)
        for name, buffer in model.named_buffers():
            if name == "final_logits_bias":
                buffer.normal_(std=0.3)
    return model.eval()


def images(config, name):
    height, width = config.image_size if isinstance(config.image_size, list) else [config.image_size] * 2
    if name.endswith("other-size"):
        # Five by three patches, and some pixels left over.
        height, width = 5 * config.patch_size, 3 * config.patch_size + 2
    values = {"pixel_values": torch.randn(2, config.num_channels, height, width)}
    if name == "vit-masked-images":
        values["bool_masked_pos"] = torch.rand(2, (height // config.patch_size) * (width // config.patch_size)) < 0.4
    return values


def inputs(config, class_name, name):
    if class_name == "GPT2DoubleHeadsModel":
        return {
            "input_ids": torch.randint(5, VOCABULARY, (2, CHOICES, TIME)),
            "mc_token_ids": torch.randint(0, TIME, (2, CHOICES))}
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
    if config.is_encoder_decoder:
        add_target(values, config, class_name)
    types = getattr(config, "type_vocab_size", 0)
    if types > 1:
        values["token_type_ids"] = torch.randint(0, types, (rows, TIME))
    if name.endswith("positions"):
        values["position_ids"] = torch.randint(2, 20, (rows, TIME))
        if name.startswith("gpt2"):
            values["token_type_ids"] = torch.randint(0, VOCABULARY, (rows, TIME))
        if name.startswith("bert"):
            values["position_ids"] = values["position_ids"][:1]
    if "MultipleChoice" in class_name:
        values = {name: value.reshape(3, CHOICES, TIME) for name, value in values.items()}
    return values


def add_target(values, config, class_name):
    if "Classification" in class_name or "QuestionAnswering" in class_name:
        values["input_ids"][:, 4] = config.eos_token_id  # and the decoder gets the source, shifted
        values["input_ids"][:, 6] = config.eos_token_id
        return
    rows, time = 3, TIME - 3
    ids = torch.randint(5, getattr(config, "decoder_vocab_size", VOCABULARY), (rows, time))
    ids[:, 0] = config.decoder_start_token_id
    mask = torch.ones(rows, time, dtype=torch.int64)
    mask[0, time - 2:] = 0
    mask[2, :2] = 0
    values |= {"decoder_input_ids": ids, "decoder_attention_mask": mask}


def write(name, class_name, settings):
    torch.manual_seed(sum(name.encode()))
    kind = getattr(transformers, class_name)
    model = randomised(kind(kind.config_class(**settings)))
    folder = OUTPUT / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    is_vision = hasattr(model.config, "image_size")
    values = images(model.config, name) if is_vision else inputs(model.config, class_name, name)
    settings = dict(interpolate_pos_encoding=True) if name.endswith("other-size") else {}
    with torch.no_grad():
        found = model.double()(**values, **settings)
    outputs = {
        key: value.float().contiguous() for key, value in found.items() if torch.is_tensor(value) and key != "loss"}
    save_file(values, folder / "inputs.safetensors")
    save_file(outputs, folder / "outputs.safetensors")
    for file in folder.iterdir():
        assert file.stat().st_size < 100_000, file
    print(name, {key: list(value.shape) for key, value in outputs.items()})


def write_original(name, norm_first):
    """The original Transformer, which Hugging Face lacks: PyTorch's layers under BART's names, with one table of tokens
    and sinusoids."""
    torch.manual_seed(sum(name.encode()))
    width, heads, inner, context = 16, 4, 24, 20
    layer = dict(d_model=width, nhead=heads, dim_feedforward=inner, dropout=0, batch_first=True, norm_first=norm_first)
    encoder, decoder = [
        torch.nn.ModuleList(kind(**layer) for _ in range(2))
        for kind in (torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer)]
    norms = torch.nn.ModuleList(torch.nn.LayerNorm(width) for _ in range(2))
    table = torch.nn.Embedding(VOCABULARY, width)
    for module in (encoder, decoder, norms, table):
        randomised(module)
    tensors = {"model.shared.weight": table.weight}
    parts = {
        "linear1": "fc1", "linear2": "fc2", "self_attn.out_proj": "self_attn.out_proj",
        "multihead_attn.out_proj": "encoder_attn.out_proj"}
    for side, stack, norm in (("encoder", encoder, norms[0]), ("decoder", decoder, norms[1])):
        places = ["self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"]
        if side == "encoder":
            del places[1]
        named = parts | {f"norm{index + 1}": place for index, place in enumerate(places)}
        for index, block in enumerate(stack):
            prefix = f"model.{side}.layers.{index}."
            for key, value in block.named_parameters():
                part, kind = key.rsplit(".", 1)
                if kind.startswith("in_proj_"):
                    target = {"self_attn": "self_attn", "multihead_attn": "encoder_attn"}[part]
                    for letter, third in zip("qkv", value.chunk(3)):
                        tensors[f"{prefix}{target}.{letter}_proj.{kind[8:]}"] = third
                else:
                    tensors[f"{prefix}{named[part]}.{kind}"] = value
        if norm_first:
            tensors |= {f"model.{side}.layer_norm.{key}": value for key, value in norm.named_parameters()}
    folder = OUTPUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config = dict(
        architectures=["TransformerForConditionalGeneration"], model_type="transformer", vocab_size=VOCABULARY,
        max_position_embeddings=context, d_model=width, encoder_layers=2, encoder_attention_heads=heads,
        encoder_ffn_dim=inner, decoder_layers=2, decoder_attention_heads=heads, decoder_ffn_dim=inner,
        norm_first=norm_first, decoder_start_token_id=3, eos_token_id=4)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file({key: value.detach().contiguous() for key, value in tensors.items()}, folder / "model.safetensors")
    ids, mask = torch.randint(5, VOCABULARY, (3, TIME)), torch.ones(3, TIME, dtype=torch.int64)
    mask[1, TIME - 4:], mask[2, :3] = 0, 0
    values = {"input_ids": ids, "attention_mask": mask}
    add_target(values, transformers.BartConfig(vocab_size=VOCABULARY, decoder_start_token_id=3), "")
    values["decoder_attention_mask"][2] = 1  # PyTorch gives NaN to queries without keys
    save_file(values, folder / "inputs.safetensors")

    for module in (encoder, decoder, norms, table):
        module.double()
    angles = torch.arange(context)[:, None] / 10000 ** (torch.arange(0, width, 2).double() / width)
    positions = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)

    def embedded(ids):
        return table(ids) * width**0.5 + positions[: ids.shape[1]]

    hidden, y = embedded(ids), embedded(values["decoder_input_ids"])
    with torch.no_grad():
        for block in encoder:
            hidden = block(hidden, src_key_padding_mask=mask == 0)
        hidden = norms[0](hidden) if norm_first else hidden
        later = torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).triu(1)
        for block in decoder:
            y = block(
                y, hidden, tgt_mask=later, tgt_key_padding_mask=values["decoder_attention_mask"] == 0,
                memory_key_padding_mask=mask == 0)
        y = norms[1](y) if norm_first else y
        outputs = {"logits": y @ table.weight.T, "encoder_last_hidden_state": hidden}
    save_file({key: value.float().contiguous() for key, value in outputs.items()}, folder / "outputs.safetensors")
    print(name, {key: list(value.shape) for key, value in outputs.items()})


def main():
    assert transformers.__version__ == VERSION, transformers.__version__
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    for name, class_name, settings in CASES:
        if not wanted or name in wanted:
            write(name, class_name, settings)
    for name, norm_first in (("transformer", False), ("transformer-pre-norm", True)):
        if not wanted or name in wanted:
            write_original(name, norm_first)


if __name__ == "__main__":
    main()
