import Formats

/// How the next token is chosen from the model's scores: a value that says everything about it.
///
/// With the temperature `T`, token `i` of score `x[i]` has the weight `exp((x[i] - max x) / T)`. Then, in the order of
/// Hugging Face's `generate`: only the `topK` tokens of largest weight stay; of these only the fewest, largest first,
/// whose weights make at least the share `topP` of all that stayed (Holtzman et al. 2020), at least one; and one of
/// them is drawn with a chance that is proportional to its weight. Of equal scores the lower id counts as larger.
///
/// What is drawn is a function of the scores, the seed and the token's position in the text. It depends neither on
/// threads nor on other generations, and a text that is continued later goes on as it would have.
public struct Sampling: Sendable, Equatable {
  /// What scores are divided by; 0 takes the token of the largest score.
  public let temperature: Double
  /// How many tokens may be drawn; all where nil.
  public let topK: Int?
  /// The share of the weight that may be drawn; all where nil.
  public let topP: Double?
  /// What the random numbers come from.
  public let seed: UInt64

  /// The token of the largest score, the lowest id among equals.
  public static let greedy = Sampling(0, nil, nil, 0)

  /// Draws tokens at random.
  ///
  /// - Parameters:
  ///   - temperature: 0 or more, finite. 1 draws from the model's own distribution, 0 is greedy.
  ///   - topK: 1 or more; more than the vocabulary has means all.
  ///   - topP: above 0, at most 1.
  ///   - seed: the same seed gives the same text.
  /// - Throws: `badValue` for a number outside these ranges.
  public init(temperature: Double = 1, topK: Int? = nil, topP: Double? = nil, seed: UInt64 = 0) throws(InputError) {
    guard temperature >= 0, temperature.isFinite else {
      throw InputError(
        .badValue, "a temperature of \(temperature)", at: "temperature", advice: "Use 0 for greedy, 1 for sampling.")
    }
    if let topK, topK < 1 {
      throw InputError(.badValue, "the \(topK) best tokens leave none", at: "topK", advice: "Use 1 or more.")
    }
    if let topP, !(topP > 0 && topP <= 1) {
      throw InputError(
        .badValue, "\(topP) is no share of the weight", at: "topP", advice: "Use more than 0, at most 1.")
    }
    (self.temperature, self.topK, self.topP, self.seed) = (temperature, topK, topP, seed)
  }

  /// The same with another seed.
  public func seeded(_ seed: UInt64) -> Sampling { Sampling(temperature, topK, topP, seed) }

  private init(_ temperature: Double, _ topK: Int?, _ topP: Double?, _ seed: UInt64) {
    (self.temperature, self.topK, self.topP, self.seed) = (temperature, topK, topP, seed)
  }

  /// Whether the token of the largest score is taken.
  public var isGreedy: Bool { temperature == 0 || topK == 1 }
}
