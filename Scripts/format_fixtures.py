#!/usr/bin/env python3
"""Writes Tests/Fixtures/Formats: small files of other programs' formats, and what they hold.

Usage: Scripts/format_fixtures.py  (needs Python 3; with zlib 1.2.13)
"""

import pathlib
import random
import zlib

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


if __name__ == "__main__":
    inflate()
