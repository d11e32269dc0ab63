import Attention
import Foundation
import Tensor
import TestSupport
import Testing

/// One case of attention: sizes and mask.
struct AttentionCase: Sendable, CustomTestStringConvertible {
  var batch = 1
  var queries: Int
  var keys: Int
  var heads = 2
  var shared = 2
  var width: Int
  var isCausal = false
  var isPadded = false
  var isBiased = false
  /// Room for keys that are not there yet.
  var room = 0

  var testDescription: String {
    "batch \(batch), \(queries) queries, \(keys)+\(room) keys, \(heads)/\(shared) heads of \(width)"
      + (isCausal ? ", causal" : "") + (isPadded ? ", padded" : "") + (isBiased ? ", biased" : "")
  }

  var query: Tensor { quickTensor(Shape(batch, queries, heads, width), seed: queries + width) * 2 }
  var key: Tensor { quickTensor(Shape(batch, keys + room, shared, width), seed: keys + 1) * 2 }
  var value: Tensor { quickTensor(Shape(batch, keys + room, shared, width), seed: keys + 2) }

  var bias: Tensor? { isBiased ? quickTensor(Shape(heads, queries, keys), seed: keys + 3) * 3 : nil }

  /// Whether its products go to tile registers, where there are some: another kind of bits.
  var isForTiles: Bool { queries >= 128 && keys >= 128 && width >= 32 }

  /// Holes, a padded beginning and a padded end: another pattern for each row.
  var kept: [[Bool]]? {
    guard isPadded else { return nil }
    return (0..<batch).map { row in
      (0..<keys).map { key in
        switch row % 3 {
        case 0: key < keys - keys / 3
        case 1: key >= keys / 4
        default: key % 5 != 2
        }
      }
    }
  }
  var mask: AttentionMask {
    let padding = kept.map(AttentionMask.keeping) ?? .none
    return isCausal ? AttentionMask.causal.and(padding) : padding
  }

  func attention() -> Tensor {
    scaledDotProductAttention(
      query: query, key: key, value: value, keyCount: room > 0 ? keys : nil, mask: mask, bias: bias)
  }
  var reference: ReferenceAttention {
    ReferenceAttention(
      query: query, key: key, value: value, keyCount: keys, isCausal: isCausal, kept: kept, bias: bias)
  }

  private static let biased: [AttentionCase] = [1, 31, 64].flatMap { width in
    [
      AttentionCase(queries: 1, keys: 1, width: width, isBiased: true),
      AttentionCase(queries: 7, keys: 53, heads: 4, shared: 2, width: width, isBiased: true),
      AttentionCase(
        batch: 3, queries: 66, keys: 97, heads: 3, shared: 3, width: width, isPadded: true, isBiased: true),
      AttentionCase(
        batch: 2, queries: 91, keys: 130, width: width, isCausal: true, isPadded: true, isBiased: true, room: 9),
    ]
  }

