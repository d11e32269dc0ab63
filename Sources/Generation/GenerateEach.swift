import Formats
import Models
import Tensor

/// Texts that continue several prompts, and what they took.
public struct GeneratedBatch: Sendable {
  /// One of the texts.
  public struct Text: Sendable, Equatable {
    /// The new tokens, without the prompt and without a stop token.
    public internal(set) var ids: [Int] = []
    /// Why they end.
    public internal(set) var end = TokenStream.End.maxTokens
  }

  /// A text for each prompt, in their order.
  public let texts: [Text]
  /// How long all prompts, and all new tokens, took.
  public let timing: Timing
  /// The most memory that the process has had in use until then.
  public let peakBytes: Int
}

extension LanguageModel {
  /// The tokens that continue each of several prompts, decoded side by side: the model's weights are read once for all
  /// of them.
  ///
  /// Each text is the one that `generate(after:)` gives for its prompt alone, whatever stands beside it. Scores differ by
  /// rounding where prompts have different lengths (about 1e-6 of the largest), so that two tokens of equal scores may
  /// change places. A text that has ended leaves its place.
  ///
  /// - Parameters:
  ///   - prompts: token ids, at least one in each.
  ///   - seeds: a seed for each text in place of `sampling`'s, with which equal prompts get equal texts.
  ///   - maxTokens: how many tokens each text has at most, at least 1.
  ///   - stopTokens: the tokens that end a text; the model's own unless given.
  /// - Throws: as `TokenStream`; of several prompts the error says which.
  public func generate(
    afterEach prompts: [[Int]], sampling: Sampling = .greedy, seeds: [UInt64]? = nil,
    rules: TokenRules = TokenRules(), maxTokens: Int, stopTokens: Set<Int>? = nil
  ) throws(InputError) -> GeneratedBatch {
    precondition(
      seeds.map { $0.count == prompts.count } ?? true,
      "generate: \(seeds?.count ?? 0) seeds for \(prompts.count) prompts")
    return try generate(
      afterEach: prompts, samplings: seeds?.map(sampling.seeded) ?? prompts.map { _ in sampling }, rules: rules,
      maxTokens: prompts.map { _ in maxTokens }, stopTokens: stopTokens)
  }

  /// The same with a sampling and a number of tokens for each text.
  func generate(
    afterEach prompts: [[Int]], samplings: [Sampling], rules: TokenRules, maxTokens: [Int], stopTokens: Set<Int>? = nil
  ) throws(InputError) -> GeneratedBatch {
    var timing = Timing(promptTokens: prompts.reduce(0) { $0 + $1.count })
    var texts = prompts.map { _ in GeneratedBatch.Text() }
    var rows = try DecodingRows(self, after: prompts, maxTokens: maxTokens)
    var growing: [(index: Int, text: GrowingText)] = []
    for (index, prompt) in prompts.enumerated() {
      let text = try GrowingText(
        after: prompt, of: self, samplings[index], rules, maxTokens: maxTokens[index], stopTokens: stopTokens)
      growing.append((index, text))
    }
    while !growing.isEmpty {
      let clock = ContinuousClock.now
      var scores = try rows.scores()
      let size = vocabularySize
      // The rows that go on, and with which tokens.
      var (staying, tokens) = ([Int](), [Int]())
      let failure: InputError? = scores.withMutableScalars { all in
        for row in growing.indices {
          let own = UnsafeMutableBufferPointer(rebasing: all[row * size..<(row + 1) * size])
          do throws(InputError) {
            guard growing[row].text.hasRoom(), let id = try growing[row].text.next(own) else { continue }
            texts[growing[row].index].ids.append(id)
            if growing[row].text.hasRoom() {
              staying.append(row)
              tokens.append(id)
            }
          } catch { return prompts.count == 1 ? error : error.inside("text \(growing[row].index)") }
        }
        return nil
      }
      if let failure { throw failure }
      timing.add(clock.duration(to: .now), tokens: growing.count)
      for (index, text) in growing { texts[index].end = text.end ?? .maxTokens }
      rows.append(tokens, to: staying, texts: staying.count < growing.count ? staying : nil)
      growing = staying.map { growing[$0] }
    }
    return GeneratedBatch(texts: texts, timing: timing, peakBytes: Memory.processPeakBytes)
  }
}
