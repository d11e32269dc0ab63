import Formats
import Tensor

/// A format that tensors are written in.
public enum CheckpointFormat: String, Sendable, CaseIterable {
  /// One safetensors file.
  case safetensors
  /// A NumPy archive, stored and not compressed.
  case npz
}

/// Writes the tensors of a checkpoint of any format to one file, under the names that they have.
///
/// The file appears whole or not at all. Float32, bfloat16 and Float16 are kept as `format`, or as they are: quantized
/// ones become Float32, and in a NumPy archive, which knows no bfloat16, so do those. Other types, also Float64 and
/// floating point of eight bits and less, are copied as they lie. The free text of safetensors files is carried into
/// another one.
///
/// - Throws: `badValue` where `path` is one of the files that are read, whose numbers would be lost; `unsupported` for
///   a tensor that neither can be read as numbers nor copied, or that the format has no type for; what reading throws;
///   `io` where the file cannot be written.
public func convert(
  _ checkpoint: some Checkpoint, to path: String, _ target: CheckpointFormat, as format: StorageFormat? = nil
) throws(InputError) {
  guard target == .safetensors || format != .bfloat16 else {
    throw InputError(
      .unsupported, "NumPy has no bfloat16", at: path, advice: "Use float16 or float32, or write safetensors.")
  }
  guard resolvedPath(path).map(sources(of: checkpoint).contains) != true else { throw wouldBeReplaced(path) }
  let contents = try checkpoint.tensors.map { (tensor) throws(InputError) in
    try ConvertedTensor(tensor, format ?? (target == .npz && tensor.storageFormat == .bfloat16 ? .float32 : nil))
  }
  switch target {
  case .safetensors:
    let metadata = carriedText(of: checkpoint)
    try SafetensorsWriter.write(contents.map(\.entry), metadata: metadata, to: path) {
      (index, sink) throws(InputError) in
      try contents[index].write { (bytes) throws(InputError) in try sink.write(bytes) }
    }
  case .npz:
    var archive = try ZipWriter(replacing: path)
    for tensor in contents {
      let header: [UInt8]
      do throws(InputError) { header = try NumPyHeader.bytes(tensor.dtype, tensor.shape) } catch {
        throw error.inside("\(path): \(tensor.name.quoted)")
      }
      try archive.add(JSONString(utf8: tensor.name.utf8 + Array(".npy".utf8))) { (sink) throws(InputError) in
        var failure: InputError?
        header.withUnsafeBytes { bytes in
          do throws(InputError) { try sink(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        try tensor.write(sink)
      }
    }
    try archive.commit()
  }
}

/// Writes the tensors of a checkpoint of any format into a folder that is about to be committed, as
/// `convert(_:to:_:as:)` writes them to one safetensors file: to `model.safetensors` or, where they have more bytes
/// than `shardSize`, to several files and an index. No more than one tensor is in memory at a time.
///
/// - Throws: As for one file, and `badValue` where the commit would take away what is read, as
///   `AtomicDirectory.checkWeights(from:beside:)`; `tooLarge` for more than 512 files.
public func convert(
  _ checkpoint: some Checkpoint, to folder: AtomicDirectory, shardSize: ShardSize?, as format: StorageFormat? = nil
) throws(InputError) {
  try folder.requireOutside(sources(of: checkpoint))
  let contents = try checkpoint.tensors.map { (tensor) throws(InputError) in try ConvertedTensor(tensor, format) }
  try SafetensorsWriter.write(
    contents.map(\.entry), metadata: carriedText(of: checkpoint), to: folder, shardSize: shardSize
  ) { (index, sink) throws(InputError) in
    try contents[index].write { (bytes) throws(InputError) in try sink.write(bytes) }
  }
}

extension AtomicDirectory {
  /// Checks what would be found out only once weights are made and written: that a commit of weights takes away neither
  /// what they are read from nor, of what it replaces, a file that is no weights and has no successor.
  ///
  /// - Parameters:
  ///   - source: The file or folder that is read, with what links in it lead to.
  ///   - names: What will be written beside the weights, as `write(_:to:)` takes it.
  /// - Throws: `badValue` where the source would be replaced, `inconsistent` where another file would; `io` when a folder
  ///   cannot be read.
  public func checkWeights(from source: String, beside names: [String]) throws(InputError) {
    var sources = [source]
    if try fileKind(source) == .folder {  // whose files may be links to others
      for name in try Formats.names(inFolder: source) where try fileKind("\(source)/\(name)") == .file {
        sources.append("\(source)/\(name)")
      }
    }
    try requireOutside(Set(sources.compactMap(resolvedPath)))
    try check(writing: names + [WeightsFile.whole], superseding: WeightsFile.isOne)
  }

  /// Checks that none of these files lies in a folder that a commit takes away.
  fileprivate func requireOutside(_ sources: Set<String>) throws(InputError) {
    for place in try displaced() {
      guard let folder = resolvedPath(place) else { continue }
      for source in sources where source == folder || source.utf8.starts(with: (folder + "/").utf8) {
        throw wouldBeReplaced(place)
      }
    }
  }
}

/// The files that are read.
private func sources(of checkpoint: some Checkpoint) -> Set<String> {
  Set(([checkpoint.path] + checkpoint.tensors.map(\.path)).compactMap(resolvedPath))
}

private func wouldBeReplaced(_ path: String) -> InputError {
  InputError(
    .badValue, "is what would be converted, or holds it, and would be replaced", at: path,
    advice: "Give the output another place, or move what is read.")
}

/// The free text of safetensors files, and where they come from.
private func carriedText(of checkpoint: some Checkpoint) -> [(key: String, value: String)] {
  let metadata = (checkpoint as? SafetensorsCheckpoint)?.metadata ?? []
  return metadata.contains { $0.key == "format" } ? metadata : origin + metadata
}

/// A tensor on its way into another file.
private struct ConvertedTensor {
  let name: JSONString
  let shape: [Int]
  let dtype: SafetensorsDType
  private let source: any StoredTensor
  /// How the numbers are kept; nil where bytes are copied.
  private let format: StorageFormat?

  init(_ source: some StoredTensor, _ format: StorageFormat?) throws(InputError) {
    (name, shape, self.source) = (source.name, source.shape, source)
    if let own = source.storageFormat, source.elementType == nil || format != nil && format != own {
      self.format = format ?? own
      dtype = SafetensorsDType(format ?? own)
    } else if let type = source.elementType {
      (self.format, dtype) = (nil, type)
    } else {
      throw source.unreadable()
    }
  }

  var entry: SafetensorsTensor { SafetensorsTensor(name: name, dtype: dtype, shape: shape) }

  func write(_ sink: (UnsafeRawBufferPointer) throws(InputError) -> Void) throws(InputError) {
    var failure: InputError?
    if let format {
      try source.read().kept(as: format).withBytes { bytes in
        do throws(InputError) { try sink(bytes) } catch { failure = error }
      }
    } else {
      // Whole, so that an archive's checksum is compared.
      try source.bytes(0..<source.byteCount).withUnsafeBytes { bytes in
        do throws(InputError) { try sink(bytes) } catch { failure = error }
      }
    }
    if let failure { throw failure }
  }
}
