// What libFuzzer calls: one target for each reader of a format, chosen by FUZZ_TARGET. See Tests/Fuzz/run.
import Checkpoints
import Formats
import Foundation
import Tokenizers

/// A file of this process's own, in memory where the system has a place for such.
private let path =
  (FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()) + "/fuzz-\(getpid())"

private func written(_ bytes: [UInt8]) -> String {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  defer { close(descriptor) }
  bytes.withUnsafeBytes { buffer in
    if write(descriptor, buffer.baseAddress, buffer.count) != buffer.count { exit(2) }
  }
  return path
}

/// Reads what a loader would.
private func readAll(_ checkpoint: some Checkpoint) throws {
  for tensor in checkpoint.tensors where tensor.byteCount < 1 << 20 && tensor.elementCount < 1 << 20 {
    if tensor.storageFormat != nil { _ = try tensor.read() } else { _ = try tensor.bytes(0..<tensor.byteCount) }
  }
}

/// Cuts texts and joins what came of them.
private func encode(_ tokenizer: some Tokenizer) throws {
  for text in ["", "the  Harbor's 12 \u{A0}\u{FB01}e\u{301}\u{6F22}\0 <s>\n", String(repeating: "ab ", count: 50)] {
    _ = try tokenizer.decode(try tokenizer.encode(text))
  }
}

/// A conversation for templates, with a call of a tool.
private let tools: JSONValue = [["function": ["name": "f", "arguments": ["a": 1]]]]
private let messages: JSONValue = [
  ["role": "user", "content": "Hi \u{E9}"], ["role": "assistant", "content": .null, "tool_calls": tools],
]

private let targets: [String: ([UInt8]) throws -> Void] = [
  "json": { bytes in
    let value = try JSONValue(parsing: bytes)
    // What is read can be written, and is then the same.
    guard try JSONValue(parsing: value.encoded()) == value else { fatalError("another value comes back") }
    guard try walked(JSONField(parsing: bytes)) == value else { fatalError("another value is found step by step") }
  },
  "inflate": { bytes in
    _ = try Inflate.bytes(of: bytes, atMost: 1 << 16)
  },
  "zlib": { bytes in
    _ = try Inflate.bytes(of: bytes, frame: .zlib, atMost: 1 << 16)
  },
  "safetensors": { bytes in try readAll(try SafetensorsCheckpoint(at: written(bytes))) },
  "gguf": { bytes in
    try readAll(try GGUFCheckpoint(at: written(bytes)))
  },
  "gguf-tokenizer": { bytes in
    try encode(try PipelineTokenizer(gguf: try GGUFFile(opening: written(bytes)).metadata))
  },
  "npy": { bytes in
    let array = try NumPyArray(opening: written(bytes))
    if array.byteCount < 1 << 20 { _ = try array.bytes(0..<array.byteCount) }
  },
  "npz": { bytes in try readAll(try NumPyCheckpoint(at: written(bytes))) },
  "llama2c": { bytes in try readAll(try Llama2CCheckpoint(at: written(bytes))) },
  "llama2c-tokenizer": { bytes in try encode(try PipelineTokenizer(llama2C: written(bytes))) },
  "tokenizer-json": { bytes in
    let tokenizer = try PipelineTokenizer(tokenizerJSON: bytes)
    try encode(tokenizer)
    _ = try tokenizer.encoding(of: "the Harbor", pair: "b a")
  },
  "sentencepiece": { bytes in
    let model = try SentencePieceModel(contents: bytes)
    try encode(try PipelineTokenizer(model, findingControlPieces: bytes.count % 2 == 0))
  },
  "template": { bytes in
    let template = try ChatTemplate(String(decoding: bytes, as: UTF8.self))
    _ = try template.text(
      messages: messages, tools: tools, addingGenerationPrompt: true, variables: [JSONMember("bos_token", "<s>")])
  },
]

private let target: ([UInt8]) throws -> Void = {
  let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
  guard let target = targets[name] else {
    print("FUZZ_TARGET must be one of", targets.keys.sorted().joined(separator: ", "))
    exit(2)
  }
  return target
}()

/// Hands libFuzzer's bytes to the target. Any error but the one typed error ends the process, which libFuzzer reports, and
/// so does more than five seconds of the processor: libFuzzer itself knows the wall clock only, which runs on where others
/// have the processor.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let start = clock()
  do { try target(Array(UnsafeBufferPointer(start: data, count: count))) } catch is InputError {} catch {
    fatalError("another error than the one: \(error)")
  }
  let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
  if seconds > 5 { fatalError("takes \(seconds) seconds of the processor") }
  return 0
}
