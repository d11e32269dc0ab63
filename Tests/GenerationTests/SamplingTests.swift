import Formats
import Foundation
import Generation
import Models
import Tensor
import Testing

/// What `Sampling` promises, written plainly: everything sorted, everything kept.
private func reference(_ scores: [Float], _ sampling: Sampling, position: Int) -> (kept: [Int], drawn: Int) {
  var order = scores.indices.sorted { scores[$0] > scores[$1] || (scores[$0] == scores[$1] && $0 < $1) }
  let largest = Double(scores[order[0]])
  func weight(_ id: Int) -> Double { exp((Double(scores[id]) - largest) / sampling.temperature) }
  if let k = sampling.topK { order = Array(order.prefix(k)) }
  if let p = sampling.topP, p < 1 {
    let total = order.reduce(0) { $0 + weight($1) }
    var (sum, count) = (0.0, 0)
    while count == 0 || (sum < p * total && count < order.count) {
      sum += weight(order[count])
      count += 1
    }
    order = Array(order.prefix(count))
  }
  let kept = order.sorted(), total = kept.reduce(0) { $0 + weight($1) }
  let bits = Random(seed: sampling.seed).derived(position).bits(0)
  let uniform = Double((UInt64(bits[0]) << 32 | UInt64(bits[1])) >> 11) * 0x1p-53
  var sum = 0.0
  for id in kept {
    sum += weight(id)
    if sum > uniform * total { return (kept, id) }
  }
  return (kept, kept[kept.count - 1])
}

private let settings: [(k: Int?, p: Double?, t: Double)] = [
  (nil, nil, 1), (nil, nil, 0.3), (1, nil, 1), (2, nil, 1), (5, nil, 2), (1000, nil, 1), (nil, 0.01, 1), (nil, 0.5, 1),
  (nil, 0.9, 1), (nil, 0.999_999, 1), (nil, 1, 1), (4, 0.7, 1), (30, 0.9, 1.7), (2, 1e-9, 1), (7, 0.2, 0.1),
]

@Suite struct SamplingTests {
  @Test(arguments: settings.indices, [1, 2, 3, 17, 300])
  func drawsWhatThePlainReferenceDraws(_ setting: Int, _ vocabulary: Int) throws {
    let (k, p, t) = settings[setting]
    for seed in 0..<8 {
      let random = Random(seed: UInt64(seed))
      // A third of the scores repeat others, and some tokens are ruled out.
      let scores = (0..<vocabulary).map { i -> Float in
        i > 0 && i % 7 == 3 ? -.infinity : 4 * random.normal(i % 3 == 2 ? i / 2 : i)
      }
      let sampling = try Sampling(temperature: t, topK: k, topP: p, seed: UInt64(seed) &* 77)
      let ids = try allTokens(TokenStream(constantModel(scores), after: [0], sampling: sampling, maxTokens: 30))
      let expected = (1...30).map { reference(scores, sampling, position: $0).drawn }
      #expect(ids == expected, "k \(k ?? -1) p \(p ?? -1) T \(t), vocabulary \(vocabulary), seed \(seed)")
    }
  }

  @Test func topKAndTopPKeepWhatTheyPromise() throws {
    // Shares 0.4, 0.3, 0.2, 0.1.
    let scores: [Float] = [0.2, 0.4, 0.1, 0.3].map { Float(log($0)) }
    func drawn(_ k: Int?, _ p: Double?) throws -> Set<Int> {
      let sampling = try Sampling(topK: k, topP: p, seed: 5)
      return Set(
        try allTokens(TokenStream(constantModel(scores, context: 500), after: [0], sampling: sampling, maxTokens: 300)))
    }
    #expect(try drawn(nil, nil) == [0, 1, 2, 3])
    #expect(try drawn(2, nil) == [1, 3])
    #expect(try drawn(nil, 0.39) == [1])
    #expect(try drawn(nil, 0.41) == [1, 3])
    #expect(try drawn(nil, 0.69) == [1, 3])
    #expect(try drawn(nil, 0.71) == [1, 3, 0])
    // After top-k, shares are those among the two that stayed: 4/7 and 3/7.
    #expect(try drawn(2, 0.57) == [1])
    #expect(try drawn(2, 0.58) == [1, 3])
  }

