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

/// Writes tensors as a safetensors file, in the formats in which they are kept, as `saveParameters` does.
///
/// - Throws: `duplicate` for a name that is used twice, `io` where the file cannot be written.
public func saveTensors(_ tensors: [(name: String, value: Tensor)], to path: String) throws(InputError) {
  let entries = tensors.map {
    SafetensorsTensor(
      name: JSONString($0.name), dtype: SafetensorsDType($0.value.format), shape: $0.value.shape.array)
  }
  // Hugging Face's loader asks for the metadata that says where the file comes from.
  try SafetensorsWriter.write(entries, metadata: [("format", "pt")], to: path) { (index, sink) throws(InputError) in
    var failure: InputError?
    tensors[index].value.withBytes { bytes in
      do throws(InputError) { try sink.write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
