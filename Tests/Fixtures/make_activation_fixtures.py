#!/usr/bin/env python3
"""Writes Tests/Fixtures/activations.json: the activations that Hugging Face knows by name, at some places, with derivatives.

Arithmetic is Float64. Those that have parameters of their own are left out, and so is one for routers that no model here has.

Usage: Tests/Fixtures/make_activation_fixtures.py  (needs Python 3 with transformers 5.23.0, torch 2.15)
"""

import json
import pathlib

import torch
import transformers
from transformers.activations import ACT2FN

VERSION = "5.23.0"
PLACES = [-40.0, -12.5, -7.0, -4.25, -2.5, -1.25, -0.625, -0.125, 0.0625, 0.375, 0.75, 1.5, 2.75, 4.5, 7.5, 12.25, 30.0]


def main():
    assert transformers.__version__ == VERSION, transformers.__version__
    torch.set_num_threads(1)
    lines = []
    for name in sorted(ACT2FN.keys() - {"prelu", "xielu", "sqrtsoftplus"}):
        x = torch.tensor(PLACES, dtype=torch.float64, requires_grad=True)
        y = ACT2FN[name](x)
        slope, = torch.autograd.grad(y.sum(), x)
        lines.append(json.dumps(dict(name=name, places=PLACES, values=y.tolist(), slopes=slope.tolist())))
    (pathlib.Path(__file__).parent / "activations.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(len(lines), "activations")


if __name__ == "__main__":
    main()
