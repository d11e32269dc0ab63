import Gradients
import Tensor
import TestSupport
import Testing

extension GradientTests {
  @Suite struct FusedAttention {
    struct Case: CustomTestStringConvertible {
      var batch = 1
      var queries: Int
      var keys: Int
      var heads = 1
      var shared = 1
      var width: Int
      /// Where keys are marked as padding.
      var padding = false
      var testDescription: String {
        "\(batch) x \(queries) over \(keys), \(heads)/\(shared) heads of \(width)\(padding ? ", padding" : "")"
      }

      var mask: AttentionMask {
        guard padding else { return .none }
        return .keeping(
          (0..<batch).map { row in (0..<keys).map { ($0 * 7 + row) % 5 != 0 && ($0 < keys - row || row == 0) } })
      }
    }

    static let cases = [
      Case(queries: 1, keys: 1, width: 1), Case(batch: 2, queries: 3, keys: 3, heads: 2, shared: 2, width: 5),
      Case(batch: 2, queries: 3, keys: 7, heads: 2, shared: 1, width: 16),
      Case(batch: 3, queries: 5, keys: 5, heads: 6, shared: 2, width: 4, padding: true),
      Case(queries: 7, keys: 17, heads: 3, shared: 3, width: 33, padding: true),
      Case(queries: 1, keys: 33, heads: 4, shared: 1, width: 17),
      // Over the edges of blocks of queries (backward 64, forward 256) and of keys (48 to 192).
      Case(queries: 65, keys: 65, heads: 2, shared: 1, width: 3),
      Case(queries: 70, keys: 131, width: 5, padding: true), Case(queries: 2, keys: 193, heads: 2, shared: 2, width: 3),
      Case(queries: 129, keys: 129, width: 2, padding: true), Case(queries: 259, keys: 260, width: 2, padding: true),
    ]

    @Test(arguments: cases, [false, true]) func separate(_ c: Case, _ isCausal: Bool) throws {
      let mask = isCausal ? AttentionMask.causal.and(c.mask) : c.mask
      let kinds = [isCausal ? "causal" : nil, c.padding ? "padding" : nil].compactMap { $0 }
      let name = "attention" + (kinds.isEmpty ? "" : ", " + kinds.joined(separator: " and "))
      let key: Shape = [c.batch, c.keys, c.shared, c.width]
      try check(name, [c.batch, c.queries, c.heads, c.width], key, key, sampleSize: 4) {
        scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: mask)
      }
    }

    @Test(arguments: [(1, 1, 1, 1, 1), (2, 5, 2, 2, 4), (2, 6, 4, 2, 3), (1, 17, 6, 1, 16), (1, 66, 2, 1, 2)])
    func packed(_ batch: Int, _ time: Int, _ heads: Int, _ shared: Int, _ width: Int) throws {
      let padding = AttentionMask.lengths((0..<batch).map { max(1, time - 2 * $0) }, of: time)
      for mask in [AttentionMask.none, .causal, padding, padding.and(.causal)] {
        try check("attention, packed", [batch, time, (heads + 2 * shared) * width], sampleSize: 4) {
          scaledDotProductAttention(packed: $0[0], headCount: heads, keyValueHeadCount: shared, mask: mask)
        }
      }
    }

    /// One bias for all rows of the batch.
    @Test(arguments: cases, [false, true]) func biased(_ c: Case, _ isCausal: Bool) throws {
      let mask = isCausal ? AttentionMask.causal.and(c.mask) : c.mask
      let key: Shape = [c.batch, c.keys, c.shared, c.width]
      try check(
        "attention, biased", [c.batch, c.queries, c.heads, c.width], key, key, [c.heads, c.queries, c.keys],
        sampleSize: 4
      ) {
        scaledDotProductAttention(
          query: $0[0], key: $0[1], value: $0[2], mask: mask, scale: isCausal ? 1 : nil, bias: $0[3])
      }
    }

