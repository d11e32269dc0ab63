import Formats
import Layers
import Tensor

/// Writes the parameters of a model as a safetensors file, in the formats in which they are kept.
///
/// The file is written beside its place, flushed and renamed: a crash leaves the old file or the new one.
///
/// - Parameter extra: tensors to write besides, for readers that expect more than the model has.
/// - Throws: `io` where the file cannot be written.
public func saveParameters(
  of model: some Module, to path: String, extra: [(name: String, value: Tensor)] = []
) throws(InputError) {
  try saveTensors(model.parameters + extra, to: path)
}

/// Writes the parameters of a model into a folder that is about to be committed, as Hugging Face names its files:
/// `model.safetensors` or, where they have more bytes than `shardSize`, several files and an index.
///
/// Weights that the replaced folder holds, whole or in shards, are replaced too: none of its shards stays.
///
/// - Parameters:
///   - shardSize: the most bytes of a file; nil for one file.
///   - extra: tensors to write besides, for readers that expect more than the model has.
/// - Throws: `io` where a file cannot be written, `tooLarge` for more than 512 files, `duplicate` where the folder was
///   given weights before.
public func saveParameters(
  of model: some Module, to folder: AtomicDirectory, shardSize: ShardSize?, extra: [(name: String, value: Tensor)] = []
) throws(InputError) {
  let tensors = model.parameters + extra
  try SafetensorsWriter.write(
    entries(tensors), metadata: origin, to: folder, shardSize: shardSize, contents: contents(tensors))
}

/// Writes tensors as a safetensors file, in the formats in which they are kept, as `saveParameters` does.
///
/// - Throws: `duplicate` for a name that is used twice, `io` where the file cannot be written.
public func saveTensors(_ tensors: [(name: String, value: Tensor)], to path: String) throws(InputError) {
  try SafetensorsWriter.write(entries(tensors), metadata: origin, to: path, contents: contents(tensors))
}

/// Hugging Face's loader asks for the metadata that says where the file comes from.
let origin = [(key: "format", value: "pt")]

private func entries(_ tensors: [(name: String, value: Tensor)]) -> [SafetensorsTensor] {
  tensors.map {
    SafetensorsTensor(
      name: JSONString($0.name), dtype: SafetensorsDType($0.value.format), shape: $0.value.shape.array)
  }
}

private func contents(
  _ tensors: [(name: String, value: Tensor)]
) -> (_ index: Int, _ sink: SafetensorsSink) throws(InputError) -> Void {
  { (index, sink) throws(InputError) in
    var failure: InputError?
    tensors[index].value.withBytes { bytes in
      do throws(InputError) { try sink.write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
