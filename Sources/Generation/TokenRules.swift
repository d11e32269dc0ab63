import Formats
import Foundation
import Models
import Tensor

/// What a text may not say and what it must: changes to the model's scores that depend on the tokens so far.
///
/// They act in the order of Hugging Face's `generate`, which is that of the properties here, and give the same scores.
/// For a decoder the tokens so far are prompt and new tokens, for a sequence-to-sequence model the decoder's start token
/// and the new ones.
public struct TokenRules: Sendable, Equatable {
  /// A positive score of a token that is there already is divided by this, a negative one multiplied (Keskar et al.
  /// 2019); 1 changes nothing.
  public var repetitionPenalty: Double = 1
  /// No row of this many tokens comes twice; 0 allows all.
  public var unrepeatedLength = 0
  /// Rows of tokens that may not come; a single end token among them is ignored.
  public var badWords: [[Int]] = []
  /// The text does not end before it has this many tokens, those it began with included.
  public var minLength = 0
  /// The text does not end before there are this many new tokens.
  public var minNewTokens = 0
  /// What comes second, after a single first token.
  public var forcedSecondToken: Int?
  /// What comes last, where the text is as long as it may be; any of these.
  public var forcedLastTokens: [Int] = []
  /// Tokens that may not come.
  public var suppressedTokens: [Int] = []
  /// Tokens that may not come first; where the second token is forced, that counts as the beginning.
  public var suppressedFirstTokens: [Int] = []
  /// Whether scores are made logarithms of probabilities again afterwards.
  public var renormalizes = false

  /// Rules that change nothing.
  public init() {}

  /// Checks that the rules make sense for a vocabulary.
  ///
  /// - Throws: `badValue` for a penalty that is not above 0, a negative length, an empty bad word, or an id outside the
  ///   vocabulary among bad words and forced tokens.
  func check(vocabularySize: Int) throws(InputError) {
    func refuse(_ what: String, _ place: String, _ advice: String) -> InputError {
      InputError(.badValue, what, at: place, advice: advice)
    }
    guard repetitionPenalty > 0, repetitionPenalty.isFinite else {
      throw refuse("a repetition penalty of \(repetitionPenalty)", "repetitionPenalty", "Use a number above 0.")
    }
    guard unrepeatedLength >= 0, minLength >= 0, minNewTokens >= 0 else {
      throw refuse("a negative number of tokens", "rules", "Use 0 or more.")
    }
    guard !badWords.contains([]) else { throw refuse("a bad word has no tokens", "badWords", "Leave it out.") }
    for id in badWords.joined() + forcedLastTokens + (forcedSecondToken.map { [$0] } ?? [])
    where !(0..<vocabularySize).contains(id) {
      throw refuse(
        "the token id \(id) is outside the vocabulary of \(vocabularySize)", "rules",
        "Use ids from 0 to \(vocabularySize - 1).")
    }
  }

  /// Whether nothing is ever changed.
  var changeNothing: Bool { self == TokenRules() }

  /// Changes the scores of the token after `history`.
  ///
  /// - Parameters:
  ///   - history: the tokens so far.
  ///   - promptCount: how many of them the text began with.
  ///   - maxLength: how many tokens there may be in all.
  func apply(
    to scores: UnsafeMutableBufferPointer<Float>, history: [Int], promptCount: Int, maxLength: Int, endTokens: Set<Int>
  ) {
    let count = history.count
    func forbid(_ ids: some Sequence<Int>) {
      for id in ids where scores.indices.contains(id) { scores[id] = -.infinity }
    }
    if repetitionPenalty != 1 {
      let penalty = Float(repetitionPenalty)
      for id in Set(history) { scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty }
    }
    if unrepeatedLength > 0, count >= unrepeatedLength {
      let beginning = history.suffix(unrepeatedLength - 1)
      for start in 0...count - unrepeatedLength {
        let row = history[start..<start + unrepeatedLength]
        if row.dropLast().elementsEqual(beginning) { forbid(row.suffix(1)) }
      }
    }
    for word in badWords where !(word.count == 1 && endTokens.contains(word[0])) {
      if history.suffix(word.count - 1).elementsEqual(word.dropLast()) { forbid(word.suffix(1)) }
    }
    if count < minLength || count - promptCount < minNewTokens { forbid(endTokens) }
    func force(_ ids: [Int]) {
      scores.update(repeating: -.infinity)
      for id in ids { scores[id] = 0 }
    }
    if let forcedSecondToken, count == 1 { force([forcedSecondToken]) }
    if !forcedLastTokens.isEmpty, count == maxLength - 1 { force(forcedLastTokens) }
    forbid(suppressedTokens)
    let first = promptCount > 1 || forcedSecondToken == nil ? promptCount : promptCount + 1
    if count == first { forbid(suppressedFirstTokens) }
    if renormalizes { TokenRules.normalize(scores) }
  }

  private static func normalize(_ scores: UnsafeMutableBufferPointer<Float>) {
    guard let largest = scores.max(), largest > -.infinity else { return }
    let total = largest + Float(log(scores.reduce(0.0) { $0 + Double(exp($1 - largest)) }))
    for id in scores.indices { scores[id] -= total }
  }
}
