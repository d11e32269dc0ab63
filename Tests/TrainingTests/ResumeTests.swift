import Formats
import Foundation
import Models
import Tensor
import TestSupport
import Testing
import Training

@Suite struct ResumeTests {
  @Test func aResumedRunHasTheSameBits() throws {
    try RuntimeSettings.unchanged {
      try withFolder { folder in
        var whole = try TinyRun()
        try whole.train(0..<40)
        var first = try TinyRun()
        try first.train(0..<20)
        try first.save(to: folder + "/run", step: 20)

        var second = try TinyRun()
        second.model = tinyModel(seed: 99)  // restoring must not leave a weight of the new one
        let checkpoint = try TrainingCheckpoint(opening: folder + "/run")
        try checkpoint.restore(&second.model, &second.optimizer, of: second.recipe)
        #expect(checkpoint.step == 20 && second.optimizer.updateCount == 20 && second.bits == first.bits)
        try second.train(20..<40)
        #expect(second.bits == whole.bits)
        #expect(first.losses + second.losses == whole.losses && whole.losses.count == 40)
        #expect(Set(whole.losses).count > 30)  // the runs did something
      }
    }
  }

  @Test func savingTwiceGivesTheSameBytes() throws {
    try withFolder { folder in
      var run = try TinyRun()
      try run.train(0..<2)
      for name in ["a", "b"] { try run.save(to: "\(folder)/\(name)", step: 2) }
      for name in ["config.json"] + TrainingCheckpoint.fileNames {
        let (a, b) = (FileManager.default.contents(atPath: "\(folder)/a/\(name)"), "\(folder)/b/\(name)")
        #expect(a != nil && a == FileManager.default.contents(atPath: b))
      }
    }
  }

  @Test func aRunCanBeSavedBeforeItsFirstStep() throws {
    try withFolder { folder in
      let run = try TinyRun()
      try run.save(to: folder + "/run", step: 0)
      var other = try TinyRun()
      other.model = tinyModel(seed: 99)
      try TrainingCheckpoint(opening: folder + "/run").restore(&other.model, &other.optimizer, of: run.recipe)
      #expect(other.bits == run.bits && other.optimizer.updateCount == 0)
    }
  }

  @Test func frozenParametersStayFrozen() throws {
    try withFolder { folder in
      var (model, optimizer) = (tinyModel(), AdamW())
      let (tokens, targets) = try tinyData().training.batch(rows: 2, random: Random(seed: 1))
      func train() throws {
        let (loss, gradient) = valueAndGradient(at: model, frozen: .named("transformer.wpe")) {
          $0.loss(tokens, targets: targets)
        }
        try optimizer.update(&model, along: gradient, loss: loss, learningRate: 0.01)
      }
      try train()
      let recipe = Recipe(seed: 1, settings: [], tokenizer: [], data: [])
      let target = try AtomicDirectory(replacing: folder + "/run")
      try TrainingCheckpoint.write(model, optimizer, step: 1, of: recipe, to: target)
      try target.commit()
      let saved = model.parameters.map(\.value.scalars)
      (model, optimizer) = (tinyModel(seed: 8), AdamW())
      try TrainingCheckpoint(opening: folder + "/run").restore(&model, &optimizer, of: recipe)
      #expect(model.parameters.map(\.value.scalars) == saved)
      try train()
      #expect(model.decoder.positionEmbedding.weight.scalars == tinyModel().decoder.positionEmbedding.weight.scalars)
    }
  }

  @Test func anotherRecipeIsRefusedByName() throws {
    try withFolder { folder in
      var run = try TinyRun()
      try run.train(0..<1)
      try run.save(to: folder + "/run", step: 1)
      let checkpoint = try TrainingCheckpoint(opening: folder + "/run")
      func recipe(
        seed: UInt64 = 3, rate: Double = 0.003, rows: JSONValue = 3, tokenizer: UInt8 = 1, data: UInt8 = 2
      ) -> Recipe {
        Recipe(seed: seed, settings: [("rate", .number(rate)), ("rows", rows)], tokenizer: [tokenizer], data: [data])
      }
      let others: [(Recipe, String)] = [
        (recipe(seed: 4), "seed"), (recipe(rate: 0.004), "rate 0.003, not 0.004"),
        (recipe(rows: "3"), "rows 3, not \"3\""),
        (recipe(rows: ["a": 1, "b": 2]), "rows 3, not {"),
        (recipe(tokenizer: 9), "tokenizer"), (recipe(data: 9), "text"),
        (Recipe(seed: 3, settings: [("rate", 0.003)], tokenizer: [1], data: [2]), "rows 3, not absent"),
      ]
      for (other, word) in others {
        let error = #expect(throws: InputError.self) { try checkpoint.restore(&run.model, &run.optimizer, of: other) }
        #expect(error?.kind == .inconsistent && error?.description.contains(word) == true)
      }
      try checkpoint.restore(&run.model, &run.optimizer, of: recipe())
    }
  }

