// Compares tokenizers, stage by stage, with what the reference library makes of texts that break tokenizers.
import CommandLineTool
import Formats
import Foundation
import Tokenizers

runProgram {
  let tool = try CommandLineTool(
    "tokenizer",
    """
    Looks into tokenizers.

      verify               compares, for texts that break tokenizers, what each stage of a tokenizer gives with what the
                           reference library gives, and names the first stage that differs; without --tokenizer, of all
                           tokenizers whose references are stored together with them
    """,
    operands: ["COMMAND"],
    options: [
      .init("tokenizer", "PATH", "verify: a tokenizer.json, a folder with the files of a tokenizer, or a GGUF file"),
      .init("expected", "FILE", "verify: its reference (default: the stored one that has the same vocabulary)"),
    ])
  guard tool.operands == ["verify"] else {
    throw InputError(
      .badValue, tool.operands.first.map { "there is no command \"\($0)\"" } ?? "a command is needed", at: "tokenizer",
      advice: "See tokenizer --help.")
  }
  var wrong: [String] = []
  if let path = tool.string("tokenizer") {
    let tokenizer = try open(path)
    let reference = try tool.string("expected").map { (path) throws(InputError) in try TokenizerReference(path: path) }
    if try !verify(tokenizer, path, by: reference ?? storedReference(for: tokenizer, path)) { wrong.append(path) }
  } else {
    guard tool.string("expected") == nil else {
      throw InputError(.missing, "is given without a tokenizer", at: "--expected", advice: "Add --tokenizer.")
    }
    var compared = 0
    for reference in try storedReferences() {
      let path = Stored.fixtures + "/Tokenizers/\(reference.name).json"
      // Tokenizers of real models are not stored with the package, only their references.
      guard try fileKind(path) != nil else { continue }
      compared += 1
      if try !verify(PipelineTokenizer(path: path), reference.name, by: reference) { wrong.append(reference.name) }
    }
    guard compared > 0 else {
      throw InputError(
        .notFound, "There is no tokenizer to compare", at: Stored.fixtures + "/Tokenizers", advice: "Give --tokenizer.")
    }
  }
  try tool.printResult([("wrong", .array(wrong.map { .string(JSONString($0)) }))])
  guard wrong.isEmpty else {
    throw InputError(.inconsistent, "other results than the reference's", at: wrong.joined(separator: ", "))
  }
}

/// Where the package keeps tokenizers and references: in the checkout that the program was built from.
enum Stored {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Tests/Fixtures").path
}

func storedReferences() throws(InputError) -> [TokenizerReference] {
  let folder = Stored.fixtures + "/TokenizerReferences"
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
    throw InputError(
      .notFound, "The references are not there any more", at: folder,
      advice: "Build the program anew in its checkout, or give --tokenizer and --expected.")
  }
  var references: [TokenizerReference] = []
  for name in names.sorted() where name.hasSuffix(".json") {
    references.append(try TokenizerReference(path: "\(folder)/\(name)"))
  }
  return references
}

func storedReference(for tokenizer: PipelineTokenizer, _ path: String) throws(InputError) -> TokenizerReference {
  guard let reference = try storedReferences().first(where: { $0.fits(tokenizer) }) else {
    throw InputError(
      .notFound, "No stored reference is of this vocabulary", at: path,
      advice: "Write one with Tests/Fixtures/make_tokenizer_references.py, and give it as --expected.")
  }
  return reference
}

func open(_ path: String) throws(InputError) -> PipelineTokenizer {
  try AtomicDirectory.recoverIfAbsent(path)
  if try fileKind(path) == .folder { return try PipelineTokenizer(directory: path) }
  if try GGUFFile.isOne(path) { return try PipelineTokenizer(gguf: try GGUFFile(opening: path).metadata) }
  return try PipelineTokenizer(path: path)
}

/// Prints how a tokenizer does; returns whether it does as the reference.
func verify(_ tokenizer: PipelineTokenizer, _ name: String, by reference: TokenizerReference) throws(InputError) -> Bool
{
  let differences = reference.differences(of: tokenizer)
  for stage in EncodingStage.allCases {
    guard let first = differences.first(where: { $0.stage == stage }) else { continue }
    print("\(name): the first stage that differs from \(reference.library) (\(reference.name)) is \(stage.rawValue)")
    print("  texts   \(differences.count) of \(reference.textCount) differ, first of them in this stage:")
    print("  text   ", try shown(.string(JSONString(first.text))))
    print("  expected", try shown(first.expected))
    switch first.found {
    case .success(let value): print("  found   ", try shown(value))
    case .failure(let error): print("  found    the error: \(error)")
    }
    return false
  }
  print("\(name): \(reference.textCount) texts, each stage as in \(reference.library) (\(reference.name))")
  return true
}

/// JSON on one line, without characters that a terminal would act on, and not too much of it.
func shown(_ value: JSONValue) throws(InputError) -> String {
  let scalars = String(decoding: try value.encoded(), as: UTF8.self).unicodeScalars
  let text = scalars.prefix(400).map { 0x20..<0x7F ~= $0.value ? String($0) : "\\u{\(String($0.value, radix: 16))}" }
    .joined()
  return scalars.count > 400 ? text + " ..." : text
}
