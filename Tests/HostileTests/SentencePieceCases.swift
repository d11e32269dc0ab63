import Formats
import Foundation
import TestSupport
import Tokenizers

/// A message in the wire format of Protocol Buffers, right or wrong.
private struct Message {
  var bytes: [UInt8] = []

  static func varint(_ value: UInt64) -> [UInt8] {
    var (out, rest) = ([UInt8](), value)
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  mutating func tag(_ field: UInt64, _ wireType: UInt64) { bytes += Self.varint(field << 3 | wireType) }

  mutating func add(_ field: UInt64, varint value: UInt64) {
    tag(field, 0)
    bytes += Self.varint(value)
  }

  mutating func add(_ field: UInt64, _ content: [UInt8]) {
    tag(field, 2)
    bytes += Self.varint(UInt64(content.count)) + content
  }

  mutating func add(_ field: UInt64, _ value: Float) {
    tag(field, 5)
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) }
  }
}

private func piece(_ text: [UInt8], score: Float = -1, type: UInt64? = nil) -> [UInt8] {
  var message = Message()
  message.add(1, text)
  message.add(2, score)
  if let type { message.add(3, varint: type) }
  return message.bytes
}

private func piece(_ text: String, score: Float = -1, type: UInt64? = nil) -> [UInt8] {
  piece(Array(text.utf8), score: score, type: type)
}

/// A small right model, whose parts can be set to what they should not be.
private struct ModelBuilder {
  var pieces = [
    piece("<unk>", score: 0, type: 2), piece("<s>", score: 0, type: 3), piece("</s>", score: 0, type: 3),
    piece("▁", score: -2), piece("a", score: -3), piece("b", score: -4), piece("▁a", score: -2.5), piece("ab"),
  ]
  var modelType: UInt64? = 1
  var vocabularySize: UInt64?
  var unknownID: UInt64?
  var hasByteFallback = false
  var charsMap: [UInt8]?

  var training: [UInt8] {
    var message = Message()
    if let modelType { message.add(3, varint: modelType) }
    message.add(4, varint: vocabularySize ?? UInt64(pieces.count))
    if hasByteFallback { message.add(35, varint: 1) }
    if let unknownID { message.add(40, varint: unknownID) }
    return message.bytes
  }

  var normalization: [UInt8] {
    var message = Message()
    message.add(1, Array("identity".utf8))
    if let charsMap { message.add(2, charsMap) }
    message.add(3, varint: 1)
    return message.bytes
  }

  var contents: [UInt8] {
    var message = Message()
    for piece in pieces { message.add(1, piece) }
    message.add(2, training)
    message.add(3, normalization)
    return message.bytes
  }

  mutating func addBytes(_ bytes: some Sequence<Int>) {
    hasByteFallback = true
    for byte in bytes {
      let digits = String(byte, radix: 16, uppercase: true)
      pieces.append(piece("<0x\(digits.count == 1 ? "0" : "")\(digits)>", type: 6))
    }
  }
}

/// Reads a model, and cuts and joins text with it.
@Sendable private func openModel(_ path: String) throws {
  let model = try SentencePieceModel(contents: try InputFile.contents(of: path, atMost: 64 << 20))
  let tokenizer = try PipelineTokenizer(model)
  for text in ["", " a ab  ba", "é漢\u{301}\0 <s>", String(repeating: "ab ", count: 300)] {
    let encoding = try tokenizer.encoding(of: text)
    _ = try tokenizer.decode(encoding.ids)
  }
}

private func raw(_ name: String, _ kinds: InputError.Kind..., bytes: [UInt8]) -> HostileCase {
  HostileCase(name, kinds, make: { try write(bytes, $0, "tokenizer.model") }, open: openModel)
}

/// A right model, for damage by chance.
let smallSentencePieceModel = ModelBuilder().contents

private func model(_ name: String, _ kinds: InputError.Kind..., change: (inout ModelBuilder) -> Void) -> HostileCase {
  var builder = ModelBuilder()
  change(&builder)
  let bytes = builder.contents
  return HostileCase(name, kinds, make: { try write(bytes, $0, "tokenizer.model") }, open: openModel)
}

/// The right model with more after it.
private func appended(_ name: String, _ kinds: InputError.Kind..., bytes: [UInt8]) -> HostileCase {
  let all = ModelBuilder().contents + bytes
  return HostileCase(name, kinds, make: { try write(all, $0, "tokenizer.model") }, open: openModel)
}

