import Dispatch
import Gradients
import Tensor
import TestSupport
import Testing

/// Two maps with the same weight, and parameters that the loss may leave out.
private struct Twice: Module {
  var weight = values([5, 5])
  var scale = values([5], seed: 2)
  var spare: Linear

  init() {
    var initializer = Initializer.random(seed: 3)
    spare = Linear(3, 2, bias: true, &initializer)
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("weight", &weight)
    visitor("scale", &scale)
    visitor("spare", &spare)
  }

  func loss(_ x: Tensor) -> Tensor { linear(linear(x, weight).tanh() * scale, weight).squared().mean() }
}

extension GradientTests {
  @Suite struct Differentiation {
    let x = values([3, 5], seed: 4)

    @Test func sharedParametersGetTheSum() throws {
      let report = GradientCheck.run(at: Twice(), frozen: .named("spare"), sampleSize: 25) { $0.loss(x) }
      #expect(report.passed, "\(report)")
      #expect(report.parameters.map(\.name) == ["weight", "scale"])
      #expect(report.parameters.map(\.comparedCount) == [25, 5])
    }

    /// A report is a function of the model, the loss and the seed.
    @Test func samples() throws {
      func report(_ seed: UInt64) -> GradientCheck.Report {
        GradientCheck.run(at: Twice(), frozen: .named("spare"), sampleSize: 7, seed: seed) { $0.loss(x) }
      }
      #expect(report(1).description == report(1).description)
      #expect(report(1).direction != report(2).direction)
      #expect(report(1).parameters.map(\.comparedCount) == [7, 5])
      let worst = try #require(report(1).worst)
      #expect(report(1).description.contains("worst: \(worst.name)\(worst.position)"))
      #expect(GradientCheck.run(at: Twice(), frozen: .named("spare"), tolerance: 0) { $0.loss(x) }.passed == false)
    }

    @Test func unreachedParametersAreNamed() {
      #expect(throws: UnreachedParameters(names: ["spare.weight", "spare.bias"])) {
        _ = try differentiate(at: Twice()) { $0.loss(x) }
      }
      let report = GradientCheck.run(at: Twice()) { $0.loss(x) }
      #expect(report.unreached == ["spare.weight", "spare.bias"] && !report.passed)
      #expect(report.description.contains("does not reach spare.weight, spare.bias"))
    }

