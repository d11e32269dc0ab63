import Checkpoints
import Formats
import Foundation
import Layers
import Tensor
import TestSupport
import Testing

/// Files that Scripts/format_fixtures.py writes.
private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures/Formats")

/// Runs `body` with a checkpoint of these bytes.
private func withGGUF<R>(_ builder: GGUFBuilder, _ body: (GGUFCheckpoint) throws -> R) throws -> R {
  try withFolder { folder in
    try Data(builder.contents).write(to: URL(fileURLWithPath: folder + "/x.gguf"))
    return try body(try GGUFCheckpoint(at: folder + "/x.gguf"))
  }
}

private struct Map: Module {
  var weight = Tensor.placeholder(Shape(4, 3))
  mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("weight", &weight) }
}

@Suite struct GGUFTests {
  /// Random blocks of every type that is read, against formulas written apart, in numpy: equal to the last bit.
  @Test func blocksAreWidenedAsTheReferenceDoesIt() throws {
    let checkpoint = try GGUFCheckpoint(at: fixtures.appending(path: "blocks.gguf").path)
    var expected = ByteReader(Array(try Data(contentsOf: fixtures.appending(path: "blocks.expected"))))
    #expect(checkpoint.tensors.count == 10)
    for tensor in checkpoint.tensors {
      let found = try tensor.read()
      #expect(found.format == .float32 && found.shape.array == tensor.shape && tensor.shape[0] == 2)
      for (index, number) in found.scalars.enumerated() {
        let reference = try expected.float()
        #expect(number.bitPattern == reference.bitPattern, "\(tensor.typeName) \(index): \(number), not \(reference)")
      }
    }
    try expected.end()
  }

  /// More blocks than are read at once.
  @Test func longTensorsAreWidenedPieceByPiece() throws {
    var builder = GGUFBuilder()
    var blocks: [UInt8] = []
    for block in 0..<9000 {
      blocks += GGUFBuilder.bytes(UInt16(0x3C00)) + (0..<32).map { UInt8(truncatingIfNeeded: block &* 7 &+ $0) }
    }
    builder.add("w", shape: [9000, 32], type: 8, blocks)
    try withGGUF(builder) { checkpoint in
      let found = try checkpoint.tensors[0].read().scalars
      #expect(found == (0..<9000 * 32).map { Float(Int8(truncatingIfNeeded: $0 / 32 &* 7 &+ $0 % 32)) })
    }
  }

  @Test func halvesWidenExactly() throws {
    var builder = GGUFBuilder()
    // Every half-precision number is the scale of a block of ones.
    let ones = [UInt8](repeating: 1, count: 32)
    var (blocks, halves) = ([UInt8](), [UInt8]())
    for bits in UInt16.min ... .max {
      halves += GGUFBuilder.bytes(bits)
      blocks += GGUFBuilder.bytes(bits) + ones
    }
    builder.add("w", shape: [1 << 16, 32], type: 8, blocks)
    builder.add("h", shape: [1 << 16], type: 1, halves)
    try withGGUF(builder) { checkpoint in
      let (found, expected) = (try checkpoint.tensors[0].read(), try checkpoint.tensors[1].read())
      #expect(expected.format == .float16)
      let same = zip(stride(from: 0, to: found.elementCount, by: 32), expected.scalars)
      found.withScalars { numbers in
        #expect(same.allSatisfy { numbers[$0].bitPattern == $1.bitPattern || numbers[$0].isNaN && $1.isNaN })
      }
    }
  }

  @Test(arguments: [2, 3] as [UInt32]) func whatAFileSays(_ version: UInt32) throws {
    var builder = GGUFBuilder()
    builder.version = version
    builder.alignment = 64
    builder.add("general.alignment", UInt32(64))
    builder.add("text", "na\u{EF}ve")
    builder.add("yes", true)
    builder.add("number", Float(0.5))
    builder.add("words", ["a", "", "bc"])
    builder.add("counts", [-1, 7] as [Int32])
    builder.add("large", type: 10, GGUFBuilder.bytes(UInt64.max))
    builder.add("negative", type: 11, GGUFBuilder.bytes(Int64(-5)))
    builder.add("double", type: 12, GGUFBuilder.bytes((0.1).bitPattern))
    for (type, value) in [(0, 200), (1, -3), (2, 40000), (3, -300), (5, -70000)] {
      builder.add(
        "small\(type)", type: UInt32(type), GGUFBuilder.bytes(Int32(value)).prefix([1, 1, 2, 2, 4, 4][type]) + [])
    }
    builder.add("a", shape: [2, 3], [1, 2, 3, 4, 5, 6])
    builder.add("b", shape: [], [7])
    builder.add("none", shape: [0, 5], type: 0, [])
    builder.add("bf", shape: [2], type: 30, [0x80, 0x3F, 0, 0xC0])
    builder.add("i", shape: [3], type: 24, [1, 2, 3])
    try withGGUF(builder) { checkpoint in
      let metadata = checkpoint.metadata
      #expect(try metadata.required("text").string() == "na\u{EF}ve")
      #expect(try metadata.required("yes").bool())
      #expect(try metadata.required("number").double() == 0.5)
      #expect(try metadata.required("negative").int() == -5)
      #expect(try metadata.required("double").double() == 0.1)
      #expect(errorKind { () throws(InputError) in try metadata.required("large").int() } == .overflow)
      for (type, value) in [(0, 200), (1, -3), (2, 40000), (3, -300), (5, -70000)] {
        #expect(try metadata.required("small\(type)").int() == value)
      }
      let words = try #require(try metadata.strings("words", atMost: 3))
      #expect((0..<words.count).map { String(decoding: words[$0], as: UTF8.self) } == ["a", "", "bc"])
      let counts = try #require(try metadata.numbers("counts"))
      #expect((0..<counts.count).map { counts[$0] } == [.integer(-1), .integer(7)])
      #expect(errorKind { () throws(InputError) in try metadata.required("absent") } == .missing)
      #expect(errorKind { () throws(InputError) in try metadata.required("words") } == .wrongType)
      #expect(errorKind { () throws(InputError) in try metadata.strings("words", atMost: 2) } == .tooLarge)
      #expect(errorKind { () throws(InputError) in try metadata.strings("text", atMost: 2) } == .wrongType)
      #expect(errorKind { () throws(InputError) in try metadata.numbers("words") } == .wrongType)
      #expect(checkpoint.tensors.map(\.shape) == [[2, 3], [], [0, 5], [2], [3]])
      #expect(try checkpoint.tensor(named: "a")?.read().scalars == [1, 2, 3, 4, 5, 6])
      #expect(try checkpoint.tensor(named: "b")?.read().scalar == 7)
      #expect(try checkpoint.tensor(named: "none")?.read().elementCount == 0)
      let halves = try #require(try checkpoint.tensor(named: "bf")?.read())
      #expect(halves.format == .bfloat16 && halves.scalars == [1, -2])
      let integers = try #require(checkpoint.tensor(named: "i"))
      #expect(try integers.bytes(1..<3) == [2, 3])
      #expect(errorKind { () throws(InputError) in try integers.read() } == .unsupported)
      #expect(checkpoint.tensor(named: "c") == nil)
    }
  }