  static let all: [AttentionCase] =
    [1, 8, 31, 64, 80, 130].flatMap { width in
      [
        AttentionCase(queries: 5, keys: 5, width: width, isCausal: true),
        AttentionCase(
          batch: 3, queries: 17, keys: 17, heads: 4, shared: 2, width: width, isCausal: true, isPadded: true),
        AttentionCase(batch: 2, queries: 3, keys: 50, heads: 3, shared: 1, width: width),
      ]
    }
    + [1, 2, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129, 200].flatMap { count in
      [
        AttentionCase(queries: count, keys: count, width: 8, isCausal: true),
        AttentionCase(queries: 2, keys: count + 1, width: 8, isPadded: count > 3),
        AttentionCase(batch: 3, queries: count, keys: 61, heads: 2, shared: 1, width: 8, isPadded: true),
        AttentionCase(queries: 1, keys: count, heads: 4, shared: 2, width: 16, isCausal: true, room: 7),
      ]
    }
    + [
      AttentionCase(batch: 2, queries: 33, keys: 130, heads: 6, shared: 3, width: 31, isCausal: true, room: 40),
      AttentionCase(batch: 3, queries: 70, keys: 200, width: 64, isCausal: true, isPadded: true),
      AttentionCase(batch: 2, queries: 200, keys: 200, heads: 1, shared: 1, width: 80, isCausal: true),
      // More than one block of queries (256).
      AttentionCase(queries: 255, keys: 255, width: 8, isCausal: true),
      AttentionCase(queries: 256, keys: 300, width: 8, isCausal: true, room: 5),
      AttentionCase(queries: 257, keys: 257, width: 8, isCausal: true),
      AttentionCase(queries: 257, keys: 90, width: 8),
      AttentionCase(batch: 3, queries: 513, keys: 600, width: 8, isCausal: true, isPadded: true, room: 3),
      // Large enough for tile registers: 128 queries and keys of a width of 32.
      AttentionCase(queries: 128, keys: 128, width: 32),
      AttentionCase(queries: 130, keys: 257, heads: 4, shared: 2, width: 33, isPadded: true, room: 7),
      AttentionCase(batch: 2, queries: 161, keys: 161, width: 130, isCausal: true),
      AttentionCase(batch: 2, queries: 300, keys: 410, width: 64, isCausal: true, isPadded: true, room: 3),
      AttentionCase(queries: 1030, keys: 1030, heads: 1, shared: 1, width: 40, isCausal: true),
      AttentionCase(batch: 2, queries: 200, keys: 390, width: 50, isPadded: true, isBiased: true),
    ]
    + biased
}

@Suite struct ScaledDotProductTests {
  @Test(arguments: AttentionCase.all) func matchesTheDefinition(_ c: AttentionCase) {
    let found = c.attention()
    #expect(found.shape == Shape(c.batch, c.queries, c.heads * c.width))
    let worst = largestDifference(found.scalars, c.reference.output)
    #expect(worst < 3e-6, "\(worst)")
  }

  @Test(arguments: AttentionCase.all.filter { $0.keys < 100 }) func weightsMatchTheDefinition(_ c: AttentionCase) {
    let found = attentionWeights(
      query: c.query, key: c.key, keyCount: c.room > 0 ? c.keys : nil, mask: c.mask, bias: c.bias)
    #expect(found.shape == Shape(c.batch, c.heads, c.queries, c.keys))
    let worst = largestDifference(found.scalars, c.reference.weights)
    #expect(worst < 3e-6, "\(worst)")
  }

