import Checkpoints
import Formats
import Foundation
import Images
import Models
import TestSupport
import Testing
import Tokenizers

/// A format, a small right file of it, and what a reader does with a file.
private struct Swept: Sendable, CustomTestStringConvertible {
  let name: String
  let sample: [UInt8]
  /// A part of a file, which is damaged nine times out of ten where a whole one takes long to read.
  var part: [UInt8]?
  /// Bytes that mutations like: those that mean something to the format.
  var alphabet: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFF]
  /// Whether the format is text, in which no four or eight bytes are a number, and a file may end after any line.
  var isText = false
  /// Whether a file may end in the middle: after any piece, or line.
  var mayBeCut = false
  /// Opens the file at a path, whose bytes these are.
  let open: @Sendable (_ path: String, _ bytes: [UInt8]) throws -> Void

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

private let words: [UInt8] = Array(
  #"""
  {"version":"1.0","added_tokens":[{"id":0,"content":"u","single_word":false,"lstrip":true,"rstrip":false,
  "normalized":false,"special":true}],"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"Split","pattern":
  {"Regex":"\\s+|b"},"behavior":"Isolated","invert":false},"post_processor":{"type":"BertProcessing","sep":["b",2],
  "cls":["a",1]},"model":{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"##",
  "max_input_chars_per_word":9,"vocab":{"u":0,"a":1,"b":2,"##b":3}}}
  """#.utf8)

private let template: [UInt8] = Array(
  #"""
  {%- set n = namespace(k='x') %}{% for m in messages if m.role != 'tool' %}{{ n.k ~ m['content'][1:] | trim }}
  {%- else %}{% endfor %}{% macro f(a, b=1) %}{{ a if b < 2 }}{% endmacro %}{{ f("é") }}
  """#.utf8)

private let ranks: [UInt8] = (0..<256).flatMap { Array("\(Data([UInt8($0)]).base64EncodedString()) \($0)\n".utf8) }
private let moreRanks = Array("YWI= 256\nYWJj 257\n".utf8)

private func image(_ name: String) -> [UInt8] {
  let folder = fixtures.deletingLastPathComponent().appending(path: "Images")
  return (try? Data(contentsOf: folder.appending(path: name))).map { Array($0) } ?? []
}

@Sendable private func encode(_ tokenizer: some Tokenizer) throws { _ = try tokenizer.decode(tokenizer.encode("ab a")) }

private let formats: [Swept] = [
  // Both readers of a file: tensors, and tokens.
  Swept(name: "gguf", sample: gguf) { path, _ in
    let tensors = Result { try readAll(try GGUFCheckpoint(at: path)) }
    try encode(loadTokenizer(in: path))
    try tensors.get()
  },
  Swept(name: "npy", sample: fixture("numpy/array.npy"), alphabet: Array("{}()',:<f4True0123 ".utf8) + [0, 0x93, 0xFF])
  { path, _ in
    try readAll(try NumPyCheckpoint(at: path))
  },
  Swept(name: "npz", sample: archive) { path, _ in try readAll(try NumPyCheckpoint(at: path)) },
  Swept(name: "deflated npz", sample: fixture("numpy/deflated.npz")) { path, _ in
    try readAll(try NumPyCheckpoint(at: path))
  },
  Swept(name: "llama2.c", sample: llama2C) { path, _ in try readAll(try Llama2CCheckpoint(at: path)) },
  Swept(name: "llama2.c's tokenizer", sample: pieces, mayBeCut: true) { path, _ in
    try encode(try PipelineTokenizer(llama2C: path))
  },
  Swept(name: "SentencePiece", sample: smallSentencePieceModel, mayBeCut: true) { _, bytes in
    try encode(try PipelineTokenizer(try SentencePieceModel(contents: bytes)))
  },
  Swept(
    name: "tiktoken", sample: ranks + moreRanks, part: moreRanks, alphabet: Array("AYaz09+/= \n\r-".utf8) + [0, 0xFF],
    isText: true
  ) { _, bytes in
    try encode(try PipelineTokenizer(tiktoken: bytes, layout: .cl100k))
  },
  Swept(
    name: "tokenizer.json", sample: words, alphabet: Array(#"{}[]",:\\+*?()0123456789-.eu"#.utf8) + [0x80, 0xFF],
    isText: true
  ) { _, bytes in
    let tokenizer = try PipelineTokenizer(tokenizerJSON: bytes)
    _ = try tokenizer.encoding(of: "ab a", pair: "b")
    try encode(tokenizer)
  },
  Swept(name: "template", sample: template, alphabet: Array("{}%#|~.,()[]'\"=-+*/:! \nif".utf8), isText: true) {
    _, bytes in
    let template = try ChatTemplate(String(decoding: bytes, as: UTF8.self))
    _ = try template.text(
      messages: [["role": "user", "content": "Hi é"], ["role": "tool", "content": .null]], tools: .null,
      addingGenerationPrompt: true, variables: [JSONMember("bos_token", "<s>")])
  },
  Swept(name: "PNG", sample: image("type3-depth4-interlaced.png")) { _, bytes in _ = try Image(decoding: bytes) },
  Swept(name: "PPM", sample: Array("P6 3 2\n# two rows\n255\n".utf8) + [UInt8](repeating: 9, count: 18)) { _, bytes in
    _ = try Image(decoding: bytes)
  },
]

/// Numbers that break programs.
private let numbers: [UInt64] = [0, 1, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 53 + 1, 1 << 63 - 1, 1 << 63, .max]

/// Damage by rule and by chance to a small file of every format: an error or a reading that keeps its promises, but never
/// the process's end.
@Suite(.serialized) struct SweepTests {
  /// Opens bytes; nil if they are read, the error otherwise. Anything but the one typed error is a failure.
  private static func outcome(
    _ bytes: [UInt8], _ format: Swept, _ path: String, _ what: @autoclosure () -> String
  ) -> InputError? {
    do {
      try overwrite(path, bytes)
      try format.open(path, bytes)
      return nil
    } catch let error as InputError { return error } catch {
      Issue.record("\(format.name), \(what()): \(error)")
      return nil
    }
  }

  /// Writes a file with as little around it as can be.
  private static func overwrite(_ path: String, _ bytes: [UInt8]) throws {
    let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      throw CocoaError(.fileWriteUnknown)
    }
  }

  /// A file in memory, where the system has a place for such: it is written half a million times.
  private static func path() -> String {
    let memory = URL(fileURLWithPath: "/dev/shm", isDirectory: true)
    let folder =
      FileManager.default.isWritableFile(atPath: memory.path) ? memory : FileManager.default.temporaryDirectory
    return folder.appending(path: "sweep-\(UUID().uuidString).bin").path
  }

  /// All damage to one format, in a process of its own. What ends that process is the file that it leaves.
  @Test(.timeLimit(.minutes(5)), arguments: formats.map(\.name)) func damage(_ name: String) async {
    let path = Self.path()
    let result = await #expect(processExitsWith: .success) { [name = name as String, path = path as String] in
      for format in formats where format.name == name {
        if let error = Self.outcome(format.sample, format, path, "whole") { Issue.record("\(name), whole: \(error)") }
        Self.cutAndFlip(format, path)
        if !format.isText { Self.sweepNumbers(format, path) }
        Self.mutate(format, path)
      }
    }
    if result == nil {
      Issue.record("\(name): what ended the process is left as \(path)")
    } else {
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  /// Cuts the file at every place, and flips every bit of its first part.
  private static func cutAndFlip(_ format: Swept, _ path: String) {
    let sample = format.part ?? format.sample
    for count in 0..<sample.count
    where outcome(Array(sample[..<count]), format, path, "cut at \(count)") == nil && !format.isText {
      if !format.mayBeCut { Issue.record("\(format.name): cut at \(count) is read") }
    }
    for bit in 0..<min(sample.count, 512) * 8 {
      var bytes = sample
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      _ = outcome(bytes, format, path, "bit \(bit)")
    }
  }

  /// Takes every four and every eight bytes of the first part for a number, and sets it to others.
  private static func sweepNumbers(_ format: Swept, _ path: String) {
    for place in 0..<min(format.sample.count, 300) {
      for size in [4, 8] where place + size <= format.sample.count {
        for number in numbers {
          var bytes = format.sample
          bytes.replaceSubrange(place..<place + size, with: GGUFBuilder.bytes(number).prefix(size))
          _ = outcome(bytes, format, path, "\(number) in \(size) bytes at \(place)")
        }
      }
    }
  }

  private static func mutate(_ format: Swept, _ path: String) {
    var read = 0
    for seed in 0..<20_000 {
      var generator = SeededGenerator(seed)
      var bytes = seed % 10 == 0 ? format.sample : format.part ?? format.sample
      bytes.mutate(&generator, alphabet: format.alphabet, numbers: format.isText ? [] : numbers)
      if outcome(bytes, format, path, "seed \(seed)") == nil { read += 1 }
    }
    // Both sides of the promise are exercised.
    if read == 0 || read == 20_000 { Issue.record("\(format.name): \(read) of 20,000 are read") }
  }
}
