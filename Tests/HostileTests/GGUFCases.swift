import Checkpoints
import Formats
import Foundation
import Models
import TestSupport
import Tokenizers

/// Opens a file and reads all of its tensors.
@Sendable private func openAll(_ path: String) throws {
  let checkpoint = try GGUFCheckpoint(at: path)
  for tensor in checkpoint.tensors {
    _ = try tensor.bytes(0..<min(tensor.byteCount, 1 << 20))
    if tensor.storageFormat != nil, tensor.byteCount < 1 << 20 { _ = try tensor.read() }
  }
}

private func raw(_ name: String, _ bytes: [UInt8], _ kinds: InputError.Kind...) -> HostileCase {
  HostileCase(name, kinds, make: { try write(bytes, $0, "x.gguf") }, open: openAll)
}

/// A small right file, which `change` spoils.
private func file(_ name: String, _ kinds: InputError.Kind..., change: (inout GGUFBuilder) -> Void) -> HostileCase {
  var builder = small
  change(&builder)
  let bytes = builder.contents
  return HostileCase(name, kinds, make: { try write(bytes, $0, "x.gguf") }, open: openAll)
}

/// Two values and two tensors.
private let small: GGUFBuilder = {
  var builder = GGUFBuilder()
  builder.add("general.architecture", "test")
  builder.add("test.sizes", [1, 2, 3] as [Int32])
  builder.add("a", shape: [2, 3], [1, 2, 3, 4, 5, 6])
  builder.add("b", shape: [32], type: 8, [UInt8](repeating: 1, count: 34))
  return builder
}()

/// One tensor `w` with these numbers in its description.
private func tensor(
  _ name: String, _ kinds: InputError.Kind..., axes: [UInt64] = [4], type: UInt32 = 0, offset: UInt64 = 0,
  data count: Int = 32
) -> HostileCase {
  var builder = GGUFBuilder()
  builder.describe(Array("w".utf8), axes: axes, type: type, offset: offset)
  builder.data = [UInt8](repeating: 0, count: count)
  let bytes = builder.contents
  return HostileCase(name, kinds, make: { try write(bytes, $0, "x.gguf") }, open: openAll)
}

private func value(_ name: String, _ kinds: InputError.Kind..., type: UInt32, _ bytes: [UInt8]) -> HostileCase {
  var builder = GGUFBuilder()
  builder.add("key", type: type, bytes)
  let contents = builder.contents
  return HostileCase(name, kinds, make: { try write(contents, $0, "x.gguf") }, open: openAll)
}

/// A key as it lies in a file, with a Boolean.
private func key(_ name: String, _ kinds: InputError.Kind..., bytes: [UInt8]) -> HostileCase {
  var builder = GGUFBuilder()
  builder.values = [bytes + GGUFBuilder.bytes(UInt32(7)) + [1]]
  let contents = builder.contents
  return HostileCase(name, kinds, make: { try write(contents, $0, "x.gguf") }, open: openAll)
}

private func alignment(_ value: UInt32, _ kinds: InputError.Kind...) -> HostileCase {
  var builder = GGUFBuilder()
  builder.alignment = value == 1 ? 1 : 32
  builder.add("general.alignment", value)
  builder.add("w", shape: [3], [1, 2, 3])
  let bytes = builder.contents
  return HostileCase("alignment \(value)", kinds, make: { try write(bytes, $0, "x.gguf") }, open: openAll)
}

private func four(_ value: UInt32) -> [UInt8] { GGUFBuilder.bytes(value) }

/// The places at which the small file is cut: after its magic, version and counts, and within each field that follows.
private let cuts: [Int] = {
  let bytes = small.contents
  let start = 24
  let values = small.values.map(\.count), entries = small.entries.map(\.count)
  var places = [4, 8, 16, start, start + 8, start + 8 + 20, start + 8 + 20 + 4, start + values[0]]
  let second = start + values[0]
  places += [second + 8 + 10, second + 8 + 10 + 4 + 4, second + values[1] - 1, second + values[1]]
  let tensors = second + values[1]
  places += [
    tensors + 9, tensors + 9 + 4 + 8, tensors + entries[0], tensors + entries[0] + entries[1], bytes.count - 33,
  ]
  return places
}()

