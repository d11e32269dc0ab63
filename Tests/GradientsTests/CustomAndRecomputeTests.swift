import Gradients
import Tensor
import TestSupport
import Testing

/// A block with dropout, to be computed again.
private struct Block: Module {
  var norm: LayerNorm
  var up: Linear
  var down: Conv1D

  init(seed: UInt64) {
    var initializer = Initializer.random(seed: seed)
    norm = LayerNorm(width: 6, epsilon: 1e-5, &initializer)
    up = Linear(6, 17, bias: true, standardDeviation: 0.5, &initializer)
    down = Conv1D(17, 6, bias: true, standardDeviation: 0.5, &initializer)
  }

  func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    let dropout = Dropout(0.3)
    return x + dropout(down(dropout(up(norm(x), activation: .gelu), &pass)), &pass)
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("norm", &norm)
    visitor("up", &up)
    visitor("down", &down)
  }
}

private struct Stack: Module {
  var table: Embedding
  var blocks: [Block]

  init() {
    var initializer = Initializer.random(seed: 1)
    table = Embedding(count: 5, width: 6, standardDeviation: 1, &initializer)
    blocks = (2..<5).map { Block(seed: $0) }
  }

  func loss(_ pass: Pass) -> Tensor {
    var pass = pass
    var x = table(TokenBatch([0, 4, 1, 1, 2, 4], batch: 2, time: 3))
    for block in blocks { x = pass.run(block, x) { block, x, pass in block(x, &pass) } }
    return (x * testTensor(x.shape, seed: 5)).sum()
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("table", &table)
    visitor("blocks", &blocks)
  }
}

extension GradientTests {
  @Suite struct CustomAndRecompute {
    @Test func customOperations() throws {
      func cube(_ x: Tensor) -> Tensor {
        custom("cube", [x], forward: { $0[0] * $0[0] * $0[0] }, pullback: { dy, x in [dy * x[0].squared() * 3] })
      }
      try check("custom", [3, 17]) { cube($0[0]) }
      try check("custom", [3, 17]) { cube($0[0] * 0.5 + 1) * $0[0] }
      // Several inputs, one of them a constant, one without a gradient.
      let constant = values([5], seed: 3)
      try check("custom", [5], [5]) { x in
        custom(
          "product", [x[0], constant, x[1]], forward: { $0[0] * $0[1] + $0[2].detached },
          pullback: { dy, x in [dy * x[1], dy * x[0], dy] })
      }
      #expect(throws: UnreachedParameters(names: ["1"])) {
        _ = try differentiate(at: Inputs([constant, constant])) { x in
          custom("first", [x[0], x[1]], forward: { $0[0] }, pullback: { dy, _ in [dy, nil] }).sum()
        }
      }
    }

    /// The check would see a rule that is wrong: in a factor, in a sign, in one element of many, in a place.
    @Test func wrongPullbacksAreFound() throws {
      let x = values([3, 5])
      func report(_ pullback: @escaping @Sendable (Tensor, [Tensor]) -> [Tensor?]) -> GradientCheck.Report {
        GradientCheck.run(at: Inputs([values([2]), x]), sampleSize: 15) { model in
          let y = custom("square", [model[1]], forward: { $0[0].squared() }, pullback: pullback)
          return (y * testTensor(y.shape, seed: 9)).sum() + model[0].sum()
        }
      }
      #expect(report { dy, x in [dy * x[0] * 2] }.passed)
      let wrong: [@Sendable (Tensor, [Tensor]) -> [Tensor?]] = [
        { dy, x in [dy * x[0]] },
        { dy, x in [dy * x[0] * -2] },
        { dy, x in [dy * x[0] * 2.01] },
        { dy, x in
          var gradient = dy * x[0] * 2
          gradient.withMutableScalars { $0[7] *= 1.05 }
          return [gradient]
        },
        { dy, x in [(dy * x[0] * 2).reshaped(5, 3).transposed()] },
        { dy, x in [Tensor.zeros(x[0].shape)] },
        { dy, x in [dy * Float.nan] },
      ]
      for pullback in wrong {
        let report = report(pullback)
        #expect(!report.passed && report.worst?.name == "1" && report.description.contains("failed"), "\(report)")
      }
      let worst = try #require(report(wrong[3]).worst)
      #expect(worst.position == [1, 2] && abs(worst.worst.error - 0.05) < 0.01)
    }

    /// A wrong forward is found as well, by the difference of the losses.
    @Test func aWrongValueIsFound() {
      var calls = 0
      let report = GradientCheck.run(at: Inputs([values([3])])) { model in
        calls += 1
        return model[0].sum() + Float(calls)
      }
      #expect(!report.passed && report.lossError > 0.1)
    }

    @Test(arguments: [false, true]) func recomputedBlocksHaveTheSameBits(_ isTraining: Bool) throws {
      let model = Stack()
      for set in Runtime.availableKernels {
        try RuntimeSettings.with(set, threads: 2) {
          let random = Random(seed: 8)
          let kept = try differentiate(at: model) { $0.loss(Pass(trainingWith: isTraining ? random : nil)) }
          let again = try differentiate(at: model) {
            $0.loss(Pass(trainingWith: isTraining ? random : nil, recomputesBlocks: true))
          }
          #expect(kept.value == again.value && kept.gradient.bits == again.gradient.bits)
        }
      }
      for recomputes in [false, true] {
        let report = GradientCheck.run(at: model) { model in
          model.loss(Pass(trainingWith: isTraining ? Random(seed: 8) : nil, recomputesBlocks: recomputes))
        }
        #expect(report.passed, "\(report)")
      }
    }

    /// A block's forward runs once for the value and once for the gradient, and what it captures is captured once.
    @Test func recomputedBlocksRunTwice() throws {
      let block = Inputs([values([4])])
      let x = values([4], seed: 2)
      let counter = Counter()
      var captured: [String] = []
      _ = try differentiate(at: block) { block in
        var pass = Pass(recomputesBlocks: true, capture: Capture())
        let y = pass.run(block, x) { block, x, pass in
          counter.increment()
          pass.capture?.note("x", x)
          return x * block[0]
        }
        captured = pass.capture?.values.map(\.name) ?? []
        #expect(counter.value == 1)
        return y.sum()
      }
      #expect(counter.value == 2 && captured == ["x"])
    }

    @Test func recomputedBlocksOfFrozenParameters() throws {
      let random = Random(seed: 8)
      let frozen = ParameterSelection.named("blocks.0", "table", "blocks.2.up")
      let kept = try differentiate(at: Stack(), frozen: frozen) { $0.loss(Pass(trainingWith: random)) }
      let again = try differentiate(at: Stack(), frozen: frozen) {
        $0.loss(Pass(trainingWith: random, recomputesBlocks: true))
      }
      for (a, b) in zip(kept.gradient.parameters, again.gradient.parameters) {
        #expect(a.value.isPlaceholder == frozen(a.name, a.value) && b.value.isPlaceholder == a.value.isPlaceholder)
        if !a.value.isPlaceholder { #expect(a.value.scalars == b.value.scalars, "\(a.name)") }
      }
    }
  }
}
