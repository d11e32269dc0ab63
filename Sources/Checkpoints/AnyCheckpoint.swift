import Formats

/// Opens a checkpoint of whatever format its first bytes or, where they do not tell, its name say: safetensors (a file,
/// a folder, an index), GGUF, NumPy (`.npy`, `.npz`), llama2.c (`.bin`).
///
/// - Throws: What opening that format throws.
public func openCheckpoint(at path: String) throws(InputError) -> any Checkpoint {
  try AtomicDirectory.recoverIfAbsent(path)
  guard try fileKind(path) == .file else { return try SafetensorsCheckpoint(at: path) }
  let file = try InputFile(opening: path)
  let start = try file.read(at: 0, count: min(file.byteCount, 64))
  func has(ending: String) -> Bool { path.utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8) }
  if start.starts(with: "GGUF".utf8) { return try GGUFCheckpoint(at: path) }
  if [".pt", ".pth", ".pkl", ".pickle"].contains(where: has(ending:)) { throw pickledFile().inside(path) }
  if start.starts(with: [0x93] + Array("NUMPY".utf8)) || start.starts(with: [0x50, 0x4B, 3, 4]) || has(ending: ".npz") {
    return try NumPyCheckpoint(at: path)
  }
  // "ak42", as a little-endian number.
  if start.starts(with: [0x32, 0x34, 0x6B, 0x61]) || has(ending: ".bin") && foreignFormat(start) == nil {
    return try Llama2CCheckpoint(at: path)
  }
  return try SafetensorsCheckpoint(at: path)
}

extension Checkpoint {
  /// The name of its format.
  public var formatName: String {
    switch self {
    case is SafetensorsCheckpoint: "safetensors"
    case is GGUFCheckpoint: "GGUF"
    case is NumPyCheckpoint: "NumPy"
    case is Llama2CCheckpoint: "llama2.c"
    default: "\(Self.self)"
    }
  }
}
