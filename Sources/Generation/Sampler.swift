import Formats
import Foundation
import Tensor

/// Chooses tokens as a `Sampling` says, in memory that it takes once.
///
/// Neither the vocabulary nor what is kept of it is ever sorted: the last token that stays is found by quickselect
/// (Hoare 1961), and what stays is met in the order of the ids.
struct Sampler: Sendable {
  let sampling: Sampling
  private let random: Random
  /// The weight of each token that stays.
  private var weights: [Double] = []
  /// The ids, reordered to bring the largest to the front.
  private var order: [Int32] = []

  init(_ sampling: Sampling, vocabularySize: Int) {
    self.sampling = sampling
    random = Random(seed: sampling.seed)
    guard !sampling.isGreedy else { return }
    weights = Array(repeating: 0, count: vocabularySize)
    if sampling.topK != nil || sampling.topP != nil { order = Array(repeating: 0, count: vocabularySize) }
  }

  /// The token for a position of a text.
  ///
  /// - Parameter scores: one for each token of the vocabulary; -infinity rules a token out.
  /// - Throws: `nonFinite` where a score is NaN or infinity, or none is above -infinity.
  mutating func pick(_ scores: UnsafeBufferPointer<Float>, position: Int) throws(InputError) -> Int {
    let best = try Sampler.best(of: scores, position: position)
    if sampling.isGreedy { return best }
    let random = random.derived(position)
    let largest = Double(scores[best])
    func weight(_ id: Int) -> Double { exp((Double(scores[id]) - largest) / sampling.temperature) }

    // The smallest token that stays; nil while all do.
    var smallest: Int?
    if !order.isEmpty {
      var count = scores.count
      for id in 0..<count { order[id] = Int32(truncatingIfNeeded: id) }
      if let topK = sampling.topK, topK < count {
        count = bringForward(scores, of: count, reaching: Double(topK), random) { _ in 1 }
      }
      var total = 0.0
      for rank in 0..<count {
        let id = Int(order[rank])
        weights[id] = weight(id)
        total += weights[id]
      }
      if let topP = sampling.topP, topP < 1 {
        count = bringForward(scores, of: count, reaching: topP * total, random) { [weights] id in weights[id] }
      }
      smallest = (0..<count).reduce(best) { smallest, rank in
        let id = Int(order[rank])
        return isLarger(smallest, id, scores) ? id : smallest
      }
    } else {
      for id in scores.indices { weights[id] = weight(id) }
    }
    return draw(scores, downTo: smallest, random.bits(0)) ?? best
  }

  /// The token of the largest score, the first of equal ones.
  private static func best(of scores: UnsafeBufferPointer<Float>, position: Int) throws(InputError) -> Int {
    var best = 0
    for (id, score) in scores.enumerated() {
      guard score < .infinity else {  // NaN is not below infinity either
        throw InputError(
          .nonFinite, "the model gives token \(id) the score \(score)", at: "position \(position)",
          advice: "Its weights are damaged, or too large for their format.")
      }
      if score > scores[best] { best = id }
    }
    guard !scores.isEmpty, scores[best] > -.infinity else {
      throw InputError(.nonFinite, "the model rules out every token", at: "position \(position)")
    }
    return best
  }

  /// Moves the fewest of the first `count` tokens, largest first, whose sizes reach `goal` to the front.
  ///
  /// - Returns: how many they are; at least one.
  private mutating func bringForward(
    _ scores: UnsafeBufferPointer<Float>, of count: Int, reaching goal: Double, _ random: Random,
    size: (Int) -> Double
  ) -> Int {
    var (low, high, missing, round) = (0, count, goal, 0)
    while high - low > 1 {
      // A random pivot: no order of the scores makes this slow.
      order.swapAt(low + random.integer(round, below: high - low), high - 1)
      round += 1
      let pivot = Int(order[high - 1])
      var (middle, sum) = (low, 0.0)
      for rank in low..<high - 1 {
        let id = Int(order[rank])
        guard isLarger(id, pivot, scores) else { continue }
        order.swapAt(middle, rank)
        middle += 1
        sum += size(id)
      }
      if sum >= missing {
        high = middle
        continue
      }
      order.swapAt(middle, high - 1)
      sum += size(pivot)
      if sum >= missing { return middle + 1 }
      missing -= sum
      low = middle + 1
    }
    return high
  }

  private func isLarger(_ a: Int, _ b: Int, _ scores: UnsafeBufferPointer<Float>) -> Bool {
    scores[a] > scores[b] || (scores[a] == scores[b] && a < b)
  }

  /// Draws one of the tokens from the largest down to `smallest`, in the order of ids, by their weights.
  private func draw(
    _ scores: UnsafeBufferPointer<Float>, downTo smallest: Int?, _ bits: SIMD4<UInt32>
  ) -> Int? {
    func stays(_ id: Int) -> Bool { smallest.map { !isLarger($0, id, scores) } ?? true }
    let total = scores.indices.reduce(0.0) { stays($1) ? $0 + weights[$1] : $0 }
    let uniform = Double((UInt64(bits[0]) << 32 | UInt64(bits[1])) >> 11) * 0x1p-53
    var (sum, drawn) = (0.0, Int?.none)
    for id in scores.indices where stays(id) && weights[id] > 0 {
      sum += weights[id]
      drawn = id  // where rounding keeps the sum from passing the goal, the last one
      if sum > uniform * total { break }
    }
    return drawn
  }
}
