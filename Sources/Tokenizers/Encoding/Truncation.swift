import Formats

/// How long texts are cut to a number of tokens.
public struct Truncation: Sendable, Equatable {
  /// Which of two texts is cut.
  public enum Strategy: String, Sendable {
    /// The longer one, then both to the same length.
    case longestFirst = "LongestFirst"
    case onlyFirst = "OnlyFirst"
    case onlySecond = "OnlySecond"
  }

  /// The end that is cut off.
  public enum Direction: String, Sendable {
    case left = "Left"
    case right = "Right"
  }

  /// The most tokens, special tokens included.
  public var maxLength: Int
  /// How many tokens each part that was cut off shares with the one before it.
  public var stride: Int
  /// Which of two texts is cut.
  public var strategy: Strategy
  /// The end that is cut off.
  public var direction: Direction

  /// Truncation to `maxLength` tokens, at least none; the stride is not negative.
  public init(
    maxLength: Int, stride: Int = 0, strategy: Strategy = .longestFirst, direction: Direction = .right
  ) {
    precondition(maxLength >= 0 && stride >= 0, "Truncation: to \(maxLength) tokens with a stride of \(stride)")
    (self.maxLength, self.stride, self.strategy, self.direction) = (maxLength, stride, strategy, direction)
  }

  /// The most tokens that the parts of one text may have together.
  static let tokenLimit = 1 << 26

  /// - Throws: `budget` where that are too many tokens.
  static func check(_ tokenCount: Int) throws(InputError) {
    guard tokenCount <= tokenLimit else {
      throw InputError(
        .budget, "The parts that are cut off would have more than \(tokenLimit) tokens together",
        advice: "Use a smaller stride, or shorter texts")
    }
  }
}

extension Truncation {
  /// Cuts one encoding or two, before special tokens are added.
  ///
  /// - Throws: `inconsistent` where the settings leave no room: for the special tokens, for the stride, or for the text
  ///   that is not to be cut.
  func apply(to encodings: inout [Encoding], addedTokens: Int) throws(InputError) {
    guard maxLength >= addedTokens else {
      throw InputError(
        .inconsistent, "The maximum of \(maxLength) tokens leaves no room for \(addedTokens) special tokens",
        at: "truncation")
    }
    let limit = maxLength - addedTokens
    let counts = encodings.map(\.count)
    let total = counts.reduce(0, +)
    if limit == 0 {
      for index in encodings.indices { try cut(&encodings[index], to: 0) }
      return
    }
    guard total > limit else { return }
    switch strategy {
    case .longestFirst:
      guard encodings.count == 2 else { return try cut(&encodings[0], to: limit) }
      let (first, second) = Self.shares(counts[0], counts[1], limit)
      try cut(&encodings[0], to: first)
      try cut(&encodings[1], to: second)
    case .onlyFirst: try cut(&encodings, 0, removing: total - limit)
    case .onlySecond: try cut(&encodings, 1, removing: total - limit)
    }
  }

  /// The lengths of two texts that are too long together: the shorter one stays whole if it has at most half.
  private static func shares(_ first: Int, _ second: Int, _ limit: Int) -> (Int, Int) {
    let (shorter, isSwapped) = (min(first, second), first > second)
    var lengths = (shorter, shorter > limit ? shorter : max(shorter, limit - shorter))
    if lengths.0 + lengths.1 > limit { lengths = (limit / 2, limit / 2 + limit % 2) }
    return isSwapped ? (lengths.1, lengths.0) : lengths
  }

  private func cut(_ encodings: inout [Encoding], _ index: Int, removing count: Int) throws(InputError) {
    guard index < encodings.count else {
      throw InputError(.inconsistent, "Only the second text is to be cut, but there is one alone", at: "truncation")
    }
    guard encodings[index].count > count else {
      throw InputError(
        .inconsistent, "The text that is to be cut has \(encodings[index].count) tokens, but \(count) are too many",
        at: "truncation", advice: "Cut the longest text first")
    }
    try cut(&encodings[index], to: encodings[index].count - count)
  }

  private func cut(_ encoding: inout Encoding, to length: Int) throws(InputError) {
    let count = encoding.count
    guard length < count else { return }
    guard length > 0 else {
      var empty = Encoding()
      empty.overflow = [encoding]
      encoding = empty
      return
    }
    guard stride < length else {
      throw InputError(
        .inconsistent, "The stride of \(stride) tokens is not less than the \(length) that a text keeps",
        at: "truncation")
    }
    let step = length - stride
    let (tokens, overflows) = (count / step + 1).multipliedReportingOverflow(by: length)
    try Self.check(overflows ? .max : tokens)
    var parts: [Encoding] = []
    switch direction {
    case .right:
      var start = 0
      repeat {
        parts.append(encoding.part(start..<min(start + length, count)))
        start += step
      } while start - step + length < count
    case .left:
      var end = count
      repeat {
        parts.append(encoding.part(max(0, end - length)..<end))
        end -= step
      } while end + step - length > 0
    }
    encoding = parts[0]
    encoding.overflow = Array(parts.dropFirst())
  }
}

extension Truncation {
  /// Reads a `truncation` of a `tokenizer.json`.
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["direction", "max_length", "strategy", "stride"])
    self.init(
      maxLength: try field.required("max_length").int(in: 1...Int.max),
      stride: try field.required("stride").int(in: 0...Int.max),
      strategy: try field.required("strategy").named(Strategy.self),
      direction: try field.optional("direction")?.named(Direction.self) ?? .right)
    guard stride < maxLength else { throw field.error(.inconsistent, "has a stride that is not less than max_length") }
  }
}

extension JSONField {
  /// The case of an enumeration that a string names.
  func named<Value: RawRepresentable<String>>(_ type: Value.Type) throws(InputError) -> Value {
    let name = try string()
    guard let value = Value(rawValue: name) else { throw error(.badValue, "is \(quoted(name.utf8)), which is unknown") }
    return value
  }
}
