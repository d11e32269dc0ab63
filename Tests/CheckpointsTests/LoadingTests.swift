import Checkpoints
import Formats
import Foundation
import Layers
import Tensor
import Testing

/// A module with a matrix and a vector.
private struct Part: Module {
  var weight: Tensor
  var bias: Tensor?

  init(_ rows: Int, _ columns: Int, bias: Bool = true) {
    weight = .placeholder(Shape(rows, columns))
    self.bias = bias ? .placeholder(Shape(columns)) : nil
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("weight", &weight)
    visitor("bias", &bias)
  }
}

private struct Whole: Module {
  var parts = [Part(3, 4), Part(4, 2, bias: false)]
  var scale: Tensor = .placeholder([])

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("layers", &parts)
    visitor("scale", &scale)
  }
}

/// A module under a first name, as models are under `model`.
private struct Wrapped: Module {
  var inner = Whole()
  mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("model", &inner) }
}

private struct File: Module {
  var names: [String]
  var values: [Tensor]
  mutating func visit(_ visitor: inout some ParameterVisitor) {
    for i in names.indices { visitor(names[i], &values[i]) }
  }
}

private let contents: [(String, Tensor)] = [
  ("layers.0.weight", numbers([3, 4], 0)), ("layers.0.bias", numbers([4], 20)),
  ("layers.1.weight", numbers([4, 2], 30)),
  ("scale", Tensor(0.5)),
]

/// Numbers that every format holds exactly.
private func numbers(_ shape: Shape, _ first: Int) -> Tensor {
  Tensor((0..<shape.elementCount).map { Float(first + $0) / 4 }, shape: shape)
}

/// Writes a file of these tensors and hands the checkpoint over.
private func withCheckpoint<R>(
  _ tensors: [(String, Tensor)], _ body: (SafetensorsCheckpoint) throws -> R
) throws -> R {
  try withFolder { folder in
    let path = folder + "/x.safetensors"
    try saveParameters(of: File(names: tensors.map(\.0), values: tensors.map(\.1)), to: path)
    return try body(try SafetensorsCheckpoint(at: path))
  }
}

/// The error of loading these tensors into `model`, which must then be as it was.
private func loadingError(
  _ tensors: [(String, Tensor)], names: CheckpointNames = CheckpointNames()
) throws -> InputError? {
  try withCheckpoint(tensors) { checkpoint in
    var model = Whole()
    model.scale = Tensor(7)
    do throws(InputError) { try checkpoint.load(into: &model, names: names) } catch {
      #expect(model.parts[0].weight.isPlaceholder && model.scale.scalar == 7, "a failed load changed the model")
      return error
    }
    return nil
  }
}

@Suite struct LoadingTests {
  @Test func everyParameterIsFilled() throws {
    try withCheckpoint(contents) { checkpoint in
      var model = Whole()
      let report = try checkpoint.load(into: &model)
      #expect(report.isComplete && report.ignored.isEmpty)
      #expect(report.loaded.map(\.parameter) == contents.map(\.0) && report.loaded.map(\.tensor) == contents.map(\.0))
      for (found, expected) in zip(model.parameters, contents) {
        #expect(found.name == expected.0 && found.value.shape == expected.1.shape)
        #expect(found.value.scalars == expected.1.scalars)
      }
      #expect(model.parameterCount == 12 + 4 + 8 + 1)
    }
  }

