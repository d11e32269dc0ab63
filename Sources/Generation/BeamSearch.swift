import Formats
import Foundation
import Layers
import Models
import Tensor

/// A search for the likeliest text that keeps several beginnings at a time, and the best of those that have ended.
///
/// It is Hugging Face's: of twice as many candidates as there are beams (more with several end tokens) only the first
/// ones, as many as beams, may end. Scores are sums of logarithms of probabilities, taken before the rules change them,
/// so that a forced token costs nothing; a text that has ended counts its sum divided by
/// `(new tokens, the end token too) ^ lengthPenalty`.
public struct BeamSearch: Sendable, Equatable {
  /// When the search ends before the longest text.
  public enum Stopping: Sendable, Equatable {
    /// When the best beginning, at its present length, is not better than the worst text that has ended.
    case whenUnlikely
    /// When as many texts have ended as there are beams.
    case whenFull
    /// When no beginning could become better than the worst text that has ended, however long.
    case whenImpossible
  }

  /// How many beginnings are kept; with 1 there is no search.
  public var width: Int
  /// Above 0 favors longer texts, below 0 shorter ones.
  public var lengthPenalty: Double
  /// When the search ends before the longest text.
  public var stopping: Stopping
  /// How many texts are given, the best first.
  public var best: Int

  /// A search.
  public init(width: Int = 1, lengthPenalty: Double = 1, stopping: Stopping = .whenUnlikely, best: Int = 1) {
    (self.width, self.lengthPenalty, self.stopping, self.best) = (width, lengthPenalty, stopping, best)
  }

  /// - Throws: `badValue` for fewer than one beam, a penalty that is no number, or more texts than beams.
  func check() throws(InputError) {
    guard (1...1024).contains(width) else {
      throw InputError(.badValue, "\(width) beams", at: "beams", advice: "Use 1 to 1024.")
    }
    guard (1...width).contains(best) else {
      throw InputError(
        .badValue, "the best \(best) of \(width) beams", at: "best", advice: "Use 1 to the number of beams.")
    }
    guard lengthPenalty.isFinite, abs(lengthPenalty) <= 100 else {
      throw InputError(
        .badValue, "a length penalty of \(lengthPenalty)", at: "lengthPenalty", advice: "Use -100 to 100.")
    }
  }
}

/// A text that a search has found.
public struct Hypothesis: Sendable, Equatable {
  /// The new tokens, without the prompt and without a stop token.
  public let ids: [Int]
  /// How likely it is: the logarithm of its probability, with the length penalty.
  public let score: Double
  /// Why it ends.
  public let end: TokenStream.End
}

extension LanguageModel {
  /// The likeliest continuations of `prompt` that a search finds, the best first.
  ///
  /// - Parameters:
  ///   - maxTokens: how many tokens a text has at most, at least 1.
  ///   - stopTokens: the tokens that end a text; the model's own unless given.
  /// - Returns: as many texts as the search asks for, or as there are: rules may leave fewer.
  /// - Throws: as `TokenStream`; `badValue` for a search or rules that make no sense; `nonFinite` where they allow no text
  ///   at all.
  public func beamSearch(
    after prompt: [Int], _ search: BeamSearch, rules: TokenRules = TokenRules(), maxTokens: Int,
    stopTokens: Set<Int>? = nil
  ) throws(InputError) -> (hypotheses: [Hypothesis], timing: Timing) {
    let found = try beamSearch(
      afterEach: [prompt], search, rules: rules, maxTokens: maxTokens, stopTokens: stopTokens)
    return (found.hypotheses[0], found.timing)
  }

  /// The likeliest continuations of each of several prompts, searched for side by side: for each prompt what a search
  /// alone finds, but for rounding.
  ///
  /// - Returns: the texts for each prompt.
  /// - Throws: as the search of one; of several prompts the error says which.
  public func beamSearch(
    afterEach prompts: [[Int]], _ search: BeamSearch, rules: TokenRules = TokenRules(), maxTokens: Int,
    stopTokens: Set<Int>? = nil
  ) throws(InputError) -> (hypotheses: [[Hypothesis]], timing: Timing) {
    try beamSearch(
      afterEach: prompts, search, rules: rules, maxTokens: prompts.map { _ in maxTokens }, stopTokens: stopTokens)
  }