    @Test func aLossThatIgnoresTheModel() {
      let report = GradientCheck.run(at: Twice()) { _ in Tensor(3) }
      #expect(report.unreached.count == 4 && report.parameters.isEmpty && report.worst == nil && !report.passed)
      #expect(report.loss == 3 && report.lossError == 0 && report.direction.error == 0)
      #expect(throws: UnreachedParameters(names: ["weight", "scale", "spare.weight", "spare.bias"])) {
        _ = try differentiate(at: Twice()) { _ in Tensor(3) }
      }
      #expect(throws: UnreachedParameters(names: ["0"])) {
        _ = try differentiate(at: Inputs([x])) { $0[0].detached.sum() }
      }
      // Reached, but lost on the way.
      #expect(throws: UnreachedParameters(names: ["0"])) {
        _ = try differentiate(at: Inputs([x])) { model in
          _ = model[0].exp()
          return Tensor(1)
        }
      }
    }

    @Test func frozenParametersAreConstants() throws {
      try RuntimeSettings.unchanged {
        let whole = try differentiate(at: Twice(), frozen: .named("spare")) { $0.loss(x) }
        let part = try differentiate(at: Twice(), frozen: .named("spare", "weight")) { $0.loss(x) }
        #expect(whole.value == part.value)
        #expect(whole.gradient.scale.scalars == part.gradient.scale.scalars)
        #expect(part.gradient.weight.isPlaceholder && part.gradient.weight.shape == [5, 5])
        #expect(part.gradient.spare.weight.isPlaceholder && !whole.gradient.weight.isPlaceholder)
        // All of them: there is nothing to differentiate, and nothing that was not reached.
        #expect(try differentiate(at: Twice(), frozen: .all) { $0.loss(x) }.value == whole.value)
      }
    }

    /// The value and the gradient are what they are without a tape, and the model is as it was.
    @Test func nothingIsRecordedOutside() throws {
      try RuntimeSettings.unchanged {
        let model = Twice()
        var smuggled: Tensor?
        let value = try differentiate(at: model, frozen: .named("spare")) { model in
          smuggled = model.weight
          return model.loss(x)
        }.value
        #expect(value == model.loss(x).scalar)
        #expect(model.parameters.allSatisfy { $0.value.trace == nil } && model.loss(x).trace == nil)
        #expect(smuggled?.exp().trace == nil)  // the tape is closed
      }
    }

    /// What would lose a gradient without a word stops the program.
    @Test func lostGradientsAreRefused() async {
      await #expect(processExitsWith: .failure) {
        _ = valueAndGradient(at: Inputs([values([3]), values([3])])) { ($0[0] * 2).sum() }
      }
      await #expect(processExitsWith: .failure) {
        _ = valueAndGradient(at: Inputs([values([3])])) { model in
          var changed = model[0]
          changed.withMutableScalars { $0[0] = 1 }
          return changed.sum()
        }
      }
      await #expect(processExitsWith: .failure) {
        _ = valueAndGradient(at: Inputs([values([3])])) { model in
          let x = model[0]
          return custom("captures", [x], forward: { $0[0] * x }, pullback: { dy, x in [dy * x[0]] }).sum()
        }
      }
      await #expect(processExitsWith: .failure) {
        _ = valueAndGradient(at: Inputs([values([3])])) { model in
          let x = model[0].exp()
          var pass = Pass(recomputesBlocks: true)
          return pass.run(model, x) { _, y, _ in x * y }.sum()
        }
      }
    }

    /// A parameter is the loss, and a scalar of any rank is one.
    @Test func trivialLosses() throws {
      #expect(try differentiate(at: Inputs([Tensor(3)])) { $0[0] }.gradient[0].scalars == [1])
      let gradient = try differentiate(at: Inputs([values([1, 1, 1])])) { $0[0] * 4 }.gradient
      #expect(gradient[0].scalars == [4] && gradient[0].shape == [1, 1, 1])
    }

    /// Gradients within a loss: the outer values are constants of the inner gradient, and that is one of the outer.
    @Test func nested() throws {
      try RuntimeSettings.unchanged {
        let (a, b) = (values([1, 5]), values([1, 5], seed: 2))
        for outerIsFirst in [true, false] {
          let (value, gradient) = try differentiate(at: Inputs([a])) { outer in
            let x = outer[0].squared()
            let inner = valueAndGradient(at: Inputs([b, b])) { inner in
              let product = outerIsFirst ? x * inner[0] : inner[0] * x
              let sum = outerIsFirst ? linear(product, Tensor.ones([5, 1])).sum() : product.sum()
              return outerIsFirst ? sum + inner[1].sum() : inner[1].sum() + sum
            }
            #expect(inner.gradient[0].scalars == a.squared().scalars)
            #expect(inner.gradient[1].scalars == [1, 1, 1, 1, 1])
            return (x * inner.gradient[0]).sum()
          }
          #expect(value == (a.squared() * a.squared()).sum().scalar)
          #expect(gradient[0].scalars == (a * 2 * a.squared()).scalars)
        }
      }
    }

    /// A value of the inner computation that is used outside is a constant there.
    @Test func innerValuesOutside() throws {
      try RuntimeSettings.unchanged {
        let gradient = try differentiate(at: Inputs([x])) { outer in
          var inner: Tensor?
          _ = valueAndGradient(at: Inputs([x])) { model in
            inner = model[0].exp()
            return (model[0] * outer[0]).sum()
          }
          return (outer[0] * (inner ?? x)).sum()
        }.gradient
        #expect(gradient[0].scalars == x.exp().scalars)
      }
    }

    /// Gradients that are taken at the same time do not meet.
    @Test func concurrent() throws {
      try RuntimeSettings.with(threads: 2) {
        @Sendable func gradient(_ index: Int) -> [Float] {
          valueAndGradient(at: Twice(), frozen: .named("spare")) { $0.loss(values([40, 5], seed: index % 3)) }
            .gradient.weight.scalars
        }
        let expected = (0..<3).map { gradient($0) }
        let wrong = Counter()
        DispatchQueue.concurrentPerform(iterations: 24) { index in
          if gradient(index) != expected[index % 3] { wrong.increment() }
        }
        #expect(wrong.value == 0)
      }
    }

    /// Tensors are given back when the call ends, whether or not it reached everything.
    @Test func memoryStaysFlat() async {
      await #expect(processExitsWith: .success) {
        let big = values([64, 4096])  // a mebibyte
        func run() throws {
          _ = try differentiate(at: Inputs([big])) { ($0[0].exp() * $0[0]).sum() }
          #expect(throws: UnreachedParameters.self) {
            _ = try differentiate(at: Inputs([big, big])) { ($0[0].exp() * 2).sum() }
          }
          #expect(throws: UnreachedParameters.self) {
            _ = try differentiate(at: Inputs([big])) { model in
              _ = model[0].exp() * model[0]
              return Tensor(1)
            }
          }
          let block = Inputs([big])
          _ = try differentiate(at: block) { block in
            var pass = Pass(recomputesBlocks: true)
            return pass.run(block, big) { block, x, _ in (x * block[0]).gelu() }.sum()
          }
          #expect(throws: UnreachedParameters.self) {
            _ = try differentiate(at: block) { block in
              var pass = Pass(recomputesBlocks: true)
              _ = pass.run(block, big) { block, x, _ in (x * block[0]).gelu() }
              return Tensor(1)
            }
          }
        }
        Runtime.threadCount = 1
        try run()
        let before = Memory.reservedBytes
        for _ in 0..<20 { try run() }
        #expect(Memory.reservedBytes - before < 8 << 20, "20 rounds that would leak a mebibyte or more each")
      }
    }
  }
}
