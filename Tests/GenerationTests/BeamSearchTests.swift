import Formats
import Foundation
import Generation
import Models
import Tensor
import TestSupport
import Testing

@Suite struct BeamSearchTests {
  /// Logarithms of the softmax of scores, in Double.
  private func logarithms(_ scores: [Float]) -> [Double] {
    let total = log(scores.reduce(0.0) { $0 + exp(Double($1)) })
    return scores.map { Double($0) - total }
  }

  /// With as many beams as there are beginnings, a search finds the best of all texts.
  @Test(arguments: [0.0, 1.0, -1.0, 2.0]) func enoughBeamsFindTheBestOfAll(_ penalty: Double) throws {
    let end = 3, length = 3
    for model in [tinyGPT2(vocabulary: 4, seed: 5), tinyGPT2(vocabulary: 4, seed: 6), tinyGPT2(vocabulary: 4, seed: 7)]
    {
      var texts: [(ids: [Int], score: Double)] = []
      func extend(_ ids: [Int], _ sum: Double) {
        if ids.last == end || ids.count == length {
          return texts.append((ids, sum / pow(Double(ids.count), penalty)))
        }
        var pass = Pass()
        let scores = logarithms(model.nextLogits(TokenBatch([1] + ids), &pass).scalars)
        for id in 0..<4 { extend(ids + [id], sum + scores[id]) }
      }
      extend([], 0)
      let search = BeamSearch(width: 64, lengthPenalty: penalty, stopping: .whenImpossible, best: 8)
      let found = try model.beamSearch(after: [1], search, maxTokens: length, stopTokens: [end]).hypotheses
      for (text, expected) in zip(found, texts.sorted { $0.score > $1.score }) {
        #expect(text.ids == expected.ids.filter { $0 != end })
        #expect(abs(text.score - expected.score) < 1e-5)
      }
    }
  }

  @Test func aSearchOfOneBeamIsGreedy() throws {
    for model in tinyModels {
      let greedy = try model.generate(after: [4, 2], maxTokens: 12, stopTokens: []).ids
      let found = try model.beamSearch(after: [4, 2], BeamSearch(), maxTokens: 12, stopTokens: [])
      #expect(found.hypotheses.map(\.ids) == [greedy] && found.hypotheses[0].end == .maxTokens)
      #expect(found.timing.promptTokens == 2 && found.timing.decodedTokens == 11)
    }
  }

  @Test func theEndOfTheContextEndsTexts() throws {
    let model = tinyGPT2(context: 6)
    let search = BeamSearch(width: 3, best: 3)
    let found = try model.beamSearch(after: [4, 2], search, maxTokens: 100, stopTokens: [])
    #expect(found.hypotheses.count == 3)
    for text in found.hypotheses { #expect(text.ids.count == 4 && text.end == .contextLength) }
    let none = try model.beamSearch(after: [1, 2, 3, 4, 5, 6], search, maxTokens: 4, stopTokens: []).hypotheses
    #expect(none.map(\.ids) == [[]] && none[0].end == .contextLength)
  }

  @Test func misuseIsRefused() {
    let model = tinyGPT2()
    func refusal(_ search: BeamSearch, _ change: (inout TokenRules) -> Void = { _ in }) -> InputError.Kind? {
      kind {
        var rules = TokenRules()
        change(&rules)
        _ = try model.beamSearch(after: [1], search, rules: rules, maxTokens: 2)
      }
    }
    #expect(refusal(BeamSearch(width: 2, best: 2)) == nil)
    for search in [
      BeamSearch(width: 0), BeamSearch(width: -1), BeamSearch(width: 1 << 40), BeamSearch(width: 2, best: 3),
      BeamSearch(width: 2, best: 0), BeamSearch(width: 2, lengthPenalty: .nan), BeamSearch(lengthPenalty: .infinity),
    ] {
      #expect(refusal(search) == .badValue)
    }
    for change: (inout TokenRules) -> Void in [
      { $0.repetitionPenalty = 0 }, { $0.repetitionPenalty = .nan }, { $0.unrepeatedLength = -1 },
      { $0.minLength = -1 },
      { $0.minNewTokens = -2 }, { $0.badWords = [[]] }, { $0.badWords = [[1, 61]] }, { $0.badWords = [[-1]] },
      { $0.forcedSecondToken = 61 }, { $0.forcedLastTokens = [3, -1] },
    ] {
      #expect(refusal(BeamSearch(width: 2), change) == .badValue)
      var rules = TokenRules()
      change(&rules)
      #expect(kind { _ = try model.generate(after: [1], rules: rules, maxTokens: 2) } == .badValue)
    }
    #expect(kind { _ = try model.beamSearch(after: [], BeamSearch(width: 2), maxTokens: 2) } == .badValue)
    #expect(kind { _ = try model.beamSearch(after: [99], BeamSearch(width: 2), maxTokens: 2) } == .badValue)
    #expect(kind { _ = try model.beamSearch(after: [1], BeamSearch(width: 2), maxTokens: 0) } == .badValue)
    #expect(refusal(BeamSearch(width: 3)) { $0.suppressedTokens = Array(0..<61) } == .nonFinite)
    // Rules that leave one text give no more.
    var rules = TokenRules()
    rules.suppressedTokens = Array(1..<61)
    let only = try? model.beamSearch(after: [1], BeamSearch(width: 3, best: 3), rules: rules, maxTokens: 2).hypotheses
    #expect(only?.map(\.ids) == [[0, 0]])
    let broken = constantModel([0, .nan, 1])
    #expect(kind { _ = try broken.beamSearch(after: [1], BeamSearch(width: 2), maxTokens: 2) } == .nonFinite)
  }
}

@Suite struct TokenRulesTests {
  /// The tokens of a model that prefers the first ones of `order`, the same at every position.
  private func tokens(
    _ order: [Int], after prompt: [Int] = [0], count: Int = 6, stopTokens: Set<Int> = [],
    _ change: (inout TokenRules) -> Void
  ) throws -> [Int] {
    let scores = (0..<order.count).map { id in Float(order.count - (order.firstIndex(of: id) ?? 0)) }
    var rules = TokenRules()
    change(&rules)
    return try constantModel(scores).generate(
      after: prompt, rules: rules, maxTokens: count, stopTokens: stopTokens
    ).ids
  }

