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
  public let warnings: [InputError]
  private let positions: [JSONString: Int]

  /// Opens all files and checks that they and the index agree: every tensor of the index lies in its shard, and no shard
  /// holds a tensor that the index does not place there.
  ///
  /// - Parameters:
  ///   - path: A folder, a safetensors file, or an index file (by its ending `.index.json`).
  ///   - allowingLinks: Whether shards may be symbolic links, as in download caches; otherwise they are refused.
  /// - Throws: `notFound`, which names all shards that are not there; `pathEscape` for a shard that is no plain file name
  ///   or a refused link; `unsupported` for pickle files; `inconsistent` for disagreements, all of which it names;
  ///   `tooLarge` for an index above 64 MB, 2^19 tensors or 512 shards; what the index's JSON and opening the files throw.
  public init(at path: String, allowingLinks: Bool = true) throws(InputError) {
    self.path = path
    let source = try Source(path)
    var warnings: [InputError] = []
    var tensors: [CheckpointTensor] = []
    var positions: [JSONString: Int] = [:]
    switch source {
    case .file(let path):
      try Self.checkLink(path, allowingLinks)
      files = [try SafetensorsFile(opening: path)]
    case .index(let path, let folder):
      let index = try ShardIndex(path)
      let shards = Set(index.shards.values).sorted()
      guard shards.count <= 512 else {
        throw InputError(.tooLarge, "names \(shards.count) shards, more than 512", at: path)
      }
      files = try Self.openShards(shards, folder, path, allowingLinks)
      try Self.compare(index, shards, files, path)
      warnings = index.sizeWarning(files.map(\.dataByteCount)).map { [$0.inside(path)] } ?? []
    }
    for file in files {
      for entry in file.entries {
        positions[entry.name] = tensors.count
        tensors.append(CheckpointTensor(entry: entry, file: file))
      }
    }
    (self.tensors, self.positions, self.warnings) = (tensors, positions, warnings)
  }

  /// The tensor of this name, compared by bytes; nil when there is none.
  public func tensor(named name: JSONString) -> CheckpointTensor? { positions[name].map { tensors[$0] } }

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

  private static func compare(
    _ index: ShardIndex, _ shards: [JSONString], _ files: [SafetensorsFile], _ path: String
  ) throws(InputError) {
    var disagreements: [String] = []
    var absent = index.shards
    for (shard, file) in zip(shards, files) {
      for entry in file.entries {
        absent[entry.name] = nil
        let claimed = index.shards[entry.name]
        if claimed == shard { continue }
        let claim = claimed.map { "places it in \($0.quoted)" } ?? "does not list it"
        disagreements.append("the shard \(shard.quoted) holds \(entry.name.quoted), but the index \(claim)")
      }
    }
    for (name, shard) in absent.sorted(by: { $0.key < $1.key }) {
      disagreements.append("the index places \(name.quoted) in the shard \(shard.quoted), which does not hold it")
    }
    guard disagreements.isEmpty else {
      throw InputError(.inconsistent, LoadReport.shown(disagreements).joined(separator: "; "), at: path)
    }
  }

  private enum Source {
    case file(String)
    case index(String, folder: String)

    init(_ path: String) throws(InputError) {
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
      let index = "\(path)/model.safetensors.index.json"
      if try fileKind("\(path)/model.safetensors", followingLinks: false) != nil {
        self = .file("\(path)/model.safetensors")
      } else if try fileKind(index, followingLinks: false) != nil {
        self = .index(index, folder: path)
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
