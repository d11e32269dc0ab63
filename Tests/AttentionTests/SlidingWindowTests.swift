import Attention
import Tensor
import TestSupport
import Testing

@Suite struct SlidingWindowTests {
  /// Every query alone, the keys before its window marked as padding.
  private func expected(_ query: Tensor, _ key: Tensor, _ value: Tensor, window: Int, kept: [[Bool]]?) -> [Tensor] {
    let (queries, keys) = (query.shape[1], key.shape[1])
    return (0..<queries).map { i in
      let count = keys - queries + i + 1
      let marks = (0..<query.shape[0]).map { row in
        (0..<count).map { j in j >= count - window && (kept?[row][j] ?? true) }
      }
      return scaledDotProductAttention(
        query: query.slice(i..<i + 1, axis: 1), key: key, value: value, keyCount: count, mask: .keeping(marks))
    }
  }

  @Test(arguments: [
    (1, 1, 1), (5, 5, 2), (17, 40, 3), (130, 130, 1), (200, 200, 64), (90, 300, 97), (300, 300, 190), (60, 900, 500),
  ])
  func aQuerySeesTheLastKeys(_ queries: Int, _ keys: Int, _ window: Int) {
    RuntimeSettings.unchanged {
      let query = quickTensor(Shape(2, queries, 4, 8), seed: queries)
      let (key, value) = (quickTensor(Shape(2, keys, 2, 8), seed: 2), quickTensor(Shape(2, keys, 2, 8), seed: 3))
      let padding = [(0..<keys).map { $0 % 7 != 3 }, (0..<keys).map { $0 >= keys / 3 }]
      for kept in [nil, padding] {
        let mask = AttentionMask.causal(window: window).and(kept.map(AttentionMask.keeping) ?? .none)
        let found = scaledDotProductAttention(query: query, key: key, value: value, mask: mask)
        for (i, alone) in expected(query, key, value, window: window, kept: kept).enumerated() {
          #expect(sameBits(found.slice(i..<i + 1, axis: 1), alone), "query \(i), padding \(kept != nil)")
        }
        if keys < 50 {
          let weights = attentionWeights(query: query, key: key, mask: mask).scalars
          for (index, weight) in weights.enumerated() {
            let (j, i, row) = (index % keys, index / keys % queries, index / (keys * queries * 4))
            let position = keys - queries + i
            let seen = j <= position && j > position - window && (kept?[row][j] ?? true)
            #expect(seen == (weight > 0))
          }
        }
      }
      // A window of all keys is none.
      let wide = scaledDotProductAttention(query: query, key: key, value: value, mask: .causal(window: keys))
      #expect(sameBits(wide, scaledDotProductAttention(query: query, key: key, value: value, mask: .causal)))
    }
  }

  @Test func cachedDecodingHasTheBitsOfTheWhole() {
    RuntimeSettings.unchanged {
      var initializer = Initializer.random(seed: 1)
      var configuration = SelfAttention.Configuration(width: 16, headCount: 4, keyValueHeadCount: 2, headWidth: 6)
      configuration.mask = .causal(window: 70)
      configuration.headNormEpsilon = 1e-6
      configuration.positions = RotaryPositions(headWidth: 6, contextLength: 400)
      let layer = SelfAttention(configuration, &initializer)
      let x = quickTensor([2, 300, 16], seed: 5)
      var whole = Pass()
      let expected = layer(x, layer: 0, &whole)
      var pass = Pass(cache: KeyValueCache(layerCount: 1))
      var start = 0
      for piece in [3, 1, 90, 1, 1, 120, 1, 83] {
        let found = layer(x.slice(start..<start + piece, axis: 1), layer: 0, &pass)
        #expect(sameBits(found, expected.slice(start..<start + piece, axis: 1)), "from \(start)")
        pass.cache?.advance(by: piece)
        start += piece
      }
    }
  }

  @Test func windowsCombineByTheSmaller() {
    let both = AttentionMask.causal(window: 5).and(.causal(window: 3)).and(.lengths([2], of: 4))
    #expect(both.window == 3 && both.isCausal && both.keptKeys != nil)
    #expect(AttentionMask.causal.and(.causal(window: 7)).window == 7 && AttentionMask.causal.window == nil)
  }

  /// What keys outside every window hold is not read.
  @Test func blocksBeforeTheWindowAreLeftOut() {
    var key = quickTensor([1, 900, 1, 8], seed: 1)
    key.withMutableScalars { for i in 0..<300 * 8 { $0[i] = .nan } }
    let query = quickTensor([1, 100, 1, 8], seed: 2)
    let found = scaledDotProductAttention(query: query, key: key, value: key, mask: .causal(window: 20))
    #expect(found.scalars.allSatisfy { $0.isFinite })
  }
}
