import Checkpoints
import Formats
import Foundation
import Models
import TestSupport
import Testing
import Tokenizers

/// A format, a small right file of it, and what a reader does with a file.
private struct Swept: Sendable, CustomTestStringConvertible {
  let name: String
  let sample: [UInt8]
  /// Bytes that mutations like: those that mean something to the format.
  var alphabet: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFF]
  /// Whether every flipped bit outside of numbers must be seen; formats with a checksum see all.
  let open: @Sendable (_ path: String) throws -> Void

  var testDescription: String { name }
}

/// Reads all tensors that are not large.
@Sendable private func readAll(_ checkpoint: some Checkpoint) throws {
  for tensor in checkpoint.tensors {
    if tensor.shape.contains(where: { $0 < 0 }) { throw CocoaError(.coderReadCorrupt) }
    if tensor.storageFormat != nil { _ = try tensor.read() } else { _ = try tensor.bytes(0..<tensor.byteCount) }
  }
}

private let gguf: [UInt8] = {
  var builder = GGUFBuilder()
  builder.add("general.architecture", "llama")
  builder.add("tokenizer.ggml.model", "llama")
  builder.add("tokenizer.ggml.tokens", ["<unk>", "<s>", "a", "b", "ab"])
  builder.add("tokenizer.ggml.scores", [0, 0, -1, -2, -3] as [Float])
  builder.add("tokenizer.ggml.token_type", [2, 3, 1, 1, 1] as [Int32])
  builder.add("tokenizer.ggml.bos_token_id", UInt32(1))
  builder.add("general.alignment", UInt32(32))
  builder.add("a", shape: [2, 3], [1, 2, 3, 4, 5, 6])
  builder.add("b", shape: [32], type: 8, [UInt8](repeating: 1, count: 34))
  builder.add("c", shape: [512], type: 12, [UInt8](repeating: 3, count: 288))
  return builder.contents
}()

private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures/Formats")

private func fixture(_ name: String) -> [UInt8] {
  (try? Data(contentsOf: fixtures.appending(path: name))).map { Array($0) } ?? []
}

private let llama2C: [UInt8] =
  [8, 12, 1, 2, 1, 5, 4].flatMap { GGUFBuilder.bytes(Int32($0)) }
  + (0..<560).flatMap { GGUFBuilder.bytes(Float($0).bitPattern) }

private let pieces: [UInt8] =
  GGUFBuilder.bytes(Int32(8))
  + ["<unk>", "<s>", "</s>", "a", "b", "ab"].enumerated().flatMap { id, text in
    GGUFBuilder.bytes(Float(-id).bitPattern) + GGUFBuilder.bytes(Int32(text.utf8.count)) + Array(text.utf8)
  }

/// An archive of two arrays, one deflated by hand: stored blocks are DEFLATE too.
private let archive: [UInt8] = {
  let folder = FileManager.default.temporaryDirectory.appending(path: "sweep-\(UUID().uuidString).npz")
  defer { try? FileManager.default.removeItem(at: folder) }
  guard let array = try? NumPyCheckpoint(at: fixtures.appending(path: "numpy/array.npy").path),
    (try? convert(array, to: folder.path, .npz)) != nil, let data = try? Data(contentsOf: folder)
  else { return [] }
  return Array(data)
}()

private let formats: [Swept] = [
  Swept(name: "gguf", sample: gguf) { try readAll(try GGUFCheckpoint(at: $0)) },
  Swept(name: "gguf's tokenizer", sample: gguf) { path in
    let tokenizer = try loadTokenizer(in: path)
    _ = try tokenizer.decode(tokenizer.encode("ab a"))
  },
  Swept(name: "npy", sample: fixture("numpy/array.npy"), alphabet: Array("{}()',:<f4True0123 ".utf8) + [0, 0x93, 0xFF])
  {
    try readAll(try NumPyCheckpoint(at: $0))
  },
  Swept(name: "npz", sample: archive) { try readAll(try NumPyCheckpoint(at: $0)) },
  Swept(name: "deflated npz", sample: fixture("numpy/deflated.npz")) { try readAll(try NumPyCheckpoint(at: $0)) },
  Swept(name: "llama2.c", sample: llama2C) { try readAll(try Llama2CCheckpoint(at: $0)) },
  Swept(name: "llama2.c's tokenizer", sample: pieces) { path in
    let tokenizer = try PipelineTokenizer(llama2C: path)
    _ = try tokenizer.decode(tokenizer.encode("ab a"))
  },
]

