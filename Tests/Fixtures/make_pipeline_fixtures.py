#!/usr/bin/env python3
"""Writes Tests/Fixtures/Pipelines: tiny random models with a tokenizer, as users have them in a folder, and what
sentence-transformers and transformers make of some texts.

Tests/Fixtures/Images holds small PNG files of every colour type, depth and interlacing with the bytes that Pillow reads
of them (of 16-bit grey, which Pillow cuts off, the high bytes), and one picture in other sizes as Pillow resizes it.

Usage: Tests/Fixtures/make_pipeline_fixtures.py [NAME...]
(needs Python 3 with sentence-transformers 6.2.0, transformers 5.23.0, torch 2.15, safetensors, Pillow 13.0)
"""

import io
import json
import pathlib
import random
import shutil
import struct
import sys
import zlib

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from make_fixtures import BERT, QWEN3, ROBERTA, T5, VIT, randomised

OUTPUT = pathlib.Path(__file__).parent / "Pipelines"
IMAGES = pathlib.Path(__file__).parent / "Images"
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
    ("embed-t5", "T5EncoderModel", T5, BERT_TOKENS, dict(pooling_mode_mean_tokens=True),
        [("Dense", "identity", 10), "Normalize"], dict(max_seq_length=14), {}),
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


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(width, height, depth, color, interlaced, sample, colors=0, extra=b""):
    """A PNG file whose rows use the five filters in turn; sample(x, y, channel) gives the values."""
    data, step = b"", max(1, CHANNELS[color] * depth // 8)
    for x0, y0, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        columns, rows = range(x0, width, dx), range(y0, height, dy)
        above = None
        if not columns:
            continue
        for number, y in enumerate(rows):
            bits = "".join(
                format(sample(x, y, channel), f"0{depth}b") for x in columns for channel in range(CHANNELS[color]))
            bits += "0" * (-len(bits) % 8)
            row = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
            above, filtered, kind = above or bytes(len(row)), bytearray(), number % 5
            for i, value in enumerate(row):
                left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
                guess = left + above[i] - corner
                paeth = min((abs(guess - v), order, v) for order, v in enumerate((left, above[i], corner)))[2]
                filtered.append((value - (0, left, above[i], (left + above[i]) // 2, paeth)[kind]) % 256)
            data, above = data + bytes([kind]) + filtered, row
    palette = chunk(b"PLTE", bytes(random.randrange(256) for _ in range(3 * colors))) if colors else b""
    stream = zlib.compress(data)
    parts = [stream[:50], stream[50:]]
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
            + chunk(b"tEXt", b"Title\0small") + palette + extra + b"".join(chunk(b"IDAT", part) for part in parts)
            + chunk(b"IEND", b""))


def write_images():
    from PIL import Image

    shutil.rmtree(IMAGES, ignore_errors=True)
    IMAGES.mkdir(parents=True)
    random.seed(7)
    depths = {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}
    for color, depth, interlaced in [(c, d, i) for c in depths for d in depths[c] for i in (0, 1)]:
        top = 2 ** depth - 1
        colors = min(2 ** depth, 200) if color == 3 else 0
        limit = colors - 1 if colors else top
        extra = chunk(b"tRNS", bytes([0, 128])) if color == 3 else b""
        values = {}

        def sample(x, y, channel):
            key = (x, y, channel)
            if key not in values:
                values[key] = min(limit, max(0, int((x * 5 + y * 7 + channel * 31) % 97 / 97 * limit + random.randint(-1, 1))))
            return values[key]

        file = png(13, 9, depth, color, interlaced, sample, colors, extra)
        name = f"type{color}-depth{depth}" + ("-interlaced" if interlaced else "")
        (IMAGES / (name + ".png")).write_bytes(file)
        found = Image.open(io.BytesIO(file)).convert("RGB").tobytes()
        if color == 0 and depth == 16:
            found = bytes(values[x, y, 0] >> 8 for y in range(9) for x in range(13) for _ in range(3))
        (IMAGES / (name + ".rgb")).write_bytes(found)
    source = Image.new("RGB", (37, 23))
    source.putdata([
        tuple(random.randrange(256) if (x + y) % 3 else 255 * ((x * y + c) % 2) for c in range(3))
        for y in range(23) for x in range(37)])
    source.save(IMAGES / "source.ppm")
    for name, filter in dict(
            lanczos=Image.Resampling.LANCZOS, bilinear=Image.Resampling.BILINEAR,
            bicubic=Image.Resampling.BICUBIC).items():
        for size in [(20, 11), (37, 11), (20, 23), (64, 50), (5, 3), (1, 1), (36, 24), (35, 19), (35, 18), (50, 4)]:
            (IMAGES / f"{name}-{size[0]}x{size[1]}.rgb").write_bytes(source.resize(size, filter).tobytes())
    print("Images")


LABELS = dict(id2label={i: name for i, name in enumerate("cat dog boat tree house sun moon".split())})

# Folder, class, what preprocessor_config.json says.
CLASSIFIERS = [
    ("classify-vit", "ViTForImageClassification", dict(
        image_processor_type="ViTImageProcessor", size=dict(height=12, width=12), resample=2)),
    ("classify-deit", "DeiTForImageClassificationWithTeacher", dict(
        feature_extractor_type="DeiTFeatureExtractor", size=15, crop_size=12, image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225])),
    ("classify-crop", "DeiTForImageClassification", dict(
        image_processor_type="DeiTImageProcessor", size=dict(height=9, width=20), crop_size=dict(height=12, width=12),
        resample=3, do_rescale=False, image_mean=[120, 121, 122], image_std=[60, 61, 62.5])),
]


def write_classifier(name, class_name, processing):
    import numpy
    from PIL import Image
    from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(sum(name.encode()))
    folder = OUTPUT / name
    shutil.rmtree(folder, ignore_errors=True)
    kind = getattr(transformers, class_name)
    model = randomised(kind(kind.config_class(**VIT, **LABELS)))
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processing))
    processor = (ViTImageProcessorPil if "ViT" in class_name else DeiTImageProcessorPil).from_pretrained(folder)
    image = Image.open(IMAGES / "source.ppm")
    pixels = processor(image, return_tensors="pt").pixel_values
    with torch.no_grad():
        scores = model.double()(pixels.double()).logits[0].softmax(-1)
    top = scores.topk(5)
    write_expected(folder, dict(
        shape=list(pixels.shape), pixels=numpy.asarray(pixels, dtype="f4").flatten().tolist(),
        labels=[model.config.id2label[i] for i in top.indices.tolist()], probabilities=top.values.tolist()))


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
    if not wanted or "images" in wanted:
        write_images()
    for case in CLASSIFIERS:
        if not wanted or case[0] in wanted:
            write_classifier(*case)
    masked = ["the {0} sat on the mat.", "{0} {0} in the {0}!", "{0}"]
    for name, class_name, settings, special in [
        ("fill-bert", "BertForMaskedLM", BERT, BERT_TOKENS), ("fill-roberta", "RobertaForMaskedLM", ROBERTA, ROBERTA_TOKENS)]:
        if not wanted or name in wanted:
            write_filler(name, class_name, settings, special, [text.format(special[-1]) for text in masked])


if __name__ == "__main__":
    main()