let ggufFamilies: [HostileFamily] = [
  HostileFamily(
    "G1", 20,
    ([0, 3, 23] + cuts).map { raw("cut at \($0)", Array(small.contents.prefix($0)), .truncated) }),
  HostileFamily(
    "G2", 10,
    ["FUGG", "GGML", "GGJT", "gguf", "FUGG\0\0\0\u{3}"].map {
      raw("magic \($0)", Array($0.utf8) + small.contents.dropFirst(4), .badMagic)
    }
      + ([0, 1, 4, 0x0300_0000, .max] as [UInt32]).map { version in
        file("version \(version)", .badVersion) { $0.version = version }
      }),
  HostileFamily(
    "G3", 8,
    ([.max, 1 << 63, 1 << 31, 1_000_000_000] as [UInt64]).flatMap { count in
      [
        raw(
          "\(count) tensors", Array("GGUF".utf8) + four(3) + eight(count) + eight(0) + [UInt8](repeating: 0, count: 40),
          .truncated, .tooLarge),
        raw(
          "\(count) values", Array("GGUF".utf8) + four(3) + eight(0) + eight(count) + [UInt8](repeating: 0, count: 40),
          .truncated, .tooLarge),
      ]
    }),
  HostileFamily(
    "G4", 8,
    [
      key("no bytes", .badValue, bytes: GGUFBuilder.string([])),
      key("2^64 - 1 bytes", .truncated, bytes: GGUFBuilder.string([1], length: .max)),
      key("2^63 bytes", .truncated, bytes: GGUFBuilder.string([1], length: 1 << 63)),
      key("2^30 + 1 bytes", .truncated, bytes: GGUFBuilder.string([1], length: 1 << 30 + 1)),
      key("one byte more than there are", .truncated, bytes: GGUFBuilder.string([65], length: 41)),
      key("65536 bytes", .badValue, .tooLarge, bytes: GGUFBuilder.string([UInt8](repeating: 65, count: 65536))),
      key("no UTF-8", .badUTF8, bytes: GGUFBuilder.string([0x61, 0xFF])),
      key("a NUL", .badValue, bytes: GGUFBuilder.string("general.alignment\0x")),
    ]),
  HostileFamily(
    "G5", 6,
    ([13, 255, .max] as [UInt32]).map { value("type \($0)", .wrongType, type: $0, eight(0)) } + [
      value("an array of arrays", .wrongType, type: 9, four(9) + eight(1) + four(9) + eight(0)),
      value(
        "arrays 100,000 deep", .wrongType, type: 9,
        (0..<100_000).flatMap { _ in four(9) + eight(1) } + four(4) + eight(0)),
      value("an array of type 13", .wrongType, type: 9, four(13) + eight(1) + eight(0)),
    ]),
  HostileFamily(
    "G6", 13,
    ([(0, "u8"), (10, "u64"), (8, "string")] as [(UInt32, String)]).flatMap { type, name in
      ([.max, 1 << 61, 1 << 30 + 1, 60] as [UInt64]).map {
        value(
          "\($0) of \(name)", .truncated, .overflow, type: 9, four(type) + eight($0) + [UInt8](repeating: 0, count: 16))
      }
    } + [
      value("a string of 2^64 - 1 in an array", .truncated, type: 9, four(8) + eight(1) + eight(.max) + eight(0))
    ]),
  HostileFamily(
    "G7", 3,
    [
      value("Boolean 2", .badValue, type: 7, [2]), value("Boolean 255", .badValue, type: 7, [255]),
      value("Boolean 3 in an array", .badValue, type: 9, four(7) + eight(2) + [1, 3]),
      model("rope.freq_base NaN", .nonFinite) { $0.set("llama.rope.freq_base", type: 6, four(Float.nan.bitPattern)) },
    ]),
  HostileFamily(
    "G8", 6,
    [
      file("a key twice", .duplicate) { $0.add("general.architecture", "test") },
      file("a name twice", .duplicate) { $0.add("a", shape: [1], [1]) },
      file("names that differ behind byte 63", .duplicate, .badValue) {
        $0.add(String(repeating: "n", count: 63) + "a", shape: [1], [1])
        $0.add(String(repeating: "n", count: 63) + "b", shape: [1], [1])
      },
      file("a name of 64 bytes", .badValue) { $0.add(String(repeating: "n", count: 64), shape: [1], [1]) },
      file("a name of no bytes", .badValue) { $0.add("", shape: [1], [1]) },
      file("a name with a NUL", .badValue) { $0.add("a\0b", shape: [1], [1]) },
      file("a name of 63 bytes") { $0.add(String(repeating: "n", count: 63), shape: [1], [1]) },
    ]),
  HostileFamily(
    "G9", 10,
    [
      alignment(0, .badValue), alignment(1), alignment(3, .badValue), alignment(13, .badValue),
      alignment(1 << 31, .badValue), alignment(.max, .badValue),
    ]
      + [(5, four(32)), (10, eight(32)), (8, GGUFBuilder.string("32")), (9, four(4) + eight(1) + four(32))].map {
        type, bytes in
        file("alignment of type \(type)", .wrongType) { $0.add("general.alignment", type: type, bytes) }
      }),
  HostileFamily(
    "G10", 9,
    [
      tensor("no axes", axes: []), tensor("5 axes", .badValue, axes: [1, 1, 1, 1, 4]),
      raw(
        "2^32 - 1 axes",
        Array("GGUF".utf8) + four(3) + eight(1) + eight(0) + GGUFBuilder.string("w") + four(.max) + eight(4) + four(0)
          + eight(0), .badValue),
      tensor("axis -1", .badValue, .overflow, axes: [.max]), tensor("axis 2^63", .badValue, .overflow, axes: [1 << 63]),
      tensor("2^32 by 2^32", .overflow, axes: [1 << 32, 1 << 32]),
      tensor("2^31 by 2^31 by 4", .overflow, axes: [1 << 31, 1 << 31, 4]),
      tensor("2^62 by 4 by 0", .overflow, axes: [1 << 62, 4, 0]), tensor("axis 0", axes: [0, 5], data: 0),
      tensor("axis 0 of blocks", axes: [0], type: 8, data: 0),
    ]),
  HostileFamily(
    "G11", 14,
    ([.max, 4, 5, 31, 32, 33, 36, 37, 38, 40, 1 << 31] as [UInt32]).map {
      tensor("type \(Int32(bitPattern: $0))", .unknownDType, axes: [256], type: $0, data: 1024)
    } + [
      tensor("33 numbers in blocks of 32", .sizeMismatch, axes: [33], type: 2, data: 64),
      tensor("255 numbers in blocks of 256", .sizeMismatch, axes: [255], type: 12, data: 160),
      tensor("a scalar in blocks", .sizeMismatch, axes: [], type: 8, data: 64),
    ]),
  HostileFamily(
    "G12", 3,
    [
      tensor("2^61 of 8 bytes", .overflow, axes: [1 << 61], type: 27),
      tensor("2^62 of 4 bytes less 4", .overflow, axes: [1 << 62 - 1], type: 26),
      file("sums beyond 64 bits", .overflow, .truncated) {
        $0.describe(Array("x".utf8), axes: [1 << 62], type: 24, offset: UInt64($0.data.count))
        $0.describe(Array("y".utf8), axes: [1 << 62], type: 24, offset: UInt64($0.data.count) + 1 << 62)
      },
      file("padding beyond 64 bits", .overflow, .truncated) {
        $0.describe(Array("x".utf8), axes: [1 << 63 - 33], type: 24, offset: UInt64($0.data.count))
      },
    ]),
  HostileFamily(
    "G13", 7,
    [
      tensor("offset -1", .badOffset, offset: .max), tensor("offset 1", .badOffset, offset: 1),
      tensor("offset behind the end", .badOffset, offset: 1 << 20),
      file("overlaps the one before", .badOffset) { $0.describe(Array("c".utf8), axes: [4], type: 0, offset: 32) },
      file("leaves a gap", .badOffset) {
        $0.describe(Array("c".utf8), axes: [4], type: 0, offset: UInt64($0.data.count + 32))
        $0.data += [UInt8](repeating: 0, count: 64)
      },
      tensor("data short by 1", .truncated, axes: [8], data: 31),
      raw("data that begins behind the end", Array(small.head), .truncated),
      file("one byte more than padding", .trailing) { $0.data += [1] },
    ]),
  HostileFamily(
    "G14", 11,
    [
      size("llama.block_count", 0, .badValue), size("llama.block_count", 513, .badValue),
      size("llama.block_count", 100_000, .badValue, .tooLarge), size("llama.block_count", .max, .badValue, .tooLarge),
      size("llama.attention.head_count", 0, .badValue), size("llama.attention.head_count_kv", 0, .badValue),
      size("llama.attention.head_count_kv", 5, .badValue), size("llama.embedding_length", 0, .badValue),
      size("llama.embedding_length", 31, .badValue),
      model("heads for one layer of two", .badValue) {
        $0.set("llama.attention.head_count", type: 9, four(4) + eight(1) + four(4))
      },
      model("no architecture", .missing) { $0.values.removeFirst() },
    ]),
  HostileFamily(
    "G15", 12,
    [
      tokenizer("no tokens", .badValue) { $0.set("tokenizer.ggml.tokens", type: 9, four(8) + eight(0)) },
      tokenizer("fewer scores", .inconsistent) {
        $0.set("tokenizer.ggml.scores", type: 9, four(6) + eight(1) + four(0))
      },
      tokenizer("fewer types", .inconsistent) {
        $0.set("tokenizer.ggml.token_type", type: 9, four(5) + eight(1) + four(1))
      },
      tokenizer("end beyond the tokens", .badValue) { $0.set("tokenizer.ggml.eos_token_id", type: 4, four(4000)) },
      tokenizer("beginning beyond the tokens", .badValue) {
        $0.set("tokenizer.ggml.bos_token_id", type: 4, four(.max))
      },
      tokenizer("type 99", .badValue) {
        $0.set("tokenizer.ggml.token_type", type: 9, four(5) + eight(5) + [2, 3, 3, 99, 1].flatMap { four($0) })
      },
      byteToken("<0x-1>"), byteToken("<0xZZ>"), byteToken("<0x100>"),
      HostileCase("a merge without a space", .badValue) { folder in
        var builder = GGUFBuilder()
        builder.add("tokenizer.ggml.model", "gpt2")
        builder.add("tokenizer.ggml.pre", "gpt-2")
        builder.add("tokenizer.ggml.tokens", ["a", "b", "ab"])
        builder.add("tokenizer.ggml.merges", ["ab"])
        return try write(builder.contents, folder, "x.gguf")
      } open: {
        try encode($0)
      },
    ]
      + (1...3).map { count in
        tokenizer("a map of characters of \(count) bytes", .badValue, .truncated) {
          $0.set("tokenizer.ggml.model", type: 8, GGUFBuilder.string("t5"))
          $0.add(
            "tokenizer.ggml.precompiled_charsmap", type: 9,
            four(0) + eight(UInt64(count)) + [UInt8](repeating: 7, count: count))
        }
      }),
  HostileFamily(
    "G16", 4,
    [
      split("no parts", .inconsistent) { $0.set("split.count", type: 2, [0, 0]) },
      split("a number beyond the parts", .inconsistent) { $0.set("split.no", type: 2, [2, 0]) },
      split("a part is missing", .notFound, second: nil) { _ in },
      split("parts of two models", .inconsistent, second: { $0.add("general.architecture", "other") }) { _ in },
      split("parts of two splits", .inconsistent, second: { $0.set("split.count", type: 2, [3, 0]) }) { _ in },
    ]),
]

