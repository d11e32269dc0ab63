import Models
import Tensor
import TestSupport
import Testing
import Training

/// AdamW in Double, one element at a time.
private struct ReferenceAdamW {
  var (beta1, beta2, epsilon, decay) = (0.9, 0.99, 1e-8, 0.1)
  var weights: [Double]
  var first: [Double]
  var second: [Double]
  var time = 0.0

  init(_ weights: [Float]) {
    self.weights = weights.map(Double.init)
    first = weights.map { _ in 0 }
    second = first
  }

  mutating func step(_ gradient: [Double], rate: Double) {
    time += 1
    for i in weights.indices {
      first[i] = beta1 * first[i] + (1 - beta1) * gradient[i]
      second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i]
      weights[i] *= 1 - rate * decay
      let mean = first[i] / power(beta1), deviation = (second[i] / power(beta2)).squareRoot()
      weights[i] -= rate * mean / (deviation + epsilon)
    }
  }

  private func power(_ beta: Double) -> Double { 1 - (0..<Int(time)).reduce(1.0) { product, _ in product * beta } }
}

/// The numbers that the reference program was given, too: fractions of 50.
private func numbers(_ count: Int, _ seed: Int) -> Tensor {
  Tensor((0..<count).map { Float(($0 * 37 + seed * 101) % 97 - 48) / 50 })
}

private func pair(_ matrixSeed: Int, _ vectorSeed: Int) -> Pair {
  Pair(matrix: numbers(15, matrixSeed).reshaped(3, 5), vector: numbers(7, vectorSeed))
}

@Suite struct AdamWTests {
  // PyTorch 2: torch.optim.AdamW, betas (0.9, 0.99), decay 0.1 for the matrix alone, clip_grad_norm_ to 1.
  @Test func stepsAreThoseOfPyTorch() throws {
    var model = pair(1, 2)
    var optimizer = AdamW(beta2: 0.99, weightDecay: 0.1, clippingNorm: 1)
    var norms: [Float] = []
    for step in 0..<10 {
      norms.append(
        try optimizer.update(&model, along: pair(10 + step, 30 + step), learningRate: 1e-2 * Float(step + 1) / 10))
      guard step == 0 else { continue }
      #expect(worstError(model.matrix.scalars, matrixAfter1) < 2e-7)
      #expect(worstError(model.vector.scalars, vectorAfter1) < 2e-7)
    }
    #expect(worstError([norms[0], norms[9]], [2.538503646850586, 2.6900558471679688]) < 1e-6)
    #expect(worstError(model.matrix.scalars, matrixAfter10) < 1e-6)
    #expect(worstError(model.vector.scalars, vectorAfter10) < 1e-6)
  }

  // One element, less and more than a vector, and more than one task.
  @Test(arguments: [1, 7, 64, 1000, 16_385, 40_000])
  func stepsAreThoseOfTheReference(_ count: Int) throws {
    var model = Pair(matrix: testTensor(Shape(1, count), seed: 1), vector: testTensor(Shape(2), seed: 2))
    var reference = ReferenceAdamW(model.matrix.scalars)
    var optimizer = AdamW(beta2: 0.99, weightDecay: 0.1)
    for step in 0..<10 {
      let gradient = testTensor(Shape(1, count), seed: UInt64(10 + step))
      let still = Pair(matrix: gradient, vector: .zeros(Shape(2)))
      try optimizer.update(&model, along: still, learningRate: 0.01)
      reference.step(gradient.scalars.map(Double.init), rate: 0.01)
      #expect(worstError(model.matrix.scalars, reference.weights) < 1e-6)
    }
    #expect(worstError(optimizer.moments[0].first.scalars, reference.first) < 1e-6)
    #expect(worstError(optimizer.moments[0].second.scalars, reference.second) < 1e-6)
    #expect(model.vector.scalars == testTensor(Shape(2), seed: 2).scalars)
  }

  @Test func onlySelectedParametersDecay() throws {
    let zeros = Pair(matrix: .zeros(Shape(3, 5)), vector: .zeros(Shape(7)))
    let cases: [(ParameterSelection, [Bool])] = [
      (.matrices, [true, false]), (.none, [false, false]), (.all, [true, true]),
    ]
    for (selection, decays) in cases {
      var model = pair(1, 2)
      var optimizer = AdamW(weightDecay: 0.5, decaying: selection)
      try optimizer.update(&model, along: zeros, learningRate: 0.1)
      let (matrix, vector) = (pair(1, 2).matrix.scalars, pair(1, 2).vector.scalars)
      #expect(worstError(model.matrix.scalars, matrix.map { Double($0) * (decays[0] ? 0.95 : 1) }) < 1e-7)
      #expect(worstError(model.vector.scalars, vector.map { Double($0) * (decays[1] ? 0.95 : 1) }) < 1e-7)
    }
  }

