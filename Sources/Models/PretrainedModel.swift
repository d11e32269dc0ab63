import Attention
import Checkpoints
import Formats
import Layers
import Tensor

/// A decoder from a Hugging Face folder, of any family that is implemented.
public enum PretrainedModel {
  /// Loads the decoder in a folder that holds `config.json` and safetensors files, whole or sharded, or the one in a GGUF
  /// file, whose architecture may be llama, qwen2, qwen3 or gpt2, or in a llama2.c file.
  ///
  /// Matrices that are kept as Float32, Float16 or bfloat16 stay so unless another format is given; quantized ones, of GGUF and
  /// of llama2.c's version 2, are widened to Float32. Where there is a `generation_config.json`, its end tokens
  /// count in place of those of `config.json`; `Decoding(of:)` reads what else it asks for.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func load(
    from folder: String, as format: StorageFormat? = nil
  ) throws(InputError) -> any LanguageModel {
    try AtomicDirectory.recoverIfAbsent(folder)
    if try fileKind(folder) == .file { return try loadFile(folder, as: format) }
    let json = try configuration(in: folder)
    let kind = try json.required("model_type")
    let name = try kind.string(), llamas = Llama.Family.allCases.map(\.rawValue)
    if name == "gpt2" { return try GPT2.load(from: folder, as: format) }
    if llamas.contains(name) { return try Llama.load(from: folder, as: format) }
    if Transformer.Family(rawValue: name) != nil, try json.isDecoder {
      return try Transformer.CausalLanguageModel.load(from: folder, as: format)
    }
    throw kind.error(
      .unsupported, "no decoder of the type \"\(name)\" is implemented",
      advice: "Known are gpt2, \(llamas.joined(separator: ", ")).")
  }

  /// Loads the model of a folder whose type is one that writes a text over another one; nil where it is of no such type.
  ///
  /// - Throws: as `load`.
  public static func loadSequenceToSequence(
    from folder: String, as format: StorageFormat? = nil
  ) throws(InputError) -> (any SequenceToSequenceModel)? {
    let json = try configuration(in: folder)
    let name = try json.required("model_type").string()
    if try json.isDecoder { return nil }
    if name == "t5" { return try T5.LanguageModel.load(from: folder, as: format) }
    if Transformer.Family(rawValue: name) != nil {
      return try Transformer.With<Transformer.LanguageHead>.load(from: folder, as: format)
    }
    return nil
  }

  /// The parsed `config.json`.
  package static func configuration(in folder: String) throws(InputError) -> JSONField {
    try document(folder + "/config.json")
  }

  /// The end tokens of `generation_config.json`: where there is one, it alone says what ends a text, if anything.
  static func endTokens(in folder: String) throws(InputError) -> [Int]? {
    guard let json = try generationConfiguration(in: folder) else { return nil }
    return try json.optional("eos_token_id")?.tokenIDs() ?? []
  }

  /// The parsed `generation_config.json`, if there is one.
  package static func generationConfiguration(in folder: String) throws(InputError) -> JSONField? {
    try documentIfPresent(folder + "/generation_config.json")
  }

  /// A parsed file of JSON, if there is one.
  package static func documentIfPresent(_ path: String) throws(InputError) -> JSONField? {
    do throws(InputError) { return try document(path) } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
  }

  /// A parsed file of JSON.
  package static func document(_ path: String) throws(InputError) -> JSONField {
    try AtomicDirectory.recoverIfAbsent(around: path)
    let bytes = try InputFile.contents(of: path, atMost: 1 << 24)
    return try JSONField(parsing: bytes, at: path)
  }

  /// Refuses a number of layers that the file's tensors cannot fill, before any layer is made.
  static func check(layerCount: Int, _ checkpoint: some Checkpoint) throws(InputError) {
    // Below a few hundred, the report of what is missing says more.
    guard layerCount <= max(256, checkpoint.tensors.count) else {
      throw InputError(
        .inconsistent, "config.json says \(layerCount) layers, the file holds \(checkpoint.tensors.count) tensors",
        at: checkpoint.path, advice: "Check that config.json belongs to these weights.")
    }
  }

  /// Whether a file's head is a matrix of its own. Where both tensors are there, they decide: it is if they differ. Where
  /// one of them is missing, the other serves for both if the configuration ties them; otherwise the missing one is an
  /// error, for loading to report, where the reference would go on with random numbers.
  static func hasOwnHead(
    _ checkpoint: some Checkpoint, head: String = "lm_head.weight", embedding: [String], isTied: Bool
  ) throws(InputError) -> Bool {
    guard let head = checkpoint.tensor(named: head),
      let table = embedding.lazy.compactMap({ checkpoint.tensor(named: $0) }).first
    else { return !isTied }
    if head.typeName != table.typeName || head.shape != table.shape { return true }
    return try !head.hasSameBytes(as: table)
  }
}

extension JSONField {
  /// Whether a configuration of two texts is that of a decoder alone.
  fileprivate var isDecoder: Bool {
    get throws(InputError) { try optional("is_encoder_decoder")?.bool() == false }
  }
}
