@_exported import Formats
@_exported import Layers
import Synchronization
import Tensor

/// How a family's files name what its model has.
public struct CheckpointNames: Sendable {
  /// The first name of the model's paths that files of the bare model leave out (`transformer`, `model`).
  public var basePrefix: String?
  /// What a tensor of the file is that may stay although no parameter takes it: `constant` for masks and tables that old
  /// versions saved, `tied` for what repeats a parameter, `unused` for parts of other tasks. Nil where it is an error.
  public var fateAside: @Sendable (String) -> TensorFate?
  /// Other names under which a file may have a parameter, by the model's name.
  public var aliases: [String: [String]]
  /// Another name for a parameter, by the model's name, where a format has names of its own.
  public var translation: @Sendable (String) -> String? = { _ in nil }
  /// How the file's numbers lie otherwise than the model's, by the model's name.
  public var layout: @Sendable (String) -> TensorLayout = { _ in .same }

  /// Names that need no translation unless said otherwise.
  public init(
    basePrefix: String? = nil, aliases: [String: [String]] = [:],
    fateAside: @escaping @Sendable (String) -> TensorFate? = { _ in nil }
  ) {
    (self.basePrefix, self.aliases, self.fateAside) = (basePrefix, aliases, fateAside)
  }

  /// The names that a parameter may have in a file, likeliest first.
  package func candidates(for name: String) -> [String] {
    if let translated = translation(name) { return [translated] }
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

extension Checkpoint {
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
    var (report, sources) = match(model, names)
    guard report.isComplete else { throw report.error(at: path) }
    let passing = sources.map { $0.tensor.passingMemory(as: format, $0.layout) }.max() ?? 0
    let needed = sources.reduce(passing) { $0 + $1.tensor.memory(as: format) }
    guard Memory.hasRoom(for: needed) else {
      throw InputError(
        .budget, "the parameters take \(needed) bytes, more than is left of the limit of \(Memory.limit)", at: path,
        advice: "Raise Memory.limit or use a smaller model.")
    }
    var filled = model
    var next = 0
    try filled.updateParameters { (_, parameter: inout Tensor) throws(InputError) in
      let (tensor, layout) = sources[next]
      let value = layout.undone(try tensor.read())
      parameter = tensor.format(wanting: format).map { value.kept(as: $0) } ?? value
      next += 1
    }
    if let collector = LoadReport.collector {
      try checkTied(&report)
      collector.reports.withLock { $0.append(report) }
    }
    model = filled
    return report
  }

  /// Looks whether the tensors that should repeat a loaded one do.
  private func checkTied(_ report: inout LoadReport) throws(InputError) {
    let loaded = report.loaded.compactMap { tensor(named: $0.tensor) }
    for (index, line) in report.receipt.enumerated() where line.fate == .tied {
      guard let aside = tensor(named: line.tensor) else { continue }
      var repeats = false
      for other in loaded where !repeats && other.shape == aside.shape && other.typeName == aside.typeName {
        repeats = try aside.hasSameBytes(as: other)
      }
      if !repeats { report.receipt[index].fate = .unused }
    }
  }

  /// Finds the tensor of each parameter.
  private func match(
    _ model: some Module, _ names: CheckpointNames
  ) -> (LoadReport, [(tensor: Stored, layout: TensorLayout)]) {
    var report = LoadReport()
    var sources: [(tensor: Stored, layout: TensorLayout)] = []
    var fates: [JSONString: TensorFate] = [:]
    for (name, value) in model.parameters {
      guard let source = names.candidates(for: name).lazy.compactMap({ self.tensor(named: $0) }).first else {
        report.missing.append((name, []))
        continue
      }
      let found = source.name.text, layout = names.layout(name)
      if layout.shape(of: source.shape) != value.shape.array {
        report.unfit.append((name, found, "is \(source.shape) in the file, must be \(value.shape)"))
      } else if source.storageFormat == nil {
        report.unfit.append((name, found, "is kept as \(source.typeName), which holds no parameters"))
      } else {
        report.loaded.append((name, found))
        sources.append((source, layout))
      }
      fates[source.name] = fate(of: source, as: name, layout)
    }
    for tensor in tensors {
      let name = tensor.name.text
      if fates[tensor.name] == nil {
        if let fate = names.fateAside(name) {
          report.ignored.append(name)
          fates[tensor.name] = fate
        } else {
          report.unused.append((name, []))
        }
      }
      report.receipt.append((name, fates[tensor.name] ?? .unused))
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

  private func fate(of tensor: Stored, as name: String, _ layout: TensorLayout) -> TensorFate {
    if let whole = tensor.partOf { return .split(name, from: whole) }
    switch layout {
    case .transposed: return .transposed(name)
    case .rotaryPairs: return .reordered(name)
    case .same: return tensor.name.text == name ? .loaded : .renamed(name)
    }
  }
}

extension StoredTensor {
  /// How the tensor is kept where `format` is wanted: vectors stay Float32.
  func format(wanting format: StorageFormat?) -> StorageFormat? {
    shape.count < 2 ? .float32 : format ?? storageFormat
  }

  /// Bytes of the pool that the loaded tensor takes.
  func memory(as format: StorageFormat?) -> Int {
    self.format(wanting: format).map { Memory.blockSize(holding: $0.byteCount(of: elementCount)) } ?? 0
  }

  /// Bytes of the pool that a conversion takes besides, until it is done.
  func passingMemory(as format: StorageFormat?, _ layout: TensorLayout) -> Int {
    guard let storageFormat else { return 0 }
    let asRead = Memory.blockSize(holding: storageFormat.byteCount(of: elementCount))
    let moved = layout == .same ? 0 : asRead
    guard self.format(wanting: format) != storageFormat else { return moved }
    return max(moved, Memory.blockSize(holding: 4 * elementCount)) + asRead
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
