#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#elseif canImport(Darwin)
  private import Darwin
#endif

extension Reference {
  /// `e^(x - max) / sum`; NaN throughout for a row of -infinity, or with NaN or +infinity in it.
  public static func softmax(_ x: [Float]) -> [Double] {
    let (largest, sum) = maximumAndSum(x)
    return x.map { exp(Double($0) - largest) / sum }
  }

  /// `x - max - log(sum)`
  public static func logSoftmax(_ x: [Float]) -> [Double] {
    let (largest, sum) = maximumAndSum(x)
    return x.map { Double($0) - largest - log(sum) }
  }

  /// The logarithm of the sum of the exponentials.
  public static func logSumExp(_ x: [Float]) -> Double {
    let (largest, sum) = maximumAndSum(x)
    return largest + log(sum)
  }

  private static func maximumAndSum(_ x: [Float]) -> (Double, Double) {
    let largest = x.reduce(-Double.infinity) { $1.isNaN || $0.isNaN ? .nan : max($0, Double($1)) }
    return (largest, x.reduce(0) { $0 + exp(Double($1) - largest) })
  }

  /// `dx = y * (dy - sum(y * dy))`
  public static func softmaxGradient(_ y: [Float], _ dy: [Float]) -> [Double] {
    let total = zip(y, dy).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    return zip(y, dy).map { Double($0) * (Double($1) - total) }
  }

  /// `dx = dy - exp(y) * sum(dy)`
  public static func logSoftmaxGradient(_ y: [Float], _ dy: [Float]) -> [Double] {
    let total = dy.reduce(0) { $0 + Double($1) }
    return zip(y, dy).map { Double($1) - exp(Double($0)) * total }
  }

  /// Mean and `1 / sqrt(variance + epsilon)`, with the variance of the row itself (divided by its length).
  public static func moments(_ x: [Float], epsilon: Float) -> (mean: Double, inverseDeviation: Double) {
    let mean = x.reduce(0) { $0 + Double($1) } / Double(x.count)
    let variance = x.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(x.count)
    return (mean, 1 / (variance + Double(epsilon)).squareRoot())
  }

  /// `y = (x - mean) * inverseDeviation * weight + bias`
  public static func layerNorm(_ x: [Float], weight: [Float]?, bias: [Float]?, epsilon: Float) -> [Double] {
    let (mean, inverse) = moments(x, epsilon: epsilon)
    return x.indices.map { i in
      let normalised = (Double(x[i]) - mean) * inverse * one(weight, i)
      return bias.map { normalised + Double($0[i]) } ?? normalised
    }
  }

  /// `dx = inverse * (g - mean(g) - h * mean(g * h))` with `g = dy * weight`, `h = (x - mean) * inverse`; the weight's
  /// gradient is `dy * h` and the bias's `dy`.
  public static func layerNormGradient(
    _ x: [Float], weight: [Float]?, epsilon: Float, _ dy: [Float]
  ) -> (dx: [Double], dWeight: [Double]) {
    let (mean, inverse) = moments(x, epsilon: epsilon)
    let h = x.map { (Double($0) - mean) * inverse }
    let g = dy.indices.map { Double(dy[$0]) * one(weight, $0) }
    let n = Double(x.count)
    let meanG = g.reduce(0, +) / n
    let meanGH = zip(g, h).reduce(0) { $0 + $1.0 * $1.1 } / n
    return (zip(g, h).map { inverse * ($0 - meanG - $1 * meanGH) }, zip(dy, h).map { Double($0) * $1 })
  }

  /// `1 / sqrt(mean(x^2) + epsilon)`
  public static func inverseRoot(_ x: [Float], epsilon: Float) -> Double {
    1 / (x.reduce(0) { $0 + Double($1) * Double($1) } / Double(x.count) + Double(epsilon)).squareRoot()
  }

  /// `y = x * inverseRoot * weight`
  public static func rmsNorm(_ x: [Float], weight: [Float]?, epsilon: Float) -> [Double] {
    let inverse = inverseRoot(x, epsilon: epsilon)
    return x.indices.map { Double(x[$0]) * inverse * one(weight, $0) }
  }

  /// `dx = inverse * (g - h * mean(g * h))` with `g = dy * weight` and `h = x * inverse`; the weight's is `dy * h`.
  public static func rmsNormGradient(
    _ x: [Float], weight: [Float]?, epsilon: Float, _ dy: [Float]
  ) -> (dx: [Double], dWeight: [Double]) {
    let inverse = inverseRoot(x, epsilon: epsilon)
    let h = x.map { Double($0) * inverse }
    let g = dy.indices.map { Double(dy[$0]) * one(weight, $0) }
    let meanGH = zip(g, h).reduce(0) { $0 + $1.0 * $1.1 } / Double(x.count)
    return (zip(g, h).map { inverse * ($0 - $1 * meanGH) }, zip(dy, h).map { Double($0) * $1 })
  }

  private static func one(_ weight: [Float]?, _ i: Int) -> Double { weight.map { Double($0[i]) } ?? 1 }

  /// `log(sum(exp(logits))) - logits[target]`, or 0 for a negative target.
  public static func crossEntropy(_ logits: [Float], target: Int) -> Double {
    target < 0 ? 0 : -logSoftmax(logits)[target]
  }

  /// `(softmax(logits) - onehot(target)) * scale`, or zeros for a negative target.
  public static func crossEntropyGradient(_ logits: [Float], target: Int, scale: Float) -> [Double] {
    guard target >= 0 else { return logits.map { _ in 0 } }
    var y = softmax(logits)
    y[target] -= 1
    return y.map { $0 * Double(scale) }
  }

  /// One head's halves turned: `(x1 c - x2 s, x2 c + x1 s)`.
  public static func rotateHalves(_ x: [Float], cosines: [Float], sines: [Float]) -> [Double] {
    let half = cosines.count
    return x.indices.map { i in
      let j = i % half
      let (c, s) = (Double(cosines[j]), Double(sines[j]))
      return i < half
        ? Double(x[j]) * c - Double(x[j + half]) * s : Double(x[j + half]) * c + Double(x[j]) * s
    }
  }
}
