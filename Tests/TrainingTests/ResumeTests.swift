import Formats
import Foundation
import Models
import Tensor
import TestSupport
import Testing
import Training

@Suite struct ResumeTests {
  @Test func aResumedRunHasTheSameBits() throws {
    try withFolder { folder in
      var whole = try TinyRun()
      try whole.train(0..<40)
      var first = try TinyRun()
      try first.train(0..<20)
      try first.save(to: folder + "/run")

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

  /// A model may be saved whole after it was saved in shards, and the other way round.
  @Test func aRunInShardsIsResumed() throws {
    try withFolder { folder in
      let path = folder + "/run"
      let sizes = [ShardSize(byteCount: 3000), nil, ShardSize(byteCount: 1), ShardSize(byteCount: 3000)]
      for (round, shardSize) in sizes.enumerated() {
        var run = try TinyRun()
        try run.train(0..<round + 1)  // other bits each time: weights that stayed would be noticed
        try run.save(to: path, shardSize: shardSize)
        let files = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(files.contains("model.safetensors") == (shardSize == nil))
        #expect(files.filter { !TrainingCheckpoint.isFile($0) } == ["config.json"])
        var other = try TinyRun()
        other.model = tinyModel(seed: 99)
        try TrainingCheckpoint(opening: path).restore(&other.model, &other.optimizer, of: other.recipe)
        #expect(other.bits == run.bits)
      }
    }
  }

  @Test(.enabled(if: Runtime.availableKernels.count > 1, "this processor has one kernel set alone"))
  func otherKernelsAreRefusedWithTheWayBack() throws {
    try withTemporaryFolder { folder in
      let (first, last) = (Runtime.availableKernels[0], Runtime.availableKernels[Runtime.availableKernels.count - 1])
      let saved = try RuntimeSettings.with(first, threads: 2) {
        var run = try TinyRun()
        try run.train(0..<2)
        try run.save(to: folder + "/run")
        return run
      }
      var other = try TinyRun()
      let before = other.bits
      let checkpoint = try TrainingCheckpoint(opening: folder + "/run")
      try RuntimeSettings.with(last, threads: 2) {
        let error = #expect(throws: InputError.self) {
          try checkpoint.restore(&other.model, &other.optimizer, of: other.recipe)
        }
        #expect(error?.kind == .inconsistent && error?.place.hasSuffix("training.json") == true)
        #expect(error?.advice.contains("ATTENTION_KERNELS=\(first.rawValue)") == true)
        #expect(other.bits == before && other.optimizer.updateCount == 0)
      }
      try RuntimeSettings.with(first, threads: 1) {
        try checkpoint.restore(&other.model, &other.optimizer, of: other.recipe)
      }
      #expect(other.bits == saved.bits)
    }
  }

  @Test func aDamagedNewestLeavesTheOneBefore() throws {
    try withFolder { folder in
      let path = folder + "/run"
      func newest() throws -> (step: Int, passedOver: InputError?) {
        let (checkpoint, passedOver) = try TrainingCheckpoint.newestWhole(of: path)
        var run = try TinyRun()
        try checkpoint.restore(&run.model, &run.optimizer, of: run.recipe)
        return (checkpoint.step, passedOver)
      }
      func damage() throws {
        var bytes = try InputFile.contents(of: path + "/model.safetensors", atMost: 1 << 20)
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/model.safetensors"))
      }
      #expect(errorKind { () throws(InputError) in try TrainingCheckpoint.newestWhole(of: path) } == .notFound)
      var run = try TinyRun()
      for step in 0..<4 {
        try run.train(step..<step + 1)
        try run.save(to: path)
        #expect(try newest() == (step + 1, nil))
        #expect(try TrainingCheckpoint.stands(at: path + ".previous") == (step > 0))
      }
      #expect(try TrainingCheckpoint(opening: path + ".previous").step == 3)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["run", "run.previous"])

      try damage()
      let (step, passedOver) = try newest()
      #expect(step == 3 && passedOver?.kind == .badChecksum && passedOver == damageOf(path))
      // The damaged one makes room for the next and does not drive out the whole one.
      try run.train(4..<5)
      try run.save(to: path, keepingReplaced: false)
      #expect(try newest() == (5, nil))
      #expect(try TrainingCheckpoint(opening: path + ".previous").step == 3)

      try FileManager.default.removeItem(atPath: path)
      #expect(try newest().step == 3 && newest().passedOver?.kind == .notFound)
      try FileManager.default.moveItem(atPath: path + ".previous", toPath: path)
      try damage()
      #expect(errorKind { () throws(InputError) in try TrainingCheckpoint.newestWhole(of: path) } == .badChecksum)
    }
  }

  /// Why the checkpoint at a path cannot be opened.
  private func damageOf(_ path: String) -> InputError? {
    do throws(InputError) { _ = try TrainingCheckpoint(opening: path) } catch { return error }
    return nil
  }

  // What is no damage is not passed over: the newest would be lost by it.
  @Test func aForeignFileIsNoDamage() throws {
    try withFolder { folder in
      let path = folder + "/run"
      var run = try TinyRun()
      for step in 0..<2 {
        try run.train(step..<step + 1)
        try run.save(to: path)
      }
      try AtomicFile.write([1], to: path + "/notes.txt")
      #expect(errorKind { () throws(InputError) in try TrainingCheckpoint.newestWhole(of: path) } == .inconsistent)
    }
  }

  @Test func aKilledWriterLeavesAWholeCheckpointToEveryReader() throws {
    try withFolder { folder in
      let path = folder + "/run"
      var run = try TinyRun()
      try run.train(0..<1)
      try run.save(to: path)
      // As it is between the two renames of a commit.
      let token = folder + "/.run.0123456789abcdef"
      try FileManager.default.copyItem(atPath: path, toPath: token + ".new")
      try FileManager.default.moveItem(atPath: path, toPath: token + ".kept")
      #expect(try GPT2.load(from: path).vocabularySize == run.model.vocabularySize)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(names == ["run", "run.previous"])
    }
  }

  @Test func savingTwiceGivesTheSameBytes() throws {
    try withFolder { folder in
      var run = try TinyRun()
      try run.train(0..<2)
      for name in ["a", "b"] { try run.save(to: "\(folder)/\(name)") }
      for name in ["config.json", "model.safetensors", "optimizer.safetensors", "training.json"] {
        let (a, b) = (FileManager.default.contents(atPath: "\(folder)/a/\(name)"), "\(folder)/b/\(name)")
        #expect(a != nil && a == FileManager.default.contents(atPath: b))
      }
    }
  }

  @Test func aRunCanBeSavedBeforeItsFirstStep() throws {
    try withFolder { folder in
      let run = try TinyRun()
      try run.save(to: folder + "/run")
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
      try TrainingCheckpoint.write(model, optimizer, of: recipe, to: target)
      try target.commit()
      let saved = model.parameters.map(\.value.scalars)
      (model, optimizer) = (tinyModel(seed: 8), AdamW())
      let checkpoint = try TrainingCheckpoint(opening: folder + "/run")
      for other in [ParameterSelection.none, .named("transformer.wte"), .named("transformer.wpe", "transformer.wte")] {
        let error = #expect(throws: InputError.self) {
          try checkpoint.restore(&model, &optimizer, of: recipe, frozen: other)
        }
        #expect(error?.kind == .inconsistent && error?.what.contains("frozen") == true)
        #expect(optimizer.updateCount == 0)
      }
      try checkpoint.restore(&model, &optimizer, of: recipe, frozen: .named("transformer.wpe"))
      #expect(model.parameters.map(\.value.scalars) == saved)
      try train()
      #expect(model.decoder.positionEmbedding.weight.scalars == tinyModel().decoder.positionEmbedding.weight.scalars)
    }
  }

