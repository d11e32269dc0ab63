import Formats
import Layers
import Tensor

/// A text's scores by class: `[batch, labels]`, from a decoder's state at the last of the source's end tokens. The decoder
/// was given the source, a token later.
public struct ScoresAtTheEnd: Module {
  var inner: Linear
  var outer: Linear
  let endToken: Int?

  init(width: Int, labelCount: Int, endToken: Int?, _ initializer: inout Initializer) {
    inner = Linear(width, width, bias: true, &initializer)
    outer = Linear(width, labelCount, bias: true, &initializer)
    self.endToken = endToken
  }

  /// - Parameters:
  ///   - hidden: the decoder's final states, `[batch, time, width]`.
  ///   - tokens: the source.
  func callAsFunction(_ hidden: Tensor, source tokens: TokenBatch) -> Tensor {
    let (time, width) = (hidden.shape[1], hidden.shape[2])
    let places = (0..<tokens.batch).map { row in
      let end = (0..<tokens.time).last { Int(tokens.ids[row * tokens.time + $0]) == endToken }
      guard let end, end < time else { preconditionFailure("ScoresAtTheEnd: row \(row) has no end") }
      return Int32(row * time + end)
    }
    return outer(inner(hidden.reshaped(hidden.shape[0] * time, width).rows(at: places), activation: .tanh))
  }

  /// Checks texts from outside: the reference wants as many end tokens in each row.
  func check(_ tokens: TokenBatch, targetTime: Int, _ inputs: ForwardInputs) throws(InputError) {
    let counts = (0..<tokens.batch).map { row in
      tokens.ids[row * tokens.time..<(row + 1) * tokens.time].filter { Int($0) == endToken }.count
    }
    guard let count = counts.first, count > 0, counts.allSatisfy({ $0 == count }), targetTime == tokens.time else {
      throw InputError(
        .badValue, "a classifier needs as many end tokens in each row, at least one, and a decoder's text as long",
        at: inputs.place(of: "input_ids"), advice: "End each text with the token \(endToken.map { "\($0)" } ?? "").")
    }
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("classification_head.dense", &inner)
    visitor("classification_head.out_proj", &outer)
  }
}
