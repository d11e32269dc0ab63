import Formats
import Foundation
import Layers
import Models
import Tensor
import Tokenizers

/// A model that writes, from a Hugging Face folder: a decoder continues a prompt, a sequence-to-sequence model writes a
/// text over it.
///
///     let writer = try Writer(from: "opus-mt-en-de")
///     let texts = try writer.write(tokenizer.encode("A fine day."))
///     print(try tokenizer.decode(texts[0].ids, skippingSpecialTokens: true))
public struct Writer: Sendable {
  /// What kinds there are.
  public enum Model: Sendable {
    /// Continues its prompt.
    case decoder(any LanguageModel)
    /// Reads its prompt, and writes another text.
    case sequenceToSequence(any SequenceToSequenceModel)
  }

  /// The model.
  public let model: Model
  /// How the folder asks to decode.
  public var decoding: Decoding

  /// How many new tokens there are at most where nothing says it.
  public static let defaultMaxTokens = 128

  /// Loads a model that writes, packed for that, and how its folder asks to decode; or a model that is one file.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public init(from folder: String, as format: StorageFormat? = nil) throws(InputError) {
    if try fileKind(folder) == .file {  // it says nothing of how to decode
      model = .decoder(try PretrainedModel.load(from: folder, as: format).packedForInference())
      decoding = Decoding()
      return
    }
    if let model = try PretrainedModel.loadSequenceToSequence(from: folder, as: format) {
      self.model = .sequenceToSequence(model)
    } else {
      model = .decoder(try PretrainedModel.load(from: folder, as: format).packedForInference())
    }
    decoding = try Decoding(of: folder)
  }

  /// A model that was made or loaded already.
  public init(_ model: Model, decoding: Decoding = Decoding()) { (self.model, self.decoding) = (model, decoding) }

  /// The language model that writes, and the tokens that it begins with: those of the prompt, or the decoder's start
  /// token over the prompt, which an encoder reads now.
  ///
  /// - Throws: `badValue` or `tooLarge` for a prompt that the model cannot read; `missing` where nothing says what a
  ///   decoder begins with.
  public func begin(_ prompt: [Int]) throws(InputError) -> (model: any LanguageModel, tokens: [Int]) {
    switch model {
    case .decoder(let model): return (model, prompt)
    case .sequenceToSequence(let model):
      guard let start = model.decoderStartToken else {
        throw InputError(
          .missing, "nothing says what the decoder begins with", at: "decoder_start_token_id",
          advice: "Write it into generation_config.json.")
      }
      guard !prompt.isEmpty else {
        throw InputError(.badValue, "the text has no tokens", at: "prompt", advice: "Give one that has some.")
      }
      try model.check(source: prompt)
      var pass = Pass()
      return (model.decoder(over: model.encode(TokenBatch(prompt), &pass)), [start])
    }
  }

  /// How many new tokens a text that begins with `tokens` has at most: what `decoding` says, or the default.
  ///
  /// - Throws: `tooLarge` where the beginning is as long as the whole text may be.
  public func maxTokens(after tokens: [Int]) throws(InputError) -> Int {
    if let count = decoding.maxTokens { return count }
    guard let length = decoding.maxLength else { return Writer.defaultMaxTokens }
    guard length > tokens.count else {
      throw InputError(
        .tooLarge, "\(tokens.count) tokens leave none of the \(length) that the model's folder allows",
        at: "max_length",
        advice: "Say how many new tokens you want.")
    }
    return length - tokens.count
  }

  /// The texts that the model writes for a prompt, as `decoding` says: the best ones of a search, or one.
  ///
  /// - Throws: as `begin`, `TokenStream` and `LanguageModel.beamSearch`.
  public func write(_ prompt: [Int]) throws(InputError) -> [WrittenText] {
    let (model, tokens) = try begin(prompt)
    let count = try maxTokens(after: tokens)
    if decoding.beams.width > 1 {
      return try model.beamSearch(after: tokens, decoding.beams, rules: decoding.rules, maxTokens: count).hypotheses
        .map { WrittenText(ids: $0.ids, end: $0.end, score: $0.score) }
    }
    let text = try model.generate(
      after: tokens, sampling: decoding.sampling, rules: decoding.rules, maxTokens: count)
    return [WrittenText(ids: text.ids, end: text.end, score: nil)]
  }
}

/// A text that a model has written.
public struct WrittenText: Sendable, Equatable {
  /// The new tokens, without what the text began with and without a stop token.
  public let ids: [Int]
  /// Why they end.
  public let end: TokenStream.End
  /// How likely the text is, where it was searched for.
  public let score: Double?
}

/// The tokenizers of a folder, of the text that is read and of the one that is written: the same one for most models.
///
/// - Throws: as `loadTokenizer(in:)`; `unsupported` for a folder with a vocabulary for each language.
public func loadTokenizers(in folder: String) throws(InputError) -> (source: any Tokenizer, target: any Tokenizer) {
  // Marian's folders have a SentencePiece model for each language, but as a rule one vocabulary for both.
  let own = folder + "/target_vocab.json"
  guard !FileManager.default.fileExists(atPath: own) else {
    throw InputError(
      .unsupported, "a vocabulary for each language is not implemented", at: own,
      advice: "Give token ids instead of text.")
  }
  let tokenizer = try loadTokenizer(in: folder)
  return (tokenizer, tokenizer)
}