// MARK: - Models, tokenizers, parts

extension GGUFBuilder {
  /// Replaces the value of a key, or adds it.
  fileprivate mutating func set(_ key: String, type: UInt32, _ bytes: [UInt8]) {
    let start = Self.string(key)
    let value = start + Self.bytes(type) + bytes
    if let index = values.firstIndex(where: { $0.starts(with: start) }) {
      values[index] = value
    } else {
      values.append(value)
    }
  }
}

/// A right description of a model, which is spoilt.
private func model(_ name: String, _ kinds: InputError.Kind..., change: (inout GGUFBuilder) -> Void) -> HostileCase {
  var builder = GGUFBuilder()
  builder.add("general.architecture", "llama")
  for (key, value) in [
    ("block_count", 2), ("context_length", 24), ("embedding_length", 32), ("feed_forward_length", 64),
    ("attention.head_count", 4), ("attention.head_count_kv", 2),
  ] as [(String, UInt32)] { builder.add("llama." + key, value) }
  builder.add("llama.attention.layer_norm_rms_epsilon", Float(1e-5))
  builder.add("token_embd.weight", shape: [37, 32], [Float](repeating: 0, count: 37 * 32))
  change(&builder)
  let bytes = builder.contents
  return HostileCase(
    name, kinds, make: { try write(bytes, $0, "x.gguf") }, open: { _ = try PretrainedModel.load(from: $0) })
}