  @Test func layoutsAreUndone() throws {
    var builder = GGUFBuilder()
    let numbers = (0..<12).map { Float($0) }
    builder.add("weight", shape: [3, 4], numbers)
    try withGGUF(builder) { checkpoint in
      var names = CheckpointNames()
      names.layout = { _ in .transposed }
      var model = Map()
      let report = try checkpoint.load(into: &model, names: names)
      #expect(model.weight.scalars == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
      #expect(report.receipt.map(\.fate) == [.transposed("weight")])
      #expect(errorKind { () throws(InputError) in try checkpoint.load(into: &model) } == .inconsistent)
    }
    builder = GGUFBuilder()
    builder.add("w", shape: [4, 3], numbers)
    try withGGUF(builder) { checkpoint in
      var names = CheckpointNames()
      names.translation = { $0 == "weight" ? "w" : nil }
      var model = Map()
      #expect(try checkpoint.load(into: &model, names: names).receipt.map(\.fate) == [.renamed("weight")])
      #expect(model.weight.scalars == numbers)
      // One head of width 4: rows 0 and 1 turn together in the file, 0 and 2 in the model.
      names.layout = { _ in .rotaryPairs(heads: 1) }
      #expect(try checkpoint.load(into: &model, names: names).receipt.map(\.fate) == [.reordered("weight")])
      #expect(model.weight.scalars == [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11])
      // Two heads of width 2 lie the same way in both.
      names.layout = { _ in .rotaryPairs(heads: 2) }
      try checkpoint.load(into: &model, names: names)
      #expect(model.weight.scalars == numbers)
      names.layout = { _ in .rotaryPairs(heads: 3) }
      #expect(errorKind { () throws(InputError) in try checkpoint.load(into: &model, names: names) } == .inconsistent)
    }
  }

  @Test func splitFilesAreOne() throws {
    try withFolder { folder in
      func write(_ number: Int, of count: Int, _ change: (inout GGUFBuilder) -> Void = { _ in }) throws {
        var builder = GGUFBuilder()
        if number == 0 { builder.add("general.architecture", "llama") }
        builder.add("split.no", type: 2, GGUFBuilder.bytes(UInt16(number)))
        builder.add("split.count", type: 2, GGUFBuilder.bytes(UInt16(count)))
        builder.add("split.tensors.count", type: 5, GGUFBuilder.bytes(Int32(count)))
        builder.add("t\(number)", shape: [1], [Float(number)])
        change(&builder)
        let name = "/m-0000\(number + 1)-of-0000\(count).gguf"
        try Data(builder.contents).write(to: URL(fileURLWithPath: folder + name))
      }
      func open() throws(InputError) -> GGUFCheckpoint { try GGUFCheckpoint(at: folder + "/m-00001-of-00003.gguf") }
      for number in 0..<3 { try write(number, of: 3) }
      let checkpoint = try open()
      #expect(try checkpoint.tensors.map { try $0.read().scalar } == [0, 1, 2])
      let second = errorKind { () throws(InputError) in try GGUFCheckpoint(at: folder + "/m-00002-of-00003.gguf") }
      #expect(second == .inconsistent)
      try write(2, of: 3) { $0.add("general.architecture", "gpt2") }
      #expect(errorKind(open) == .inconsistent)
      try write(2, of: 3) { $0.add("general.architecture", "llama") }
      #expect(errorKind(open) == nil)
      try write(2, of: 3) { $0.add("extra", shape: [1], [1]) }
      #expect(errorKind(open) == .inconsistent)
      try write(2, of: 3) {
        $0.entries = []; $0.data = []; $0.add("t1", shape: [1], [1])
      }
      #expect(errorKind(open) == .duplicate)
      try FileManager.default.removeItem(atPath: folder + "/m-00003-of-00003.gguf")
      #expect(errorKind(open) == .notFound)
    }
  }
}