  @Test func anotherOptimizerOrModelIsRefusedAndNothingChanges() throws {
    try withFolder { folder in
      var run = try TinyRun()
      try run.train(0..<1)
      try run.save(to: folder + "/run", step: 1)
      try run.train(1..<2)
      let checkpoint = try TrainingCheckpoint(opening: folder + "/run")
      let before = run.bits
      let optimizers = [
        AdamW(beta1: 0.8, beta2: 0.99, weightDecay: 0.1, clippingNorm: 1), AdamW(weightDecay: 0.1, clippingNorm: 1),
        AdamW(beta2: 0.99, weightDecay: 0.2, clippingNorm: 1), AdamW(beta2: 0.99, weightDecay: 0.1),
        AdamW(beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1, clippingNorm: 1),
        AdamW(beta2: 0.99, weightDecay: 0.1, decaying: .all, clippingNorm: 1),
      ]
      for var optimizer in optimizers {
        #expect(
          errorKind { () throws(InputError) in
            try checkpoint.restore(&run.model, &optimizer, of: run.recipe)
          } == .inconsistent)
        #expect(optimizer.updateCount == 0 && run.bits == before)
      }
      for var model in [tinyModel(width: 18), tinyModel(layers: 1), tinyModel(layers: 3)] {
        let weights = model.parameters.map(\.value.scalars)
        let kind = errorKind { () throws(InputError) in
          try checkpoint.restore(&model, &run.optimizer, of: run.recipe)
        }
        #expect(kind == .inconsistent || kind == .missing)
        #expect(model.parameters.map(\.value.scalars) == weights && run.bits == before)
      }
    }
  }

  @Test(arguments: [true, false]) func nothingThatIsNotFiniteIsSaved(_ inWeights: Bool) throws {
    try withFolder { folder in
      var run = try TinyRun()
      try run.train(0..<1)
      try run.save(to: folder + "/run", step: 1)
      if inWeights {
        run.model.decoder.finalNorm.weight.withMutableScalars { $0[1] = .nan }
      } else {
        run.optimizer.moments[2].second.withMutableScalars { $0[1] = .infinity }
      }
      let error = #expect(throws: InputError.self) { try run.save(to: folder + "/run", step: 2) }
      #expect(error?.kind == .nonFinite)
      #expect(try TrainingCheckpoint(opening: folder + "/run").step == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["run"])
    }
  }

  // The disk fails at every step of a save in turn: what stands there is the old checkpoint or the new one.
  @Test func aFailingDiskLeavesTheOldCheckpointOrTheNewOne() throws {
    try withFolder { folder in
      var run = try TinyRun()
      try run.train(0..<1)
      try run.save(to: folder + "/run", step: 1)
      let counter = Counter()
      try FileFaults.$before.withValue({ _ in counter.isHit(by: -1) ? .errno(28) : nil }) {
        try run.save(to: folder + "/run", step: 2)
      }
      let steps = counter.count
      #expect(steps > 15)
      var (failures, latest) = (0, 2)
      for step in 0..<steps {
        let counter = Counter()
        do {
          try FileFaults.$before.withValue({ _ in counter.isHit(by: step) ? .errno(28) : nil }) {
            try run.save(to: folder + "/run", step: step + 10)
          }
          latest = step + 10
        } catch { failures += 1 }
        let found = try TrainingCheckpoint(opening: folder + "/run").step
        #expect(found == latest || found == step + 10)
        latest = found
      }
      #expect(failures > steps / 2)
    }
  }

  private final class Counter: @unchecked Sendable {
    var count = 0
    func isHit(by step: Int) -> Bool {
      defer { count += 1 }
      return count == step
    }
  }
}
