import Formats
import Layers
import Models
import Tensor

/// Texts that a model continues side by side, each a row of one cache.
///
/// Shorter prompts are filled up on their left, so that all rows go on at the same place. A mask hides the padding and
/// positions leave it out: a row's scores are those of its text alone, but for rounding.
struct DecodingRows: Sendable {
  private var model: any LanguageModel
  private var pass: Pass
  /// How many tokens of a row the cache has room for, padding included.
  private var room: Int
  /// How many rows the cache will have at most.
  private let mostRows: Int
  /// How many tokens of padding each row begins with.
  private var padding: [Int]
  /// What the model has not seen yet: the prompts, later the tokens given last.
  private var pending: TokenBatch

  /// Checks what texts begin with; nothing is computed yet.
  ///
  /// - Parameters:
  ///   - maxTokens: how many new tokens each text has at most.
  ///   - rowsPerText: how many rows each text will have.
  /// - Throws: as `TokenStream.init`; where there are several prompts, the error says which.
  init(
    _ model: any LanguageModel, after prompts: [[Int]], maxTokens: [Int], rowsPerText: Int = 1
  ) throws(InputError) {
    let longest = prompts.map(\.count).max() ?? 0
    room = longest
    for (index, (prompt, count)) in zip(prompts, maxTokens).enumerated() {
      do throws(InputError) {
        let own = try TokenStream.room(for: prompt, maxTokens: count, model)
        room = max(room, longest + own - prompt.count)
      } catch { throw prompts.count == 1 ? error : error.inside("text \(index)") }
    }
    self.model = model
    mostRows = prompts.count * rowsPerText
    try TokenStream.requireMemory(for: room, rows: mostRows, insteadOf: 0, model)
    pass = Pass(cache: KeyValueCache(layerCount: model.layerCount, capacity: room))
    padding = prompts.map { longest - $0.count }
    let ids = prompts.flatMap { prompt in
      [Int32](repeating: 0, count: longest - prompt.count) + prompt.map { Int32(truncatingIfNeeded: $0) }
    }
    pending = TokenBatch(ids, batch: prompts.count, time: longest)
  }

  /// The scores of each row's next token: `[rows, vocabulary]`.
  ///
  /// - Throws: `budget` where the cache has to grow and the memory that is left does not hold it.
  mutating func scores() throws(InputError) -> Tensor {
    let tokens = pass.position..<pass.position + pending.time
    room = try TokenStream.grown(room, for: tokens.upperBound, rows: mostRows, model)
    let isPadded = padding.contains { $0 > 0 }
    pass.mask = isPadded ? .starting(at: padding) : .none
    pass.positions = isPadded ? TextPositions(behind: padding, tokens: tokens) : nil
    return model.nextLogits(pending, &pass)
  }

  /// Gives each row its next token.
  ///
  /// - Parameters:
  ///   - tokens: one for each of the rows that there are from now on.
  ///   - rows: which of the rows so far each of them continues.
  ///   - texts: the texts that go on, where others end: as many rows that follow one another belong to each.
  mutating func append(_ tokens: [Int], to rows: [Int], texts: [Int]? = nil) {
    if let texts { model.select(texts: texts) }
    if rows != Array(padding.indices) {
      pass.cache?.select(rows: rows)
      padding = rows.map { padding[$0] }
    }
    pending = TokenBatch(tokens.map { Int32(truncatingIfNeeded: $0) }, batch: tokens.count, time: 1)
  }
}
