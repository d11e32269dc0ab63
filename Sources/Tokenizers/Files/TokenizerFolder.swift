public import Formats
import Foundation

private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

/// The files that a tokenizer may consist of, in the order in which they are looked for.
private enum Source: CaseIterable {
  case whole, marian, bytePairs, wordPiece, sentencePiece

  /// What must be there, each by one of its names.
  var names: [[String]] {
    switch self {
    case .whole: [["tokenizer.json"]]
    case .marian: [["source.spm"], ["vocab.json"]]
    case .bytePairs: [["vocab.json"]]
    case .wordPiece: [["vocab.txt"]]
    case .sentencePiece: [["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"]]
    }
  }

  /// The paths of its files in a folder; nil if they are not all there.
  func paths(in folder: String) -> [String]? {
    let found = names.compactMap { $0.map { "\(folder)/\($0)" }.first(where: exists) }
    return found.count == names.count ? found : nil
  }
}

/// The tokenizer of a model's folder, whichever it has: `characters.json`, which this library writes for models over
/// characters, or else the files of Hugging Face that `PipelineTokenizer.init(directory:)` reads. Of a GGUF model, which
/// is one file, it is the tokenizer in it, and of a llama2.c model the `tokenizer.bin` beside it.
///
/// - Throws: `notFound` for a folder without a tokenizer; `InputError` as the tokenizer's own initializer otherwise.
public func loadTokenizer(in folder: String) throws(InputError) -> any Tokenizer {
  try AtomicDirectory.recoverIfAbsent(folder)
  if try fileKind(folder) == .file {
    if try GGUFFile.isOne(folder) { return try PipelineTokenizer(gguf: try GGUFFile(opening: folder).metadata) }
    let parent = (folder as NSString).deletingLastPathComponent
    return try PipelineTokenizer(
      llama2C: (parent as NSString).appendingPathComponent(PipelineTokenizer.llama2CFileName))
  }
  let characters = folder + "/" + CharacterTokenizer.fileName
  if exists(characters) { return try CharacterTokenizer(path: characters) }
  return try PipelineTokenizer(directory: folder)
}

/// A file of a folder that is JSON; nil if it is not there.
private func configurationFile(_ name: String, in folder: String) throws(InputError) -> JSONField? {
  guard exists("\(folder)/\(name)") else { return nil }
  return try JSONField(parsing: try readFile("\(folder)/\(name)"), at: name)
}

/// The chat templates that are files of a folder, by their names. They count before those of `tokenizer_config.json`.
private func chatTemplates(in folder: String) throws(InputError) -> [String: String] {
  var sources: [String: String] = [:]
  for (name, path) in [("default", "chat_template.jinja")] + (try TokenizerFiles.additionalTemplates(in: folder)) {
    guard exists("\(folder)/\(path)") else { continue }
    let bytes = try readFile("\(folder)/\(path)", atMost: 4 << 20)
    if let bad = firstInvalidUTF8(bytes) { throw InputError(.badUTF8, "is not UTF-8", at: "\(path): byte \(bad)") }
    sources[name] = String(decoding: bytes, as: UTF8.self)
  }
  return sources
}

extension PipelineTokenizer {
  /// Reads the tokenizer of a Hugging Face folder: its `tokenizer.json` or, if it has none, `vocab.json` and `merges.txt`,
  /// `vocab.txt`, a SentencePiece model (`tokenizer.model`, `spiece.model`, `sentencepiece.bpe.model`; `source.spm` with
  /// `vocab.json` for Marian) or a tiktoken file (`tokenizer.model` of Llama 3), with the `tokenizer_config.json`,
  /// `special_tokens_map.json` or `config.json` that say what they are for.
  ///
  /// A SentencePiece model is read as `transformers` (5.23) converts it, so that ids need not be those of SentencePiece
  /// itself; `init(_:)` gives those.
  ///
  /// - Throws: `InputError`, as for the contents; `notFound`, `tooLarge` or `io` for files; `missing` or `unsupported`
  ///   where the configuration does not say how text is cut, or asks for what is not implemented.
  public init(directory path: String) throws(InputError) {
    try AtomicDirectory.recoverIfAbsent(path)
    for source in Source.allCases {
      guard let files = source.paths(in: path) else { continue }
      do throws(InputError) {
        let settings = try configurationFile("tokenizer_config.json", in: path)
        let configuration = try TokenizerConfiguration(
          settings, specialTokens: try configurationFile("special_tokens_map.json", in: path),
          addedTokens: try configurationFile("added_tokens.json", in: path),
          model: try configurationFile("config.json", in: path))
        if source == .whole {
          let bytes = try readFile("\(path)/\(source.names[0][0])")
          do throws(InputError) {
            try self.init(tokenizerJSON: bytes, configuration)
          } catch { throw error.inside(source.names[0][0]) }
        } else {
          try self.init(source, files, in: path, configuration)
          apply(configuration, try configuration.vocabularyClass())
        }
        chatSettings.sources = try chatTemplates(in: path)
        if chatSettings.sources.isEmpty, let field = try settings?.optional("chat_template") {
          try chatSettings.read(field)
        }
      } catch {
        throw error.inside(path)
      }
      return
    }
    var names: [String] = []
    for source in Source.allCases { names += source.names.flatMap { $0 }.filter { !names.contains($0) } }
    throw InputError(
      .notFound, "There is no tokenizer: no \(names.joined(separator: ", ")) or \(CharacterTokenizer.fileName)",
      at: path, advice: "Give token ids instead of text, or add the tokenizer's files")
  }