  @Test func everyKernelSetAndThreadCount() async {
    await #expect(processExitsWith: .success) {
      let cases = AttentionCase.all.filter { $0.batch > 1 || $0.queries > 90 || $0.width == 130 }
      for set in Runtime.availableKernels {
        try Runtime.use(set)
        for c in cases {
          Runtime.threadCount = 1
          let expected = c.attention()
          let worst = largestDifference(expected.scalars, c.reference.output)
          #expect(worst < 3e-6, "\(set) \(c.testDescription): \(worst)")
          for threads in [2, 3, 8] {
            Runtime.threadCount = threads
            #expect(sameBits(c.attention(), expected), "\(set) \(threads) threads, \(c.testDescription)")
          }
          if set == .amx && c.isForTiles {
            expectSameBits(c, [0..<128, c.queries - 128..<c.queries], expected, "\(set)")
          } else {
            let starts = Set([0, c.queries / 2, 63, 255, 256, c.queries - 1].filter { $0 < c.queries })
            expectSameBits(c, starts.map { $0..<$0 + 1 }, expected, "\(set)")
          }
        }
      }
    }
  }

  /// Pieces as a prompt is processed: some tokens, then one at a time, then some again.
  @Test(arguments: [8, 31, 64, 130]) func cachedDecodingHasTheBitsOfTheWhole(_ width: Int) {
    RuntimeSettings.unchanged {
      // Tile registers have bits of their own: of 128 queries and more.
      let count = Runtime.kernelSet == .amx && width >= 32 ? 127 : 150
      expectBits(ofPieces: [37, 1, 1, 9, 1, 14, 1, 32, 1, 1, count - 98], width: width)
    }
  }

  @Test(arguments: [32, 64, 130]) func largePiecesHaveTheBitsOfTheWhole(_ width: Int) {
    RuntimeSettings.unchanged { expectBits(ofPieces: [128, 131, 300, 129], width: width) }
  }

  private func expectBits(ofPieces pieces: [Int], width: Int) {
    let count = pieces.reduce(0, +)
    let whole = AttentionCase(
      batch: 2, queries: count, keys: count, heads: 4, shared: 2, width: width, isCausal: true)
    let (query, key, value) = (whole.query, whole.key, whole.value), expected = whole.attention()
    var start = 0
    for piece in pieces {
      let end = start + piece
      let found = scaledDotProductAttention(
        query: query.slice(start..<end, axis: 1), key: key, value: value, keyCount: end, mask: .causal)
      #expect(sameBits(found, expected.slice(start..<end, axis: 1)), "\(start)..<\(end)")
      start = end
    }
  }

  @Test func aBatchRowIsTheRowAlone() {
    RuntimeSettings.unchanged {
      let lengths = [90, 150, 3, 97]
      let c = AttentionCase(batch: 4, queries: 150, keys: 150, heads: 2, shared: 1, width: 16, isCausal: true)
      let (query, key, value) = (c.query, c.key, c.value)
      let whole = scaledDotProductAttention(
        query: query, key: key, value: value, mask: AttentionMask.causal.and(.lengths(lengths, of: 150)))
      for (row, length) in lengths.enumerated() {
        func part(_ t: Tensor) -> Tensor { t.slice(row..<row + 1, axis: 0).slice(0..<length, axis: 1) }
        let alone = scaledDotProductAttention(query: part(query), key: part(key), value: part(value), mask: .causal)
        #expect(sameBits(alone, part(whole)), "row \(row)")
      }
    }
  }

  @Test(arguments: [(4, 4), (4, 2), (3, 1)]) func packedIsSeparate(_ heads: Int, _ shared: Int) {
    RuntimeSettings.unchanged {
      for width in [8, 31, 64] {
        let packed = quickTensor(Shape(2, 70, (heads + 2 * shared) * width), seed: width)
        func part(_ start: Int, _ count: Int) -> Tensor {
          packed.slice(start * width..<(start + count) * width, axis: 2).reshaped(2, 70, count, width)
        }
        for mask in [AttentionMask.none, .causal, .causal.and(.lengths([70, 40], of: 70))] {
          let separate = scaledDotProductAttention(
            query: part(0, heads), key: part(heads, shared), value: part(heads + shared, shared), mask: mask)
          let found = scaledDotProductAttention(
            packed: packed, headCount: heads, keyValueHeadCount: shared, mask: mask)
          #expect(sameBits(found, separate))
        }
      }
    }
  }

  @Test func keptFormatsAreWidened() {
    RuntimeSettings.unchanged {
      let c = AttentionCase(queries: 9, keys: 70, width: 40)
      for format in [StorageFormat.bfloat16, .float16] {
        let (q, k, v) = (c.query.kept(as: format), c.key.kept(as: format), c.value.kept(as: format))
        let found = scaledDotProductAttention(query: q, key: k, value: v)
        #expect(sameBits(found, scaledDotProductAttention(query: q.widened, key: k.widened, value: v.widened)))
      }
    }
  }

  @Test func queriesWithoutKeysGetZeros() {
    let q = quickTensor([2, 70, 2, 8], seed: 1), k = quickTensor([2, 70, 2, 8], seed: 2)
    let none = AttentionMask.lengths([0, 70], of: 70)
    let found = scaledDotProductAttention(query: q, key: k, value: k, mask: none)
    #expect(found.slice(0..<1, axis: 0).scalars.allSatisfy { $0 == 0 })
    #expect(!found.slice(1..<2, axis: 0).scalars.contains(0))
    // With a padded beginning, the first causal queries see nothing.
    let late = AttentionMask.keeping([(0..<70).map { $0 >= 66 }, (0..<70).map { $0 >= 1 }])
    let rows = scaledDotProductAttention(query: q, key: k, value: k, mask: AttentionMask.causal.and(late))
    #expect(rows.slice(0..<1, axis: 0).slice(0..<66, axis: 1).scalars.allSatisfy { $0 == 0 })
    #expect(!rows.slice(0..<1, axis: 0).slice(66..<70, axis: 1).scalars.contains(0))
    #expect(rows.slice(1..<2, axis: 0).slice(0..<1, axis: 1).scalars.allSatisfy { $0 == 0 })
    let weights = attentionWeights(query: q, key: k, mask: none)
    #expect(weights.slice(0..<1, axis: 0).scalars.allSatisfy { $0 == 0 })
    let empty = scaledDotProductAttention(query: q, key: .zeros([2, 0, 2, 8]), value: .zeros([2, 0, 2, 8]))
    #expect(empty.scalars.allSatisfy { $0 == 0 })
    #expect(scaledDotProductAttention(query: .zeros([2, 0, 2, 8]), key: k, value: k).shape == [2, 0, 16])
    #expect(scaledDotProductAttention(query: .zeros([2, 5, 0, 8]), key: k, value: k).shape == [2, 5, 0])
  }

  /// Beyond the count, and where padding is, memory may hold anything.
  @Test(arguments: [Float.nan, .infinity, -.infinity]) func whatMaskedKeysHoldDoesNotLeak(_ poison: Float) {
    RuntimeSettings.unchanged {
      for (queries, isCausal) in [(60, false), (60, true), (130, false), (129, true)] {
        let c = AttentionCase(
          batch: 3, queries: queries, keys: 130, width: 50, isCausal: isCausal, isPadded: true, room: 20)
        var (key, value) = (c.key, c.value)
        for row in 0..<3 {
          for j in 0..<150 where j >= 130 || !(c.kept?[row][j] ?? true) {
            let at = (row * 150 + j) * 100
            key.withMutableScalars { for i in at..<at + 100 { $0[i] = poison } }
            value.withMutableScalars { for i in at..<at + 100 { $0[i] = poison } }
          }
        }
        let found = scaledDotProductAttention(query: c.query, key: key, value: value, keyCount: 130, mask: c.mask)
        #expect(sameBits(found, c.attention()))
        // Nor into the gradients.
        let clean = gradients(c.query, c.key, c.value, 130, c.mask)
        let poisoned = gradients(c.query, key, value, 130, c.mask)
        for (a, b) in zip(clean, poisoned) { #expect(sameBits(a, b)) }
        #expect(clean[1].scalars.allSatisfy { $0.isFinite } && clean[1].scalars.contains { $0 != 0 })
      }
    }
  }

  /// Padding on the left that the mask names by its length, of one query as of many.
  @Test(arguments: [Float.nan, .infinity, -.infinity], [1, 2, 60])
  func whatStandsBeforeTheFirstKeyDoesNotLeak(_ poison: Float, _ queries: Int) {
    RuntimeSettings.unchanged {
      let starts = [0, 3, 70], keys = 300
      let query = quickTensor(Shape(3, queries, 4, 10), seed: 1)
      let (key, value) = (quickTensor([3, keys, 2, 10], seed: 2), quickTensor([3, keys, 2, 10], seed: 3))
      let marks = starts.map { start in (0..<keys).map { $0 >= start } }
      var (poisonedKey, poisonedValue) = (key, value)
      for (row, start) in starts.enumerated() {
        for i in row * keys * 20..<(row * keys + start) * 20 {
          poisonedKey.withMutableScalars { $0[i] = poison }
          poisonedValue.withMutableScalars { $0[i] = poison }
        }
      }
      for (mask, padding) in [
        (AttentionMask.causal, AttentionMask.starting(at: starts)), (.none, .keeping(marks)),
        (.causal(window: 290), .starting(at: starts).and(.keeping(marks))),
      ] {
        let expected = scaledDotProductAttention(query: query, key: key, value: value, mask: mask.and(padding))
        let found = scaledDotProductAttention(
          query: query, key: poisonedKey, value: poisonedValue, mask: mask.and(padding))
        #expect(sameBits(found, expected) && found.scalars.allSatisfy { $0.isFinite })
        // A row is the row without its padding, but for rounding.
        for (row, start) in starts.enumerated() where mask.window == nil {
          let own = { (x: Tensor) in x.slice(row..<row + 1, axis: 0) }
          let alone = scaledDotProductAttention(
            query: own(query), key: own(key).slice(start..<keys, axis: 1),
            value: own(value).slice(start..<keys, axis: 1),
            mask: mask)
          #expect(largestDifference(own(found).scalars, alone.scalars.map(Double.init)) < 1e-5)
        }
        let clean = gradients(query, key, value, keys, mask.and(padding))
        let poisoned = gradients(query, poisonedKey, poisonedValue, keys, mask.and(padding))
        for (a, b) in zip(clean, poisoned) { #expect(sameBits(a, b)) }
      }
    }
  }

  @Test(arguments: [(70, 8), (140, 40)]) func nanThatIsSeenComes(_ queries: Int, _ width: Int) {
    let q = quickTensor(Shape(1, queries, 1, width), seed: 1), k = quickTensor(Shape(1, 150, 1, width), seed: 2)
    for place in [0, 100, 149] {
      var poisoned = k
      poisoned.withMutableScalars { $0[place * width + 3] = .nan }
      let byKey = scaledDotProductAttention(query: q, key: poisoned, value: k)
      #expect(byKey.scalars.allSatisfy { $0.isNaN }, "a key at \(place)")
      let byValue = scaledDotProductAttention(query: q, key: k, value: poisoned).scalars
      for i in 0..<queries * width { #expect(byValue[i].isNaN == (i % width == 3), "a value at \(place)") }
    }
    var query = q
    query.withMutableScalars { $0[17 * width] = .nan }
    let byQuery = scaledDotProductAttention(query: query, key: k, value: k).scalars
    for i in 0..<queries * width { #expect(byQuery[i].isNaN == (i / width == 17)) }
  }

  @Test func largeScoresStayFinite() {
    // Scores of 0, 10^4 and -10^4: all the weight goes to the largest.
    for count in [3, 100, 200] {
      var key = Tensor.zeros(Shape(1, count, 1, 4)), value = Tensor.zeros(Shape(1, count, 1, 4))
      let best = count * 2 / 3
      key.withMutableScalars { for j in 0..<count { $0[j * 4] = j == best ? 100 : j % 2 == 0 ? -100 : 0 } }
      value.withMutableScalars { for j in 0..<count { $0[j * 4 + 1] = Float(j) } }
      var query = Tensor.zeros([1, 2, 1, 4])
      query.withMutableScalars { ($0[0], $0[4]) = (100, -100) }
      let found = scaledDotProductAttention(query: query, key: key, value: value, scale: 1).scalars
      #expect(Array(found[0..<4]) == [0, Float(best), 0, 0])
      let expected = ReferenceAttention(query: query, key: key, value: value, scale: 1).output
      #expect(largestDifference(found, expected) < 1e-4)
    }
    let q = quickTensor([1, 40, 2, 16], seed: 3) * 200, k = quickTensor([1, 120, 2, 16], seed: 4) * 200
    let found = scaledDotProductAttention(query: q, key: k, value: k).scalars
    #expect(found.allSatisfy { $0.isFinite && abs($0) <= 200.001 })
  }

  @Test func misuseSaysTheShapes() async {
    let keys = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = scaledDotProductAttention(
        query: .zeros([1, 2, 3, 4]), key: .zeros([1, 5, 2, 4]), value: .zeros([1, 5, 2, 4]))
    }
    let text = String(decoding: keys?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("query [1, 2, 3, 4], key [1, 5, 2, 4], value [1, 5, 2, 4]"))
    let mask = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Tensor.zeros([2, 3, 1, 4])
      _ = scaledDotProductAttention(query: x, key: x, value: x, mask: .lengths([1, 2], of: 4))
    }
    let message = String(decoding: mask?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("the padding mask is not 2 rows of 3 keys"))
  }

  @Test func aBiasOfAnotherShapeIsRefused() async {
    let found = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Tensor.zeros([2, 3, 1, 4])
      _ = scaledDotProductAttention(query: x, key: x, value: x, bias: .zeros([2, 1, 3, 3]))
    }
    let text = String(decoding: found?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("a bias [2, 1, 3, 3], must be [1, 3, 3]"))
  }

  @Test func misuseOfTheWeightsSaysTheShapes() async {
    func message(_ result: ExitTest.Result?) -> String {
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
    let heads = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = attentionWeights(query: .zeros([1, 2, 3, 4]), key: .zeros([1, 5, 2, 4]))
    }
    #expect(message(heads).contains("attentionWeights: query [1, 2, 3, 4], key [1, 5, 2, 4]"))
    let keys = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = attentionWeights(query: .zeros([1, 2, 2, 4]), key: .zeros([1, 5, 2, 4]), keyCount: 6)
    }
    #expect(message(keys).contains("key [1, 5, 2, 4], 6 keys"))
    let causal = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = attentionWeights(query: .zeros([1, 3, 2, 4]), key: .zeros([1, 2, 2, 4]), mask: .causal)
    }
    #expect(message(causal).contains("causal, of 3 queries over 2 keys"))
    let mask = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Tensor.zeros([2, 3, 1, 4])
      _ = attentionWeights(query: x, key: x, mask: .lengths([1, 2], of: 4))
    }
    #expect(message(mask).contains("the padding mask is not 2 rows of 3 keys"))
  }
}

