import Attention
import Tensor
import TestSupport
import Testing

@Suite struct CacheTests {
  @Test func aLayerWithACacheIsTheLayerWithout() {
    RuntimeSettings.unchanged {
      var initializer = Initializer.random(seed: 1)
      var configuration = SelfAttention.Configuration(width: 24, headCount: 6, keyValueHeadCount: 2, headWidth: 8)
      configuration.biases = .all
      configuration.positions = RotaryPositions(headWidth: 8)
      var layer = SelfAttention(configuration, &initializer)
      layer.updateParameters { _, parameter in parameter = parameter * 25 }
      let x = quickTensor([2, 430, 24], seed: 1)
      var whole = Pass()
      let expected = layer(x, layer: 0, &whole)
      #expect(expected.shape == x.shape)
      for capacity in [1, 64, 200] {
        var pass = Pass(cache: KeyValueCache(layerCount: 1, capacity: capacity))
        var start = 0
        for piece in [5, 1, 1, 60, 1, 29, 1, 52, 280] {
          let found = layer(x.slice(start..<start + piece, axis: 1), layer: 0, &pass)
          #expect(sameBits(found, expected.slice(start..<start + piece, axis: 1)), "from \(start)")
          pass.cache?.advance(by: piece)
          start += piece
        }
        #expect(start == 430 && pass.position == 430)
      }
    }
  }

  @Test func packedProjectionsGoThroughTheCacheToo() {
    RuntimeSettings.unchanged {
      let packed = quickTensor([2, 70, 3 * 4 * 8], seed: 2)
      var whole = Pass()
      let expected = whole.attendCausally(packed: packed, headCount: 4, layer: 0)
      var pass = Pass(cache: KeyValueCache(layerCount: 2))
      var start = 0
      for piece in [33, 1, 36] {
        let found = pass.attendCausally(packed: packed.slice(start..<start + piece, axis: 1), headCount: 4, layer: 1)
        #expect(sameBits(found, expected.slice(start..<start + piece, axis: 1)))
        pass.cache?.advance(by: piece)
        start += piece
      }
      var captured = Pass(capture: Capture())
      #expect(sameBits(captured.attendCausally(packed: packed, headCount: 4, layer: 3), expected))
      #expect(captured.capture?["3.attention"]?.shape == [2, 4, 70, 70])
      var unwanted = Pass(capture: Capture { $0 == "other" })
      #expect(sameBits(unwanted.attendCausally(packed: packed, headCount: 4, layer: 3), expected))
      #expect(unwanted.capture?.values.isEmpty == true)
    }
  }

  @Test func aCacheIsAValue() {
    let (key, value) = (quickTensor([1, 3, 2, 4], seed: 3), quickTensor([1, 3, 2, 4], seed: 4))
    var cache = KeyValueCache(layerCount: 1, capacity: 8)
    _ = cache.append(layer: 0, key: key, value: value)
    cache.advance(by: 3)
    var branch = cache
    let other = branch.append(layer: 0, key: -key, value: -value)
    branch.advance(by: 3)
    let mine = cache.append(layer: 0, key: key, value: value)
    cache.advance(by: 3)
    #expect(mine.count == 6 && other.count == 6)
    #expect(
      sameBits(mine.presentKeys.slice(3..<6, axis: 1), key) && sameBits(other.presentKeys.slice(3..<6, axis: 1), -key))
    #expect(sameBits(other.presentValues.slice(0..<3, axis: 1), value))
    // Forgetting, and going on from there.
    cache.truncate(to: 4)
    let again = cache.append(layer: 0, key: -key, value: value)
    #expect(again.count == 7 && cache.length == 4)
    #expect(
      sameBits(again.presentKeys.slice(4..<7, axis: 1), -key) && sameBits(again.presentKeys.slice(0..<3, axis: 1), key))
  }

  @Test func masksCombineByAnd() {
    let a = AttentionMask.lengths([2, 3], of: 3),
      b = AttentionMask.keeping([[false, true, true], [true, true, true]])
    let both = a.and(b).and(.causal)
    #expect(both.isCausal && both.keptKeys == [[false, true, false], [true, true, true]])
    #expect(AttentionMask.none.and(a).keptKeys == a.keptKeys && !AttentionMask.none.and(a).isCausal)
  }

  /// A decoded token takes no memory that the one before did not have.
  @Test func decodingTakesNothingNew() async {
    await #expect(processExitsWith: .success) {
      // Of two threads it is chance when both first need memory of their own at once.
      Runtime.threadCount = 1
      var initializer = Initializer.random(seed: 1)
      var configuration = SelfAttention.Configuration(width: 32, headCount: 4)
      configuration.positions = RotaryPositions(headWidth: 8)
      let layer = SelfAttention(configuration, &initializer)
      var pass = Pass(cache: KeyValueCache(layerCount: 1, capacity: 400))
      let x = quickTensor([1, 1, 32], seed: 1)
      var counts: [Int] = []
      for _ in 0..<60 {
        _ = layer(x, layer: 0, &pass)
        pass.cache?.advance(by: 1)
        counts.append(Memory.systemAllocationCount)
      }
      #expect(counts[2...].allSatisfy { $0 == counts[1] }, "\(counts)")
    }
  }
}
