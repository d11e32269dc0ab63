public import Formats
import Foundation

/// The files of a model's folder that are no weights and no configuration of the model: those that a copy of the model needs
/// to be complete.
public struct TokenizerFiles: Sendable {
  /// The files by their names, which are those of Hugging Face; those of the folder `additional_chat_templates` have its name
  /// and a slash before theirs.
  public let contents: [(name: String, bytes: [UInt8])]

  /// What is carried from one folder to another.
  static let names = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "source.spm",
    "target.spm", "chat_template.jinja", "generation_config.json", "preprocessor_config.json",
    CharacterTokenizer.fileName,
  ]

  /// The files that go with a model: those of its folder as they are; for a GGUF file, or a llama2.c file with a
  /// `tokenizer.bin` beside it, a `tokenizer.json` that the `tokenizers` library reads too, with its
  /// `tokenizer_config.json` and chat template.
  ///
  /// A tokenizer in a GGUF file whose kind or settings cannot be written so throws, although it can be read.
  /// - Throws: `missing` for a GGUF file without a tokenizer, `notFound` for a llama2.c file without one, `unsupported` for
  ///   what cannot be written as a `tokenizer.json`; what reading throws.
  public init(of model: String) throws(InputError) {
    try AtomicDirectory.recoverIfAbsent(model)
    if try fileKind(model) == .file {
      if try GGUFFile.isOne(model) {
        contents = try Self.files(of: try WrittenTokenizer(gguf: try GGUFFile(opening: model).metadata))
      } else {
        let folder = (model as NSString).deletingLastPathComponent
        let path = (folder as NSString).appendingPathComponent(PipelineTokenizer.llama2CFileName)
        let pieces = try SentencePieceModel(llama2C: path)
        do throws(InputError) {
          let roles = [(role: "bos_token", id: 1), ("eos_token", 2), ("unk_token", 0)]
          contents = try Self.files(of: try WrittenTokenizer(pieces, roles: roles, beginning: [1], ending: []))
        } catch { throw error.inside(path) }
      }
      return
    }
    var contents: [(name: String, bytes: [UInt8])] = []
    let names = Self.names + (try Self.additionalTemplates(in: model)).map(\.path)
    for name in names where FileManager.default.fileExists(atPath: "\(model)/\(name)") {
      contents.append((name, try readFile("\(model)/\(name)")))
    }
    self.contents = contents
  }

  /// The chat templates beside the usual one, each a file of `additional_chat_templates`, and their paths in the folder.
  static func additionalTemplates(in folder: String) throws(InputError) -> [(name: String, path: String)] {
    let others = "additional_chat_templates"
    guard try fileKind("\(folder)/\(others)") == .folder else { return [] }
    let suffix = ".jinja"
    let names = try Formats.names(inFolder: "\(folder)/\(others)").filter { $0.hasSuffix(suffix) }
    guard names.count <= ChatSettings.countLimit else {
      throw InputError(
        .tooLarge, "has \(names.count) templates, but may have at most \(ChatSettings.countLimit)", at: others)
    }
    return names.map { (String($0.dropLast(suffix.count)), "\(others)/\($0)") }
  }

  private static func files(of tokenizer: WrittenTokenizer) throws(InputError) -> [(name: String, bytes: [UInt8])] {
    var files = [
      (name: "tokenizer.json", bytes: try tokenizer.json().encoded(pretty: true)),
      (name: "tokenizer_config.json", bytes: try tokenizer.configuration().encoded(pretty: true)),
    ]
    if let template = tokenizer.chatTemplate { files.append(("chat_template.jinja", Array(template.utf8))) }
    return files
  }
}