  @Test func eachRuleAlone() throws {
    let order = [3, 1, 4, 2, 0]
    #expect(try tokens(order) { _ in } == [3, 3, 3, 3, 3, 3])
    // Scores are 5, 4, 3, 2, 1.
    #expect(try tokens(order, count: 4) { $0.repetitionPenalty = 1.3 } == [3, 1, 3, 3])
    #expect(try tokens(order, after: [3], count: 3) { $0.repetitionPenalty = 6 } == [1, 4, 2])
    #expect(try tokens(order, count: 4) { $0.unrepeatedLength = 1 } == [3, 1, 4, 2])
    #expect(try tokens(order, count: 7) { $0.unrepeatedLength = 2 } == [3, 3, 1, 3, 4, 3, 2])
    #expect(try tokens(order, after: [3, 3], count: 3) { $0.unrepeatedLength = 2 } == [1, 3, 4])
    #expect(try tokens(order, count: 3) { $0.badWords = [[3]] } == [1, 1, 1])
    #expect(try tokens(order, count: 4) { $0.badWords = [[3, 3], [3, 1]] } == [3, 4, 3, 4])
    #expect(try tokens(order, after: [0, 3], count: 2) { $0.badWords = [[0, 3, 3], [1, 2, 0, 3, 1, 3]] } == [1, 3])
    #expect(try tokens(order, count: 3) { $0.suppressedTokens = [3, 1, 77, -4] } == [4, 4, 4])
    #expect(try tokens(order, count: 3) { $0.suppressedFirstTokens = [3] } == [1, 3, 3])
    #expect(try tokens(order, count: 3) { ($0.suppressedFirstTokens, $0.forcedSecondToken) = ([3], 2) } == [2, 1, 3])
    #expect(try tokens(order, count: 3) { $0.forcedSecondToken = 2 } == [2, 3, 3])
    #expect(try tokens(order, after: [0, 0], count: 3) { $0.forcedSecondToken = 2 } == [3, 3, 3])
    #expect(try tokens(order, count: 3) { $0.forcedLastTokens = [2] } == [3, 3, 2])
    #expect(try tokens(order, count: 3) { $0.renormalizes = true } == [3, 3, 3])
  }

  @Test func ends() throws {
    let order = [3, 1, 4, 2, 0]
    #expect(try tokens(order, stopTokens: [3, 1]) { _ in } == [])
    #expect(try tokens(order, stopTokens: [3, 1]) { $0.minNewTokens = 2 } == [4, 4])
    #expect(try tokens(order, after: [0, 0], stopTokens: [3]) { $0.minLength = 5 } == [1, 1, 1])
    // An end token that is a bad word may come all the same; one at the end of a longer word may not.
    #expect(try tokens(order, stopTokens: [3]) { $0.badWords = [[3]] } == [])
    #expect(try tokens(order, stopTokens: [3]) { $0.badWords = [[0, 3]] } == [1])
    #expect(
      try tokens(order, count: 3, stopTokens: [3]) { ($0.minNewTokens, $0.forcedLastTokens) = (9, [3]) } == [1, 1])
  }

  @Test func everythingForbiddenIsAnError() {
    let all = Array(0..<5)
    #expect(kind { _ = try tokens(all) { $0.suppressedTokens = all } } == .nonFinite)
  }

  @Test func sampledTokensFollowTheRules() throws {
    var rules = TokenRules()
    (rules.suppressedTokens, rules.unrepeatedLength) = ([7, 8], 1)
    let ids = try tinyGPT2().generate(
      after: [1], sampling: Sampling(temperature: 2, seed: 3), rules: rules, maxTokens: 20
    ).ids
    #expect(Set(ids).count == 20 && !ids.contains(7) && !ids.contains(8) && !ids.contains(1))
  }
}
