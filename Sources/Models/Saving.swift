import Attention
import Checkpoints
import Formats
import Layers
import Tensor

/// A model that can be saved as a Hugging Face folder.
public protocol SavableModel: Module {
  /// Writes `config.json` and the weights: `model.safetensors` or, where they have more bytes than `shardSize`, several
  /// files and `model.safetensors.index.json`. Weights that the replaced folder holds, all of its shards included, are
  /// replaced too.
  ///
  /// - Throws: `io` where the folder cannot be written, `tooLarge` for more than 512 files, `duplicate` where it was given
  ///   weights before.
  func save(to folder: AtomicDirectory, shardSize: ShardSize?) throws(InputError)
}

extension SavableModel {
  /// Writes `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) { try save(to: folder, shardSize: nil) }
}

extension Module {
  /// The format that all matrices are kept in, or else Float32. Vectors stay Float32 in every model.
  public var matrixFormat: StorageFormat {
    let formats = Set(parameters.filter { $0.value.rank >= 2 }.map(\.value.format))
    return formats.count == 1 ? formats.first ?? .float32 : .float32
  }
}

extension GPT2.Configuration {
  /// `config.json` as Hugging Face reads it.
  ///
  /// - Parameters:
  ///   - architecture: The name of the class.
  ///   - tiesHead: Whether the output uses the embedding's matrix.
  ///   - format: How the matrices are kept.
  public func json(
    architecture: String = "GPT2LMHeadModel", tiesHead: Bool = true, format: StorageFormat = .float32
  ) -> JSONValue {
    .object(
      [
        JSONMember("architectures", .array([.string(JSONString(architecture))])),
        JSONMember("model_type", .string("gpt2")),
        JSONMember("vocab_size", .integer(vocabularySize)),
        JSONMember("n_positions", .integer(contextLength)),
        JSONMember("n_embd", .integer(width)),
        JSONMember("n_layer", .integer(layerCount)),
        JSONMember("n_head", .integer(headCount)),
        JSONMember("n_inner", .integer(feedForwardWidth)),
        JSONMember("activation_function", .activation(activation)),
        JSONMember("layer_norm_epsilon", .decimal(normEpsilon)),
        JSONMember("scale_attn_weights", .bool(scalesScores)),
        JSONMember("scale_attn_by_inverse_layer_idx", .bool(scalesScoresByBlock)),
        // The model drops nothing of the attention's weights.
        JSONMember("attn_pdrop", .decimal(0)),
        JSONMember("embd_pdrop", .decimal(dropout)),
        JSONMember("resid_pdrop", .decimal(dropout)),
        JSONMember("tie_word_embeddings", .bool(tiesHead)),
        JSONMember("torch_dtype", .dtype(format)),
      ] + namedLabels(labels) + specialTokens(start: startToken, ends: endTokens, padding: paddingToken))
  }
}

/// The names of classes, where a decoder's have any.
func namedLabels(_ labels: [String]) -> [JSONMember] { labels == unnamedLabels(2) ? [] : labelMembers(labels) }

/// All three are always written: where one is absent, readers assume an id of the family's own vocabulary.
func specialTokens(start: Int?, ends: [Int], padding: Int?) -> [JSONMember] {
  func id(_ token: Int?) -> JSONValue { token.map { .integer($0) } ?? .null }
  return [
    JSONMember("bos_token_id", id(start)),
    JSONMember("eos_token_id", ends.count > 1 ? .array(ends.map { .integer($0) }) : id(ends.first)),
    JSONMember("pad_token_id", id(padding)),
  ]
}

extension JSONValue {
  /// The number that a reader of the shortest decimal form of `value` gets.
  static func decimal(_ value: Float) -> JSONValue { .number(Double("\(value)") ?? Double(value)) }

  /// Hugging Face's name of an activation.
  static func activation(_ activation: Activation) -> JSONValue { .string(JSONString(activation.fileName)) }

  static func dtype(_ format: StorageFormat) -> JSONValue {
    switch format {
    case .float32: "float32"
    case .bfloat16: "bfloat16"
    case .float16: "float16"
    }
  }
}
