@_exported import Formats
@_exported import Layers
import Tensor

/// How a family's files name what its model has.
public struct CheckpointNames: Sendable {
  /// The first name of the model's paths that files of the bare model leave out (`transformer`, `model`).
  public var basePrefix: String?
  /// Names of the file that hold nothing to load, such as masks and frequency tables that old versions saved.
  public var isIgnorable: @Sendable (String) -> Bool
  /// Other names under which a file may have a parameter, by the model's name.
  public var aliases: [String: [String]]

  /// Names that need no translation unless said otherwise.
  public init(
    basePrefix: String? = nil, aliases: [String: [String]] = [:],
    isIgnorable: @escaping @Sendable (String) -> Bool = { _ in false }
  ) {
    (self.basePrefix, self.aliases, self.isIgnorable) = (basePrefix, aliases, isIgnorable)
  }

  /// The names that a parameter may have in a file, likeliest first.
  package func candidates(for name: String) -> [String] {
    var result = [name] + (aliases[name] ?? [])
    if let basePrefix {
      for one in result {
        if one.hasPrefix(basePrefix + ".") {
          result.append(String(one.dropFirst(basePrefix.count + 1)))
        } else {
          result.append(basePrefix + "." + one)
        }
      }
    }
    // TensorFlow's names for the scale and shift of norms, which old files kept.
    for one in result {
      if one.hasSuffix(".weight") { result.append(one.dropLast(6) + "gamma") }
      if one.hasSuffix(".bias") { result.append(one.dropLast(4) + "beta") }
    }
    return result
  }
}

/// What became of every tensor of a checkpoint and every parameter of a model.
public struct LoadReport: Sendable {
  /// Parameters that were filled: the model's name and the file's.
  public internal(set) var loaded: [(parameter: String, tensor: String)] = []
  /// Tensors of the file that the family is known to leave aside.
  public internal(set) var ignored: [String] = []
  /// Parameters that the file does not have, with the nearest names that it has.
  public internal(set) var missing: [(parameter: String, nearest: [String])] = []
  /// Tensors that no parameter took, with the nearest names that the model has.
  public internal(set) var unused: [(tensor: String, nearest: [String])] = []
  /// Parameters whose tensor has another shape or a type that holds no parameters.
  public internal(set) var unfit: [(parameter: String, tensor: String, reason: String)] = []

  /// Whether every parameter was filled and every tensor accounted for.
  public var isComplete: Bool { missing.isEmpty && unused.isEmpty && unfit.isEmpty }

  /// One error that lists everything that does not fit.
  func error(at place: String) -> InputError {
    func nearest(_ names: [String]) -> String { names.isEmpty ? "" : " (nearest: \(names.joined(separator: ", ")))" }
    func list(_ title: String, _ lines: [String]) -> [String] {
      if lines.isEmpty { return [] }
      let shown = lines.prefix(20).map { "    " + $0 }
      return ["  \(title), \(lines.count):"] + shown + (lines.count > 20 ? ["    ..."] : [])
    }
    let lines =
      list("missing", missing.map { $0.parameter + nearest($0.nearest) })
      + list("unused", unused.map { $0.tensor + nearest($0.nearest) })
      + list("of another shape or type", unfit.map { "\($0.parameter): \($0.reason)" })
    let kind: InputError.Kind = !missing.isEmpty ? .missing : .inconsistent
    return InputError(
      kind, "the tensors do not fit the model:\n" + lines.joined(separator: "\n") + "\n ", at: place,
      advice: "Check that config.json belongs to these weights.")
  }
}

extension SafetensorsCheckpoint {
  /// Fills every parameter of a model from the file, strictly: nothing may be missing, unused or of another shape.
  ///
  /// Matrices keep the file's format (float32, bfloat16, float16) unless another is given; vectors become Float32.
  ///
  /// - Throws: one `missing` or `inconsistent` error that lists all names that do not fit, with the nearest ones;
  ///   `budget` where the parameters exceed `Memory.limit`; what reading throws. The model is then unchanged.
  @discardableResult
  public func load<Model: Module>(
    into model: inout Model, names: CheckpointNames = CheckpointNames(), as format: StorageFormat? = nil
  ) throws(InputError) -> LoadReport {
    let (report, sources) = match(model, names)
    guard report.isComplete else { throw report.error(at: path) }
    let passing = sources.map { $0.passingMemory(as: format) }.max() ?? 0
    let needed = sources.reduce(passing) { $0 + $1.memory(as: format) }
    guard Memory.hasRoom(for: needed) else {
      throw InputError(
        .budget, "the parameters take \(needed) bytes, more than is left of the limit of \(Memory.limit)", at: path,
        advice: "Raise Memory.limit or use a smaller model.")
    }
    var filled = model
    var next = 0
    try filled.updateParameters { (_, parameter: inout Tensor) throws(InputError) in
      parameter = try sources[next].read(as: sources[next].format(wanting: format))
      next += 1
    }
    model = filled
    return report
  }