private func size(_ key: String, _ value: UInt32, _ kinds: InputError.Kind...) -> HostileCase {
  let change: (inout GGUFBuilder) -> Void = { $0.set(key, type: 4, four(value)) }
  let name = "\(key) \(value)"
  return kinds.count == 1 ? model(name, kinds[0], change: change) : model(name, kinds[0], kinds[1], change: change)
}

@Sendable private func encode(_ path: String) throws {
  let tokenizer = try loadTokenizer(in: path)
  _ = try tokenizer.decode(try tokenizer.encode("a b \u{E9}"))
}

/// A right tokenizer of five pieces, which is spoilt.
private func tokenizer(_ name: String, _ kinds: InputError.Kind..., change: (inout GGUFBuilder) -> Void) -> HostileCase
{
  var builder = GGUFBuilder()
  builder.add("tokenizer.ggml.model", "llama")
  builder.add("tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", "a", "b"])
  builder.add("tokenizer.ggml.scores", [0, 0, 0, -1, -2] as [Float])
  builder.add("tokenizer.ggml.token_type", [2, 3, 3, 1, 1] as [Int32])
  builder.add("tokenizer.ggml.bos_token_id", UInt32(1))
  builder.add("tokenizer.ggml.eos_token_id", UInt32(2))
  change(&builder)
  let bytes = builder.contents
  return HostileCase(name, kinds, make: { try write(bytes, $0, "x.gguf") }, open: { try encode($0) })
}

