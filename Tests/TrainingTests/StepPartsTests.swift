import Foundation
import Models
import Tensor
import TestSupport
import Testing
import Training

@Suite struct LearningRateTests {
  @Test func cosineIsThatOfTheRecipe() throws {
    let rate = LearningRate.cosine(peak: 1e-3, floor: 1e-4, warmUp: 100, steps: 2000)
    for step in 0..<2000 {
      let expected =
        step < 100
        ? 1e-3 * Double(step + 1) / 101
        : 1e-4 + 0.5 * (1 + cos(Double.pi * Double(step - 100) / Double(2000 - 100))) * 9e-4
      try #require(abs(Double(rate(step)) / expected - 1) < 2e-7)
    }
    #expect(rate(100) == 1e-3 && rate(1050) == Float(5.5e-4) && rate(2000) == 1e-4 && rate(1 << 40) == 1e-4)
  }

  @Test func runsShorterThanTheirWarmUpOnlyWarmUp() {
    let rate = LearningRate.cosine(peak: 1, floor: 0, warmUp: 9, steps: 4)
    #expect((0..<4).map { rate($0) } == [0.1, 0.2, 0.3, 0.4] && rate(9) == 0)
  }

  @Test func otherSchedules() {
    #expect(LearningRate.constant(0.5)(0) == 0.5 && LearningRate.constant(0.5)(1000) == 0.5)
    let line = LearningRate.linear(from: 1, to: 0, steps: 5)
    #expect((0..<7).map { line($0) } == [1, 0.75, 0.5, 0.25, 0, 0, 0])
    #expect(LearningRate.linear(from: 1, to: 2, steps: 1)(0) == 2)
  }
}

