import Formats
import Tensor

/// A tensor of a checkpoint, and the file that holds it.
public struct CheckpointTensor: StoredTensor {
  /// What it is, and where its bytes lie in the file.
  public let entry: SafetensorsEntry
  /// The file that holds it.
  public let file: SafetensorsFile

  package init(entry: SafetensorsEntry, file: SafetensorsFile) { (self.entry, self.file) = (entry, file) }

  /// Its name.
  public var name: JSONString { entry.name }
  /// The length of each axis, the slowest first.
  public var shape: [Int] { entry.shape }
  /// The format's name of its type.
  public var typeName: String { entry.dtype.rawValue }
  /// The bytes that it takes in the file.
  public var byteCount: Int { entry.byteRange.count }
  /// The file that holds it.
  public var path: String { file.path }
  /// The type of its elements.
  public var elementType: SafetensorsDType? { entry.dtype }
  /// The storage format of the same layout; nil for types that hold no parameters here.
  public var storageFormat: StorageFormat? { entry.dtype.storageFormat }

  /// Reads a part of its bytes.
  public func read(_ part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) {
    try file.read(entry, part: part, into: buffer)
  }
}

/// All tensors of a model: one safetensors file, or a folder with `model.safetensors`, or one with several files
/// (shards) and the index `model.safetensors.index.json` that says which tensor lies where.
public struct SafetensorsCheckpoint: Checkpoint {
  /// The file or folder.
  public let path: String
  /// The open files, the shards in the order of their names.
  public let files: [SafetensorsFile]
  /// The tensors of all files, file by file in the order of their bytes.
  public let tensors: [CheckpointTensor]
  /// What is wrong with the index but does no harm: a `total_size` that does not fit, which some published models have.
  public private(set) var warnings: [InputError] = []
  private let positions: NameTable

  /// Opens all files and checks that they and the index agree: every tensor of the index lies in its shard, and no
  /// shard holds a tensor that the index does not place there.
  ///
  /// - Parameters:
  ///   - path: A folder, a safetensors file, or an index file (by its ending `.index.json`).
  ///   - allowingLinks: Whether shards may be symbolic links, as in download caches; otherwise they are refused.
  /// - Throws: `notFound`, which names all shards that are not there; `pathEscape` for a shard that is no plain file
  ///   name or a refused link; `unsupported` for pickle files; `inconsistent` for disagreements, all of which it names;
  ///   `tooLarge` for an index above 64 MB, 2^19 tensors or 512 shards; what the index's JSON and opening the files
  ///   throw.
  public init(at path: String, allowingLinks: Bool = true) throws(InputError) {
    self.path = path
    let source = try Source(path)
    var shards: ShardIndex?
    switch source {
    case .file(let path):
      try Self.checkLink(path, allowingLinks)
      files = [try SafetensorsFile(opening: path)]
    case .index(let path, let folder):
      let index = try ShardIndex(path)
      shards = index
      files = try Self.openShards(index.shards, folder, path, allowingLinks)
    }
    var tensors: [CheckpointTensor] = []
    tensors.reserveCapacity(files.reduce(0) { $0 + $1.entries.count })
    for file in files {
      for entry in file.entries { tensors.append(CheckpointTensor(entry: entry, file: file)) }
    }
    self.tensors = tensors
    positions = NameTable(count: tensors.count) { tensors[$0].name }
    guard let shards else { return }
    try compare(shards)
    if let warning = shards.sizeWarning(files.map(\.dataByteCount)) { warnings.append(warning.inside(shards.path)) }
  }

  /// The tensor of this name, compared by bytes; nil when there is none.
  public func tensor(named name: JSONString) -> CheckpointTensor? {
    positions.position(of: name) { tensors[$0].name }.map { tensors[$0] }
  }

  /// The free text of all files in their order; of pairs with the same key the first.
  public var metadata: [(key: String, value: String)] {
    var keys: Set<JSONString> = []
    return files.flatMap { file in
      file.metadata.filter { keys.insert($0.key).inserted }.map { ($0.key.text, $0.value.text) }
    }
  }

  private static func openShards(
    _ shards: [JSONString], _ folder: String, _ index: String, _ allowingLinks: Bool
  ) throws(InputError) -> [SafetensorsFile] {
    var files: [SafetensorsFile] = []
    var absent: [String] = []
    for shard in shards {
      let path = "\(folder)/\(shard.text)"
      try checkLink(path, allowingLinks)
      do throws(InputError) { files.append(try SafetensorsFile(opening: path)) } catch {
        guard error.kind == .notFound else { throw error }
        absent.append(shard.quoted)
      }
    }
    guard absent.isEmpty else {
      let (noun, verb) = absent.count == 1 ? ("shard", "is") : ("shards", "are")
      throw InputError(
        .notFound, "the index names the \(noun) \(absent.joined(separator: ", ")), which \(verb) not there",
        at: index, advice: "Fetch all files of the model.")
    }
    return files
  }

