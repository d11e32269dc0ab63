import Tensor

/// How alike two vectors are: larger means more alike.
public enum Similarity: String, Sendable, CaseIterable {
  /// The cosine of the angle between them.
  case cosine
  /// Their dot product.
  case dot
  /// The distance between them, negative.
  case euclidean
  /// The sum of the differences of their numbers, negative.
  case manhattan

  /// The similarity of every row of `a`, `[rows, width]`, to every row of `b`: `[rows of a, rows of b]`.
  public func callAsFunction(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(
      a.rank == 2 && b.rank == 2 && a.shape[1] == b.shape[1], "Similarity: of vectors \(a.shape) and \(b.shape)")
    switch self {
    case .cosine: return matmul(normalized(a), normalized(b), transposingRight: true)
    case .dot: return matmul(a, b, transposingRight: true)
    case .euclidean: return distances(a, b) { $0 + $1 * $1 }.squareRoot() * -1
    case .manhattan: return distances(a, b) { $0 + abs($1) } * -1
    }
  }

  private func distances(_ a: Tensor, _ b: Tensor, _ add: (Double, Double) -> Double) -> Tensor {
    let (x, y, width) = (a.scalars, b.scalars, a.shape[1])
    var result: [Float] = []
    for i in 0..<a.shape[0] {
      for j in 0..<b.shape[0] {
        var sum = 0.0
        for c in 0..<width { sum = add(sum, Double(x[i * width + c]) - Double(y[j * width + c])) }
        result.append(Float(sum))
      }
    }
    return Tensor(result, shape: Shape(a.shape[0], b.shape[0]))
  }
}
