import Formats
import Models

/// One text as it grows: which token the model's scores give it, by rules and sampling, and when it ends.
struct GrowingText: Sendable {
  /// Why it has ended; nil before.
  private(set) var end: TokenStream.End?
  /// How many new tokens there are.
  private(set) var count = 0
  private let promptCount: Int
  private let maxTokens: Int
  private let contextLength: Int
  private let stopTokens: Set<Int>
  private let rules: TokenRules
  /// The tokens so far, where rules look at them.
  private var history: [Int] = []
  private var sampler: Sampler

  init(
    after prompt: [Int], of model: any LanguageModel, _ sampling: Sampling, _ rules: TokenRules, maxTokens: Int,
    stopTokens: Set<Int>?
  ) throws(InputError) {
    try rules.check(vocabularySize: model.vocabularySize)
    (self.rules, self.maxTokens, promptCount) = (rules, maxTokens, prompt.count)
    self.stopTokens = stopTokens ?? Set(model.endTokens)
    contextLength = model.contextLength
    if !rules.changeNothing { history = prompt }
    sampler = Sampler(sampling, vocabularySize: model.vocabularySize)
  }

  /// Whether there is room for another token; where there is none, the text ends.
  mutating func hasRoom() -> Bool {
    guard end == nil else { return false }
    if count == maxTokens { end = .maxTokens } else if promptCount + count >= contextLength { end = .contextLength }
    return end == nil
  }

  /// The next token.
  ///
  /// - Parameter scores: one for each token of the vocabulary; rules change them.
  /// - Returns: nil where the token ends the text.
  /// - Throws: `nonFinite` where the scores are no numbers, or rules leave none.
  mutating func next(_ scores: UnsafeMutableBufferPointer<Float>) throws(InputError) -> Int? {
    if !rules.changeNothing {
      rules.apply(
        to: scores, history: history, promptCount: promptCount,
        maxLength: promptCount + min(maxTokens, Int.max - promptCount), endTokens: stopTokens)
    }
    let id = try sampler.pick(UnsafeBufferPointer(scores), position: promptCount + count)
    if stopTokens.contains(id) {
      end = .stopToken(id)
      return nil
    }
    count += 1
    if !rules.changeNothing { history.append(id) }
    return id
  }
}
