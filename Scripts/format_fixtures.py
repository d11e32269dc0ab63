#!/usr/bin/env python3
"""Writes Tests/Fixtures/Formats: small files of other programs' formats, and what they hold.

Usage: Scripts/format_fixtures.py  (needs Python 3; with zlib 1.2.13)
"""

import pathlib
import random
import struct
import zlib

import numpy

ROOT = pathlib.Path(__file__).parent.parent
OUTPUT = ROOT / "Tests/Fixtures/Formats"
WORDS = "the a old bell harbor ship light wind gull mara looked at rope and night under seven".split()


def deflated(data, level=9, strategy=zlib.Z_DEFAULT_STRATEGY, frame=-15, pieces=1):
    compressor = zlib.compressobj(level, zlib.DEFLATED, frame, 9, strategy)
    stream = b""
    for piece in range(pieces):
        stream += compressor.compress(data[len(data) * piece // pieces : len(data) * (piece + 1) // pieces])
        if piece + 1 < pieces:
            stream += compressor.flush([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH][piece % 2])
    return stream + compressor.flush()


def inflate():
    """Streams of every kind of block, all of the same bytes: text, noise, a long run, a far copy."""
    generator = random.Random(1951)
    text = " ".join(generator.choice(WORDS) for _ in range(150)).encode()
    data = text + generator.randbytes(300) + bytes(700) + text[:500] + b"ab" * 150
    folder = OUTPUT / "inflate"
    folder.mkdir(parents=True, exist_ok=True)
    streams = {
        "level1.deflate": deflated(data, 1), "level9.deflate": deflated(data), "stored.deflate": deflated(data, 0),
        "fixed.deflate": deflated(data, 9, zlib.Z_FIXED), "huffman.deflate": deflated(data, 9, zlib.Z_HUFFMAN_ONLY),
        "runs.deflate": deflated(data, 9, zlib.Z_RLE), "flushed.deflate": deflated(data, 6, pieces=5),
        "level6.zlib": deflated(data, 6, frame=15), "window9.zlib": deflated(data, 9, frame=9),
    }
    (folder / "contents").write_bytes(data)
    for name, stream in streams.items():
        (folder / name).write_bytes(stream)


# --- GGUF: blocks of quantized numbers, widened by formulas written from the layout of ggml's structs -------------------

# Type: number, numbers in a block, fields of a block.
BLOCKS = {
    "Q4_0": (2, 32, [("d", "<f2"), ("qs", "u1", 16)]),
    "Q4_1": (3, 32, [("d", "<f2"), ("m", "<f2"), ("qs", "u1", 16)]),
    "Q5_0": (6, 32, [("d", "<f2"), ("qh", "<u4"), ("qs", "u1", 16)]),
    "Q5_1": (7, 32, [("d", "<f2"), ("m", "<f2"), ("qh", "<u4"), ("qs", "u1", 16)]),
    "Q8_0": (8, 32, [("d", "<f2"), ("qs", "i1", 32)]),
    "Q2_K": (10, 256, [("scales", "u1", 16), ("qs", "u1", 64), ("d", "<f2"), ("m", "<f2")]),
    "Q3_K": (11, 256, [("hmask", "u1", 32), ("qs", "u1", 64), ("scales", "u1", 12), ("d", "<f2")]),
    "Q4_K": (12, 256, [("d", "<f2"), ("m", "<f2"), ("scales", "u1", 12), ("qs", "u1", 128)]),
    "Q5_K": (13, 256, [("d", "<f2"), ("m", "<f2"), ("scales", "u1", 12), ("qh", "u1", 32), ("qs", "u1", 128)]),
    "Q6_K": (14, 256, [("ql", "u1", 128), ("qh", "u1", 64), ("scales", "i1", 16), ("d", "<f2")]),
}
F4 = numpy.float32


def nibbles(bytes, run):
    """Low halves of each run of bytes, then its high halves."""
    runs = bytes.reshape(len(bytes), -1, 1, run)
    return numpy.concatenate([runs & 15, runs >> 4], axis=2).reshape(len(bytes), -1)


def planes(bytes, run, bits):
    """The lowest `bits` of each run of bytes, then the next, and so on."""
    runs = bytes.reshape(len(bytes), -1, 1, run)
    shifts = numpy.arange(0, 8, bits, dtype=numpy.uint8).reshape(1, 1, -1, 1)
    return (runs >> shifts & (2**bits - 1)).reshape(len(bytes), -1)


def six_bits(scales):
    """Eight scales and eight minima of six bits in twelve bytes."""
    a, b, c = scales[:, :4], scales[:, 4:8], scales[:, 8:]
    return (
        numpy.concatenate([a & 63, c & 15 | a >> 6 << 4], axis=1),
        numpy.concatenate([b & 63, c >> 4 | b >> 6 << 4], axis=1))


def widened(name, blocks):
    """The numbers of blocks, `[blocks, numbers]`; every product and sum is rounded to Float32."""
    field = lambda key: blocks[key]
    d = field("d").astype(F4)[:, None]
    m = field("m").astype(F4)[:, None] if "m" in blocks.dtype.names else None
    grouped = lambda x, groups: numpy.repeat(x, 256 // groups, axis=1)
    if name == "Q8_0":
        return field("qs").astype(F4) * d
    if name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1"):
        q = nibbles(field("qs"), 16).astype(numpy.int32)
        if name[1] == "5":
            q |= (field("qh")[:, None] >> numpy.arange(32, dtype=numpy.uint32) & 1).astype(numpy.int32) << 4
        return (q - {"4": 8, "5": 16}[name[1]]).astype(F4) * d if m is None else q.astype(F4) * d + m
    if name == "Q2_K":
        q = planes(field("qs"), 32, 2).astype(F4)
        scale, least = d * (field("scales") & 15).astype(F4), m * (field("scales") >> 4).astype(F4)
        return grouped(scale, 16) * q - grouped(least, 16)
    if name == "Q3_K":
        packed = field("scales")
        low = numpy.concatenate([packed[:, :8] & 15, packed[:, :8] >> 4], axis=1)
        high = numpy.concatenate([packed[:, 8:] >> shift & 3 for shift in (0, 2, 4, 6)], axis=1)
        scale = d * ((low | high << 4).astype(numpy.int32) - 32).astype(F4)
        top = planes(field("hmask"), 32, 1).astype(numpy.int32)
        return grouped(scale, 16) * (planes(field("qs"), 32, 2).astype(numpy.int32) - 4 + 4 * top).astype(F4)
    if name in ("Q4_K", "Q5_K"):
        scale, least = six_bits(field("scales"))
        q = nibbles(field("qs"), 32)
        if name == "Q5_K":
            q = q | planes(field("qh"), 32, 1) << 4
        return grouped(d * scale.astype(F4), 8) * q.astype(F4) - grouped(m * least.astype(F4), 8)
    low, high = nibbles(field("ql"), 64), planes(field("qh"), 32, 2)
    return grouped(d * field("scales").astype(F4), 16) * ((low | high << 4).astype(numpy.int32) - 32).astype(F4)


def gguf_string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_file(values, tensors):
    """A file of version 3: values (key, type, packed value) and tensors (name, shape, type, bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    for key, kind, value in values:
        head += gguf_string(key) + struct.pack("<I", kind) + value
    data = b""
    for name, shape, kind, contents in tensors:
        head += gguf_string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *reversed(shape))
        head += struct.pack("<IQ", kind, len(data))
        data += contents + bytes(-len(contents) % 32)
    return head + bytes(-len(head) % 32) + data


def gguf():
    """blocks.gguf: random blocks of every type; blocks.expected: their numbers, one tensor after another."""
    generator = numpy.random.default_rng(1968)
    tensors, expected = [], b""
    for name, (kind, count, fields) in BLOCKS.items():
        layout = numpy.dtype(fields)
        rows = 6 if count == 32 else 2
        blocks = numpy.frombuffer(generator.bytes(layout.itemsize * rows), layout).copy()
        for key in set(layout.names) & {"d", "m"}:
            # Scales of all sizes, of both signs, subnormal ones and zeros.
            scales = generator.normal(size=rows) * 10.0 ** generator.integers(-7, 3, size=rows)
            blocks[key] = scales.astype(numpy.float16)
        blocks[0]["d"] = 0
        tensors.append((name, [2, rows * count // 2], kind, blocks.tobytes()))
        expected += widened(name, blocks).astype("<f4").tobytes()
    (OUTPUT / "blocks.gguf").write_bytes(gguf_file([("general.architecture", 8, gguf_string("test"))], tensors))
    (OUTPUT / "blocks.expected").write_bytes(expected)


# --- NumPy: arrays of every type, whose element i is 3 i - 7 --------------------------------------------------------------

NUMPY_TYPES = ["u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8", "<c8"]


def numpy_files():
    counted = lambda shape, dtype: (numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape) * 3 - 7).astype(dtype)
    arrays = {f"layer.{dtype.lstrip('<')}": counted((3, 4), dtype) for dtype in NUMPY_TYPES}
    arrays |= {"layer.b1": numpy.array([True, False, True]), "scalar": counted((), "<f4"), "empty": counted((0, 5), "<f4")}
    arrays |= {"cube": counted((2, 3, 4), "<f4"), "long": counted((2000,), "<f4") % 10}
    folder = OUTPUT / "numpy"
    folder.mkdir(parents=True, exist_ok=True)
    numpy.savez(folder / "stored.npz", **arrays)
    numpy.savez_compressed(folder / "deflated.npz", **arrays)
    numpy.save(folder / "array.npy", counted((2, 3), "<f4"))
    numpy.save(folder / "column.npy", numpy.asfortranarray(counted((3, 1), "<f4")))
    numpy.save(folder / "fortran.npy", numpy.asfortranarray(counted((2, 3), "<f4")))
    numpy.save(folder / "big.npy", counted((2, 3), ">f4"))
    numpy.save(folder / "objects.npy", numpy.array([1, "a"], dtype=object), allow_pickle=True)
    numpy.save(folder / "records.npy", numpy.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
    numpy.save(folder / "text.npy", numpy.array(["a", "bc"]))
    with open(folder / "version2.npy", "wb") as file:
        numpy.lib.format.write_array(file, counted((2, 3), "<f4"), version=(2, 0))


# --- Small right files, from which fuzzers begin ---------------------------------------------------------------------------


def seeds():
    tokens = ["<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab", "\u2581a", "<0x41>"]
    packed = lambda kind, code, items: struct.pack("<IQ", kind, len(items)) + b"".join(struct.pack(code, x) for x in items)
    strings = lambda items: struct.pack("<IQ", 8, len(items)) + b"".join(map(gguf_string, items))
    values = [
        ("tokenizer.ggml.model", 8, gguf_string("llama")), ("tokenizer.ggml.tokens", 9, strings(tokens)),
        ("tokenizer.ggml.scores", 9, packed(6, "<f", [-x for x in range(9)])),
        ("tokenizer.ggml.token_type", 9, packed(5, "<i", [2, 3, 3, 1, 1, 1, 1, 1, 1])),
        ("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 1)),
        ("tokenizer.ggml.pre", 8, gguf_string("gpt-2")), ("tokenizer.ggml.merges", 9, strings(["a b"])),
    ]
    (OUTPUT / "tokenizer.gguf").write_bytes(gguf_file(values, []))
    # dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len, and as many numbers as those mean
    numbers = 5 * 8 + 8 + 64 + 32 + 32 + 64 + 8 + 96 * 3 + 8 + 2 * 4 * 2
    (OUTPUT / "llama2c.bin").write_bytes(
        struct.pack("<7i", 8, 12, 1, 2, 1, 5, 4) + numpy.arange(numbers).astype("<f4").tobytes())
    pieces = [text.replace("\u2581", " ").encode() for text in tokens]
    (OUTPUT / "tokenizer.bin").write_bytes(
        struct.pack("<i", 8) + b"".join(struct.pack("<fi", -i, len(text)) + text for i, text in enumerate(pieces)))


if __name__ == "__main__":
    inflate()
    gguf()
    numpy_files()
    seeds()