  /// Finds the tensor of each parameter.
  private func match(_ model: some Module, _ names: CheckpointNames) -> (LoadReport, [CheckpointTensor]) {
    var report = LoadReport()
    var sources: [CheckpointTensor] = []
    var taken: Set<JSONString> = []
    for (name, value) in model.parameters {
      guard let source = names.candidates(for: name).lazy.compactMap({ self.tensor(named: $0) }).first else {
        report.missing.append((name, []))
        continue
      }
      taken.insert(source.entry.name)
      let found = source.entry.name.text
      if source.entry.shape != value.shape.array {
        report.unfit.append((name, found, "is \(source.entry.shape) in the file, must be \(value.shape)"))
      } else if source.entry.dtype.storageFormat == nil {
        report.unfit.append((name, found, "is kept as \(source.entry.dtype.rawValue), which holds no parameters"))
      } else {
        report.loaded.append((name, found))
        sources.append(source)
      }
    }
    for tensor in tensors where !taken.contains(tensor.entry.name) {
      let name = tensor.entry.name.text
      if names.isIgnorable(name) { report.ignored.append(name) } else { report.unused.append((name, [])) }
    }
    // Nearest names only where a report will be read: comparing all with all is slow.
    let unusedNames = report.unused.map(\.tensor), missingNames = report.missing.map(\.parameter)
    for index in report.missing.indices.prefix(20) {
      report.missing[index].nearest = nearestNames(to: missingNames[index], among: unusedNames)
    }
    for index in report.unused.indices.prefix(20) {
      report.unused[index].nearest = nearestNames(to: unusedNames[index], among: missingNames)
    }
    return (report, sources)
  }
}

extension CheckpointTensor {
  /// How the tensor is kept where `format` is wanted: vectors stay Float32.
  func format(wanting format: StorageFormat?) -> StorageFormat? {
    entry.shape.count < 2 ? .float32 : format ?? entry.dtype.storageFormat
  }

  /// Bytes of the pool that the loaded tensor takes.
  func memory(as format: StorageFormat?) -> Int {
    let count = Shape(entry.shape).elementCount
    return self.format(wanting: format).map { Memory.blockSize(holding: $0.byteCount(of: count)) } ?? 0
  }

  /// Bytes of the pool that a conversion takes besides, until it is done.
  func passingMemory(as format: StorageFormat?) -> Int {
    guard self.format(wanting: format) != entry.dtype.storageFormat else { return 0 }
    let widened = Memory.blockSize(holding: 4 * Shape(entry.shape).elementCount)
    return Memory.blockSize(holding: entry.byteRange.count) + widened
  }

  /// Reads the tensor, kept as `format` or as in the file.
  ///
  /// - Throws: `unsupported` for a type that holds no parameters; what reading throws.
  package func read(as format: StorageFormat?) throws(InputError) -> Tensor {
    guard let kept = entry.dtype.storageFormat else {
      throw InputError(.unsupported, "\(entry.name.text) is kept as \(entry.dtype.rawValue)", at: file.path)
    }
    var tensor = Tensor(uninitialized: Shape(entry.shape), format: kept)
    try tensor.withMutableBytes { (bytes) throws(InputError) in
      if bytes.count > 0 { try file.read(entry, into: bytes) }
    }
    return format.map { tensor.kept(as: $0) } ?? tensor
  }
}

extension SafetensorsDType {
  /// The storage format of the same layout; nil for types that hold no parameters here.
  var storageFormat: StorageFormat? {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    default: nil
    }
  }

  init(_ format: StorageFormat) {
    switch format {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .float16: self = .float16
    }
  }
}

/// The names that differ least from `name`: at most two, and only ones that differ in less than half their letters.
func nearestNames(to name: String, among names: [String]) -> [String] {
  let name = Array(name.utf8.prefix(120))
  let scored = names.prefix(500).map { other in (other, editDistance(name, Array(other.utf8.prefix(120)))) }
  return scored.filter { $0.1 * 2 < name.count }.sorted { $0.1 < $1.1 }.prefix(2).map(\.0)
}

/// How many letters must be added, removed or replaced to turn one into the other (Levenshtein 1966).
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
