import Dispatch
import Formats
import Gradients
import Layers
import Tensor

/// Tensors as the parameters of a module, for gradients of single operations.
private struct Inputs: Module {
  var tensors: [Tensor]
  mutating func visit(_ visitor: inout some ParameterVisitor) {
    for index in tensors.indices { visitor("\(index)", &tensors[index]) }
  }
}

extension Work {
  static func product(_ layout: String, _ sizes: [Int]) -> Work {
    let (m, k, n) = (sizes[0], sizes[1], sizes[2])
    let transposingLeft = layout.hasPrefix("t"), transposingRight = layout.hasSuffix("t")
    let a = testTensor(transposingLeft ? Shape(k, m) : Shape(m, k))
    var b = testTensor(transposingRight ? Shape(n, k) : Shape(k, n), seed: 2)
    if layout.hasSuffix("p") { b = b.packedForProducts(transposed: false) }
    let right = b
    var work = Work {
      _ = matmul(a, right, transposingLeft: transposingLeft, transposingRight: transposingRight)
    }
    (work.flops, work.bytes) = (2 * m * k * n, 4 * (m * k + k * n + m * n))
    return work
  }

  /// What an operation on tensors of a few elements takes: bookkeeping, and next to no arithmetic.
  static func overhead(_ operation: String, count: Int) -> Work {
    let x = testTensor(Shape(1, count)), square = testTensor(Shape(count, count), seed: 2)
    let rounds = 10_000
    var work = Work.timing {
      let start = DispatchTime.now().uptimeNanoseconds
      for _ in 0..<rounds {
        switch operation {
        case "add": _ = x + x
        case "matmul": _ = matmul(x, square)
        default: _ = x.softmax()
        }
      }
      return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9 / Double(rounds)
    }
    work.flops = operation == "matmul" ? 2 * count * count : nil
    return work
  }

  static func rows(_ name: String, _ sizes: [Int]) -> Work {
    let x = testTensor(Shape(sizes[0], sizes[1]))
    var work = Work {
      switch name {
      case "softmax": _ = x.softmax()
      case "layernorm": _ = x.layerNorm(weight: nil, bias: nil, epsilon: 1e-5)
      case "gelu_tanh": _ = x.geluTanh()
      default: _ = x.gelu()
      }
    }
    work.bytes = 8 * sizes[0] * sizes[1]
    return work
  }

  /// Forward and backward from hidden states through the output matrix.
  static func crossEntropy(_ sizes: [Int]) -> Work {
    let (time, width, vocabulary) = (sizes[0], sizes[1], sizes[2])
    let inputs = Inputs(tensors: [
      testTensor(Shape(time, width)), testTensor(Shape(vocabulary, width), seed: 2),
    ])
    let random = Random(seed: 3)
    let targets = (0..<time).map { Int32(random.integer($0, below: vocabulary)) }
    var work = Work {
      _ = valueAndGradient(at: inputs) {
        linearCrossEntropy($0.tensors[0], $0.tensors[1], transposingWeight: true, targets: targets)
      }
    }
    (work.flops, work.repeats, work.warmUps) = (6 * time * width * vocabulary, 3, 1)
    return work
  }

  static func attention(isCausal: Bool, _ sizes: [Int], backward: Bool) -> Work {
    let shape = Shape(sizes[0], sizes[2], sizes[1], sizes[3])
    let inputs = Inputs(tensors: [testTensor(shape), testTensor(shape, seed: 2), testTensor(shape, seed: 3)])
    let mask = isCausal ? AttentionMask.causal : .none
    func attend(_ inputs: Inputs) -> Tensor {
      let t = inputs.tensors
      return scaledDotProductAttention(query: t[0], key: t[1], value: t[2], mask: mask)
    }
    var work =
      backward ? Work { _ = valueAndGradient(at: inputs) { attend($0).sum() } } : Work { _ = attend(inputs) }
    // Two products forward; backward the scores again and four more. A causal mask rules half of them out.
    let product = 2 * sizes[0] * sizes[1] * sizes[2] * sizes[2] * sizes[3]
    work.flops = product * (backward ? 7 : 2) / (isCausal ? 2 : 1)
    return work
  }
}