  private static func checkLink(_ path: String, _ allowingLinks: Bool) throws(InputError) {
    guard !allowingLinks, try fileKind(path, followingLinks: false) == .link else { return }
    throw InputError(.pathEscape, "is a symbolic link, which was not allowed", at: path)
  }

  private func compare(_ index: ShardIndex) throws(InputError) {
    var numbers: [JSONString: Int] = [:]
    for (number, shard) in index.shards.enumerated() { numbers[shard] = number }
    // For each file, which of its tensors the index places there.
    var areListed = files.map { [Bool](repeating: false, count: $0.entries.count) }
    var absent = FirstLines()
    try index.forEachTensor { (name, shard, _) throws(InputError) in
      guard let number = numbers[shard] else { return }
      if let position = files[number].position(of: name) {
        areListed[number][position] = true
      } else if tensor(named: name) == nil {
        absent.append { "the index places \(name.quoted) in the shard \(shard.quoted), which does not hold it" }
      }
    }
    var disagreements = FirstLines()
    let claims = try claims(of: index, areListed)
    for (number, file) in files.enumerated() {
      for (entry, isListed) in zip(file.entries, areListed[number]) where !isListed {
        disagreements.append {
          let claim = claims[entry.name].map { "places it in \($0.quoted)" } ?? "does not list it"
          return "the shard \(index.shards[number].quoted) holds \(entry.name.quoted), but the index \(claim)"
        }
      }
    }
    let lines = disagreements.lines + absent.lines
    guard lines.isEmpty else {
      throw InputError(.inconsistent, LoadReport.shown(lines).joined(separator: "; "), at: index.path)
    }
  }

  /// Where the index places tensors that it does not place where they are; of the first that a message can show.
  private func claims(of index: ShardIndex, _ areListed: [[Bool]]) throws(InputError) -> [JSONString: JSONString] {
    var others: Set<JSONString> = []
    for (file, areListed) in zip(files, areListed) {
      for (entry, isListed) in zip(file.entries, areListed) where !isListed && others.count < FirstLines.most {
        others.insert(entry.name)
      }
    }
    var claims: [JSONString: JSONString] = [:]
    guard !others.isEmpty else { return claims }
    try index.forEachTensor { (name, shard, _) throws(InputError) in
      if others.contains(name) { claims[name] = shard }
    }
    return claims
  }

  private enum Source {
    case file(String)
    case index(String, folder: String)

    init(_ path: String) throws(InputError) {
      try AtomicDirectory.recoverIfAbsent(path)
      guard let kind = try fileKind(path) else {
        throw InputError(
          .notFound, "is not there", at: path, advice: "Give the model's folder or its safetensors file.")
      }
      guard kind == .folder else {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { String(path[..<$0]) } ?? "."
        self = path.utf8.suffix(11).elementsEqual(".index.json".utf8) ? .index(path, folder: folder) : .file(path)
        return
      }
      let main = try WeightsFile.main { (name) throws(InputError) in
        try fileKind("\(path)/\(name)", followingLinks: false) != nil
      }
      if let main {
        self = main == WeightsFile.index ? .index("\(path)/\(main)", folder: path) : .file("\(path)/\(main)")
      } else {
        for name in ["pytorch_model.bin", "pytorch_model.bin.index.json"] {
          guard try fileKind("\(path)/\(name)") == nil else { throw ShardIndex.pickle(name).inside(path) }
        }
        throw InputError(
          .notFound, "holds neither model.safetensors nor model.safetensors.index.json", at: path,
          advice: "Give the path of the safetensors file itself, if it has another name.")
      }
    }
  }
}

/// The lines of a message that may be shown, however many there would be.
private struct FirstLines {
  /// No more of them are shown.
  static let most = 1 << 11

  private(set) var lines: [String] = []
  private var byteCount = 0

  mutating func append(_ line: () -> String) {
    // One more than is shown says that there are more.
    guard byteCount <= LoadReport.byteLimit, lines.count <= Self.most else { return }
    lines.append(line())
    byteCount += lines.last?.utf8.count ?? 0
  }
}