  /// The same with a number of tokens for each prompt.
  func beamSearch(
    afterEach prompts: [[Int]], _ search: BeamSearch, rules: TokenRules, maxTokens: [Int],
    stopTokens: Set<Int>? = nil
  ) throws(InputError) -> (hypotheses: [[Hypothesis]], timing: Timing) {
    try search.check()
    try rules.check(vocabularySize: vocabularySize)
    var timing = Timing(promptTokens: prompts.reduce(0) { $0 + $1.count })
    var rows = try DecodingRows(self, after: prompts, maxTokens: maxTokens, rowsPerText: search.width)
    var runs = zip(prompts, maxTokens).map { prompt, count in
      BeamRun(
        after: prompt, of: self, search, rules, maxTokens: count, stopTokens: stopTokens ?? Set(endTokens))
    }
    var going = Array(runs.indices)
    while !going.isEmpty {
      let clock = ContinuousClock.now
      var scores = try rows.scores().logSoftmax()
      // In the first step a text has one row, which is every beam's.
      let size = vocabularySize, perText = scores.shape[0] / going.count
      var staying: [Int] = []
      let failure: InputError? = scores.withMutableScalars { all in
        for (place, index) in going.enumerated() where runs[index].hasRoom {
          let own = all[place * perText * size..<(place + 1) * perText * size]
          do throws(InputError) {
            if try runs[index].step(UnsafeMutableBufferPointer(rebasing: own)) { staying.append(place) }
          } catch { return prompts.count == 1 ? error : error.inside("text \(index)") }
        }
        return nil
      }
      if let failure { throw failure }
      timing.add(clock.duration(to: .now), tokens: going.count)
      rows.append(
        staying.flatMap { runs[going[$0]].lastTokens },
        to: staying.flatMap { place in runs[going[place]].parents.map { place * perText + $0 } },
        texts: staying.count < going.count ? staying : nil)
      going = staying.map { going[$0] }
    }
    var hypotheses: [[Hypothesis]] = []
    for (index, run) in runs.enumerated() {
      do throws(InputError) { hypotheses.append(try run.hypotheses()) } catch {
        throw prompts.count == 1 ? error : error.inside("text \(index)")
      }
    }
    return (hypotheses, timing)
  }
}

/// The search of one text, step by step.
private struct BeamRun {
  /// A text that goes on, or might.
  struct Beam {
    var ids: [Int]
    var score: Float
    /// Whether it descends from the first beam and has not ended: other beams only fill places.
    var isOwn: Bool
    /// Which beam of the step before it continues.
    var parent = 0
  }
  /// A place among the best texts; the score of an empty one is lower than any text's.
  struct Finished {
    var ids: [Int] = []
    var score = BeamRun.worst
    var isText = false
    var isOwn = false
  }

  static let worst: Float = -1e9

  let search: BeamSearch
  let rules: TokenRules
  let stopTokens: Set<Int>
  let prompt: [Int]
  let vocabularySize: Int
  let contextLength: Int
  /// Prompt and new tokens, at most.
  let maxLength: Int
  private var running: [Beam]
  private var finished: [Finished]
  private var isImprovable = true
  private var length: Int

  init(
    after prompt: [Int], of model: any LanguageModel, _ search: BeamSearch, _ rules: TokenRules, maxTokens: Int,
    stopTokens: Set<Int>
  ) {
    (self.search, self.rules, self.stopTokens, self.prompt) = (search, rules, stopTokens, prompt)
    (vocabularySize, contextLength) = (model.vocabularySize, model.contextLength)
    maxLength = prompt.count + min(maxTokens, contextLength - prompt.count)
    // All beams begin alike: only the first one counts in the first step.
    running = (0..<search.width).map { Beam(ids: [], score: $0 == 0 ? 0 : BeamRun.worst, isOwn: $0 == 0) }
    finished = Array(repeating: Finished(), count: search.width)
    length = prompt.count
  }

  /// Whether a text may have a token at all.
  var hasRoom: Bool { maxLength > prompt.count }
  /// The token that each beam has had last.
  var lastTokens: [Int] { running.map { $0.ids[$0.ids.count - 1] } }
  /// Which beam of the step before each one continues.
  var parents: [Int] { running.map(\.parent) }

  /// The best texts.
  func hypotheses() throws(InputError) -> [Hypothesis] {
    if !hasRoom { return [Hypothesis(ids: [], score: 0, end: .contextLength)] }
    let texts = finished.prefix(search.best).filter { $0.isText && $0.isOwn }
    guard !texts.isEmpty else {
      throw InputError(.nonFinite, "the model and the rules allow no text", at: "position \(length)")
    }
    return texts.map { text in
      let stop = text.ids.last.flatMap { stopTokens.contains($0) ? $0 : nil }
      let atContext = prompt.count + text.ids.count >= contextLength
      return Hypothesis(
        ids: stop == nil ? text.ids : text.ids.dropLast(), score: Double(text.score),
        end: stop.map { .stopToken($0) } ?? (atContext ? .contextLength : .maxTokens))
    }
  }