/// Checks some queries alone against all of them at once.
private func expectSameBits(_ c: AttentionCase, _ pieces: [Range<Int>], _ expected: Tensor, _ what: String) {
  let (query, key, value) = (c.query, c.key, c.value)
  for piece in pieces {
    let (start, end) = (piece.lowerBound, piece.upperBound)
    // Causal queries alone are the last of their positions.
    let count = c.isCausal ? c.keys - c.queries + end : c.keys
    let kept = c.kept.map { $0.map { Array($0[..<count]) } }
    let mask = (c.isCausal ? AttentionMask.causal : .none).and(kept.map(AttentionMask.keeping) ?? .none)
    let alone = scaledDotProductAttention(
      query: query.slice(start..<end, axis: 1), key: key, value: value, keyCount: count, mask: mask,
      bias: c.bias?.slice(start..<end, axis: 1).slice(0..<count, axis: 2))
    #expect(sameBits(alone, expected.slice(start..<end, axis: 1)), "\(what), queries \(piece), \(c.testDescription)")
  }
}

/// The gradients of the sum of squares of the output.
func gradients(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, _ keyCount: Int, _ mask: AttentionMask, bias: Tensor? = nil
) -> [Tensor] {
  let tape = Tape(leafCount: bias == nil ? 3 : 4)
  var (q, k, v, added) = (query, key, value, bias)
  q.trace = Trace(tape: tape, leaf: 0)
  k.trace = Trace(tape: tape, leaf: 1)
  v.trace = Trace(tape: tape, leaf: 2)
  added?.trace = Trace(tape: tape, leaf: 3)
  let y = scaledDotProductAttention(query: q, key: k, value: v, keyCount: keyCount, mask: mask, bias: added)
  guard case .attention(let record) = tape.takeSteps().steps[0].operation else { return [] }
  let found = record.gradients(y.detached * 2)
  return [found.query, found.key, found.value, found.bias].compactMap { $0 }
}
