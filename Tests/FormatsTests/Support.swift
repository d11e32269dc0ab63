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
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("formats-" + UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// A folder of published test data, where the environment names one.
let testData = ProcessInfo.processInfo.environment["ATTENTION_TEST_DATA"].map { $0 + "/data" }
