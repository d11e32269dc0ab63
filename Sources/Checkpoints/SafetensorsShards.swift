import Formats

extension SafetensorsWriter {
  /// Writes the tensors of a model into a folder that is about to be committed: one file `model.safetensors`, or, where
  /// they have more bytes than `shardSize`, several, `model-00001-of-00003.safetensors` and so on, and
  /// `model.safetensors.index.json`, which says where each tensor lies.
  ///
  /// Tensors are cut into files as Hugging Face does it: they are taken in the order given, a file is closed when the
  /// next tensor would bring it above the limit, and a tensor that is larger than the limit gets a file of its own,
  /// before the one that is being filled. Each file is laid out as `write(_:metadata:to:contents:)` does it, with the
  /// same free text. `total_parameters` counts the elements of all tensors.
  ///
  /// The names of shards say how many there are, so that files of an old checkpoint and of a new one cannot stand in
  /// one folder, and none of them are ever written in place: the folder appears whole or not at all
  /// (`AtomicDirectory`). Weights that stand in a replaced folder, whole or in shards, go with it; any other file still
  /// needs a successor.
  ///
  /// - Parameters:
  ///   - tensors: All tensors, in the order in which they are dealt out.
  ///   - metadata: Free text to carry along, in every file.
  ///   - folder: Where the files will stand.
  ///   - shardSize: The most bytes of a file; nil for one file.
  ///   - contents: As for a single file; called once per tensor, file by file.
  /// - Throws: As for a single file, before anything is written for what the reader would refuse; `tooLarge` also for
  ///   more than 512 files; `duplicate` where the folder was given weights before.
  public static func write(
    _ tensors: [SafetensorsTensor], metadata: [(key: String, value: String)] = [], to folder: AtomicDirectory,
    shardSize: ShardSize?, contents: (_ index: Int, _ sink: SafetensorsSink) throws(InputError) -> Void
  ) throws(InputError) {
    if let other = try folder.stagedNames().first(where: WeightsFile.isOne) {
      throw InputError(
        .duplicate, "was given weights before (\(other))", at: folder.path,
        advice: "Write the weights once, or to a new AtomicDirectory.")
    }
    let files: [(name: String, positions: [Int])]
    do throws(InputError) { files = try shards(of: tensors, shardSize) } catch { throw error.inside(folder.path) }
    var plans: [(name: String, plan: SafetensorsPlan)] = []
    for (name, positions) in files {
      do throws(InputError) { plans.append((name, try SafetensorsPlan(tensors, positions, metadata))) } catch {
        throw error.inside("\(folder.path)/\(name)")
      }
    }
    let index = files.count == 1 ? nil : try index(of: files, tensors, "\(folder.path)/\(WeightsFile.index)")
    for (name, plan) in plans {
      try folder.write(name) { (path) throws(InputError) in try plan.write(tensors, to: path, contents: contents) }
    }
    if let index { try folder.write(index, to: WeightsFile.index) }
    // Only now: until all are written, old weights have no successor.
    folder.supersede(WeightsFile.isOne)
  }

  /// Which tensors each file holds.
  private static func shards(
    of tensors: [SafetensorsTensor], _ size: ShardSize?
  ) throws(InputError) -> [(name: String, positions: [Int])] {
    var shards: [[Int]] = []
    var (current, currentSize) = ([Int](), 0)
    for (position, tensor) in tensors.enumerated() {
      let byteCount = try tensor.byteCount()
      guard let limit = size?.byteCount else {
        current.append(position)
        continue
      }
      if byteCount > limit {
        shards.append([position])
      } else {
        if currentSize > limit - byteCount {
          shards.append(current)
          (current, currentSize) = ([], 0)
        }
        current.append(position)
        currentSize += byteCount
      }
    }
    if !current.isEmpty || shards.isEmpty { shards.append(current) }
    guard shards.count <= ShardIndex.shardLimit else {
      throw InputError(
        .tooLarge, "would be \(shards.count) files, more than \(ShardIndex.shardLimit)", advice: "Make shards larger.")
    }
    return shards.enumerated().map { (WeightsFile.name(number: $0 + 1, of: shards.count), $1) }
  }

  private static func index(
    of files: [(name: String, positions: [Int])], _ tensors: [SafetensorsTensor], _ path: String
  ) throws(InputError) -> [UInt8] {
    var places: [(tensor: JSONString, file: String)] = []
    var (bytes, elements) = (0, 0)
    for (name, positions) in files {
      for tensor in positions.map({ tensors[$0] }) {
        places.append((tensor.name, name))
        let byteCount = try tensor.byteCount()
        let (sum, overflowed) = bytes.addingReportingOverflow(byteCount)
        let (bits, overflowedBits) = byteCount.multipliedReportingOverflow(by: 8)
        let (count, overflowedCount) = elements.addingReportingOverflow(bits / tensor.dtype.bitCount)
        guard !overflowed, !overflowedBits, !overflowedCount else { throw SafetensorsTensor.uncountable.inside(path) }
        (bytes, elements) = (sum, count)
      }
    }
    return try ShardIndex.encoded(places, byteCount: bytes, elementCount: elements, at: path)
  }
}

/// The files that hold a model's weights, by the names that Hugging Face gives them.
package enum WeightsFile {
  package static let whole = "model.safetensors"
  package static let index = "model.safetensors.index.json"

  static func name(number: Int, of count: Int) -> String {
    func five(_ number: Int) -> String { String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)" }
    return count == 1 ? whole : "model-\(five(number))-of-\(five(count)).safetensors"
  }

  /// The one that a folder's weights are read from: the whole file, or else the index, as `transformers` prefers it;
  /// nil where neither stands there.
  package static func main<Failure: Error>(
    _ stands: (_ name: String) throws(Failure) -> Bool
  ) throws(Failure) -> String? {
    for name in [whole, index] where try stands(name) { return name }
    return nil
  }

  /// Whether a file of this name is one of them, also of other weights than those that stand beside it.
  package static func isOne(_ name: String) -> Bool {
    if name == whole || name == index { return true }
    let parts = name.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    func isNumber(_ part: Substring.UTF8View) -> Bool {
      part.count == 5 && part.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }
    return parts.count == 4 && parts[0].elementsEqual("model".utf8) && isNumber(parts[1])
      && parts[2].elementsEqual("of".utf8) && isNumber(parts[3].prefix(5))
      && parts[3].dropFirst(5).elementsEqual(".safetensors".utf8)
  }
}
