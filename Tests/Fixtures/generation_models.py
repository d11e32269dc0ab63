"""What the scripts share that write what Hugging Face's `generate` makes of the models in Tests/Fixtures/Models."""

import json
import pathlib
import shutil
import tempfile

import torch
import transformers

VERSION = "5.23.0"
HERE = pathlib.Path(__file__).parent


class Model:
    """A model in a folder of its own, to which settings of generation are written."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        for file in ("config.json", "model.safetensors"):
            shutil.copy(HERE / "Models" / name / file, folder / file)
        config = json.loads((folder / "config.json").read_text())
        self.kind = getattr(transformers, config["architectures"][0])
        self.is_pair = config.get("is_encoder_decoder", False)
        self.size = config.get("decoder_vocab_size") or config["vocab_size"]
        self.start = config.get("decoder_start_token_id")

    def loaded(self, settings):
        """The model in Float64, with these settings, and the decoder's first token where there is one."""
        if self.is_pair:
            settings["decoder_start_token_id"] = self.start
        (self.folder / "generation_config.json").write_text(json.dumps(settings))
        return self.kind.from_pretrained(self.folder).eval().double()

    def new_tokens(self, sequences, prompt_length, ends):
        """The tokens after the prompt or the decoder's first one, up to an end token."""
        found = []
        for row in sequences[:, 1 if self.is_pair else prompt_length:].tolist():
            found.append(row[:next((i for i, token in enumerate(row) if token in ends), len(row))])
        return found


def models(names):
    """Each model in turn; its folder is removed when the next one comes."""
    assert transformers.__version__ == VERSION, transformers.__version__
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            yield Model(name, pathlib.Path(folder))


def write(file, cases):
    """Writes the cases, a line for each."""
    text = "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n"
    (HERE / file).write_text(text)
    print(len(cases), "cases")