  @Test func frozenParametersStay() throws {
    var model = pair(1, 2)
    var optimizer = AdamW(weightDecay: 0.5)
    let (_, gradient) = valueAndGradient(at: model, frozen: .named("matrix")) { ($0.vector * $0.vector).sum() }
    try optimizer.update(&model, along: gradient, learningRate: 0.1)
    #expect(model.matrix.scalars == pair(1, 2).matrix.scalars)
    #expect(model.vector.scalars != pair(1, 2).vector.scalars)
  }

  // The first update has the size of the learning rate whatever the gradient's; the moments show what was clipped.
  @Test func clippingScalesTheWholeGradient() throws {
    for (limit, factor) in [(Float(1), 0.2), (10, 1)] {
      var model = Pair(matrix: .zeros(Shape(1, 1)), vector: .zeros(Shape(1)))
      var optimizer = AdamW(clippingNorm: limit)
      let gradient = Pair(matrix: Tensor([3], shape: Shape(1, 1)), vector: Tensor([4]))
      #expect(try optimizer.update(&model, along: gradient, learningRate: 0.1) == 5)
      #expect(worstError(optimizer.moments[0].first.scalars, [0.3 * factor]) < 1e-6)
      #expect(worstError(optimizer.moments[1].first.scalars, [0.4 * factor]) < 1e-6)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func nothingChangesWhenTheGradientIsNotFinite(_ bad: Float) throws {
    var model = pair(1, 2)
    var optimizer = AdamW()
    try optimizer.update(&model, along: pair(3, 4), learningRate: 0.1)
    let (before, moments) = (model, optimizer.moments.map { $0.first.scalars + $0.second.scalars })
    var gradient = pair(5, 6)
    gradient.vector.withMutableScalars { $0[3] = bad }
    let error = #expect(throws: TrainingDiverged.self) {
      try optimizer.update(&model, along: gradient, loss: 2, learningRate: 0.1)
    }
    #expect(error?.parameter == "vector" && error?.step == 1 && error?.loss == 2)
    #expect(error?.description.contains("vector") == true)
    #expect(model.matrix.scalars == before.matrix.scalars && model.vector.scalars == before.vector.scalars)
    #expect(optimizer.moments.map { $0.first.scalars + $0.second.scalars } == moments && optimizer.updateCount == 1)
  }

  @Test func aLossThatIsNotFiniteStopsTheUpdate() throws {
    var model = pair(1, 2)
    var optimizer = AdamW()
    let error = #expect(throws: TrainingDiverged.self) {
      try optimizer.update(&model, along: pair(3, 4), loss: .infinity, learningRate: 0.1)
    }
    #expect(error?.parameter == nil && error?.loss == .infinity)
    #expect(model.matrix.scalars == pair(1, 2).matrix.scalars && optimizer.updateCount == 0)
  }

  @Test func weightsAndMomentsStayWhereTheyAre() throws {
    func addresses(_ model: Pair, _ optimizer: AdamW) -> [Int] {
      let tensors = [model.matrix, model.vector] + optimizer.moments.flatMap { [$0.first, $0.second] }
      return tensors.map { $0.withScalars { Int(bitPattern: $0.baseAddress) } }
    }
    var model = pair(1, 2)
    var optimizer = AdamW()
    try optimizer.update(&model, along: pair(3, 4), learningRate: 0.1)
    let before = addresses(model, optimizer)
    try optimizer.update(&model, along: pair(5, 6), learningRate: 0.1)
    #expect(addresses(model, optimizer) == before)
    // A copy keeps its values: the update then writes elsewhere.
    let (copy, values) = (model, model.matrix.scalars)
    try optimizer.update(&model, along: pair(5, 6), learningRate: 0.1)
    #expect(copy.matrix.scalars == values && model.matrix.scalars != values)
  }
}

private let matrixAfter1 = [
  -0.8789119720458984, -0.14098599553108215, 0.6009399890899658, -0.6009399890899658, 0.1389859914779663,
  0.8809119462966919, -0.32096797227859497, 0.4209579527378082, -0.7789219617843628, -0.040995996445417404,
  0.7009299397468567, -0.5009499788284302, 0.23897598683834076, -0.958903968334198, -0.2209779918193817,
]
private let vectorAfter1 = [
  -0.7990000247955322, -0.060999996960163116, 0.6809999942779541, -0.5189999938011169, 0.21899999678134918,
  0.9609999656677246, -0.2409999966621399,
]
private let matrixAfter10 = [
  -0.8985179662704468, -0.15488874912261963, 0.6401849389076233, -0.6514703035354614, 0.15763843059539795,
  0.8904132843017578, -0.36386850476264954, 0.4658839702606201, -0.8180339932441711, -0.04519638419151306,
  0.7341078519821167, -0.552769124507904, 0.27049973607063293, -0.9603084921836853, -0.244945228099823,
]
private let vectorAfter10 = [
  -0.763505756855011, -0.11572547256946564, 0.7302410006523132, -0.5300337672233582, 0.19294802844524384,
  1.0056686401367188, -0.2938597500324249,
]
