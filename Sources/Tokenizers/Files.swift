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
/// characters, or else the files of Hugging Face that `BPETokenizer.init(directory:)` reads.
///
/// - Throws: `notFound` for a folder without a tokenizer; `InputError` as the tokenizer's own initializer otherwise.
public func loadTokenizer(in folder: String) throws(InputError) -> any Tokenizer {
  try AtomicDirectory.recoverIfAbsent(folder)
  let characters = folder + "/" + CharacterTokenizer.fileName
  if exists(characters) { return try CharacterTokenizer(path: characters) }
  guard exists(folder + "/tokenizer.json") || exists(folder + "/vocab.json") else {
    throw InputError(
      .notFound, "There is no tokenizer: no tokenizer.json, vocab.json or \(CharacterTokenizer.fileName)", at: folder,
      advice: "Give token ids instead of text, or add the tokenizer's files")
  }
  return try BPETokenizer(directory: folder)
}

extension BPETokenizer {
  /// Reads the tokenizer of a Hugging Face folder: its `tokenizer.json` or, if it has none, `vocab.json`, `merges.txt` and
  /// the `tokenizer_config.json` or `config.json` that says what they are for.
  ///
  /// - Throws: `InputError`, as for the contents; `notFound`, `tooLarge` or `io` for files; `missing` or `unsupported`
  ///   where the configuration does not say how text is cut, or asks for what is not implemented.
  public init(directory path: String) throws(InputError) {
    let whole = path + "/tokenizer.json"
    guard !exists(whole) else {
      let bytes = try readFile(whole)
      do throws(InputError) {
        try self.init(tokenizerJSON: bytes)
      } catch {
        throw error.inside(whole)
      }
      return
    }
    let (vocabulary, merges) = (try readFile(path + "/vocab.json"), try readFile(path + "/merges.txt"))
    do throws(InputError) {
      var configuration = TokenizerConfiguration()
      for name in ["tokenizer_config.json", "config.json"] where exists("\(path)/\(name)") {
        let field = JSONField(try JSONValue(parsing: try readFile("\(path)/\(name)")), at: name)
        try configuration.read(field)
      }
      guard let layout = configuration.layout else {
        throw InputError(
          .missing, "No configuration says how text is cut",
          advice: "Use init(vocabularyJSON:merges:layout:), or add a tokenizer_config.json")
      }
      try self.init(
        vocabularyJSON: vocabulary, merges: merges, layout: layout, added: configuration.addedTokens,
        addsPrefixSpace: configuration.addsPrefixSpace)
    } catch {
      throw error.inside(path)
    }
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

/// What `tokenizer_config.json` and `config.json` say about a `vocab.json` and a `merges.txt`.
private struct TokenizerConfiguration {
  var layout: BPETokenizer.Layout?
  var addsPrefixSpace = false
  var addedTokens: [AddedToken] = []

  mutating func read(_ root: JSONField) throws(InputError) {
    for name in ["add_bos_token", "add_eos_token", "split_special_tokens"] {
      if let setting = try root.optional(name), try setting.bool() {
        throw setting.error(.unsupported, "is true, which is not implemented without a tokenizer.json")
      }
    }
    if let errors = try root.optional("errors"), try errors.string() != "replace" {
      throw errors.error(.unsupported, "is \(quoted(try errors.jsonString().utf8)), which is not implemented")
    }
    try readLayout(root)
    if let prefix = try root.optional("add_prefix_space") { addsPrefixSpace = try prefix.bool() }
    if let tokens = try root.optional("added_tokens_decoder") {
      for (key, token) in try tokens.object(atMost: AddedTokenMatcher.sizeLimit) {
        guard let id = Int(key.text) else { throw token.error(.badValue, "must have an id for a key") }
        addedTokens.append(try token.addedToken(id: id))
      }
    }
  }

  private mutating func readLayout(_ root: JSONField) throws(InputError) {
    guard layout == nil else { return }
    if let name = try root.optional("tokenizer_class") {
      switch try name.string() {
      case "GPT2Tokenizer", "GPT2TokenizerFast": layout = .gpt2
      case "Qwen2Tokenizer", "Qwen2TokenizerFast": layout = .qwen2
      default: throw name.error(.unsupported, "is \(quoted(try name.jsonString().utf8)), which is not implemented")
      }
    } else if let name = try root.optional("model_type") {
      switch try name.string() {
      case "gpt2": layout = .gpt2
      case "qwen2": layout = .qwen2
      default: throw name.error(.unsupported, "is \(quoted(try name.jsonString().utf8)), which is not implemented")
      }
    }
  }
}
