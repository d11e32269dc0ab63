import Tensor

/// How the numbers of a tensor lie in a file, as seen from the model.
public enum TensorLayout: Sendable, Equatable {
  /// As in the model.
  case same
  /// The two axes of a matrix are exchanged.
  case transposed
  /// The rows of a matrix, or the numbers of a bias, are those of this many heads, and within a head the two rows that a rotary position turns
  /// together are neighbours; in the model they are half a head apart: `[heads, width / 2, 2, in]` in the file,
  /// `[heads, 2, width / 2, in]` in the model.
  case rotaryPairs(heads: Int)

  /// The shape that a tensor of the file has in the model; nil where the layout does not fit it.
  func shape(of shape: [Int]) -> [Int]? {
    switch self {
    case .same: shape
    case .transposed: shape.count == 2 ? shape.reversed() : nil
    case .rotaryPairs(let heads):
      1...2 ~= shape.count && heads > 0 && shape[0] % (2 * heads) == 0 ? shape : nil
    }
  }

  /// A tensor of the file as the model has it.
  func undone(_ tensor: Tensor) -> Tensor {
    switch self {
    case .same: return tensor
    case .transposed:
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      return tensor.gathered(Shape(columns, rows), runs: 1) { $0 % rows * columns + $0 / rows }
    case .rotaryPairs(let heads):
      let half = tensor.shape[0] / heads / 2
      return tensor.gathered(tensor.shape, runs: tensor.rank == 1 ? 1 : tensor.shape[1]) { row in
        let (head, inner) = (row / (2 * half), row % (2 * half))
        return 2 * (head * half + inner % half) + inner / half
      }
    }
  }
}

extension Tensor {
  /// A tensor of the same format whose runs of elements are those of this one, in another order.
  ///
  /// - Parameter source: by the place of a run, the place that it has in this tensor.
  fileprivate func gathered(_ shape: Shape, runs length: Int, from source: (Int) -> Int) -> Tensor {
    var result = Tensor(uninitialized: shape, format: format)
    let size = format.byteCount(of: length)
    withBytes { old in
      result.withMutableBytes { new in
        guard size > 0 else { return }
        for run in 0..<new.count / size {
          let start = source(run) * size
          UnsafeMutableRawBufferPointer(rebasing: new[run * size..<(run + 1) * size])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: old[start..<start + size]))
        }
      }
    }
    return result
  }
}