  @Test func anotherRecipeIsRefusedByName() throws {
    try withFolder { folder in
      var run = try TinyRun()
      try run.train(0..<1)
      try run.save(to: folder + "/run")
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
      try run.save(to: folder + "/run")
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
      try run.save(to: folder + "/run")
      if inWeights {
        run.model.decoder.finalNorm.weight.withMutableScalars { $0[1] = .nan }
      } else {
        run.optimizer.moments[2].second.withMutableScalars { $0[1] = .infinity }
      }
      let error = #expect(throws: InputError.self) { try run.save(to: folder + "/run") }
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
      try run.save(to: folder + "/run")
      try run.train(1..<2)
      let counter = Counter()
      try FileFaults.$before.withValue({ _ in counter.isHit(by: -1) ? .errno(28) : nil }) {
        try run.save(to: folder + "/run")
      }
      let steps = counter.count
      #expect(steps > 15)
      var (failures, latest) = (0, 2)
      for step in 0..<steps {
        let counter = Counter()
        try run.train(step + 2..<step + 3)
        do {
          try FileFaults.$before.withValue({ _ in counter.isHit(by: step) ? .errno(28) : nil }) {
            try run.save(to: folder + "/run")
          }
          latest = step + 3
        } catch { failures += 1 }
        let found = try TrainingCheckpoint(opening: folder + "/run").step
        #expect(found == latest || found == step + 3)
        latest = found
        // Two are always there.
        #expect(try TrainingCheckpoint(opening: folder + "/run.previous").step < found)
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
