import Layers
import Tensor
import TestSupport
import Testing

@Suite struct KeyValueCacheTests {
  /// Keys or values of `time` tokens: `[batch, time, heads, width]`, every number another one.
  private func tokens(_ batch: Int, _ time: Int, seed: Int) -> Tensor {
    testTensor(Shape(batch, time, 2, 3), seed: UInt64(seed))
  }

  /// Whatever is added, forgotten and copied, a cache holds what plain arrays of the same tokens hold.
  @Test(arguments: [1, 2], [1, 4, 64]) func holdsWhatArraysHold(_ batch: Int, _ capacity: Int) {
    let layers = 3
    var cache = KeyValueCache(layerCount: layers, capacity: capacity)
    // For each layer, keys and values: for each batch row, its tokens.
    var model = Array(repeating: [[[Float]]](repeating: Array(repeating: [], count: batch), count: 2), count: layers)
    let random = Random(seed: UInt64(10 * batch + capacity))
    var kept: [(cache: KeyValueCache, model: [[[[Float]]]])] = []
    for step in 0..<40 {
      switch random.integer(step, below: 8) {
      case 0:
        let count = random.integer(1000 + step, below: cache.length + 1)
        cache.truncate(to: count)
        model = model.map { $0.map { $0.map { Array($0.prefix(count * 6)) } } }
      case 1: kept.append((cache, model))
      case 2:
        if let last = kept.popLast() { (cache, model) = last }
      default:
        let time = 1 + random.integer(2000 + step, below: step % 5 == 0 ? 20 : 3)
        let length = cache.length
        for layer in 0..<layers {
          let new = [tokens(batch, time, seed: 6 * step + layer), tokens(batch, time, seed: 6 * step + layer + 3)]
          let all = cache.append(layer: layer, key: new[0], value: new[1])
          #expect(all.count == length + time && cache.length == length)
          for (part, found) in [all.presentKeys, all.presentValues].enumerated() {
            for row in 0..<batch {
              model[layer][part][row] += new[part].slice(row..<row + 1, axis: 0).scalars
            }
            #expect(found.scalars == model[layer][part].flatMap { $0 }, "step \(step), layer \(layer)")
          }
        }
        cache.advance(by: time)
        #expect(cache.length == length + time)
      }
    }
  }

