import Checkpoints
import Formats
import Foundation
import Models
import TestSupport
import Tokenizers

/// A right header of version 0: a width of 8, 12 inside, one layer, two heads, one key-value head, five tokens, four places.
private let right: [Int32] = [8, 12, 1, 2, 1, 5, 4]

/// The numbers of all arrays of a right file.
private let numberCount = 5 * 8 + 8 + 64 + 32 + 32 + 64 + 8 + 96 + 96 + 96 + 8 + 2 * 4 * 2

private func four(_ value: Int32) -> [UInt8] { GGUFBuilder.bytes(value) }

private func model(_ name: String, _ kinds: [InputError.Kind], _ bytes: [UInt8]) -> HostileCase {
  HostileCase(
    name, kinds, make: { try write(bytes, $0, "model.bin") }, open: { _ = try PretrainedModel.load(from: $0) })
}

/// A file with one number of its header changed.
private func header(_ place: Int, _ value: Int32, _ kinds: InputError.Kind...) -> HostileCase {
  var numbers = right
  numbers[place] = value
  return model(
    "number \(place) is \(value)", kinds, numbers.flatMap { four($0) } + [UInt8](repeating: 0, count: 4 * numberCount))
}

/// The header of a newer version.
private func newer(magic: UInt32 = 0x616B_3432, version: Int32, group: Int32? = nil) -> [UInt8] {
  let start =
    GGUFBuilder.bytes(magic) + four(version) + right.flatMap { four($0) } + [1] + (group.map { four($0) } ?? [])
  return start + [UInt8](repeating: 0, count: 256 - start.count + 4 * numberCount)
}

private let whole = right.flatMap { four($0) } + [UInt8](repeating: 0, count: 4 * numberCount)

private func pieces(_ name: String, _ kinds: InputError.Kind..., bytes: [UInt8]) -> HostileCase {
  HostileCase(name, kinds) { folder in
    _ = try write(bytes, folder, "tokenizer.bin")
    return try write(whole, folder, "model.bin")
  } open: { path in
    let tokenizer = try loadTokenizer(in: path)
    _ = try tokenizer.encode("a b")
  }
}

/// One piece as it lies in a tokenizer's file.
private func piece(_ text: String, score: Float = -1, length: Int32? = nil) -> [UInt8] {
  GGUFBuilder.bytes(score.bitPattern) + four(length ?? Int32(text.utf8.count)) + Array(text.utf8)
}

private let start = piece("<unk>") + piece("<s>") + piece("</s>") + piece("a")

let llama2CFamilies: [HostileFamily] = [
  HostileFamily(
    "L1", 29,
    [
      model("27 bytes", [.truncated, .badValue], Array(whole.prefix(27))), model("no bytes", [.truncated], []),
      model("short by 4", [.sizeMismatch], whole.dropLast(4)),
      model("long by 4", [.sizeMismatch], whole + [0, 0, 0, 0]),
      // Five tokens with a head of their own take more bytes than there are.
      header(5, -5, .sizeMismatch), header(5, .min, .badValue), header(3, 3, .badValue), header(4, 2, .sizeMismatch),
      header(4, 3, .badValue), model("magic ak43", [.badValue, .sizeMismatch], newer(magic: 0x616B_3433, version: 1)),
      model("version 3", [.badVersion], newer(version: 3)),
      model("version 0 by name", [.badVersion], newer(version: 0)),
      model("groups of 0", [.badValue], newer(version: 2, group: 0)),
      model("groups of -1", [.badValue], newer(version: 2, group: -1)),
      model("groups of 3", [.badValue], newer(version: 2, group: 3)),
      model(
        "sizes whose product is beyond 64 bits", [.badValue, .overflow, .sizeMismatch],
        ([1 << 20, 1 << 20, 1 << 10, 2, 2, 1 << 26, 1 << 26] as [Int32]).flatMap { four($0) }),
    ]
      + (0..<7).flatMap { place in
        [header(place, 0, .badValue), header(place, .max, .badValue)]
          + (place == 5 ? [] : [header(place, -3, .badValue)])
      }),
  HostileFamily(
    "L2", 8,
    [
      pieces("right", bytes: four(8) + start),
      pieces("longest 0", .badValue, bytes: four(0) + start), pieces("longest -1", .badValue, bytes: four(-1) + start),
      pieces("longest 2^31 - 1", .badValue, bytes: four(.max) + start),
      pieces("length -1", .badValue, .truncated, bytes: four(8) + start + piece("b", length: -1)),
      pieces("length above the longest", .badValue, bytes: four(8) + start + piece("bbbbbbbbb")),
      pieces("length above what is left", .truncated, bytes: four(8) + start + piece("b", length: 5)),
      pieces("only three pieces", .truncated, bytes: four(8) + Array(start.dropLast(9))),
      pieces("score NaN", .nonFinite, bytes: four(8) + start + piece("b", score: .nan)),
      pieces("no file", .truncated, bytes: []),
    ]),
]
