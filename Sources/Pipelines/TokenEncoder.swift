import Attention
import Formats
import Layers
import Models
import Tensor

/// A model without its head, of any family that takes token ids: text in, a vector for each token out.
struct TokenEncoder: Sendable {
  /// The width of the vectors.
  let width: Int
  /// The most tokens of a text.
  let contextLength: Int
  /// How many tokens it knows.
  let vocabularySize: Int
  /// What fills up shorter texts.
  let paddingToken: Int32
  /// The vectors: `[batch, time, width]`.
  let states: @Sendable (TokenBatch, AttentionMask) -> Tensor

  /// Loads the model that a folder's `model_type` names.
  init(from folder: String, as format: StorageFormat?) throws(InputError) {
    let type = try PretrainedModel.configuration(in: folder).required("model_type")
    let name = try type.string()
    if BERT.Family(rawValue: name) != nil {
      self.init(try BERT.load(from: folder, as: format))
    } else if Llama.Family(rawValue: name) != nil {
      self.init(try DecoderWith<Llama.Decoder, HiddenStates>.load(from: folder, as: format))
    } else if name == "gpt2" {
      self.init(try DecoderWith<GPT2.Decoder, HiddenStates>.load(from: folder, as: format))
    } else if name == "t5" {
      self.init(try T5.Encoder.load(from: folder, as: format))
    } else {
      let known = BERT.Family.allCases.map(\.rawValue) + Llama.Family.allCases.map(\.rawValue) + ["gpt2", "t5"]
      throw type.error(
        .unsupported, "no model of the type \"\(name)\" makes vectors of texts here",
        advice: "Known are \(known.joined(separator: ", ")).")
    }
  }

  private init(_ loaded: BERT) {
    let model = loaded.packedForInference(), c = model.configuration
    (width, contextLength, vocabularySize) = (c.width, c.contextLength, c.vocabularySize)
    paddingToken = Self.padding(c.paddingToken, c.vocabularySize)
    states = { tokens, mask in
      var pass = Pass(mask: mask)
      return model(tokens, &pass).hidden
    }
  }

  private init(_ loaded: T5.Encoder) {
    let model = loaded.packedForInference(), c = model.configuration
    (width, contextLength, vocabularySize) = (c.width, T5.Configuration.contextLength, c.vocabularySize)
    paddingToken = Self.padding(c.paddingToken, c.vocabularySize)
    states = { tokens, mask in
      var pass = Pass(mask: mask)
      return model(tokens, &pass)
    }
  }

  private init<Base: DecoderBase>(_ loaded: DecoderWith<Base, HiddenStates>) {
    let model = loaded.packedForInference(), c = model.configuration
    (width, contextLength, vocabularySize) = (c.width, c.contextLength, c.vocabularySize)
    paddingToken = Self.padding(c.paddingToken, c.vocabularySize)
    states = { tokens, mask in
      var pass = Pass(mask: mask)
      return model(tokens, &pass)
    }
  }

  private static func padding(_ token: Int?, _ vocabularySize: Int) -> Int32 {
    guard let token, 0..<vocabularySize ~= token else { return 0 }
    return Int32(token)
  }

  /// Texts side by side, shorter ones filled up at their end, which the mask hides. Each has a token, and ids that the
  /// model knows.
  func states(of texts: [[Int]]) -> Tensor {
    let time = texts.map(\.count).max() ?? 0
    var ids: [Int32] = []
    for text in texts {
      ids += text.map { Int32($0) }
      ids += repeatElement(paddingToken, count: time - text.count)
    }
    return states(
      TokenBatch(ids, batch: texts.count, time: time), .lengths(texts.map(\.count), of: time))
  }
}
