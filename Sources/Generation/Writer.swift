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
    try AtomicDirectory.recoverIfAbsent(folder)
    if try fileKind(folder) == .file {  // it says nothing of how to decode
      model = .decoder(try PretrainedModel.load(from: folder, as: format).packedForInference())
      decoding = Decoding()
      return
    }
    if let model = try PretrainedModel.loadSequenceToSequence(from: folder, as: format) {
      self.model = .sequenceToSequence(model.packedForInference())
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
    let (model, tokens) = try begin(each: [prompt])
    return (model, tokens[0])
  }

  /// The same for several prompts side by side; what an encoder reads of shorter ones is filled up at their end.
  ///
  /// - Throws: as of one prompt; of several the error says which.
  public func begin(each prompts: [[Int]]) throws(InputError) -> (model: any LanguageModel, tokens: [[Int]]) {
    switch model {
    case .decoder(let model): return (model, prompts)
    case .sequenceToSequence(let model):
      guard let start = model.decoderStartToken else {
        throw InputError(
          .missing, "nothing says what the decoder begins with", at: "decoder_start_token_id",
          advice: "Write it into generation_config.json.")
      }
      for (index, prompt) in prompts.enumerated() {
        do throws(InputError) {
          guard !prompt.isEmpty else {
            throw InputError(.badValue, "the text has no tokens", at: "prompt", advice: "Give one that has some.")
          }
          try model.check(source: prompt)
        } catch { throw prompts.count == 1 ? error : error.inside("text \(index)") }
      }
      let lengths = prompts.map(\.count), time = lengths.max() ?? 0
      let ids = prompts.flatMap { prompt in
        prompt.map { Int32(truncatingIfNeeded: $0) } + [Int32](repeating: 0, count: time - prompt.count)
      }
      var pass = Pass(mask: lengths.allSatisfy { $0 == time } ? .none : .lengths(lengths, of: time))
      let source = model.encode(TokenBatch(ids, batch: prompts.count, time: time), &pass)
      return (model.decoder(over: source), prompts.map { _ in [start] })
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
  public func write(_ prompt: [Int]) throws(InputError) -> [WrittenText] { try write(each: [prompt]).texts[0] }

  /// The texts that the model writes for each of several prompts, side by side: for each what it writes for that prompt
  /// alone, as `LanguageModel.generate(afterEach:)` and `beamSearch(afterEach:)` do.
  ///
  /// - Throws: as of one prompt; of several the error says which.
  public func write(each prompts: [[Int]]) throws(InputError) -> (texts: [[WrittenText]], timing: Timing) {
    guard !prompts.isEmpty else { return ([], Timing(promptTokens: 0)) }
    let (model, beginnings) = try begin(each: prompts)
    var counts: [Int] = []
    for (index, tokens) in beginnings.enumerated() {
      do throws(InputError) { counts.append(try maxTokens(after: tokens)) } catch {
        throw prompts.count == 1 ? error : error.inside("text \(index)")
      }
    }
    if decoding.beams.width > 1 {
      let found = try model.beamSearch(
        afterEach: beginnings, decoding.beams, rules: decoding.rules, maxTokens: counts)
      return (
        found.hypotheses.map { $0.map { WrittenText(ids: $0.ids, end: $0.end, score: $0.score) } }, found.timing
      )
    }
    let batch = try model.generate(
      afterEach: beginnings, samplings: prompts.map { _ in decoding.sampling }, rules: decoding.rules,
      maxTokens: counts)
    return (batch.texts.map { [WrittenText(ids: $0.ids, end: $0.end, score: nil)] }, batch.timing)
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
  try AtomicDirectory.recoverIfAbsent(folder)
  let own = folder + "/target_vocab.json"
  guard !FileManager.default.fileExists(atPath: own) else {
    throw InputError(
      .unsupported, "a vocabulary for each language is not implemented", at: own,
      advice: "Give token ids instead of text.")
  }
  let tokenizer = try loadTokenizer(in: folder)
  return (tokenizer, tokenizer)
}
