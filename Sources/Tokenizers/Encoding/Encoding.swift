import Formats

/// A text, or a pair of texts, as a model takes it in. All arrays have one element for each token.
public struct Encoding: Sendable, Equatable {
  /// The tokens' ids.
  public var ids: [Int] = []
  /// The tokens, as the vocabulary writes them (`Ġthe`, `▁the`, `##ing`); what matched an added token, as it stands.
  public var tokens: [String] = []
  /// Where the tokens stand in their own text, in Unicode scalars; `0..<0` for those that stand in none.
  public var offsets: [Range<Int>] = []
  /// Which of two texts the tokens belong to, as the model counts them.
  public var typeIDs: [Int] = []
  /// 1 for the tokens that were put around the text or beside it, 0 for the text's own.
  public var specialTokensMask: [Int] = []
  /// 0 for padding, 1 for everything else.
  public var attentionMask: [Int] = []
  /// What was cut off, in parts as long as this one at most, each with its own special tokens.
  public var overflow: [Encoding] = []

  /// An encoding without tokens.
  public init() {}

  /// The number of tokens.
  public var count: Int { ids.count }
}

extension Encoding {
  mutating func append(_ id: Int, _ token: String, _ offsets: Range<Int>, typeID: Int, isSpecial: Bool = false) {
    ids.append(id)
    tokens.append(token)
    self.offsets.append(offsets)
    typeIDs.append(typeID)
    specialTokensMask.append(isSpecial ? 1 : 0)
    attentionMask.append(1)
  }

  /// The tokens at `range`, without what was cut off.
  func part(_ range: Range<Int>) -> Encoding {
    var part = Encoding()
    part.ids = Array(ids[range])
    part.tokens = Array(tokens[range])
    part.offsets = Array(offsets[range])
    part.typeIDs = Array(typeIDs[range])
    part.specialTokensMask = Array(specialTokensMask[range])
    part.attentionMask = Array(attentionMask[range])
    return part
  }

  /// The number of tokens that all parts have together.
  private var totalCount: Int { overflow.reduce(count) { $0 + $1.count } }

  /// Appends another encoding. What was cut off of either is combined with the whole of the other and with all that was
  /// cut off of it.
  ///
  /// - Throws: `budget` where that would be more tokens than `Truncation.tokenLimit`.
  mutating func append(_ other: Encoding) throws(InputError) {
    if !overflow.isEmpty && !other.overflow.isEmpty {
      let (product, overflows) = totalCount.multipliedReportingOverflow(by: other.overflow.count + 1)
      try Truncation.check(overflows ? .max : product)
    }
    var combined: [Encoding] = []
    for own in overflow {
      combined.append(own.joined(to: other))
      for theirs in other.overflow { combined.append(own.joined(to: theirs)) }
    }
    for theirs in other.overflow { combined.append(joined(to: theirs)) }
    join(other)
    overflow = combined
  }

  private func joined(to other: Encoding) -> Encoding {
    var whole = self
    whole.overflow = []
    whole.join(other)
    return whole
  }

  private mutating func join(_ other: Encoding) {
    ids += other.ids
    tokens += other.tokens
    offsets += other.offsets
    typeIDs += other.typeIDs
    specialTokensMask += other.specialTokensMask
    attentionMask += other.attentionMask
  }
}