  /// A layer with a window keeps the last tokens of plain arrays, at least those that any query may see, beside layers that
  /// keep all.
  @Test(arguments: [1, 64, 5000], [3, 700]) func keepsAWindow(_ capacity: Int, _ window: Int) throws {
    try RuntimeSettings.unchanged {
      var cache = KeyValueCache(layerCount: 2, capacity: capacity)
      var model = [[Float]](repeating: [], count: 2)  // keys and values
      let random = Random(seed: UInt64(capacity + window)), most = try #require(KeyValueCache.room(window: window))
      var kept: (cache: KeyValueCache, model: [[Float]], most: Int)?
      var (mostTokens, latestStart) = (0, 0)
      for step in 0..<300 {
        if step % 50 == 30 { kept = (cache, model, mostTokens) }
        if step % 50 == 49, let kept { (cache, model, mostTokens) = kept }
        if random.integer(step, below: 9) == 0 {
          #expect(cache.fewestTokens <= max(0, mostTokens - KeyValueCache.forgettableCount))
          let fewest = max(cache.fewestTokens, cache.length - 90)
          let count = fewest + random.integer(1000 + step, below: cache.length - fewest + 1)
          cache.truncate(to: count)
          model = model.map { Array($0.prefix(count * 6)) }
        }
        let time = step % 60 == 59 ? 1100 : 1 + random.integer(2000 + step, below: step % 5 == 0 ? 20 : 3)
        let new = [tokens(1, time, seed: 2 * step), tokens(1, time, seed: 2 * step + 1)], length = cache.length
        for part in 0..<2 { model[part] += new[part].scalars }
        let all = cache.append(layer: 0, key: new[0], value: new[1])
        let last = cache.append(layer: 1, key: new[0], value: new[1], window: window)
        cache.advance(by: time)
        #expect(all.start == 0 && all.count == length + time && last.start + last.count == length + time)
        #expect(last.start <= max(0, length + 1 - window), "step \(step)")
        #expect(last.key.shape[2] <= max(most, window + time + 1000))
        if time == 1 { #expect(last.key.shape[2] <= most) }
        for (part, found) in [last.presentKeys, last.presentValues].enumerated() {
          #expect(found.scalars[...] == model[part][(last.start * 6)...], "step \(step)")
        }
        if step % 100 == 99 { #expect(all.presentValues.scalars == model[1]) }
        (mostTokens, latestStart) = (max(mostTokens, cache.length), max(latestStart, last.start))
      }
      #expect(latestStart > 1000)
    }
  }

  /// Forgetting a few tokens always works; what a query would miss is not forgotten silently.
  @Test func whatIsGoneIsNotForgottenAgain() async {
    await #expect(processExitsWith: .failure) {
      var cache = KeyValueCache(layerCount: 1)
      let new = Tensor.zeros([1, 3000, 1, 1])
      _ = cache.append(layer: 0, key: new, value: new, window: 10)
      cache.advance(by: 3000)
      cache.truncate(to: 3000 - KeyValueCache.forgettableCount)
      guard cache.fewestTokens > 0 else { return }
      cache.truncate(to: cache.fewestTokens - 1)
    }
  }

  /// Of windows the memory is charged that they keep, of the other layers all.
  @Test func whatCachesTake() throws {
    try RuntimeSettings.unchanged {
      let room = try #require(KeyValueCache.room(window: 4096)), context = 32768
      func bytes(_ tokens: Int) -> Int { Memory.blockSize(holding: 4 * 1024 * tokens) }
      func demand(_ windows: [Int: Int]) -> CacheDemand { CacheDemand(layerCount: 32, windows: windows, width: 1024) }
      let whole = demand([:]), all = demand(Dictionary(uniqueKeysWithValues: (0..<32).map { ($0, 4096) }))
      let some = demand(Dictionary(uniqueKeysWithValues: (4..<32).map { ($0, 4096) }))
      #expect(whole.byteCount(capacity: context) == 64 * bytes(context))
      #expect(all.byteCount(capacity: context) == 64 * bytes(room) && room < 5600)
      #expect(some.byteCount(capacity: context) == 8 * bytes(context) + 56 * bytes(room))
      #expect(all.byteCount(capacity: 100) == whole.byteCount(capacity: 100))
      // Growing: what more is kept, and one block at two places.
      #expect(whole.byteCount(growingFrom: 100, to: 300) == 64 * (bytes(300) - bytes(100)) + bytes(100))
      #expect(all.byteCount(growingFrom: 10000, to: context) == 0)
      #expect(all.byteCount(growingFrom: 100, to: context) == 64 * (bytes(room) - bytes(100)) + bytes(100))
      #expect(some.byteCount(growingFrom: 9000, to: 18000) == 8 * (bytes(18000) - bytes(9000)) + bytes(9000))
      #expect(CacheDemand(layerCount: 1 << 60, windows: [:], width: 1 << 20).byteCount(capacity: 1 << 20) == nil)
      #expect(CacheDemand(layerCount: 2, windows: [1: 5], width: .max).byteCount(capacity: 9) == nil)
      #expect(KeyValueCache.room(window: .max) == nil)
    }
  }

  /// Rows are taken in any order and any number of times, and each goes on as a cache of its own.
  @Test func otherRows() {
    var cache = KeyValueCache(layerCount: 2, capacity: 4)
    let first = (0..<4).map { tokens(3, 3, seed: $0 + 1) }
    for layer in 0..<2 { _ = cache.append(layer: layer, key: first[2 * layer], value: first[2 * layer + 1]) }
    cache.advance(by: 3)
    let kept = cache
    func check(_ rows: [Int]) {
      var selected = kept
      selected.select(rows: rows)
      #expect(selected.length == 3)
      let next = (0..<4).map { tokens(rows.count, 5, seed: $0 + 11) }
      for layer in 0..<2 {
        let all = selected.append(layer: layer, key: next[2 * layer], value: next[2 * layer + 1])
        for (part, found) in [all.presentKeys, all.presentValues].enumerated() {
          let expected = rows.enumerated().flatMap { to, from in
            first[2 * layer + part].slice(from..<from + 1, axis: 0).scalars
              + next[2 * layer + part].slice(to..<to + 1, axis: 0).scalars
          }
          #expect(found.scalars == expected, "\(rows), layer \(layer)")
        }
      }
    }
    for rows in [[0, 1, 2], [2, 0, 1], [1, 1, 1, 1], [2], [0, 0, 2, 2, 1]] { check(rows) }
    var empty = KeyValueCache(layerCount: 2)
    empty.select(rows: [0, 0])
    #expect(empty.length == 0)
  }

  /// While there is room, a token is written where the room is.
  @Test func roomIsUsed() {
    var cache = KeyValueCache(layerCount: 1, capacity: 10)
    func append(_ time: Int) -> UnsafeRawPointer? {
      let all = cache.append(layer: 0, key: tokens(1, time, seed: 1), value: tokens(1, time, seed: 2))
      cache.advance(by: time)
      return all.key.withBytes { $0.baseAddress }
    }
    let first = append(4)
    for _ in 0..<6 { #expect(append(1) == first) }
    #expect(append(1) != first && cache.length == 11)
  }

  /// The first tokens of a new cache are more than its room.
  @Test func growsAtOnce() {
    var cache = KeyValueCache(layerCount: 1, capacity: 2)
    let (key, value) = (tokens(2, 33, seed: 1), tokens(2, 33, seed: 2))
    let all = cache.append(layer: 0, key: key, value: value)
    #expect(all.presentKeys.scalars == key.scalars && all.presentValues.scalars == value.scalars)
  }

  /// A copy continues on its own.
  @Test func copiesAreIndependent() {
    var cache = KeyValueCache(layerCount: 1)
    let start = tokens(1, 2, seed: 1)
    _ = cache.append(layer: 0, key: start, value: start)
    cache.advance(by: 2)
    var copy = cache
    let (one, other) = (tokens(1, 1, seed: 2), tokens(1, 1, seed: 3))
    let first = cache.append(layer: 0, key: one, value: one)
    let second = copy.append(layer: 0, key: other, value: other)
    #expect(first.presentKeys.scalars == start.scalars + one.scalars)
    #expect(second.presentKeys.scalars == start.scalars + other.scalars)
  }
}