  private init(
    _ source: Source, _ files: [String], in folder: String, _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    var contents: [[UInt8]] = []
    for file in files { contents.append(try readFile(file)) }
    let merges = source == .bytePairs ? try readFile(folder + "/merges.txt") : []
    switch (source, try configuration.family()) {
    case (.bytePairs, .bytePairs(let layout)?):
      try self.init(vocabularyJSON: contents[0], merges: merges, layout: layout, configuration: configuration)
    case (.wordPiece, .bert?), (.wordPiece, nil):
      try self.init(vocabularyText: contents[0], configuration: configuration)
    case (.marian, .marian?), (.marian, nil):
      let model = try SentencePieceModel(contents: contents[0], named: files[0])
      try self.init(marian: model, vocabularyJSON: contents[1], configuration)
    case (.sentencePiece, let family):
      if Vocabulary.looksLikeTiktoken(contents[0]) {
        try self.init(tiktoken: contents[0], configuration: configuration)
        return
      }
      let model = try SentencePieceModel(contents: contents[0], named: files[0])
      let kind: TokenizerConfiguration.Family
      if let family { kind = family } else { kind = try model.likelyFamily(in: files[0]) }
      guard case .sentencePiece(let family) = kind else {
        throw InputError(
          .inconsistent, "The configuration is for another kind of vocabulary than the SentencePiece model there is")
      }
      try self.init(converting: model, family, configuration)
    case (_, nil):
      throw InputError(
        .missing, "No configuration says how text is cut",
        advice: "Use init(vocabularyJSON:merges:layout:), or add a tokenizer_config.json")
    case (_, _?):
      throw InputError(.inconsistent, "The configuration is for another kind of vocabulary than the one there is")
    }
  }

  /// Llama 3's own form: no file says how it cuts text, but no other model comes as a `tokenizer.model` of this kind.
  private init(tiktoken bytes: [UInt8], configuration: TokenizerConfiguration) throws(InputError) {
    let added = configuration.addedTokens
    let begin = configuration.token("bos_token", default: "<|begin_of_text|>")
    let beginning = added.filter { $0.content == begin && configuration.addsBeginning ?? true }.map(\.id)
    try self.init(tiktoken: bytes, layout: .llama3, added: added, beginning: beginning)
  }
}

extension SentencePieceModel {
  fileprivate init(contents: [UInt8], named path: String) throws(InputError) {
    do throws(InputError) {
      try self.init(contents: contents)
    } catch {
      throw error.inside(String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]))
    }
  }

  /// The family of a model without a configuration, by the file's name and the model's first pieces.
  fileprivate func likelyFamily(in path: String) throws(InputError) -> TokenizerConfiguration.Family {
    func begins(with names: [String]) -> Bool { pieces.prefix(3).map(\.content) == names.map { Array($0.utf8) } }
    if algorithm == .bytePairs && fallsBackToBytes && begins(with: ["<unk>", "<s>", "</s>"]) {
      return .sentencePiece(.llama)
    }
    if algorithm == .unigram && begins(with: ["<pad>", "</s>", "<unk>"]) { return .sentencePiece(.t5) }
    if algorithm == .unigram && path.hasSuffix("/sentencepiece.bpe.model") { return .sentencePiece(.xlmRoberta) }
    throw InputError(
      .missing, "No configuration says what the SentencePiece model is for",
      advice: "Add a tokenizer_config.json with a tokenizer_class, or use init(_:) for the model's own ids")
  }
}

extension PipelineTokenizer {
  /// Reads a tokenizer that is one file, whichever it is: a `tokenizer.json`, the tokenizer in a GGUF file, or a SentencePiece
  /// model, whose own ids it then has, with nothing put around a text.
  ///
  /// - Throws: `InputError`, as for the contents; `notFound`, `tooLarge` or `io` for the file.
  public init(file path: String) throws(InputError) {
    if try GGUFFile.isOne(path) {
      try self.init(gguf: try GGUFFile(opening: path).metadata)
    } else if path.utf8.suffix(6).elementsEqual(".model".utf8) {
      let contents = try readFile(path)
      do throws(InputError) {
        try self.init(try SentencePieceModel(contents: contents))
      } catch { throw error.inside(path) }
    } else {
      try self.init(path: path)
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
