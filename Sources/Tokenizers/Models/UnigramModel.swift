import Formats

/// Unigram: the way to cut a piece into tokens whose scores have the greatest sum.
///
/// Kudo, "Subword regularization" (2018), section 3.2; the best cut is found by the algorithm of Viterbi.
struct UnigramModel: Sendable {
  let vocabulary: Vocabulary
  let unknownID: Int32?
  private let scores: [Double]
  private let unknownScore: Double
  private let trie: ByteTrie
  private let byteIDs: [Int32]?

  /// How much less than the least score of all an unknown character has.
  private static let unknownPenalty = 10.0

  /// - Parameters:
  ///   - scores: One for each id.
  ///   - fallsBackToBytes: Whether unknown text becomes tokens of its bytes, where all of them are there.
  init(
    _ vocabulary: Vocabulary, scores: [Double], unknownID: Int32?, fallsBackToBytes: Bool
  ) throws(InputError) {
    (self.vocabulary, self.scores, self.unknownID) = (vocabulary, scores, unknownID)
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    trie = try vocabulary.trie(ofTokensUpTo: WordPieceModel.longestToken)
    byteIDs = fallsBackToBytes ? vocabulary.byteFallbackIDs : nil
  }

  private struct Arrival {
    var score = 0.0
    var start: Int32 = -1
    var id: Int32 = -1
  }

  func appendTokens(
    of text: [UInt8], _ start: Int, _ end: Int, to tokens: inout [PieceToken]
  ) throws(InputError) {
    let arrivals = try bestArrivals(text, start, end)
    // The way back from the end; unknown characters next to each other become one.
    var cuts: [PieceToken] = []
    var index = end
    while index > start {
      let arrival = arrivals[index - start]
      let from = start + Int(arrival.start)
      if arrival.id == unknownID, let last = cuts.last, last.id == unknownID {
        cuts[cuts.count - 1].start = Int32(truncatingIfNeeded: from)
      } else {
        cuts.append(
          PieceToken(id: arrival.id, start: Int32(truncatingIfNeeded: from), end: Int32(truncatingIfNeeded: index)))
      }
      index = from
    }
    for cut in cuts.reversed() { append(cut, of: text, to: &tokens) }
  }

  private func bestArrivals(_ text: [UInt8], _ start: Int, _ end: Int) throws(InputError) -> [Arrival] {
    var arrivals = [Arrival](repeating: Arrival(), count: end - start + 1)
    func offer(_ score: Double, _ id: Int32, from index: Int, to next: Int) {
      let target = next - start
      guard arrivals[target].start < 0 || score > arrivals[target].score else { return }
      arrivals[target] = Arrival(score: score, start: Int32(truncatingIfNeeded: index - start), id: id)
    }
    var index = start
    while index < end {
      let scoreSoFar = arrivals[index - start].score
      let nextScalar = scalar(in: text, at: index, before: end).next
      var (node, next, isScalarKnown) = (ByteTrie.root, index, false)
      while next < end, let child = trie.child(of: node, text[next]) {
        (node, next) = (child, next + 1)
        let id = trie.id(at: node)
        guard id >= 0 else { continue }
        offer(scores[Int(id)] + scoreSoFar, id, from: index, to: next)
        if next == nextScalar { isScalarKnown = true }
      }
      if !isScalarKnown {
        guard let unknownID else { throw unknownText(text[index..<nextScalar]) }
        offer(unknownScore + scoreSoFar, unknownID, from: index, to: nextScalar)
      }
      index = nextScalar
    }
    return arrivals
  }

  private func append(_ cut: PieceToken, of text: [UInt8], to tokens: inout [PieceToken]) {
    guard cut.id == unknownID else { return tokens.append(cut) }
    let known = vocabulary.id(of: text, Int(cut.start), Int(cut.end))
    if known >= 0 {
      tokens.append(PieceToken(id: known, start: cut.start, end: cut.end))
    } else if let byteIDs, case let bytes = text[Int(cut.start)..<Int(cut.end)],
      bytes.allSatisfy({ byteIDs[Int($0)] >= 0 })
    {
      for byte in bytes { tokens.append(PieceToken(id: byteIDs[Int(byte)], start: cut.start, end: cut.end)) }
    } else {
      tokens.append(cut)
    }
  }
}

extension UnigramModel {
  /// Reads a `Unigram` of a `tokenizer.json`.
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["type", "vocab", "unk_id", "byte_fallback"])
    let list = try field.required("vocab")
    let entries = try list.array(atMost: Model.sizeLimit)
    guard !entries.isEmpty else { throw list.error(.badValue, "is empty") }
    var (vocabulary, scores) = (Vocabulary(expectedCount: entries.count), [Double]())
    scores.reserveCapacity(entries.count)
    var token: [UInt8] = []
    for (id, entry) in entries.enumerated() {
      token.removeAll(keepingCapacity: true)
      scores.append(try entry.score(of: &token))
      do throws(InputError) { try vocabulary.add(token, id: id) } catch { throw error.inside(list.path) }
    }
    try self.init(
      vocabulary, scores: scores,
      unknownID: try field.optional("unk_id").map { (id) throws(InputError) in
        Int32(truncatingIfNeeded: try id.int(in: 0...entries.count - 1))
      }, fallsBackToBytes: try field.optional("byte_fallback")?.bool() ?? false)
  }
}

extension JSONField {
  /// Reads an entry of a `Unigram`, a token and its score; appends the token.
  fileprivate func score(of token: inout [UInt8]) throws(InputError) -> Double {
    guard kind == .array, case var parts = try array().makeIterator(), let text = parts.next(), text.kind == .string,
      let score = parts.next(), parts.next() == nil
    else { throw error(.badValue, "must be a token and its score") }
    try text.append(to: &token)
    switch score.kind {
    case .number: return try score.double().asReferenceReads
    case .integer: return try score.double()
    default: throw error(.wrongType, "must have a number for a score")
    }
  }
}

extension Double {
  /// The number that the reference library reads from this one's shortest decimal form: the digits as a whole number,
  /// times or divided by a power of ten, each rounded. It may be off by one unit in the last place, and so decides between
  /// cuts of equal scores.
  fileprivate var asReferenceReads: Double {
    var (digits, fraction, exponent) = (UInt64(0), 0, 0)
    var (isInFraction, isInExponent, isExponentNegative) = (false, false, false)
    for byte in magnitude.description.utf8 {
      switch byte {
      case UInt8(ascii: "."): isInFraction = true
      case UInt8(ascii: "e"): isInExponent = true
      case UInt8(ascii: "-"): isExponentNegative = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        // A double has at most 17 digits, and an exponent of three: neither overflows.
        let digit = byte - UInt8(ascii: "0")
        if isInExponent {
          exponent = exponent * 10 + Int(digit)
        } else {
          digits = digits * 10 + UInt64(digit)
          if isInFraction { fraction += 1 }
        }
      default: break
      }
    }
    let power = (isExponentNegative ? -exponent : exponent) - fraction
    guard power.magnitude < Self.powersOfTen.count else { return self }
    let scale = Self.powersOfTen[Int(power.magnitude)]
    let result = power >= 0 ? Double(digits) * scale : Double(digits) / scale
    return self < 0 ? -result : result
  }

  private static let powersOfTen: [Double] = (0...308).map { Double("1e\($0)") ?? .infinity }
}
