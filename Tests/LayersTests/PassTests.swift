import Layers
import Tensor
import TestSupport
import Testing

@Suite struct PassTests {
  @Test func randomNumbersAreIndependent() {
    var (a, b) = (Pass(trainingWith: Random(seed: 1)), Pass(trainingWith: Random(seed: 1)))
    var other = Pass(trainingWith: Random(seed: 2))
    let keys = (0..<1000).map { _ in a.nextRandom().key }
    #expect(Set(keys).count == 1000)
    #expect((0..<1000).map { _ in b.nextRandom().key } == keys)
    #expect(Set((0..<1000).map { _ in other.nextRandom().key }).isDisjoint(with: keys))
    var copy = a
    #expect(copy.nextRandom() == a.nextRandom())
  }

  /// Masks of successive places, and of the same place in successive steps, agree as often as chance has it.
  @Test func masksAreIndependent() {
    let count = 20_000
    func mask(_ random: Random) -> [Bool] {
      Tensor.ones([count]).dropout(probability: 0.5, random: random).scalars.map { $0 > 0 }
    }
    var first = Pass(trainingWith: Random(seed: 3).derived(1))
    var second = Pass(trainingWith: Random(seed: 3).derived(2))
    let masks = (0..<4).map { _ in mask(first.nextRandom()) } + (0..<4).map { _ in mask(second.nextRandom()) }
    for i in masks.indices {
      for j in 0..<i {
        let agreement = zip(masks[i], masks[j]).filter { $0 == $1 }.count
        #expect(abs(agreement - count / 2) < 400, "masks \(i) and \(j)")  // more than five deviations
      }
    }
  }

  @Test(arguments: [0.1, 0.5, 0.9] as [Float]) func dropoutStatistics(_ probability: Float) {
    let count = 100_000
    let y = Tensor.ones([count]).dropout(probability: probability, random: Random(seed: 4)).scalars
    let kept = y.filter { $0 != 0 }
    #expect(Set(kept) == [1 / (1 - probability)])
    let (n, p) = (Double(count), Double(probability))
    #expect(abs(Double(kept.count) - n * (1 - p)) < 5 * (n * p * (1 - p)).squareRoot())
    // Neighbours are dropped independently, whatever their distance.
    for distance in [1, 2, 3, 4, 8, 64] {
      let pairs = (0..<count - distance).filter { y[$0] != 0 && y[$0 + distance] != 0 }.count
      let (m, q) = (Double(count - distance), (1 - p) * (1 - p))
      #expect(abs(Double(pairs) - m * q) < 6 * (m * q).squareRoot(), "distance \(distance)")
    }
  }

  @Test func dropoutActsInTrainingAlone() {
    let x = testTensor([5, 17])
    var pass = Pass()
    #expect(Dropout(0.5)(x, &pass).scalars == x.scalars)
    #expect(!pass.isTraining)
    pass = Pass(trainingWith: Random(seed: 1))
    #expect(pass.isTraining)
    #expect(Dropout(0)(x, &pass).scalars == x.scalars)
    let (first, second) = (Dropout(0.5)(x, &pass).scalars, Dropout(0.5)(x, &pass).scalars)
    #expect(first != x.scalars && second != x.scalars && first != second)
    // Where nothing was dropped, nothing was drawn: a pass without dropout leaves the random state alone.
    var (fresh, used) = (Pass(trainingWith: Random(seed: 5)), Pass(trainingWith: Random(seed: 5)))
    _ = Dropout(0)(x, &used)
    #expect(fresh.nextRandom() == used.nextRandom())
  }

  /// Every pass of inference would drop the same.
  @Test func inferenceHasNoRandomNumbers() async {
    await #expect(processExitsWith: .failure) {
      var pass = Pass()
      _ = pass.nextRandom()
    }
  }

  @Test func idsOf64Bits() async {
    #expect(TokenBatch([3, 1 << 31 - 1]).ids == [3, .max])
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = TokenBatch([3, 1 << 32])
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("id 4294967296 does not fit"))
  }

  @Test func captures() {
    var capture = Capture { $0.hasPrefix("0.") }
    var computed = 0
    func value() -> Tensor {
      computed += 1
      return Tensor([Float(computed)])
    }
    capture.note("0.attention", value())
    capture.note("1.attention", value())
    capture.note("0.output", value())
    #expect(capture.values.map(\.name) == ["0.attention", "0.output"] && computed == 2)
    #expect(capture["0.output"]?.scalars == [2] && capture["1.attention"] == nil)
  }

  @Test func positions() {
    var cache = KeyValueCache(layerCount: 1)
    #expect(Pass().position == 0 && Pass(cache: cache).position == 0)
    cache.advance(by: 7)
    #expect(Pass(cache: cache).position == 7)
  }

  /// Without a tape, blocks run as they are, whatever the pass asks for.
  @Test func recomputationWithoutATape() {
    RuntimeSettings.unchanged {
      var initializer = Initializer.random(seed: 1)
      let block = Linear(3, 3, bias: true, &initializer)
      let x = testTensor([2, 3])
      for recomputes in [false, true] {
        var pass = Pass(trainingWith: Random(seed: 5), recomputesBlocks: recomputes)
        let y = pass.run(block, x) { block, x, pass in Dropout(0.5)(block(x), &pass) }
        var plain = Pass(trainingWith: Random(seed: 5))
        #expect(y.scalars == Dropout(0.5)(block(x), &plain).scalars)
        #expect(pass.nextRandom() == plain.nextRandom())
      }
    }
  }
}
