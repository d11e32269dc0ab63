#!/usr/bin/env python3
"""Writes Tests/Fixtures/Training: the gradients that PyTorch computes of models in Tests/Fixtures/Models, and what five
steps of its AdamW make of their parameters.

targets.safetensors holds the token wanted at each position, -100 where none is; the loss is the mean cross-entropy of the
rest. Gradients and steps are computed in Float64 and rounded once.

Usage: Tests/Fixtures/make_training_fixtures.py  (needs what make_fixtures.py needs; run that first)
"""

import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file

from make_fixtures import OUTPUT as MODELS
from make_fixtures import VERSION

OUTPUT = pathlib.Path(__file__).parent / "Training"


def shifted(ids, mask):
    """The next token of each position, where there is one that is no padding."""
    targets = torch.full_like(ids, -100)
    real = (mask[:, 1:] == 1) & (mask[:, :-1] == 1)
    targets[:, :-1][real] = ids[:, 1:][real]
    return targets


def masked(ids, mask):
    """The token itself at a third of the positions."""
    targets = torch.full_like(ids, -100)
    chosen = (torch.rand(ids.shape) < 1 / 3) & (mask == 1)
    targets[chosen] = ids[chosen]
    return targets


def write(name, class_name, make_targets):
    torch.manual_seed(sum(name.encode()))
    model = getattr(transformers, class_name).from_pretrained(MODELS / name).double().eval()
    values = load_file(MODELS / name / "inputs.safetensors")
    targets = make_targets(values["input_ids"], values["attention_mask"])

    def loss():
        logits = model(**values).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)

    def saved(tensors):
        return {key: value.detach().float().contiguous() for key, value in tensors}

    parameters = list(model.named_parameters())
    optimizer = torch.optim.AdamW([
        dict(params=[value for _, value in parameters if value.dim() >= 2], weight_decay=0.1),
        dict(params=[value for _, value in parameters if value.dim() < 2], weight_decay=0.0),
    ], lr=1e-3)
    folder = OUTPUT / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"targets": targets}, folder / "targets.safetensors")
    losses = []
    for step in range(5):
        optimizer.zero_grad()
        value = loss()
        losses.append(value.item())
        value.backward()
        if step == 0:
            save_file(saved((key, value.grad) for key, value in parameters), folder / "gradients.safetensors")
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    save_file(dict(saved(parameters), losses=torch.tensor(losses)), folder / "trained.safetensors")
    for file in folder.iterdir():
        assert file.stat().st_size < 100_000, file
    print(name, losses)


def main():
    assert transformers.__version__ == VERSION, transformers.__version__
    torch.set_num_threads(1)
    write("gpt2-lm", "GPT2LMHeadModel", shifted)
    write("bert-masked-lm", "BertForMaskedLM", masked)
    write("qwen3-lm", "Qwen3ForCausalLM", shifted)


if __name__ == "__main__":
    main()
