import Attention
import Tensor
import TestSupport
import Testing

@Suite struct TextPositionsTests {
  @Test func placesBehindPadding() {
    let places = TextPositions(behind: [0, 2, 5], tokens: 3..<7)
    #expect(places.places == TokenBatch([3, 4, 5, 6, 1, 2, 3, 4, 0, 0, 0, 1], batch: 3, time: 4))
    #expect(places.lengths == [7, 5, 2] && places.limit == 7 && places.areConsecutive)
    let free = TextPositions(TokenBatch([4, 2, 3, 7, 1, 0], batch: 2, time: 3))
    #expect(free.lengths == [8, 8] && !free.areConsecutive)
    #expect(free.fit(TokenBatch([1, 1, 1, 1, 1, 1], batch: 2, time: 3)) && !free.fit(TokenBatch([1, 1, 1])))
  }

  @Test(arguments: [RotaryScaling.none, .dynamic(factor: 2, trainedContext: 5), .linear(factor: 3)])
  func rowsTurnAsAlone(_ scaling: RotaryScaling) {
    RuntimeSettings.unchanged {
      let positions = RotaryPositions(headWidth: 6, scaling: scaling)
      let x = quickTensor([3, 4, 2, 6], seed: 1)
      let found = positions(x, at: TextPositions(behind: [0, 2, 1], tokens: 4..<8))
      for (row, start) in [4, 2, 3].enumerated() {
        let alone = positions(x.slice(row..<row + 1, axis: 0), from: start)
        #expect(sameBits(found.slice(row..<row + 1, axis: 0), alone), "row \(row)")
      }
    }
  }

  /// Rows that begin later are rows whose first keys are marked as padding, bit for bit.
  @Test(arguments: [(1, 1), (5, 5), (17, 40), (130, 300), (1, 500)])
  func startsArePadding(_ queries: Int, _ keys: Int) {
    RuntimeSettings.unchanged {
      let query = quickTensor(Shape(3, queries, 4, 8), seed: queries)
      let (key, value) = (quickTensor(Shape(3, keys, 2, 8), seed: 2), quickTensor(Shape(3, keys, 2, 8), seed: 3))
      let starts = [0, keys / 3, keys]
      let kept = AttentionMask.keeping(starts.map { start in (0..<keys).map { $0 >= start } })
      for mask in [AttentionMask.none, .causal, .causal(window: 7)] {
        let found = scaledDotProductAttention(
          query: query, key: key, value: value, mask: mask.and(.starting(at: starts)))
        let expected = scaledDotProductAttention(query: query, key: key, value: value, mask: mask.and(kept))
        #expect(worstError(found.scalars, expected.scalars.map(Double.init)) < 1e-6)
        #expect(found.slice(2..<3, axis: 0).scalars.allSatisfy { $0 == 0 })
        if keys < 50 {
          let weights = attentionWeights(query: query, key: key, mask: mask.and(.starting(at: starts)))
          #expect(sameBits(weights, attentionWeights(query: query, key: key, mask: mask.and(kept))))
        }
      }
    }
  }

  @Test func masksOfOtherRows() {
    let mask = AttentionMask.starting(at: [1, 0, 3]).and(.starting(at: [0, 2, 1])).selecting(rows: [2, 0, 0])
    #expect(mask.firstKeys == [3, 1, 1] && mask.fits(batch: 3, keys: 9) && !mask.fits(batch: 2, keys: 9))
    let kept = AttentionMask.lengths([1, 2], of: 2).selecting(rows: [1])
    #expect(kept.keptKeys == [[true, true]])
  }
}
