import Foundation
import Models
import Tensor
import TestSupport
import Testing
import Training

@Suite(.serialized) struct TrainingRunTests {
  @Test func aTinyModelLearnsItsTextByHeart() throws {
    var model = tinyModel(vocabulary: 5)
    var optimizer = AdamW(beta2: 0.99, clippingNorm: 1)
    let tokens = TokenBatch([0, 1, 2, 3, 4, 0, 2, 4, 3, 1, 4, 0, 3, 2, 1, 1], batch: 2, time: 8)
    let targets = TokenBatch([1, 2, 3, 4, 0, 2, 4, 1, 1, 4, 0, 3, 2, 1, 1, 3], batch: 2, time: 8)
    let first = model.loss(tokens, targets: targets).scalar
    #expect(abs(first - log(5)) < 0.1)
    for _ in 0..<150 {
      let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
      try optimizer.update(&model, along: gradient, loss: loss, learningRate: 1e-2)
    }
    #expect(model.loss(tokens, targets: targets).scalar < 0.02)
  }

  @Test func validationLossIsTheMeanOverItsBatches() throws {
    try RuntimeSettings.unchanged {
      let (model, data, random) = (tinyModel(), try tinyData(), Random(seed: 4))
      let found = model.meanLoss(on: data.validation, batches: 3, rows: 2, random: random)
      let losses = (0..<3).map { index in
        let (tokens, targets) = data.validation.batch(rows: 2, random: random.derived(index))
        return model.loss(tokens, targets: targets).scalar
      }
      #expect(abs(found - losses.reduce(0, +) / 3) < 1e-6)
    }
  }

  @Test func threadsDoNotChangeABit() throws {
    func bits(_ threads: Int) throws -> String {
      try RuntimeSettings.with(threads: threads) {
        // Wide enough that every operation has several tasks.
        var model = tinyModel(width: 96, layers: 1, vocabulary: 300, context: 32)
        var optimizer = AdamW(beta2: 0.99, weightDecay: 0.1, clippingNorm: 1)
        for step in 0..<3 {
          let tokens = TokenBatch((0..<256).map { Int32(($0 * 31 + step * 7) % 300) }, batch: 8, time: 32)
          let targets = TokenBatch((0..<256).map { Int32(($0 * 17 + step * 5) % 300) }, batch: 8, time: 32)
          let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
          try optimizer.update(&model, along: gradient, loss: loss, learningRate: 1e-2)
        }
        return digest(model.parameters.map(\.value) + optimizer.moments.flatMap { [$0.first, $0.second] })
      }
    }
    let one = try bits(1)
    for threads in [2, 3] { #expect(try bits(threads) == one) }
  }

  // In a process of its own: other tests take memory at the same time.
  @Test func repeatedStepsTakeNoMoreMemory() async {
    await #expect(processExitsWith: .success) {
      // Of two threads it is chance when both first need memory of their own at once.
      Runtime.threadCount = 1
      var run = try TinyRun()
      try run.train(0..<10)
      let (blocks, bytes, peak) = (Memory.systemAllocationCount, Memory.reservedBytes, Memory.peakBytes)
      try run.train(10..<300)
      guard Memory.systemAllocationCount == blocks, Memory.reservedBytes == bytes, Memory.peakBytes == peak else {
        print("blocks \(blocks) -> \(Memory.systemAllocationCount), bytes \(bytes) -> \(Memory.reservedBytes)")
        exit(1)
      }
    }
  }

  @Test func divergenceStopsBeforeTheWeightsAreHarmed() throws {
    var run = try TinyRun()
    try run.train(0..<2)
    run.model.decoder.finalNorm.weight.withMutableScalars { $0[0] = .infinity }
    let before = run.bits
    let error = #expect(throws: TrainingDiverged.self) { try run.train(2..<3) }
    #expect(error?.step == 2 && error?.parameter != nil && error?.loss?.isFinite == false)
    #expect(run.bits == before)
  }
}
