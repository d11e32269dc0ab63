import Tensor
import Testing

extension GradientTests {
  @Suite struct SlidingWindow {
    @Test(arguments: [(1, 4, 4, 3), (2, 9, 9, 4), (1, 70, 70, 5), (1, 130, 200, 65), (1, 70, 260, 3)])
    func causal(_ batch: Int, _ queries: Int, _ keys: Int, _ window: Int) throws {
      let padding = AttentionMask.keeping((0..<batch).map { row in (0..<keys).map { ($0 + row) % 5 != 1 } })
      let starting = AttentionMask.starting(at: (0..<batch).map { ($0 + 1) * keys / 3 })
      for mask in [
        AttentionMask.causal(window: window), padding.and(.causal(window: window)), starting.and(.causal),
        starting.and(.causal(window: window)),
      ] {
        try check(
          "attention, sliding window", [batch, queries, 2, 3], [batch, keys, 1, 3], [batch, keys, 1, 3], sampleSize: 4
        ) { scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: mask) }
      }
    }
  }
}