  @Test(arguments: StorageFormat.allCases, [nil] + StorageFormat.allCases)
  func matricesKeepTheirFormatOrTakeTheWantedOne(_ kept: StorageFormat, _ wanted: StorageFormat?) throws {
    try withCheckpoint(contents.map { ($0.0, $0.1.kept(as: kept)) }) { checkpoint in
      var model = Whole()
      try checkpoint.load(into: &model, as: wanted)
      #expect(model.parts[0].weight.format == wanted ?? kept && model.parts[1].weight.format == wanted ?? kept)
      #expect(model.parts[0].bias?.format == .float32 && model.scale.format == .float32)
      for (found, expected) in zip(model.parameters, contents) { #expect(found.value.scalars == expected.1.scalars) }
    }
  }

  @Test func namesOfTheFileAreFound() throws {
    func load(_ rename: (String) -> String, _ names: CheckpointNames) throws -> LoadReport {
      try withCheckpoint(contents.map { (rename($0.0), $0.1) }) { checkpoint in
        var model = Wrapped()
        let report = try checkpoint.load(into: &model, names: names)
        #expect(model.inner.parts[1].weight.scalars == contents[2].1.scalars)
        return report
      }
    }
    let names = CheckpointNames(basePrefix: "model", aliases: ["model.scale": ["gain"]])
    #expect(try load({ "model." + $0 }, names).loaded[0].tensor == "model.layers.0.weight")
    #expect(try load({ $0 }, names).loaded[0].tensor == "layers.0.weight")
    #expect(try load({ $0 == "scale" ? "gain" : $0 }, names).loaded[3].tensor == "gain")
    #expect(try load({ $0 == "scale" ? "model.gain" : $0 }, names).loaded[3].tensor == "model.gain")
    // Old names of the scale and shift of norms.
    let old = try load({ $0.replacingOccurrences(of: ".bias", with: ".beta") }, names)
    #expect(old.loaded[1].tensor == "layers.0.beta")
    let gamma = try load({ $0.replacingOccurrences(of: ".weight", with: ".gamma") }, names)
    #expect(gamma.loaded[2].tensor == "layers.1.gamma")
    // The likeliest name wins, and the other one is then unused.
    try withCheckpoint(contents.map { ("model." + $0.0, $0.1) } + [("scale", Tensor(9))]) { checkpoint in
      var model = Wrapped()
      #expect(errorKind { () throws(InputError) in try checkpoint.load(into: &model, names: names) } == .inconsistent)
    }
  }

  @Test func whatIsIgnorableIsListed() throws {
    let names = CheckpointNames { $0.hasSuffix(".inv_freq") ? .constant : nil }
    try withCheckpoint(contents + [("layers.0.inv_freq", Tensor([1]))]) { checkpoint in
      var model = Whole()
      let report = try checkpoint.load(into: &model, names: names)
      #expect(report.ignored == ["layers.0.inv_freq"] && report.isComplete)
    }
    #expect(try loadingError(contents + [("layers.0.inv_freq", Tensor([1]))])?.kind == .inconsistent)
  }

  /// Nothing is said to repeat a parameter, or to be computed, that a model of another task would need.
  @Test func fatesOfWhatIsLeftAsideAreTrue() throws {
    let aside: [String: TensorFate] = ["mask": .constant, "twin": .tied, "other": .tied, "head.weight": .unused]
    let names = CheckpointNames { aside[$0] }
    let table = contents[0].1
    let file = contents + [("mask", Tensor([1])), ("twin", table), ("other", table * 2), ("head.weight", table)]
    try withCheckpoint(file) { checkpoint in
      var model = Whole()
      let (_, reports) = try LoadReport.receipts { () throws(InputError) in
        try checkpoint.load(into: &model, names: names)
      }
      let fates = Dictionary(uniqueKeysWithValues: reports[0].receipt.map { ($0.tensor, $0.fate) })
      #expect(reports.count == 1 && fates.count == file.count && reports[0].isComplete)
      #expect(fates.filter { aside[$0.key] != nil } == aside.merging(["other": .unused]) { $1 })
      #expect(fates.values.filter { $0 == .loaded }.count == contents.count)
    }
  }

  @Test func whatDoesNotFitIsOneError() throws {
    let missing = try #require(try loadingError(Array(contents.dropFirst())))
    #expect(missing.kind == .missing && missing.what.contains("missing, 1:\n    layers.0.weight"))
    #expect(missing.place.hasSuffix("x.safetensors"))
    let unused = try #require(try loadingError(contents + [("layers.2.weight", Tensor([1]))]))
    #expect(unused.kind == .inconsistent && unused.what.contains("unused, 1:\n    layers.2.weight"))
    var other = contents
    other[0].1 = numbers([4, 3], 0)
    let shape = try #require(try loadingError(other))
    #expect(
      shape.kind == .inconsistent && shape.what.contains("layers.0.weight: is [4, 3] in the file, must be [3, 4]"))
    other[3].1 = Tensor([0.5])
    #expect(try #require(try loadingError(other)).what.contains("scale: is [1] in the file, must be []"))
    other.remove(at: 1)
    other.append(("layers.0.biass", numbers([4], 20)))
    let all = try #require(try loadingError(other))
    for part in [
      "missing, 1:\n    layers.0.bias (nearest: layers.0.biass)",
      "unused, 1:\n    layers.0.biass (nearest: layers.0.bias)", "of another shape or type, 2:",
    ] { #expect(all.what.contains(part), "\(part) in \(all.what)") }
    #expect(all.kind == .missing && all.advice.contains("config.json"))
  }

  @Test func everyNameIsShown() throws {
    let many = (0..<300).map { ("block.\($0).weight", Tensor([1])) }
    let found = try #require(try loadingError(many))
    #expect(found.what.contains("missing, 4:") && found.what.contains("unused, 300:") && !found.what.contains("..."))
    let lines = Set(found.what.split(separator: "\n").compactMap { $0.split(separator: " ").first })
    #expect(many.allSatisfy { lines.contains($0.0[...]) })
  }

  @Test func namesWithoutEndAreCutShort() throws {
    let many = (0..<3000).map { (String(repeating: "x", count: 100) + "\($0)", Tensor([1])) }
    let found = try #require(try loadingError(many))
    #expect(found.what.contains("unused, 3000:") && found.what.contains("    ..."))
    #expect(found.what.utf8.count < 80_000)
    // One name that is too long alone is named by its beginning.
    let long = try #require(try loadingError([(String(repeating: "y", count: 70_000), Tensor([1]))]))
    #expect(long.what.contains("unused, 1:\n    yyyy") && long.what.utf8.count < 10_000)
  }

  @Test func typesThatHoldNoParametersAreNamed() throws {
    try withFolder { folder in
      let path = folder + "/x.safetensors"
      var tensors: [SafetensorsTensor] = []
      for (name, value) in contents {
        tensors.append(
          SafetensorsTensor(
            name: JSONString(name), dtype: name == "layers.1.weight" ? .int64 : .float32, shape: value.shape.array))
      }
      try SafetensorsWriter.write(tensors, to: path) { (index, sink) throws(InputError) in
        let count = contents[index].1.elementCount * (index == 2 ? 8 : 4)
        try sink.write([UInt8](repeating: 0, count: count))
      }
      var model = Whole()
      let checkpoint = try SafetensorsCheckpoint(at: path)
      do throws(InputError) {
        try checkpoint.load(into: &model)
        Issue.record("integers were taken for weights")
      } catch {
        #expect(error.kind == .inconsistent && error.what.contains("layers.1.weight: is kept as I64"))
      }
    }
  }

  /// Names that are equal as text but not as bytes are different names.
  @Test func namesAreComparedByBytes() throws {
    let composed = "caf\u{e9}", decomposed = "cafe\u{301}"
    var model = File(names: [composed, decomposed], values: [.placeholder([1]), .placeholder([1])])
    try withCheckpoint([(composed, Tensor([1])), (decomposed, Tensor([2]))]) { checkpoint in
      try checkpoint.load(into: &model)
      #expect(model.values.map(\.scalar) == [1, 2])
    }
  }

  @Test func savedParametersComeBack() throws {
    try withFolder { folder in
      let path = folder + "/x.safetensors"
      let values = [Tensor([.nan, -0.0, .infinity, .leastNonzeroMagnitude]), .zeros([0, 3]), Tensor(3)]
      try saveParameters(
        of: File(names: ["a", "b", "c"], values: values), to: path, extra: [("d", Tensor([5]).kept(as: .bfloat16))])
      let checkpoint = try SafetensorsCheckpoint(at: path)
      var model = File(
        names: ["a", "b", "c", "d"], values: values.map { .placeholder($0.shape) } + [.placeholder([1])])
      try checkpoint.load(into: &model)
      #expect(model.values[0].scalars.map(\.bitPattern) == values[0].scalars.map(\.bitPattern))
      #expect(model.values[1].shape == [0, 3] && model.values[2].scalar == 3 && model.values[3].scalar == 5)
      let absent = errorKind { () throws(InputError) in
        try saveParameters(of: model, to: folder + "/absent/x.safetensors")
      }
      #expect(absent != nil)
    }
  }

  @Test func loadingOverTheLimitIsAnError() async {
    await #expect(processExitsWith: .success) {
      try withCheckpoint([("w", Tensor.ones([1 << 20]).reshaped(1024, 1024))]) { checkpoint in
        Memory.trim()
        Memory.limit = Memory.reservedBytes + 3 << 20
        var model = File(names: ["w"], values: [.placeholder([1024, 1024])])
        let before = Memory.systemAllocationCount
        #expect(errorKind { () throws(InputError) in try checkpoint.load(into: &model) } == .budget)
        #expect(Memory.systemAllocationCount == before && model.values[0].isPlaceholder)
        // Half as many bytes would do, but not while the file's own are there too.
        #expect(errorKind { () throws(InputError) in try checkpoint.load(into: &model, as: .bfloat16) } == .budget)
        Memory.limit = Memory.reservedBytes + 11 << 20
        try checkpoint.load(into: &model, as: .bfloat16)
        #expect(model.values[0].format == .bfloat16)
      }
    }
  }
}
