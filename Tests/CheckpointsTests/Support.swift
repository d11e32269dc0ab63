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

/// SplitMix64: the same numbers from the same seed everywhere, so that a failing seed can be replayed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

extension [UInt8] {
  /// Changes, inserts, removes, repeats or cuts bytes, a few times.
  mutating func mutate(_ generator: inout SeededGenerator, alphabet: [UInt8]) {
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let place = Int.random(in: 0...count, using: &generator)
      let byte = alphabet.randomElement(using: &generator) ?? 0
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: insert(byte, at: place)
      case 1 where place < count: remove(at: place)
      case 2 where place < count: self[place] = byte
      case 3 where place < count: self[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 4: insert(contentsOf: self[place..<Swift.min(count, place + 9)], at: place)
      case 5 where Int.random(in: 0..<8, using: &generator) == 0: removeSubrange(place...)
      default: append(byte)
      }
    }
  }
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
