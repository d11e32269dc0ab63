import Formats
import Layers
import Models
import Tensor

/// The tokens that continue a prompt, one at a time: prefill and cached decoding.
///
///     var tokens = try TokenStream(model, after: prompt, maxTokens: 100)
///     while let id = try tokens.next() { print(id) }
///
/// The first call of `next` runs the whole prompt, each later one a single token over the cache of those before. A
/// stream is a value: a copy is another continuation of the same beginning, and any number of streams may run at once
/// on the same model. After the first two tokens, a token takes no new memory.
public struct TokenStream: Sendable {
  /// Why a stream has ended.
  public enum End: Sendable, Equatable {
    /// The model chose this stop token; it is not part of the stream.
    case stopToken(Int)
    /// `maxTokens` tokens were given.
    case maxTokens
    /// Prompt and new tokens fill the model's context.
    case contextLength
  }

  /// Why the stream has ended; nil before.
  public var end: End? { text.end }
  /// How long it took so far.
  public private(set) var timing: Timing

  private let model: any LanguageModel
  private var text: GrowingText
  private var pass: Pass
  /// How many tokens the cache has room for.
  private var room: Int
  /// What the model has not seen yet: the prompt, later the token given last.
  private var pending: TokenBatch
  private var failure: InputError?

  /// The most new tokens that the cache has room for from the beginning; beyond them it grows by doubling.
  private static let mostReserved = 4096

  /// Prepares the continuation of `prompt`; nothing is computed yet.
  ///
  /// - Parameters:
  ///   - prompt: token ids, at least one.
  ///   - rules: what may come and what must.
  ///   - maxTokens: how many tokens are given at most, at least 1.
  ///   - stopTokens: the tokens that end the text; the model's own unless given.
  /// - Throws: `badValue` for an empty prompt, an id outside the vocabulary, rules that make no sense or a `maxTokens`
  ///   below 1; `tooLarge` for a prompt longer than the model's context; `budget` where the memory that is left does not
  ///   hold the cache.
  public init(
    _ model: any LanguageModel, after prompt: [Int], sampling: Sampling = .greedy, rules: TokenRules = TokenRules(),
    maxTokens: Int, stopTokens: Set<Int>? = nil
  ) throws(InputError) {
    room = try TokenStream.room(for: prompt, maxTokens: maxTokens, model)
    text = try GrowingText(
      after: prompt, of: model, sampling, rules, maxTokens: maxTokens, stopTokens: stopTokens)
    self.model = model
    try TokenStream.requireMemory(for: room, insteadOf: 0, model)
    pass = Pass(cache: KeyValueCache(layerCount: model.layerCount, capacity: room))
    pending = TokenBatch(prompt)
    timing = Timing(promptTokens: prompt.count)
  }

  /// The next token; nil when the stream has ended, for good.
  ///
  /// - Throws: `nonFinite` where the model's scores are no numbers, as those of a damaged file may be; `budget` where a
  ///   long text's cache has to grow and the memory that is left does not hold it; the same error again from then on.
  public mutating func next() throws(InputError) -> Int? {
    if let failure { throw failure }
    guard text.hasRoom() else { return nil }
    let clock = ContinuousClock.now
    let found: Int?
    do throws(InputError) {
      room = try TokenStream.grown(room, for: pass.position + pending.time, model)
      var scores = model.nextLogits(pending, &pass)
      // `withMutableScalars` rethrows errors of any type; the result brings the typed one out.
      found = try scores.withMutableScalars { scores in
        Result { () throws(InputError) in try text.next(scores) }
      }.get()
    } catch {
      failure = error
      throw error
    }
    timing.add(clock.duration(to: .now))
    guard let id = found else { return nil }
    if pending.time == 1 {
      pending.ids[0] = Int32(truncatingIfNeeded: id)  // in place
    } else {
      pending = TokenBatch([id])
    }
    return id
  }

  /// Checks what a text begins with.
  ///
  /// - Returns: for how many tokens a cache should have room from the beginning: a caller that asks for as much as the
  ///   model can say does not pay for all of it at once.
  static func room(
    for prompt: [Int], maxTokens: Int, _ model: any LanguageModel
  ) throws(InputError) -> Int {
    guard !prompt.isEmpty else {
      throw InputError(
        .badValue, "the prompt has no tokens", at: "prompt", advice: "Begin with the tokenizer's start token, at least."
      )
    }
    guard maxTokens > 0 else {
      throw InputError(.badValue, "\(maxTokens) tokens are none to generate", at: "maxTokens", advice: "Use 1 or more.")
    }
    try model.check(prompt)
    return prompt.count + min(maxTokens, model.contextLength - prompt.count, mostReserved)
  }

  /// Checks the memory for a cache that is about to grow, as it does by itself.
  ///
  /// - Returns: the room that it then has.
  static func grown(
    _ room: Int, for count: Int, rows: Int = 1, _ model: any LanguageModel
  ) throws(InputError) -> Int {
    guard count > room else { return room }
    let grown = max(2 * room, count)
    try requireMemory(for: grown, rows: rows, insteadOf: room, model)
    return grown
  }

  static func requireMemory(
    for room: Int, rows: Int = 1, insteadOf old: Int, _ model: any LanguageModel
  ) throws(InputError) {
    let (width, overflow) = model.keyValueWidth.multipliedReportingOverflow(by: rows)
    let demand = CacheDemand(
      layerCount: model.layerCount, windows: model.slidingWindows, width: overflow ? .max : width)
    let needed = demand.byteCount(capacity: room)
    let more = old == 0 ? needed : demand.byteCount(growingFrom: old, to: room)
    if let more, Memory.hasRoom(for: more) { return }
    throw InputError(
      .budget,
      "a cache for \(room) tokens needs \(needed.map { "\($0 / 1_000_000) MB" } ?? "more bytes than can be counted"), "
        + "which Memory.limit (\(Memory.limit / 1_000_000) MB) does not leave", at: "maxTokens",
      advice: "Generate fewer tokens, shorten the prompt, or raise the limit.")
  }
}

/// How long the parts of a generation took.
public struct Timing: Sendable {
  /// The tokens of the prompt.
  public let promptTokens: Int
  /// The time for the whole prompt, up to the first new token.
  public private(set) var prefill = Duration.zero
  /// The tokens chosen after the first, a stop token included.
  public private(set) var decodedTokens = 0
  /// The time for these.
  public private(set) var decoding = Duration.zero
  private var isPrefilled = false

  init(promptTokens: Int) { self.promptTokens = promptTokens }

  mutating func add(_ duration: Duration, tokens: Int = 1) {
    if isPrefilled {
      decodedTokens += tokens
      decoding += duration
    } else {
      (prefill, isPrefilled) = (duration, true)
    }
  }

  /// Prompt tokens per second; nil before the prompt has run.
  public var prefillTokensPerSecond: Double? { Timing.rate(promptTokens, prefill) }
  /// Tokens per second after the first new one; nil where there are none.
  public var decodeTokensPerSecond: Double? { Timing.rate(decodedTokens, decoding) }

  private static func rate(_ count: Int, _ time: Duration) -> Double? {
    count > 0 && time > .zero ? Double(count) / (time / .seconds(1)) : nil
  }
}
