import Foundation
import Tensor

/// Numbers between -1 and 1 from a linear congruence: fast where tests are not optimised.
func quickTensor(_ shape: Shape, seed: Int) -> Tensor {
  var state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 | 1
  var result = Tensor.zeros(shape)
  result.withMutableScalars { scalars in
    var i = 0
    while i < scalars.count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      scalars[i] = Float(Int(state >> 40) - 0x80_0000) / 0x80_0000
      i += 1
    }
  }
  return result
}

/// Whether two tensors hold the same bits.
func sameBits(_ a: Tensor, _ b: Tensor) -> Bool {
  guard a.shape == b.shape, a.format == b.format else { return false }
  return a.withBytes { left in
    b.withBytes { right in
      left.count == 0 || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
    }
  }
}

/// Attention by its definition, in Double.
struct ReferenceAttention {
  var output: [Double]
  /// `[batch, heads, queries, keys]`
  var weights: [Double]

  init(
    query: Tensor, key: Tensor, value: Tensor, keyCount: Int? = nil, isCausal: Bool = false, kept: [[Bool]]? = nil,
    scale: Double? = nil, bias: Tensor? = nil
  ) {
    let (batch, queries, heads, width) = (query.shape[0], query.shape[1], query.shape[2], query.shape[3])
    let (capacity, shared) = (key.shape[1], key.shape[2])
    let keys = keyCount ?? capacity, scale = scale ?? 1 / Double(width).squareRoot()
    var output = [Double](repeating: 0, count: batch * queries * heads * width)
    let added = bias?.scalars
    var all = [Double](repeating: 0, count: batch * heads * queries * keys)
    query.withScalars { q in
      key.withScalars { k in
        value.withScalars { v in
          var scores = [Double](repeating: 0, count: keys)
          for b in 0..<batch {
            for h in 0..<heads {
              for i in 0..<queries {
                let from = ((b * queries + i) * heads + h) * width
                var largest = -Double.infinity
                for j in 0..<keys {
                  scores[j] = -.infinity
                  if isCausal && j > keys - queries + i || !(kept?[b][j] ?? true) { continue }
                  let to = ((b * capacity + j) * shared + h / (heads / shared)) * width
                  var (sum, c) = (0.0, 0)
                  while c < width {
                    sum += Double(q[from &+ c]) * Double(k[to &+ c])
                    c &+= 1
                  }
                  scores[j] = sum * scale + Double(added?[(h * queries + i) * keys + j] ?? 0)
                  largest = max(largest, scores[j])
                }
                if largest == -.infinity { continue }
                var total = 0.0
                for j in 0..<keys {
                  scores[j] = exp(scores[j] - largest)
                  total += scores[j]
                }
                for j in 0..<keys where scores[j] > 0 {
                  let weight = scores[j] / total
                  all[((b * heads + h) * queries + i) * keys + j] = weight
                  let to = ((b * capacity + j) * shared + h / (heads / shared)) * width
                  var c = 0
                  while c < width {
                    output[from &+ c] += weight * Double(v[to &+ c])
                    c &+= 1
                  }
                }
              }
            }
          }
        }
      }
    }
    (self.output, weights) = (output, all)
  }
}

/// The largest difference of two rows of numbers.
func largestDifference(_ found: [Float], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) {
    let difference = abs(Double($1.0) - $1.1)
    return difference.isNaN ? .infinity : max($0, difference)
  }
}