/// Damage by rule and by chance to a small file of every format: an error or a reading that keeps its promises, but never
/// the process's end. Each runs in a process of its own.
@Suite(.serialized) struct SweepTests {
  /// Opens bytes; nil if they are read, the error otherwise. Anything but the one typed error is a failure.
  private static func outcome(_ bytes: [UInt8], _ format: Swept, _ path: String, _ what: String) -> InputError? {
    do {
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      try format.open(path)
      return nil
    } catch let error as InputError { return error } catch {
      Issue.record("\(format.name), \(what): \(error)")
      return nil
    }
  }

  /// A file in memory, where the system has a place for such: it is written a hundred thousand times.
  private static func path() -> String {
    let memory = URL(fileURLWithPath: "/dev/shm", isDirectory: true)
    let folder =
      FileManager.default.isWritableFile(atPath: memory.path) ? memory : FileManager.default.temporaryDirectory
    return folder.appending(path: "sweep-\(UUID().uuidString).bin").path
  }

  /// The format of this name, with a file for its damage and one that says what is tried.
  private static func run(_ name: String, _ body: (Swept, String) -> Void) {
    let path = path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    for format in formats where format.name == name {
      if let error = outcome(format.sample, format, path, "whole") { Issue.record("\(name), whole: \(error)") }
      body(format, path)
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: formats.map(\.name)) func cutsAndFlips(_ name: String) async {
    await #expect(processExitsWith: .success) { [name = name as String] in
      Self.run(name) { format, path in
        let sample = format.sample
        for count in 0..<sample.count
        where Self.outcome(Array(sample[..<count]), format, path, "cut at \(count)") == nil {
          // A tokenizer lies before the tensors, and its file may end after any piece.
          if !name.hasSuffix("tokenizer") { Issue.record("\(name): cut at \(count) is read") }
        }
        for bit in 0..<min(sample.count, 512) * 8 {
          var bytes = sample
          bytes[bit / 8] ^= 1 << UInt8(bit % 8)
          _ = Self.outcome(bytes, format, path, "bit \(bit)")
        }
      }
    }
  }

  /// Every four and every eight bytes of the first part are taken for a number and set to numbers that break programs.
  @Test(.timeLimit(.minutes(5)), arguments: formats.map(\.name)) func numbersAreSwept(_ name: String) async {
    await #expect(processExitsWith: .success) { [name = name as String] in
      Self.run(name) { format, path in
        let numbers: [UInt64] = [0, 1, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 53 + 1, 1 << 63 - 1, 1 << 63, .max]
        for place in 0..<min(format.sample.count, 300) {
          for size in [4, 8] where place + size <= format.sample.count {
            for number in numbers {
              var bytes = format.sample
              bytes.replaceSubrange(place..<place + size, with: GGUFBuilder.bytes(number).prefix(size))
              _ = Self.outcome(bytes, format, path, "\(number) in \(size) bytes at \(place)")
            }
          }
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: formats.map(\.name)) func mutations(_ name: String) async {
    await #expect(processExitsWith: .success) { [name = name as String] in
      Self.run(name) { format, path in
        var read = 0
        for seed in 0..<20_000 {
          var generator = SeededGenerator(seed)
          var bytes = format.sample
          bytes.mutate(
            &generator, alphabet: format.alphabet,
            numbers: [0, 1, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 53 + 1, 1 << 63 - 1, 1 << 63, .max])
          if Self.outcome(bytes, format, path, "seed \(seed)") == nil { read += 1 }
        }
        // Both sides of the promise are exercised.
        if read == 0 || read == 20_000 { Issue.record("\(name): \(read) of 20,000 are read") }
      }
    }
  }
}
