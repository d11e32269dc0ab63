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
      configuration.positions = RotaryPositions(headWidth: 6)
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

  /// Keys before the window leave the cache, and change no bit: whatever the pieces, padding, copies and captures.
  @Test(arguments: [1, 9, 300]) func keysBeforeTheWindowLeave(_ window: Int) {
    RuntimeSettings.unchanged {
      var initializer = Initializer.random(seed: 1)
      var configuration = SelfAttention.Configuration(width: 16, headCount: 4, keyValueHeadCount: 2, headWidth: 6)
      configuration.mask = .causal(window: window)
      configuration.positions = RotaryPositions(headWidth: 6)
      var layer = SelfAttention(configuration, &initializer)
      layer.updateParameters { _, parameter in parameter = parameter * 25 }
      let x = quickTensor([2, 1700, 16], seed: 5), padding = AttentionMask.starting(at: [0, 333])
      var whole = Pass(mask: padding)
      let expected = layer(x, layer: 0, &whole)
      for (capacity, pieces) in [(1, [1, 1, 1, 40, 1, 2]), (2000, [300, 1, 1, 1]), (64, [900, 1, 17]), (1, [1700])] {
        var pass = Pass(cache: KeyValueCache(layerCount: 1, capacity: capacity), mask: padding)
        var (start, step) = (0, 0)
        while start < 1700 {
          let piece = min(pieces[step % pieces.count], 1700 - start), part = x.slice(start..<start + piece, axis: 1)
          let copy = pass
          let found = layer(part, layer: 0, &pass)
          #expect(sameBits(found, expected.slice(start..<start + piece, axis: 1)), "\(piece) from \(start)")
          if step % 97 == 96 {  // a copy goes on from where it was, and so does the one that it was copied from
            var other = copy
            other.capture = Capture()
            #expect(sameBits(layer(part, layer: 0, &other), found))
            let weights = other.capture?["0.attention"]
            #expect(weights?.shape == Shape(2, 4, piece, start + piece))
            pass = copy
            #expect(sameBits(layer(part, layer: 0, &pass), found))
          }
          pass.cache?.advance(by: piece)
          (start, step) = (start + piece, step + 1)
        }
      }
    }
  }

  /// The weights that are captured over a cache are those of the whole text.
  @Test func weightsOverKeysThatAreGone() throws {
    try RuntimeSettings.unchanged {
      let x = quickTensor([1, 900, 2, 4], seed: 3), mask = AttentionMask.causal(window: 5)
      var cached = Pass(cache: KeyValueCache(layerCount: 1), capture: Capture())
      for part in [0..<880, 880..<900] {
        let piece = x.slice(part, axis: 1)
        _ = cached.attend(query: piece, key: piece, value: piece, layer: 0, mask: mask)
        cached.cache?.advance(by: part.count)
      }
      let found = try #require(cached.capture?.values.last?.value)
      let expected = attentionWeights(query: x.slice(880..<900, axis: 1), key: x, mask: mask)
      #expect(sameBits(found, expected))
    }
  }

  @Test func aQueryBeforeItsKeysIsMisuse() async {
    await #expect(processExitsWith: .failure) {
      let kept = CachedKeysAndValues(key: .zeros([1, 1, 8, 4]), value: .zeros([1, 1, 8, 4]), count: 8, start: 256)
      _ = scaledDotProductAttention(query: .zeros([1, 1, 1, 4]), cached: kept, mask: .causal(window: 9))
    }
    await #expect(processExitsWith: .success) {
      let kept = CachedKeysAndValues(key: .zeros([1, 1, 8, 4]), value: .zeros([1, 1, 8, 4]), count: 8, start: 256)
      _ = scaledDotProductAttention(query: .zeros([1, 1, 1, 4]), cached: kept, mask: .causal(window: 8))
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
