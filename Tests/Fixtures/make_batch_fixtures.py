#!/usr/bin/env python3
"""Writes Tests/Fixtures/generation-batches.json: what Hugging Face's `generate` writes for several prompts at once, with the
models in Tests/Fixtures/Models.

Prompts of a decoder are padded on the left, those of a sequence-to-sequence model on the right. A case has a model, prompts,
a generation_config.json, and for each prompt the new tokens up to the end token and the scores of a beam search. Rules that
look at the tokens so far look at padding too there: the token for it is one with which each text is the one of its prompt
alone. Arithmetic is Float64.

Usage: Tests/Fixtures/make_batch_fixtures.py  (needs Python 3 with transformers 5.23.0, torch 2.15)
"""

import random

import torch

from generation_models import models, write

MODELS = [
    "gpt2-lm", "llama-lm", "llama-biases", "mistral-lm", "qwen2-lm", "qwen3-lm", "t5-lm", "t5-lm-gated", "bart-lm",
    "marian-lm-two-vocabularies", "pegasus-lm"]
SETTINGS = [
    {}, {"repetition_penalty": 1.7}, {"no_repeat_ngram_size": 2, "min_new_tokens": 3}, {"num_beams": 3},
    {"num_beams": 4, "num_return_sequences": 2, "length_penalty": 2.0},
    {"num_beams": 3, "early_stopping": True, "repetition_penalty": 1.3},
    {"num_beams": 2, "early_stopping": "never", "length_penalty": 0.0}]


def written(model, prompts, case, padding):
    longest, rows = max(map(len, prompts)), len(prompts)
    ids = torch.full((rows, longest), padding)
    mask = torch.zeros(rows, longest, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        place = slice(0, len(prompt)) if model.is_pair else slice(longest - len(prompt), longest)
        ids[row, place], mask[row, place] = torch.tensor(prompt), 1
    found = model.loaded(case).generate(
        ids, attention_mask=mask, pad_token_id=padding, use_cache=not model.is_pair, return_dict_in_generate=True,
        output_scores=True)
    sequences = model.new_tokens(found.sequences, longest, case["eos_token_id"])
    count, scores = case.get("num_return_sequences", 1), found.get("sequences_scores")
    return (
        [sequences[first:first + count] for first in range(0, rows * count, count)],
        None if scores is None else scores.reshape(rows, count).tolist())


def main():
    pick = random.Random(11)
    cases = []
    for model in models(MODELS):
        for case in SETTINGS:
            case = dict(case, max_new_tokens=9, eos_token_id=pick.sample(range(model.size), 3))
            prompts = [[pick.randrange(3, model.size) for _ in range(length)] for length in (4, 9, 1, 6)]
            alone = [written(model, [prompt], case, 0)[0][0] for prompt in prompts]
            for padding in range(model.size):
                sequences, scores = written(model, prompts, case, padding)
                if sequences == alone:
                    break
            assert sequences == alone, (model.name, case)
            cases.append(dict(
                model=model.name, prompts=prompts, settings=case, sequences=sequences, scores=scores))
    write("generation-batches.json", cases)


if __name__ == "__main__":
    main()