    /// Large enough for tile registers, over the edges of their blocks of queries (128) and keys (256).
    @Test func manyQueries() throws {
      let c = Case(queries: 130, keys: 257, heads: 2, shared: 1, width: 33, padding: true)
      let key: Shape = [c.batch, c.keys, c.shared, c.width]
      try check(
        "attention, biased", [c.batch, c.queries, c.heads, c.width], key, key, [c.heads, c.queries, c.keys],
        sampleSize: 4
      ) {
        scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: c.mask.and(.causal), bias: $0[3])
      }
    }

    /// A constant bias, and a bias as the only operand with a gradient.
    @Test func biasAlone() throws {
      let (x, bias) = ((1...3).map { values([2, 5, 2, 4], seed: $0) }, values([2, 5, 5], seed: 4))
      try check("attention, constant bias", x) {
        scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: .causal, bias: bias)
      }
      try check("attention, bias alone", [bias]) {
        scaledDotProductAttention(query: x[0], key: x[1], value: x[2], mask: .causal, bias: $0[0])
      }
    }

    @Test func scaleAndRoomForKeys() throws {
      try check("attention, key count", [2, 3, 4, 5], [2, 9, 2, 5], [2, 9, 2, 5]) {
        scaledDotProductAttention(
          query: $0[0], key: $0[1], value: $0[2], keyCount: 6, mask: .causal, scale: 0.3)
      }
      try check("attention, key count", [2, 3, 4, 5], [2, 9, 2, 5], [2, 9, 2, 5], [4, 3, 6]) {
        scaledDotProductAttention(
          query: $0[0], key: $0[1], value: $0[2], keyCount: 6, mask: .causal, scale: 0.3, bias: $0[3])
      }
    }

    /// Scores so different that the largest one takes all.
    @Test func largeScores() throws {
      let x = (1...3).map { values([1, 9, 2, 8], in: -6...6, seed: $0) }
      try check("attention, large scores", x) {
        scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: .causal)
      }
    }

    /// Every way in which operands can be one tensor or constants.
    @Test func sharedOperands() throws {
      let shape: Shape = [2, 5, 3, 4]
      let constant = values(shape, seed: 9)
      let distributions = [
        [0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 2], [0, -1, -1], [-1, 0, -1], [-1, -1, 0], [0, 0, -1],
      ]
      for roles in distributions {
        let count = roles.reduce(0, max) + 1
        try check("attention, shared", (1...count).map { values(shape, seed: $0) }) { x in
          let operands = roles.map { $0 < 0 ? constant : x[$0] }
          return scaledDotProductAttention(query: operands[0], key: operands[1], value: operands[2], mask: .causal)
        }
      }
    }

    /// Queries that see no key: zeros, and no gradient goes through them.
    @Test func fullyMaskedRows() throws {
      // The first row sees nothing at all; the second's first two queries do not, for its first two keys are padding.
      let mask = AttentionMask.causal.and(.keeping([Array(repeating: false, count: 4), [false, false, true, true]]))
      let inputs = (1...3).map { values([2, 4, 2, 3], seed: $0) }
      try check("attention, masked rows", inputs) {
        scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: mask)
      }
      for set in Runtime.availableKernels {
        try RuntimeSettings.with(set, threads: 2) {
          let y = scaledDotProductAttention(query: inputs[0], key: inputs[1], value: inputs[2], mask: mask)
          #expect(y.slice(0..<1, axis: 0).scalars.allSatisfy { $0 == 0 })
          #expect(y.slice(1..<2, axis: 0).slice(0..<2, axis: 1).scalars.allSatisfy { $0 == 0 })
          #expect(y.slice(1..<2, axis: 0).slice(2..<4, axis: 1).scalars.allSatisfy { $0 != 0 })
          let gradient = try differentiate(at: Inputs(inputs)) {
            scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: mask).squared().sum()
          }.gradient
          for index in 0..<3 {
            #expect(gradient[index].slice(0..<1, axis: 0).scalars.allSatisfy { $0 == 0 })
            #expect(gradient[index].slice(1..<2, axis: 0).slice(0..<2, axis: 1).scalars.allSatisfy { $0 == 0 })
          }
        }
      }
    }
  }
}