@Suite struct GradientMeanTests {
  private func norm(_ tensors: [[Float]]) -> Double {
    tensors.joined().reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  // Rows with unequal numbers of targets that count, split into k micro-batches.
  @Test(arguments: [1, 2, 4, 8]) func unequalMicroBatchesGiveTheGradientOfTheWhole(_ parts: Int) throws {
    try RuntimeSettings.unchanged {
      let model = tinyModel()
      var (tokens, targets) = try tinyData().training.batch(rows: 8, random: Random(seed: 5))
      for row in 0..<8 { for time in 0..<row { targets.ids[row * 8 + time] = -1 } }
      tokens.ids[0] = 4
      let whole = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
      var mean = GradientMean<GPT2>()
      var plain = 0.0
      let rows = 8 / parts
      for part in 0..<parts {
        let range = part * rows * 8..<(part + 1) * rows * 8
        let some = TokenBatch(Array(tokens.ids[range]), batch: rows, time: 8)
        let wanted = TokenBatch(Array(targets.ids[range]), batch: rows, time: 8)
        let (loss, gradient) = valueAndGradient(at: model) { $0.loss(some, targets: wanted) }
        plain += Double(loss) / Double(parts)
        mean.add(loss, gradient, tokens: wanted.countedTargets)
      }
      let (loss, gradient) = mean.take()
      #expect(abs(loss - whole.value) < 1e-6)
      let expected = whole.gradient.parameters.map(\.value.scalars), found = gradient.parameters.map(\.value.scalars)
      let difference = zip(found, expected).map { zip($0, $1).map { $0 - $1 } }
      #expect(norm(difference) / norm(expected) < 1e-6)
      // The mean of the means is another number: the test can see the fault.
      if parts > 1 { #expect(abs(plain - Double(whole.value)) > 1e-4) }
      if parts == 1 { #expect(found == expected && loss == whole.value) }
    }
  }

  @Test func takingBeginsANewMean() {
    let one = Pair(matrix: Tensor([1], shape: Shape(1, 1)), vector: Tensor([2]))
    let three = Pair(matrix: Tensor([3], shape: Shape(1, 1)), vector: Tensor([6]))
    var mean = GradientMean<Pair>()
    mean.add(1, one, tokens: 1)
    mean.add(9, one, tokens: 0)
    mean.add(3, three, tokens: 3)
    let (loss, gradient) = mean.take()
    #expect(loss == 2.5 && gradient.matrix.scalars == [2.5] && gradient.vector.scalars == [5])
    mean.add(7, three, tokens: 2)
    #expect(mean.take().loss == 7)
    #expect(one.matrix.scalars == [1] && three.vector.scalars == [6])
  }
}

@Suite struct TokenDatasetTests {
  @Test func theLastTenthIsHeldBack() throws {
    let data = try TokenDataset(Array(0..<105), vocabularySize: 105, windowsOf: 8)
    #expect(data.training.ids == (0..<94).map { Int32($0) } && data.validation.ids.first == 94)
    #expect(data.training.ids.count + data.validation.ids.count == 105)
  }

  @Test func targetsFollowTheirTokensAndEveryPlaceIsDrawn() throws {
    let data = try TokenDataset(Array(0..<110), vocabularySize: 110, windowsOf: 10)
    var starts: Set<Int32> = []
    for step in 0..<200 {
      let (tokens, targets) = data.validation.batch(rows: 3, random: Random(seed: 1).derived(step))
      #expect(zip(tokens.ids, targets.ids).allSatisfy { $0 + 1 == $1 } && tokens.batch == 3 && tokens.time == 10)
      for row in 0..<3 { starts.insert(tokens.ids[row * 10]) }
    }
    #expect(starts == [99])  // eleven tokens have one window with its targets
    let (tokens, _) = data.training.batch(rows: 2000, random: Random(seed: 1))
    #expect(Set((0..<2000).map { tokens.ids[$0 * 10] }) == Set(0..<89))
  }

  @Test func batchesDependOnTheirKeyAlone() throws {
    let text = try tinyData().training
    let first = text.batch(rows: 4, random: Random(seed: 1).derived(7))
    _ = text.batch(rows: 4, random: Random(seed: 1).derived(8))
    #expect(text.batch(rows: 4, random: Random(seed: 1).derived(7)).tokens == first.tokens)
    #expect(text.batch(rows: 4, random: Random(seed: 1).derived(8)).tokens != first.tokens)
    #expect(text.batch(rows: 4, random: Random(seed: 2).derived(7)).tokens != first.tokens)
  }

  @Test func badTextsAreErrors() throws {
    for id in [-1, 11, .max, .min] {
      let ids = Array(repeating: 1, count: 50) + [id] + Array(repeating: 1, count: 50)
      let error = #expect(throws: InputError.self) { try TokenDataset(ids, vocabularySize: 11, windowsOf: 4) }
      #expect(error?.kind == .badValue && error?.place == "token 50")
    }
    for count in [0, 1, 8, 80] {
      let ids = Array(repeating: 1, count: count)
      #expect(
        errorKind { () throws(InputError) in
          try TokenDataset(ids, vocabularySize: 11, windowsOf: 8)
        } == .truncated)
    }
    _ = try TokenDataset(Array(repeating: 1, count: 90), vocabularySize: 11, windowsOf: 8)
  }
}

@Suite struct ProgressLineTests {
  private final class Sink { var text: [String] = [] }

  @Test func terminalsGetOneLineThatIsRewritten() {
    let sink = Sink()
    var progress = ProgressLine(steps: 30, tokensPerStep: 100, isTerminal: true) { sink.text.append($0) }
    for step in 0..<30 { progress.show(step: step, loss: Float(step), after: .milliseconds(20 * (step + 1))) }
    #expect(sink.text.count == 6 && sink.text.allSatisfy { $0.hasPrefix("\rstep ") })
    #expect(sink.text.dropLast().allSatisfy { !$0.contains("\n") } && sink.text.last?.hasSuffix("\n") == true)
    #expect(sink.text[0] == "\rstep 5 of 30   loss 2.000   5000 tokens/s   0:01 left\u{1b}[K")
  }

  @Test func othersGetPlainLinesNowAndThen() {
    let sink = Sink()
    var progress = ProgressLine(steps: 9000, tokensPerStep: 10, from: 100, isTerminal: false) { sink.text.append($0) }
    for step in 100..<110 { progress.show(step: step, loss: 1, after: .seconds(step - 99)) }
    #expect(
      sink.text == [
        "step 105 of 9000   loss 1.000   10 tokens/s   2:28:15 left\n",
        "step 110 of 9000   loss 1.000   10 tokens/s   2:28:10 left\n",
      ])
  }
}
