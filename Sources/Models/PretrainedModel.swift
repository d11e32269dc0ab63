import Attention
import Checkpoints
import Formats
import Layers
import Tensor

/// A decoder from a Hugging Face folder, of any family that is implemented.
public enum PretrainedModel {
  /// Loads the decoder in a folder that holds `config.json` and safetensors files, whole or sharded, or the one in a GGUF
  /// file, whose architecture may be llama or gpt2, or in a llama2.c file.
  ///
  /// Matrices stay in the file's format unless another is given. Of `generation_config.json` the end tokens are
  /// honoured, in place of those of `config.json`, and nothing else: how to sample and how many tokens to give is said to
  /// `TokenStream`, and `settingsNotHonoured(in:)` lists what would change even the likeliest tokens.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func load(
    from folder: String, as format: StorageFormat? = nil
  ) throws(InputError) -> any LanguageModel {
    if try fileKind(folder) == .file { return try loadFile(folder, as: format) }
    let json = try configuration(in: folder)
    let kind = try json.required("model_type")
    switch try kind.string() {
    case "gpt2": return try GPT2.load(from: folder, as: format)
    case "llama": return try Llama.load(from: folder, as: format)
    case let name:
      throw kind.error(
        .unsupported, "no decoder of the type \"\(name)\" is implemented", advice: "Known are gpt2 and llama.")
    }
  }

  /// The parsed `config.json`.
  static func configuration(in folder: String) throws(InputError) -> JSONField {
    try AtomicDirectory.recoverIfAbsent(folder)
    return try document(folder + "/config.json")
  }

  /// The end tokens of `generation_config.json`, which override those of `config.json`.
  static func endTokens(in folder: String, vocabularySize: Int) throws(InputError) -> [Int]? {
    try generationConfiguration(in: folder)?.optional("eos_token_id")?.tokenIDs(below: vocabularySize)
  }

  /// The parsed `generation_config.json`, if there is one.
  static func generationConfiguration(in folder: String) throws(InputError) -> JSONField? {
    do throws(InputError) { return try document(folder + "/generation_config.json") } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
  }

  private static func document(_ path: String) throws(InputError) -> JSONField {
    let bytes = try InputFile.contents(of: path, atMost: 1 << 24)
    do throws(InputError) { return JSONField(try JSONValue(parsing: bytes), at: path) } catch {
      throw error.inside(path)
    }
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

  /// Whether a file's head is a matrix of its own: both tensors are there and differ. With one of them alone, or two
  /// that are equal, the embedding serves for both.
  static func hasOwnHead(
    _ checkpoint: some Checkpoint, head: String = "lm_head.weight", embedding: [String]
  ) throws(InputError) -> Bool {
    guard let head = checkpoint.tensor(named: head),
      let table = embedding.lazy.compactMap({ checkpoint.tensor(named: $0) }).first
    else { return false }
    if head.typeName != table.typeName || head.shape != table.shape { return true }
    return try !head.hasSameBytes(as: table)
  }
}

extension GPT2 {
  /// Loads a GPT-2 from a Hugging Face folder, strictly.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> GPT2 {
    var configuration = try Configuration(try PretrainedModel.configuration(in: folder))
    if let ends = try PretrainedModel.endTokens(in: folder, vocabularySize: configuration.vocabularySize) {
      configuration.endTokens = ends
    }
    let checkpoint = try SafetensorsCheckpoint(at: folder)
    try PretrainedModel.check(layerCount: configuration.layerCount, checkpoint)
    let embedding = "transformer.wte.weight"
    let hasHead = try PretrainedModel.hasOwnHead(checkpoint, embedding: [embedding, "wte.weight"])
    var initializer = Initializer.placeholders
    var model = GPT2(configuration, hasHead: hasHead, &initializer)
    let aliases = hasHead ? [:] : [embedding: ["wte.weight", "lm_head.weight"]]
    try checkpoint.load(
      into: &model,
      names: CheckpointNames(basePrefix: "transformer", aliases: aliases) { name in
        name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")
          || (!hasHead && name == "lm_head.weight")
      }, as: format)
    return model
  }
}

extension Llama {
  /// Loads a Llama from a Hugging Face folder, strictly.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> Llama {
    var configuration = try Configuration(try PretrainedModel.configuration(in: folder))
    if let ends = try PretrainedModel.endTokens(in: folder, vocabularySize: configuration.vocabularySize) {
      configuration.endTokens = ends
    }
    let checkpoint = try SafetensorsCheckpoint(at: folder)
    try PretrainedModel.check(layerCount: configuration.layerCount, checkpoint)
    let embedding = "model.embed_tokens.weight"
    let hasHead = try PretrainedModel.hasOwnHead(checkpoint, embedding: [embedding, "embed_tokens.weight"])
    var initializer = Initializer.placeholders
    var model = Llama(configuration, hasHead: hasHead, &initializer)
    let aliases = hasHead ? [:] : [embedding: ["embed_tokens.weight", "lm_head.weight"]]
    try checkpoint.load(
      into: &model,
      names: CheckpointNames(basePrefix: "model", aliases: aliases) { name in
        name.hasSuffix("rotary_emb.inv_freq") || (!hasHead && name == "lm_head.weight")
      }, as: format)
    return model
  }
}