private func byteToken(_ text: String) -> HostileCase {
  tokenizer("a byte \(text)", .badValue, .inconsistent) {
    $0.set(
      "tokenizer.ggml.tokens", type: 9,
      four(8) + eight(5) + ["<unk>", "<s>", "</s>", "a", text].flatMap { GGUFBuilder.string($0) })
    $0.set("tokenizer.ggml.token_type", type: 9, four(5) + eight(5) + [2, 3, 3, 1, 6].flatMap { four($0) })
  }
}

/// A model in two right parts, which are spoilt.
private func split(
  _ name: String, _ kind: InputError.Kind, second: ((inout GGUFBuilder) -> Void)? = { _ in },
  first: (inout GGUFBuilder) -> Void
) -> HostileCase {
  func part(_ number: UInt8, _ change: (inout GGUFBuilder) -> Void) -> [UInt8] {
    var builder = GGUFBuilder()
    if number == 0 { builder.add("general.architecture", "test") }
    builder.add("split.no", type: 2, [number, 0])
    builder.add("split.count", type: 2, [2, 0])
    builder.add("t\(number)", shape: [1], [1])
    change(&builder)
    return builder.contents
  }
  let parts = (part(0, first), second.map { part(1, $0) })
  return HostileCase(name, kind) { folder in
    if let second = parts.1 { _ = try write(second, folder, "m-00002-of-00002.gguf") }
    return try write(parts.0, folder, "m-00001-of-00002.gguf")
  } open: {
    try openAll($0)
  }
}
