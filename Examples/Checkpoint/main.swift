// Looks into checkpoints of any format, compares them, and converts them.
import Checkpoints
import CommandLineTool
import Formats
import Foundation
import Models
import Tensor
import Tokenizers

runProgram {
  let options = try CommandLineTool(
    "checkpoint",
    """
    Looks into files of tensors: safetensors, GGUF, NumPy (.npy, .npz), llama2.c (.bin).

      info FILE            lists the tensors: type, shape, bytes
      diff FILE FILE       compares two checkpoints tensor by tensor; ends with an error where they differ
      convert FILE OUTPUT  writes OUTPUT.safetensors or OUTPUT.npz; OUTPUT/model.safetensors.index.json and its
                           shards; or, of a model, a folder with its weights, configuration and tokenizer. Weights
                           that the folder held before are replaced, all shards of theirs included
      receipt MODEL        loads a model, and says what became of each tensor
    """,
    operands: ["COMMAND", "FILE..."],
    options: [
      .init("dtype", "TYPE", "convert: float32, bfloat16 or float16 (default: as it is, quantized ones as float32)"),
      .init(
        "shard-size", "SIZE", "convert to a folder: the most bytes of a file, like 5GB or 500MiB (default: one file)"),
      .init("metadata", nil, "info: lists a GGUF file's metadata too"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  let files = options.operands.dropFirst()
  func need(_ count: Int) throws(InputError) {
    guard files.count == count else {
      throw InputError(
        .badValue, "\(options.operands[0]) takes \(count) files, not \(files.count)", at: "checkpoint",
        advice: "See checkpoint --help.")
    }
  }
  func only(_ option: String, for command: String) throws(InputError) {
    guard !options.has(option) || options.operands.first == command else {
      throw InputError(.badValue, "is for \(command) only", at: "--\(option)", advice: "See checkpoint --help.")
    }
  }
  try only("dtype", for: "convert")
  try only("shard-size", for: "convert")
  try only("metadata", for: "info")
  switch options.operands.first {
  case "info":
    try need(1)
    try info(files[1], options)
  case "diff":
    try need(2)
    try diff(files[1], files[2], options)
  case "convert":
    try need(2)
    try convert(files[1], to: files[2], options)
  case "receipt":
    try need(1)
    try receipt(files[1], options)
  case let other:
    throw InputError(
      .badValue, other.map { "there is no command \"\($0)\"" } ?? "a command is needed", at: "checkpoint",
      advice: "See checkpoint --help.")
  }
}

/// Text of a file, made harmless for a terminal.
func shown(_ name: JSONString) -> String {
  name.utf8.allSatisfy { 0x20..<0x7F ~= $0 }
    ? name.text : String(decoding: (try? JSONValue.string(name).encoded()) ?? [], as: UTF8.self)
}

func info(_ path: String, _ options: CommandLineTool) throws(InputError) {
  let checkpoint = try openCheckpoint(at: path)
  if options.has("metadata") {
    guard let file = checkpoint as? GGUFCheckpoint else {
      throw InputError(.badValue, "is no GGUF file", at: "--metadata")
    }
    for (key, value) in file.metadata.entries {
      switch value {
      case .scalar(let value):
        let text = (try? value.encoded()) ?? Array("\(value)".utf8)
        print(shown(key), "=", String(decoding: text.prefix(200), as: UTF8.self))
      case .strings(let strings): print(shown(key), "= \(strings.count) strings")
      case .numbers(let numbers): print(shown(key), "= \(numbers.count) of", numbers.type)
      }
    }
  }
  let tensors = summary(checkpoint)
  for tensor in tensors.lines { print(tensor) }
  if let files = checkpoint as? SafetensorsCheckpoint {
    for warning in files.warnings { note("warning: \(warning)") }
  }
  print("\(checkpoint.formatName): \(tensors.lines.count) tensors, \(tensors.numbers) numbers, \(tensors.bytes) bytes")
  try options.printResult([
    ("format", .string(JSONString(checkpoint.formatName))), ("tensors", .integer(tensors.lines.count)),
    ("numbers", .integer(tensors.numbers)), ("bytes", .integer(tensors.bytes)),
  ])
}

func summary(_ checkpoint: some Checkpoint) -> (lines: [String], numbers: Int, bytes: Int) {
  let tensors = checkpoint.tensors
  let width = min(60, tensors.map { shown($0.name).count }.max() ?? 0)
  let lines = tensors.map { tensor in
    let name = shown(tensor.name)
    return name + String(repeating: " ", count: max(1, width + 2 - name.count))
      + "\(tensor.typeName) \(tensor.shape) \(tensor.byteCount)"
  }
  return (lines, tensors.reduce(0) { $0 + $1.elementCount }, tensors.reduce(0) { $0 + $1.byteCount })
}

func diff(_ first: String, _ second: String, _ options: CommandLineTool) throws(InputError) {
  let (a, b) = (try openCheckpoint(at: first), try openCheckpoint(at: second))
  let found = try differences(between: a, and: b)
  guard found.isEmpty else {
    for (name, difference) in found {
      switch difference {
      case .onlyInFirst: print(shown(name), "is only in \(first)")
      case .onlyInSecond: print(shown(name), "is only in \(second)")
      case .shapes(let one, let other): print(shown(name), "is \(one) and \(other)")
      case .types(let one, let other): print(shown(name), "is \(one) and \(other), which are not compared")
      case .bytes: print(shown(name), "has other bytes")
      case .numbers(let differing, let count, let largest):
        print(shown(name), "differs in \(differing) of \(count) numbers, by \(largest) at most")
      }
    }
    throw InputError(
      .inconsistent, "\(found.count) tensors differ between \(first) and \(second)", at: "checkpoint",
      advice: "Names of other formats differ: convert one of the models first.")
  }
  print("The tensors are the same.")
  try options.printResult([("differences", .integer(0))])
}

func convert(_ source: String, to path: String, _ options: CommandLineTool) throws(InputError) {
  var format: StorageFormat?
  if let name = options.string("dtype") {
    format = StorageFormat.allCases.first { "\($0)" == name }
    guard format != nil else {
      throw InputError(.badValue, "\"\(name)\" is no type", at: "--dtype", advice: "Use float32, bfloat16 or float16.")
    }
  }
  var shardSize: ShardSize?
  if let text = options.string("shard-size") {
    do throws(InputError) { shardSize = try ShardSize(parsing: text) } catch { throw error.inside("--shard-size") }
  }
  let index = "/model.safetensors.index.json"
  var output = path
  if let target = CheckpointFormat.allCases.first(where: { path.hasSuffix("." + $0.rawValue) }) {
    guard shardSize == nil else {
      throw InputError(
        .badValue, "\(path) is one file", at: "--shard-size", advice: "Give a folder, or FOLDER\(index).")
    }
    try Checkpoints.convert(try openCheckpoint(at: source), to: path, target, as: format)
  } else if path.hasSuffix(".index.json") {
    let parts = path.split(separator: "/", omittingEmptySubsequences: true)
    guard parts.last ?? "" == index.dropFirst() else {
      throw InputError(
        .badValue, "no index of that name is written", at: path, advice: "Give FOLDER\(index), or a folder.")
    }
    guard !parts.dropLast().allSatisfy({ $0 == "." }) else {
      throw InputError(
        .badValue, "the folder is replaced as a whole, which this one cannot be", at: path,
        advice: "Name a folder: FOLDER\(index).")
    }
    guard let shardSize else { throw InputError(.missing, "is needed for shards", at: "--shard-size") }
    // What fits into one file has no index.
    output = String(path.dropLast(index.count))
    let folder = try AtomicDirectory(replacing: output)
    try folder.checkWeights(from: source, beside: [])
    try Checkpoints.convert(try openCheckpoint(at: source), to: folder, shardSize: shardSize, as: format)
    try folder.commit()
  } else {
    let others = try fileKind(source) == .folder ? try names(inFolder: source) : []
    let folder = try AtomicDirectory(replacing: path)
    var (files, complaint) = ([(name: String, bytes: [UInt8])](), InputError?.none)
    do throws(InputError) { files = try TokenizerFiles(of: source).contents } catch {
      guard [.missing, .notFound, .unsupported].contains(error.kind) else { throw error }
      complaint = error
    }
    let carried = ["config.json"] + files.map(\.name)
    try folder.checkWeights(from: source, beside: carried)
    guard let model = try model(of: source, as: format) as? any SavableModel else {
      throw InputError(.unsupported, "is of a family that is not written", at: source)
    }
    if let complaint { print("\(path) gets no tokenizer: \(complaint)") }
    try model.save(to: folder, shardSize: shardSize)
    for file in files { try folder.write(file.bytes, to: file.name) }
    let weights = [".safetensors", ".safetensors.index.json"]
    try folder.commit()
    // The output may lie in the source.
    let left = others.filter { name in
      !carried.contains(name) && !weights.contains { name.hasSuffix($0) }
        && resolvedPath("\(source)/\(name)") != resolvedPath(path)
    }
    for name in left { print("\(path) goes without \(shown(JSONString(name))).") }
  }
  print("\(output) is written.")
  try options.printResult([("output", .string(JSONString(output)))])
}

/// The model of a folder as the class that it names, so that no part of it is left aside; of a file, or a folder that
/// names none that is known, the decoder.
func model(of path: String, as format: StorageFormat? = nil) throws(InputError) -> any Sendable {
  try AtomicDirectory.recoverIfAbsent(path)
  if try fileKind(path) == .folder, let architecture = try? Architecture(of: path) {
    return try architecture.load(path, format)
  }
  return try PretrainedModel.load(from: path, as: format)
}

func receipt(_ path: String, _ options: CommandLineTool) throws(InputError) {
  let (_, reports) = try LoadReport.receipts { () throws(InputError) in try model(of: path) }
  var counts: [String: Int] = [:]
  for (tensor, fate) in reports.flatMap(\.receipt) {
    let (word, rest) = described(fate)
    counts[word, default: 0] += 1
    print(shown(JSONString(tensor)), word, rest)
  }
  let words = counts.sorted { $0.key < $1.key }
  print(words.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
  try options.printResult(words.map { ($0.key, .integer($0.value)) })
}

func described(_ fate: TensorFate) -> (word: String, rest: String) {
  switch fate {
  case .loaded: ("loaded", "")
  case .renamed(let parameter): ("renamed", parameter)
  case .transposed(let parameter): ("transposed", parameter)
  case .reordered(let parameter): ("reordered", parameter)
  case .split(let parameter, let whole): ("split", "\(parameter), from \(whole)")
  case .tied: ("tied", "")
  case .constant: ("constant", "")
  case .unused: ("unused", "")
  }
}
