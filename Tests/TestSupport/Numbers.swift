import Tensor

/// A tensor of reproducible numbers between -1 and 1, for tests.
public func testTensor(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
  Tensor.uniform(shape, in: -1...1, random: Random(seed: seed))
}

/// The largest difference of two rows of numbers, relative to the larger of 1 and the expected number.
public func worstError(_ found: [Float], _ expected: [Double]) -> Double {
  precondition(found.count == expected.count, "worstError: \(found.count) numbers and \(expected.count)")
  return zip(found, expected).reduce(0) { worst, pair in
    let error = abs(Double(pair.0) - pair.1) / max(1, abs(pair.1))
    return error.isNaN ? .infinity : max(worst, error)
  }
}
