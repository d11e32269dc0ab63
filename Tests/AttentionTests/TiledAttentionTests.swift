import Tensor
import TestSupport
import Testing

/// Attention in tile registers against attention with vectors, which the tests of every kernel set hold to the definition.
@Suite(.enabled(if: Runtime.availableKernels.contains(.amx), "no tile registers here"))
struct TiledAttentionTests {
  struct Case: CustomTestStringConvertible {
    var batch = 1
    var queries: Int
    var keys: Int
    var heads = 2
    var shared = 2
    var width: Int
    var mask = AttentionMask.causal
    var isBiased = false
    var testDescription: String {
      "\(batch) x \(queries) over \(keys), \(heads)/\(shared) heads of \(width)\(isBiased ? ", biased" : "")"
    }
  }

  static let cases = [
    Case(queries: 128, keys: 128, width: 32, mask: .none), Case(queries: 200, keys: 200, width: 64),
    Case(batch: 2, queries: 140, keys: 300, heads: 6, shared: 2, width: 64),
    Case(batch: 2, queries: 300, keys: 300, heads: 4, shared: 2, width: 40, isBiased: true),
    Case(batch: 2, queries: 200, keys: 900, width: 40, mask: .causal(window: 300)),
    Case(batch: 3, queries: 500, keys: 520, heads: 2, shared: 1, width: 33, mask: .causal(window: 70)),
    Case(
      batch: 3, queries: 140, keys: 300, width: 40, mask: AttentionMask.causal.and(.starting(at: [0, 3, 70]))),
    Case(
      batch: 2, queries: 150, keys: 600, heads: 4, shared: 1, width: 48,
      mask: .keeping([(0..<600).map { $0 % 7 != 2 }, (0..<600).map { $0 < 290 }]), isBiased: true),
    Case(queries: 1100, keys: 1100, heads: 1, shared: 1, width: 96), Case(queries: 160, keys: 160, width: 160),
  ]

  @Test(arguments: cases) func valuesAndGradients(_ c: Case) throws {
    let query = quickTensor(Shape(c.batch, c.queries, c.heads, c.width), seed: 1) * 2
    let key = quickTensor(Shape(c.batch, c.keys, c.shared, c.width), seed: 2) * 2
    let value = quickTensor(Shape(c.batch, c.keys, c.shared, c.width), seed: 3)
    let bias = c.isBiased ? quickTensor(Shape(c.heads, c.queries, c.keys), seed: 4) : nil
    func results() -> [Tensor] {
      [scaledDotProductAttention(query: query, key: key, value: value, mask: c.mask, bias: bias)]
        + gradients(query, key, value, c.keys, c.mask, bias: bias)
    }
    let expected = try RuntimeSettings.with(.avx512, threads: 2) { results() }
    let found = try RuntimeSettings.with(.amx, threads: 2) { results() }
    #expect(found.count == expected.count && found.count == (c.isBiased ? 5 : 4))
    for (i, name) in ["output", "query", "key", "value", "bias"].prefix(found.count).enumerated() {
      let scale = expected[i].scalars.map(abs).max() ?? 0
      let worst = largestDifference(found[i].scalars, expected[i].scalars.map(Double.init))
      #expect(worst <= 3e-6 * Double(scale), "\(name): \(worst) of \(scale)")
      #expect(!sameBits(found[i], expected[i]), "\(name) did not go to tiles")
    }
  }

  /// Queries, keys and values in one projection get one gradient.
  @Test func packed() throws {
    let (heads, shared, width, time) = (4, 2, 64, 200)
    let projection = quickTensor(Shape(2, time, (heads + 2 * shared) * width), seed: 5)
    func results() throws -> [Tensor] {
      let tape = Tape(leafCount: 1)
      var x = projection
      x.trace = Trace(tape: tape, leaf: 0)
      let y = scaledDotProductAttention(packed: x, headCount: heads, keyValueHeadCount: shared, mask: .causal)
      guard case .attention(let record) = tape.takeSteps().steps[0].operation else { return [] }
      return [y.detached, record.gradients(y.detached).query]
    }
    let expected = try RuntimeSettings.with(.avx512, threads: 2) { try results() }
    let found = try RuntimeSettings.with(.amx, threads: 2) { try results() }
    #expect(found.count == 2)
    for (a, b) in zip(found, expected) {
      let scale = b.scalars.map(abs).max() ?? 0
      #expect(largestDifference(a.scalars, b.scalars.map(Double.init)) <= 3e-6 * Double(scale))
    }
  }
}