  /// Adds a token to every beam.
  ///
  /// - Parameter scores: logarithms of probabilities for each beam, or for all of them in the first step.
  /// - Returns: whether the search goes on.
  mutating func step(_ scores: UnsafeMutableBufferPointer<Float>) throws(InputError) -> Bool {
    let candidates = try best(scores, count: max(2, 1 + stopTokens.count) * search.width)
    let ends = candidates.map { length + 1 >= maxLength || stopTokens.contains($0.ids[$0.ids.count - 1]) }
    keepFinished(candidates, ends)
    keepRunning(candidates, ends)
    length += 1
    if isImprovable { isImprovable = canImprove }
    let isFull = finished.allSatisfy(\.isText) && search.stopping == .whenFull
    return isImprovable && !isFull && ends.contains(false) && length < maxLength
  }

  /// The likeliest continuations by one token of any beam, best first; of equal ones the first beam's lowest id.
  private func best(_ all: UnsafeMutableBufferPointer<Float>, count: Int) throws(InputError) -> [Beam] {
    let isFirst = length == prompt.count, size = vocabularySize
    var found: [(score: Float, beam: Int, id: Int)] = []
    found.reserveCapacity(count + 1)
    for (index, beam) in running.enumerated() {
      let row = UnsafeMutableBufferPointer(
        rebasing: all[(isFirst ? 0 : index) * size..<(isFirst ? 1 : index + 1) * size])
      // The first step's only row is every beam's: what the rules change, they change once.
      if !rules.changeNothing && (index == 0 || !isFirst) {
        rules.apply(
          to: row, history: prompt + beam.ids, promptCount: prompt.count, maxLength: maxLength, endTokens: stopTokens)
      }
      for (id, change) in row.enumerated() {
        let score = change + beam.score
        guard !score.isNaN, score < .infinity else {
          throw InputError(
            .nonFinite, "the model gives token \(id) the score \(change)", at: "position \(length)",
            advice: "Its weights are damaged, or too large for their format.")
        }
        if found.count == count && score <= found[count - 1].score { continue }
        let place = found.firstIndex { $0.score < score } ?? found.count
        found.insert((score, index, id), at: place)
        if found.count > count { found.removeLast() }
      }
    }
    return found.map { score, index, id in
      let beam = running[index]
      return Beam(ids: beam.ids + [id], score: score, isOwn: beam.isOwn, parent: isFirst ? 0 : index)
    }
  }

  /// The best texts, with those of the first candidates that have ended.
  private mutating func keepFinished(_ candidates: [Beam], _ ends: [Bool]) {
    let isFull = finished.allSatisfy(\.isText) && search.stopping == .whenFull
    let divisor = Float(pow(Double(length + 1 - prompt.count), search.lengthPenalty))
    var all = finished
    for (index, candidate) in candidates.enumerated() {
      let isText = ends[index] && index < search.width
      var score = candidate.score / divisor
      for isOut in [isFull, !isImprovable, !isText] where isOut { score += BeamRun.worst }
      all.append(Finished(ids: candidate.ids, score: score, isText: isText, isOwn: candidate.isOwn))
    }
    finished = BeamRun.best(search.width, of: all, by: \.score)
  }

  /// The best beams that go on. Those that have ended stand behind them all, and go on where there are no others.
  private mutating func keepRunning(_ candidates: [Beam], _ ends: [Bool]) {
    let penalized = zip(candidates, ends).map { candidate, ends in
      var candidate = candidate
      if ends { (candidate.score, candidate.isOwn) = (candidate.score + BeamRun.worst, false) }
      return candidate
    }
    running = BeamRun.best(search.width, of: penalized, by: \.score)
  }

  /// Whether the best beam may still become better than the worst text.
  private var canImprove: Bool {
    let isFarsighted = search.stopping == .whenImpossible && search.lengthPenalty > 0
    let hypothetical = (isFarsighted ? maxLength : length) - prompt.count
    let best = running[0].score / Float(pow(Double(hypothetical), search.lengthPenalty))
    let worst = finished.map(\.score).min() ?? BeamRun.worst
    return finished.contains { best > ($0.isText ? worst : BeamRun.worst) }
  }

  /// The elements of the largest scores, largest first; of equal ones the first.
  private static func best<Element>(_ count: Int, of all: [Element], by score: KeyPath<Element, Float>) -> [Element] {
    let order = all.indices.sorted { a, b in
      let (left, right) = (all[a][keyPath: score], all[b][keyPath: score])
      return left > right || (left == right && a < b)
    }
    return order.prefix(count).map { all[$0] }
  }
}
