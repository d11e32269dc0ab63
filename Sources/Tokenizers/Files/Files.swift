public import Formats
import Foundation

/// A file's bytes.
///
/// - Throws: `notFound`, `tooLarge` before anything is read, or `io` (also for a pipe or a device), with the path as the
///   place.
func readFile(_ path: String, atMost limit: Int = 256 << 20) throws(InputError) -> [UInt8] {
  try InputFile.contents(of: path, atMost: limit)
}

private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

/// The tokenizer of a model's folder, whichever it has: `characters.json`, which this library writes for models over
/// characters, or else the files of Hugging Face that `PipelineTokenizer.init(directory:)` reads.
///
/// - Throws: `notFound` for a folder without a tokenizer; `InputError` as the tokenizer's own initializer otherwise.
public func loadTokenizer(in folder: String) throws(InputError) -> any Tokenizer {
  try AtomicDirectory.recoverIfAbsent(folder)
  let characters = folder + "/" + CharacterTokenizer.fileName
  if exists(characters) { return try CharacterTokenizer(path: characters) }
  let names = ["tokenizer.json", "vocab.json", "vocab.txt"]
  guard names.contains(where: { exists("\(folder)/\($0)") }) else {
    throw InputError(
      .notFound, "There is no tokenizer: no \(names.joined(separator: ", ")) or \(CharacterTokenizer.fileName)",
      at: folder, advice: "Give token ids instead of text, or add the tokenizer's files")
  }
  return try PipelineTokenizer(directory: folder)
}

extension PipelineTokenizer {
  /// Reads the tokenizer of a Hugging Face folder: its `tokenizer.json` or, if it has none, `vocab.json` and `merges.txt`
  /// or `vocab.txt`, with the `tokenizer_config.json`, `special_tokens_map.json` or `config.json` that say what they are
  /// for.
  ///
  /// - Throws: `InputError`, as for the contents; `notFound`, `tooLarge` or `io` for files; `missing` or `unsupported`
  ///   where the configuration does not say how text is cut, or asks for what is not implemented.
  public init(directory path: String) throws(InputError) {
    let whole = path + "/tokenizer.json"
    if exists(whole) {
      try self.init(path: whole)
      return
    }
    let isWordPiece = exists(path + "/vocab.txt") && !exists(path + "/vocab.json")
    let vocabulary = try readFile(path + (isWordPiece ? "/vocab.txt" : "/vocab.json"))
    let merges = isWordPiece ? [] : try readFile(path + "/merges.txt")
    do throws(InputError) {
      var configuration = TokenizerConfiguration()
      for name in TokenizerConfiguration.fileNames where exists("\(path)/\(name)") {
        try configuration.read(JSONField(try JSONValue(parsing: try readFile("\(path)/\(name)")), at: name))
      }
      switch (configuration.family ?? (isWordPiece ? .bert : nil), isWordPiece) {
      case (.bytePairs(let layout)?, false):
        try self.init(vocabularyJSON: vocabulary, merges: merges, layout: layout, configuration: configuration)
      case (.bert?, true):
        try self.init(vocabularyText: vocabulary, configuration: configuration)
      case (nil, _):
        throw InputError(
          .missing, "No configuration says how text is cut",
          advice: "Use init(vocabularyJSON:merges:layout:), or add a tokenizer_config.json")
      case (_?, _):
        throw InputError(.inconsistent, "The configuration is for another kind of vocabulary than the one there is")
      }
    } catch {
      throw error.inside(path)
    }
  }

  /// Reads a `tokenizer.json`.
  ///
  /// - Throws: `InputError`, as for the contents; `notFound`, `tooLarge` or `io` for the file.
  public init(path: String) throws(InputError) {
    let bytes = try readFile(path)
    do throws(InputError) { try self.init(tokenizerJSON: bytes) } catch { throw error.inside(path) }
  }
}

extension CharacterTokenizer {
  /// The name of the tokenizer's file in a model's folder.
  public static let fileName = "characters.json"

  /// Reads the file that `save` wrote.
  ///
  /// - Throws: `InputError`, as for the contents; `notFound`, `tooLarge` or `io` for the file.
  public init(path: String) throws(InputError) {
    let bytes = try readFile(path, atMost: 32 << 20)
    do throws(InputError) {
      try self.init(fileContents: bytes)
    } catch {
      throw error.inside(path)
    }
  }

  /// Writes the tokenizer to a file, which is replaced whole or not at all.
  ///
  /// - Throws: `InputError` of kind `io`.
  public func save(to path: String) throws(InputError) {
    let contents = try fileContents
    do {
      try Data(contents).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw InputError(.io, "cannot be written: \(error)", at: path)
    }
  }
}