/// A map of characters: 256 units of which these are set, and the replacements.
private func map(_ units: [Int: UInt32], size: UInt32 = 1024, replacements: [UInt8] = [0x78, 0]) -> [UInt8] {
  func four(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) } }
  return four(size) + (0..<256).flatMap { four(units[$0] ?? 0) } + replacements
}

private let cuts: [HostileCase] = {
  let whole = ModelBuilder().contents
  // Where a top-level field ends the rest is a shorter model; all other places are within something.
  var (boundaries, index): (Set<Int>, Int) = ([0], 0)
  while index < whole.count {
    index += 2 + Int(whole[index + 1])
    boundaries.insert(index)
  }
  return (1...10).map { step in
    var place = whole.count * step / 11
    while boundaries.contains(place) { place += 1 }
    return raw("cut at \(place)", .truncated, bytes: Array(whole[..<place]))
  }
}()

private let charsMaps: [(String, [UInt8])] = [
  ("1 byte", [1]), ("2 bytes", [1, 2]), ("3 bytes", [1, 2, 3]),
  ("a trie larger than all", map([:], size: 2048)), ("a trie of 512 bytes", map([:], size: 512)),
  ("a trie of 1025 bytes", map([:], size: 1025)), ("a trie of 2^32-1 bytes", map([:], size: .max)),
  ("no NUL at the end", map([:], replacements: [0x78])), ("a root that is none", map([0: 0x8000_0000 | 1 << 10])),
  ("a leaf out of range", map([0: 1 << 10, 0x60: 0x61 | 0x100 | 2 << 10, 0x62: 0x7FFF_FFFF])),
  ("a circle", map([0: 1 << 10, 0x60: 0x61 | 0x61 << 10])),
]