  @Test func frequenciesFollowTheDistribution() throws {
    let shares = [0.5, 0.25, 0.125, 0.0625, 0.0625]
    let ids = try allTokens(
      TokenStream(
        constantModel(shares.map { Float(log($0)) }, context: 5000), after: [0], sampling: Sampling(seed: 9),
        maxTokens: 4000))
    for (id, share) in shares.enumerated() {
      let found = Double(ids.count { $0 == id }) / Double(ids.count)
      #expect(abs(found - share) < 5 * (share * (1 - share) / 4000).squareRoot(), "\(id): \(found) of \(share)")
    }
  }

  @Test func greedyTakesTheLowestOfEqualScores() throws {
    #expect(try allTokens(TokenStream(constantModel([1, 3, 3, 2, 3]), after: [0], maxTokens: 3)) == [1, 1, 1])
    let cold = try Sampling(temperature: 0, topK: 3, topP: 0.5, seed: 4)
    #expect(cold.isGreedy)
    #expect(
      try allTokens(TokenStream(constantModel([1, 3, 3, 2, 3]), after: [0], sampling: cold, maxTokens: 2)) == [1, 1])
    #expect(try allTokens(TokenStream(constantModel([-.infinity, -5]), after: [0], maxTokens: 1)) == [1])
  }

  @Test func extremeNumbersDoNotBreakIt() throws {
    for t in [Double.leastNonzeroMagnitude, 1e-300, 1e-30, 1e300, .greatestFiniteMagnitude] {
      for scores: [Float] in [
        [0, 0, 0], [-3e38, 3e38, 0], [.leastNonzeroMagnitude, 0, -Float.leastNonzeroMagnitude],
        [-.infinity, 2, -.infinity],
      ] {
        for p in [nil, .leastNonzeroMagnitude, 0.5] {
          let sampling = try Sampling(temperature: t, topP: p, seed: 3)
          let ids = try allTokens(TokenStream(constantModel(scores), after: [0], sampling: sampling, maxTokens: 20))
          #expect(ids.count == 20 && ids.allSatisfy { scores[$0] > -.infinity })
        }
      }
    }
  }

  @Test func seedsReproduceAndDiffer() throws {
    for model in tinyModels {
      func text(_ seed: UInt64) throws -> [Int] {
        try allTokens(TokenStream(model, after: [1, 2], sampling: Sampling(seed: seed), maxTokens: 20))
      }
      #expect(try text(7) == text(7))
      #expect(try text(7) != text(8))
    }
  }

  @Test func aTextContinuedLaterGoesOnAsItWouldHave() throws {
    for model in tinyModels {
      let sampling = try Sampling(topK: 20, topP: 0.95, seed: 11)
      let whole = try allTokens(TokenStream(model, after: [1, 2], sampling: sampling, maxTokens: 16))
      let rest = try allTokens(TokenStream(model, after: [1, 2] + whole.prefix(5), sampling: sampling, maxTokens: 11))
      #expect(Array(whole.dropFirst(5)) == rest)
    }
  }

  @Test func numbersOutOfRangeAreErrors() {
    for t in [-0.1, -.infinity, .infinity, .nan] { #expect(kind { _ = try Sampling(temperature: t) } == .badValue) }
    for k in [0, -1, Int.min] { #expect(kind { _ = try Sampling(topK: k) } == .badValue) }
    for p in [0, -0.5, 1.000_001, .nan, .infinity] { #expect(kind { _ = try Sampling(topP: p) } == .badValue) }
    #expect(kind { _ = try Sampling(temperature: 0, topK: Int.max, topP: 1, seed: .max) } == nil)
  }

  @Test func scoresThatAreNoNumbersAreErrors() throws {
    for bad: [Float] in [[0, .nan], [.infinity, 0], [-.infinity, -.infinity], [.nan, .nan]] {
      for sampling in [Sampling.greedy, try Sampling(topK: 1), try Sampling(topP: 0.5)] {
        var stream = try TokenStream(
          ScriptedModel(vocabularySize: 2) { $0 == 2 ? bad : [0, 1] }, after: [0], sampling: sampling, maxTokens: 9)
        #expect(try stream.next() != nil && stream.next() != nil)
        #expect(kind { _ = try stream.next() } == .nonFinite)
        #expect(kind { _ = try stream.next() } == .nonFinite)
      }
    }
  }
}
