#!/usr/bin/env python3
"""Writes Tests/Fixtures/generation.json: what Hugging Face's `generate` writes with the models in Tests/Fixtures/Models.

A case has a model, a prompt, a generation_config.json, the new tokens of every returned sequence up to its end token, and
the scores of a beam search. Arithmetic is Float64. Every kind of setting comes alone and together with others.

Usage: Tests/Fixtures/make_generation_fixtures.py  (needs Python 3 with transformers 5.23.0, torch 2.15)
"""

import random

import torch

from generation_models import models, write

MODELS = [
    "gpt2-lm", "llama-lm", "t5-lm", "t5-lm-gated", "bart-lm", "marian-lm", "marian-lm-two-vocabularies", "pegasus-lm"]
# Each alone, with greedy decoding and with three beams; N stands for some token.
SINGLE = [
    {}, {"repetition_penalty": 1.7}, {"repetition_penalty": 0.6}, {"no_repeat_ngram_size": 1}, {"no_repeat_ngram_size": 2},
    {"bad_words_ids": ["N", "NN", "NN", "N", "NNN"]}, {"min_length": 9}, {"min_new_tokens": 7}, {"forced_bos_token_id": "N"},
    {"forced_eos_token_id": "N"}, {"suppress_tokens": "NNNNNNNN"}, {"begin_suppress_tokens": "NNNNNNNN"},
    {"renormalize_logits": True, "suppress_tokens": "NNNNNNNN"}]
BEAMS = [
    {}, {"length_penalty": 0.0}, {"length_penalty": 2.0}, {"length_penalty": -1.0}, {"early_stopping": True},
    {"early_stopping": "never"}, {"early_stopping": "never", "length_penalty": 0.0}, {"eos_token_id": None},
    {"num_return_sequences": 3}]


def filled(value, tokens):
    """The setting with tokens in place of every N."""
    if isinstance(value, list):
        return [[tokens() for _ in word] for word in value]
    if value == "N":
        return tokens()
    return [tokens() for _ in value] if isinstance(value, str) and set(value) == {"N"} else value


def settings(pick):
    for single in SINGLE:
        yield dict(single)
        yield dict(single, num_beams=3)
    for beams in BEAMS:
        yield dict(beams, num_beams=4)
    for _ in range(12):
        together = {}
        for part in pick.sample(SINGLE, 3) + pick.sample(BEAMS, 2):
            together |= part
        together["num_beams"] = pick.randint(3, 6)
        yield together


def main():
    pick = random.Random(5)
    cases = []
    for model in models(MODELS):
        for index, case in enumerate(settings(pick)):
            case = {key: filled(value, lambda: pick.randrange(3, model.size)) for key, value in case.items()}
            # A token that is forced and suppressed is refused there.
            forced = [case.get(f"forced_{end}_token_id") for end in ("bos", "eos")]
            for key in case.keys() & {"suppress_tokens", "begin_suppress_tokens"}:
                case[key] = [token for token in case[key] if token not in forced]
            case.setdefault("eos_token_id", pick.sample(range(model.size), pick.choice([1, 1, 2, 5])))
            if model.is_pair:
                case["decoder_start_token_id"] = model.start
            prompt = [pick.randrange(3, model.size) for _ in range(pick.choice([1, 2, 4, 6]))]
            longest = pick.choice([1, 4, 12])
            if index % 2:
                case["max_new_tokens"] = longest
            else:
                case["max_length"] = longest + (1 if model.is_pair else len(prompt))
            ids = torch.tensor([prompt])
            found = model.loaded(case).generate(
                ids, attention_mask=torch.ones_like(ids), pad_token_id=0, use_cache=False,
                return_dict_in_generate=True, output_scores=True)
            scores = found.get("sequences_scores")
            if scores is not None and scores.min() < -1e8:  # a place that no text took
                continue
            cases.append(dict(
                model=model.name, prompt=prompt, settings=case,
                sequences=model.new_tokens(found.sequences, len(prompt), case["eos_token_id"] or []),
                scores=None if scores is None else [float(f"{score:.7g}") for score in scores.tolist()]))
    write("generation.json", cases)


if __name__ == "__main__":
    main()
