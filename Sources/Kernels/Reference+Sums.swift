extension Reference {
  /// The sum of the elements.
  package static func sum(_ x: [Float]) -> Double { x.reduce(0) { $0 + Double($1) } }

  /// The sum of the products, `sum over i of a[i] * b[i]`.
  package static func dot(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }

  /// The largest element: NaN if any is NaN, -infinity of none.
  package static func largest(_ x: [Float]) -> Float {
    x.reduce(-.infinity) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }
  }

  /// `y + s * x`
  package static func addScaled(_ s: Float, _ x: [Float], to y: [Float]) -> [Double] {
    zip(x, y).map { Double($1) + Double(s) * Double($0) }
  }

  /// `y[j] + sum over i of x[i, j]`, for `x` of the shape `[rows, width]`, the width being that of `y`.
  package static func addRowSums(_ x: [Float], rows: Int, to y: [Float]) -> [Double] {
    var sums = y.map { Double($0) }
    for row in 0..<rows {
      for j in sums.indices { sums[j] += Double(x[row * sums.count + j]) }
    }
    return sums
  }

  /// `c[i, j] = sum over p of a[i, p] * b[p, j]`, for `a` of the shape `[rows, depth]` and `b` of `[depth, columns]`.
  ///
  /// - Returns: the products, and the sum of the magnitudes of what each one adds up, to which its rounding is in proportion.
  package static func matmul(
    _ a: [Float], _ b: [Float], rows: Int, depth: Int, columns: Int
  ) -> (values: [Double], magnitudes: [Double]) {
    var values = [Double](repeating: 0, count: rows * columns)
    var magnitudes = values
    for i in 0..<rows {
      for p in 0..<depth {
        let factor = Double(a[i * depth + p])
        for j in 0..<columns {
          let product = factor * Double(b[p * columns + j])
          values[i * columns + j] += product
          magnitudes[i * columns + j] += abs(product)
        }
      }
    }
    return (values, magnitudes)
  }
}