let sentencePieceFamilies: [HostileFamily] = {
  var families: [HostileFamily] = []
  families.append(
    HostileFamily("P1", 12, [raw("empty", .missing, bytes: []), raw("1 byte", .truncated, bytes: [0x0A])] + cuts))
  families.append(
    HostileFamily(
      "P2", 9,
      [
        appended("a number of 11 bytes", .badValue, bytes: [0x20] + [UInt8](repeating: 0x80, count: 10) + [1]),
        appended("a tenth byte of 2", .badValue, bytes: [0x20] + [UInt8](repeating: 0x80, count: 9) + [2]),
        appended("tag 0", .badValue, bytes: [0]),
        appended("field 2^29", .badValue, bytes: Message.varint(1 << 32)),
        appended("wire type 3", .badValue, bytes: [0x53, 0x54]), appended("wire type 4", .badValue, bytes: [0x54]),
        appended("nested groups", .badValue, bytes: [UInt8](repeating: 0x53, count: 100_000)),
        appended("wire type 6", .badValue, bytes: [0x56]), appended("wire type 7", .badValue, bytes: [0x57]),
      ]))
  families.append(
    HostileFamily(
      "P3", 6,
      [
        appended("length -1", .truncated, bytes: [0x0A] + Message.varint(.max)),
        appended("length 2^63", .truncated, bytes: [0x0A] + Message.varint(1 << 63)),
        appended("length 2^31", .truncated, bytes: [0x0A] + Message.varint(1 << 31)),
        appended("one byte more than there is", .truncated, bytes: [0x0A, 3, 0x0A, 0]),
        appended("a part longer than the whole", .truncated, bytes: [0x0A, 3, 0x0A, 5, 0x61, 0x0A, 1, 0x61]),
        // No field is a packed list, so this is the wrong type before its length counts.
        appended("three bytes of packed scores", .wrongType, .truncated, bytes: [0x0A, 5, 0x12, 3, 0, 0, 0]),
      ]))
  families.append(
    HostileFamily(
      "P4", 3,
      [
        appended("a piece as a number", .wrongType, bytes: [0x0A, 2, 0x08, 1]),
        appended("a score as bytes", .wrongType, bytes: [0x0A, 6, 0x12, 4, 0, 0, 0, 0]),
        appended("a type of 64 bits", .wrongType, bytes: [0x0A, 9, 0x19] + [UInt8](repeating: 0, count: 8)),
      ]))
  families.append(
    HostileFamily(
      "P5", 5,
      [
        appended("field 100", bytes: Message.varint(100 << 3) + [1]),
        appended("field 2^29-1", bytes: Message.varint((1 << 29 - 1) << 3 | 2) + [2, 1, 2]),
        model("a score twice") { $0.pieces[4] += piece("a", score: -5).suffix(5) },
        raw(
          "fields in reverse",
          bytes: {
            let builder = ModelBuilder()
            var message = Message()
            message.add(3, builder.normalization)
            message.add(2, builder.training)
            for piece in builder.pieces { message.add(1, piece) }
            return message.bytes
          }()),
        raw(
          "settings in two parts",
          bytes: {
            let builder = ModelBuilder()
            var message = Message()
            for piece in builder.pieces { message.add(1, piece) }
            message.add(2, Array(builder.training.prefix(2)))
            message.add(2, Array(builder.training.dropFirst(2)))
            return message.bytes
          }()),
      ]))
  families.append(
    HostileFamily(
      "P6", 6,
      [
        model("empty", .badValue) { $0.pieces.append(piece("")) },
        model("with a NUL", .badValue) { $0.pieces.append(piece("a\0b")) },
        model("of 8000 bytes") { $0.pieces.append(piece(String(repeating: "a", count: 8000))) },
        model("of 200 KB", .tooLarge) { $0.pieces.append(piece(String(repeating: "a", count: 200_000))) },
        model("not UTF-8", .badUTF8) { $0.pieces.append(piece([0x61, 0xFF])) },
        model("twice", .duplicate) { $0.pieces.append(piece("a")) },
      ]))
  families.append(
    HostileFamily(
      "P7", 6,
      [
        model("none unknown", .inconsistent) { $0.pieces[0] = piece("<unk>", type: 1) },
        model("two unknown", .inconsistent) { $0.pieces[1] = piece("<s>", type: 2) },
        model("type 0", .badValue) { $0.pieces[4] = piece("a", type: 0) },
        model("type 7", .badValue) { $0.pieces[4] = piece("a", type: 7) },
        model("type 2^31", .badValue) { $0.pieces[4] = piece("a", type: 1 << 31) },
        model("another unk_id", .inconsistent) { $0.unknownID = 1 },
      ]))
  families.append(
    HostileFamily(
      "P8", 6,
      [
        model("bytes without fallback", .inconsistent) {
          $0.addBytes(0..<256)
          $0.hasByteFallback = false
        },
        model("255 bytes", .inconsistent) { $0.addBytes(0..<255) },
        model("<0xGG>", .badValue) {
          $0.addBytes(0..<255)
          $0.pieces.append(piece("<0xGG>", type: 6))
        },
        model("<0x1>", .badValue) {
          $0.addBytes(0..<255)
          $0.pieces.append(piece("<0x1>", type: 6))
        },
        model("<0x100>", .badValue) {
          $0.addBytes(0..<255)
          $0.pieces.append(piece("<0x100>", type: 6))
        },
        model("<0x41> twice", .inconsistent, .duplicate) {
          $0.addBytes(0..<255)
          $0.addBytes([0x41])
        },
        model("all bytes") { $0.addBytes(0..<256) },
      ]))
  families.append(
    HostileFamily(
      "P9", 4,
      [
        model("NaN", .nonFinite) { $0.pieces[4] = piece("a", score: .nan) },
        model("infinity", .nonFinite) { $0.pieces[4] = piece("a", score: .infinity) },
        model("minus infinity", .nonFinite) { $0.pieces[4] = piece("a", score: -.infinity) },
        model("-1e38 everywhere") { builder in
          builder.pieces = builder.pieces.prefix(3) + ["▁", "a", "b", "▁a", "ab"].map { piece($0, score: -1e38) }
        },
      ]))
  families.append(
    HostileFamily(
      "P10", 11, charsMaps.map { (name, bytes) in model(name, .badValue) { $0.charsMap = bytes } }))
  families.append(
    HostileFamily(
      "P11", 5,
      [
        model("model type 0", .unsupported) { $0.modelType = 0 },
        model("model type 5", .unsupported) { $0.modelType = 5 },
        // The format's default is unigram, which real files rely on.
        model("no model type") { $0.modelType = nil },
        model("another vocab_size", .inconsistent) { $0.vocabularySize = 9 },
        HostileCase("10^7 pieces", .tooLarge) {
          var bytes: [UInt8] = [0x0A, 1, 0x61]
          while bytes.count < 30_000_000 { bytes += bytes }
          return try write(bytes, $0, "tokenizer.model")
        } open: {
          try openModel($0)
        },
      ]))
  families.append(
    HostileFamily(
      "P12", 4,
      [
        raw("HTML", .badValue, bytes: Array("<!DOCTYPE html><html>".utf8)),
        raw("gzip", .badValue, bytes: [0x1F, 0x8B, 8, 0]),
        raw("a pointer", .badValue, bytes: Array("version https://git-lfs.github.com/spec/v1\noid".utf8)),
        raw("tokenizer.json", .badValue, bytes: Array(#"{"version": "1.0", "model": {}}"#.utf8)),
      ]))
  return families
}()
