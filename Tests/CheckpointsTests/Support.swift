import Checkpoints
import Formats
import Foundation

/// The kind of the error that `body` throws; nil when it throws none.
func errorKind<T>(_ body: () throws(InputError) -> T) -> InputError.Kind? {
  do {
    _ = try body()
    return nil
  } catch { return error.kind }
}

/// Runs `body` with a new empty folder, which is removed afterwards.
func withFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("checkpoints-" + UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// The bytes of a safetensors file, right or wrong.
func safetensors(_ header: [UInt8], data: [UInt8] = [], declaring count: UInt64? = nil) -> [UInt8] {
  withUnsafeBytes(of: (count ?? UInt64(header.count)).littleEndian) { Array($0) } + header + data
}

/// The bytes of a safetensors file, right or wrong.
func safetensors(_ header: String, data count: Int = 0) -> [UInt8] {
  safetensors(Array(header.utf8), data: (0..<count).map { UInt8(truncatingIfNeeded: $0) })
}

/// The kind of the error that opening a file of these bytes throws; nil when it opens.
func openingKind(_ bytes: [UInt8]) throws -> InputError.Kind? {
  try withFolder { (folder) throws in
    let path = folder + "/x.safetensors"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return errorKind { () throws(InputError) in try SafetensorsFile(opening: path) }
  }
}

/// A folder of published test data, where the environment names one.
let testData = ProcessInfo.processInfo.environment["ATTENTION_TEST_DATA"].map { $0 + "/data" }
