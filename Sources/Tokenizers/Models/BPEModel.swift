import Formats

/// Byte-pair encoding within one piece of text: a vocabulary, the merges, and what to do with unknown characters.
///
/// Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units" (2016), section 3.2.
struct BPEModel: Sendable {
  let vocabulary: Vocabulary
  private var merger: BytePairMerger
  private var joins = JoinTable()
  private var unknownID: Int32?
  private var fusesUnknown = false
  private var byteFallback: [Int32]?
  private var ignoresMerges = false
  // What the characters within a word start with, and what the last one of a word ends with.
  private let prefix: [UInt8]
  private let suffix: [UInt8]
  // The ids of each byte's character (in the byte alphabet if pieces are looked up so, else of ASCII), for each place.
  private let firstIDs: [Place: [Int32]]
  private let innerIDs: [Int32]
  let isByteLevel: Bool

  private enum Place: CaseIterable { case whole, first, inner, last }

  /// A model whose merges are still to come.
  init(
    _ vocabulary: Vocabulary, expectedMerges: Int, isByteLevel: Bool, prefix: [UInt8] = [], suffix: [UInt8] = []
  ) {
    (self.vocabulary, self.isByteLevel, self.prefix, self.suffix) = (vocabulary, isByteLevel, prefix, suffix)
    merger = BytePairMerger(expectedCount: expectedMerges)
    var ids: [Place: [Int32]] = [:]
    for place in Place.allCases {
      ids[place] = (0...255).map { (byte: UInt8) in
        guard isByteLevel || byte < 0x80 else { return Vocabulary.none }
        let character = isByteLevel ? ByteLevel.utf8[Int(byte)] : [byte]
        return vocabulary.id(of: Self.affixed(character, place, prefix, suffix))
      }
    }
    (firstIDs, innerIDs) = (ids, ids[.inner] ?? [])
  }

  /// A model whose merges are all pairs of tokens that together are a token.
  ///
  /// - Parameter scores: A score for each id. The token with the greatest is merged first and, among equals, the pair with
  ///   the least ids. Without scores the token of the least id is merged first and, among equals, the leftmost pair.
  /// - Throws: `tooLarge` where tokens are so long that there are too many pairs.
  init(
    joining vocabulary: Vocabulary, scores: [Float]? = nil, isByteLevel: Bool, fallsBackToBytes: Bool = false,
    ignoresMerges: Bool = false
  ) throws(InputError) {
    let workLimit = 1 << 30
    var work = 0
    vocabulary.forEachToken { _, _, start, end in
      let (square, overflows) = (end - start).multipliedReportingOverflow(by: end - start)
      work = min(workLimit + 1, work + (overflows ? workLimit + 1 : min(square, workLimit + 1)))
    }
    guard work <= workLimit else { throw InputError(.tooLarge, "The tokens are too long for all their merges") }
    self.init(vocabulary, expectedMerges: 0, isByteLevel: isByteLevel)
    var pairs: [(left: Int32, right: Int32, result: Int32)] = []
    vocabulary.forEachToken { id, bytes, start, end in
      var split = start
      while split < end {
        split = scalar(in: bytes, at: split, before: end).next
        guard split < end, case let left = vocabulary.id(of: bytes, start, split), left >= 0,
          case let right = vocabulary.id(of: bytes, split, end), right >= 0
        else { continue }
        pairs.append((left, right, Int32(truncatingIfNeeded: id)))
      }
    }
    for pair in pairs { joins.add(vocabulary.lastScalar(of: pair.left), vocabulary.firstScalar(of: pair.right)) }
    if let scores {
      merger = BytePairMerger(expectedCount: pairs.count)
      pairs.sort { a, b in
        let (first, second) = (scores[Int(a.result)], scores[Int(b.result)])
        return first != second ? first > second : (a.left, a.right) < (b.left, b.right)
      }
      for pair in pairs { _ = merger.add(pair.left, pair.right, into: pair.result) }
    } else {
      merger = BytePairMerger(idBound: vocabulary.idBound, expectedCount: pairs.count)
      for pair in pairs { merger.add(pair.left, pair.right, ranked: pair.result) }
    }
    byteFallback = fallsBackToBytes ? vocabulary.byteFallbackIDs : nil
    (fusesUnknown, self.ignoresMerges) = (true, ignoresMerges)
  }

  private static func affixed(_ character: [UInt8], _ place: Place, _ prefix: [UInt8], _ suffix: [UInt8]) -> [UInt8] {
    switch place {
    case .whole: character + suffix
    case .first: character
    case .inner: prefix + character
    case .last: prefix + character + suffix
    }
  }

  /// Adds the merge of the next rank, whose two tokens stand at `left` and, next to it, `right` of `text`.
  mutating func addMerge(_ text: [UInt8], _ left: Range<Int>, _ right: Range<Int>) throws(InputError) {
    let leftID = vocabulary.id(of: text, left.lowerBound, left.upperBound)
    let rightID = vocabulary.id(of: text, right.lowerBound, right.upperBound)
    guard leftID >= 0, rightID >= 0 else { throw Self.unknownToken(leftID < 0 ? text[left] : text[right]) }
    guard prefix.isEmpty || text[right].starts(with: prefix) else {
      throw InputError(.inconsistent, "merges \(quoted(text[right])), which does not start with \(quoted(prefix))")
    }
    let merged: Int32
    if prefix.isEmpty {
      merged = vocabulary.id(of: text, left.lowerBound, right.upperBound)
    } else {
      // The token within a word loses its mark when it is merged to the end of another.
      merged = vocabulary.id(of: Array(text[left] + text[right].dropFirst(prefix.count)))
    }
    guard merged >= 0 else { throw Self.unknownToken(text[left] + text[right].dropFirst(prefix.count)) }
    guard merger.add(leftID, rightID, into: merged) else {
      throw InputError(.duplicate, "merges \(quoted(text[left])) and \(quoted(text[right])) for a second time")
    }
    let last = scalarStart(in: text, endingAt: left.upperBound, notBefore: left.lowerBound)
    joins.add(
      scalar(in: text, at: last, before: left.upperBound).value,
      scalar(in: text, at: right.lowerBound, before: right.upperBound).value)
  }

  private static func unknownToken(_ token: ArraySlice<UInt8>) -> InputError {
    InputError(.inconsistent, "names \(quoted(token)), which is not in the vocabulary")
  }

  /// Appends the tokens of the piece at `start..<end` of `text`.
  ///
  /// A character that no token stands for is dropped where there is no token for unknown ones. As in the reference
  /// library, the tokens after it then seem to stand that much earlier.
  func appendTokens(
    of text: [UInt8], _ start: Int, _ end: Int, _ buffer: inout MergeBuffer, to tokens: inout [PieceToken]
  ) {
    if ignoresMerges, case let id = wholeID(of: text, start, end), id >= 0 {
      tokens.append(PieceToken(id: id, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end)))
      return
    }
    buffer.symbols.removeAll(keepingCapacity: true)
    let isWhole = split(text, start, end, &buffer.symbols)
    merge(&buffer)
    let mark = tokens.count
    var position = Int32(truncatingIfNeeded: start)
    for symbol in buffer.symbols {
      // Further bytes of a character of the byte alphabet stand where its first one does.
      let first = symbol.length == 0 && position > start ? position - 1 : position
      tokens.append(PieceToken(id: symbol.id, start: first, end: max(first + 1, position + symbol.length)))
      position += symbol.length
    }
    if isByteLevel && !isWhole { placeInBytes(text, start, end, &tokens, from: mark) }
  }

  /// Merges the characters of a piece; a long one part by part, as far as no merge joins the parts.
  private func merge(_ buffer: inout MergeBuffer) {
    guard buffer.symbols.count > BytePairMerger.shortWord else { return merger.merge(&buffer) }
    let symbols = buffer.symbols
    var (merged, start) = ([MergeBuffer.Symbol](), 0)
    for end in 1...symbols.count {
      if end < symbols.count, joins.joins(symbols[end - 1].id, symbols[end].id, vocabulary) { continue }
      buffer.symbols.removeAll(keepingCapacity: true)
      buffer.symbols.append(contentsOf: symbols[start..<end])
      merger.merge(&buffer)
      merged.append(contentsOf: buffer.symbols)
      start = end
    }
    buffer.symbols = merged
  }

  private func wholeID(of text: [UInt8], _ start: Int, _ end: Int) -> Int32 {
    isByteLevel
      ? vocabulary.id(of: text[start..<end].flatMap { ByteLevel.utf8[Int($0)] }) : vocabulary.id(of: text, start, end)
  }

  /// The characters of a piece, before any merge. Returns whether none was dropped.
  private func split(_ text: [UInt8], _ start: Int, _ end: Int, _ symbols: inout [MergeBuffer.Symbol]) -> Bool {
    // An unknown character's id is appended when the next known or unknown one comes, or the end: after the bytes of
    // characters between that fall back to bytes. This is what `tokenizers` does.
    var (index, pendingLength, isWhole) = (start, Int32(0), true)
    while index < end {
      let next = isByteLevel ? index + 1 : scalar(in: text, at: index, before: end).next
      let length = Int32(truncatingIfNeeded: next - index)
      let id = id(of: text, index, next, isFirst: index == start, isLast: next == end)
      if id >= 0 {
        if let unknownID, pendingLength > 0 { symbols.append(MergeBuffer.Symbol(id: unknownID, length: pendingLength)) }
        symbols.append(MergeBuffer.Symbol(id: id, length: length))
        pendingLength = 0
      } else if !appendFallback(text, index, next, &symbols) {
        if let unknownID {
          if pendingLength > 0 && !fusesUnknown {
            symbols.append(MergeBuffer.Symbol(id: unknownID, length: pendingLength))
            pendingLength = 0
          }
          pendingLength += length
        } else {
          isWhole = false
        }
      }
      index = next
    }
    if let unknownID, pendingLength > 0 { symbols.append(MergeBuffer.Symbol(id: unknownID, length: pendingLength)) }
    return isWhole
  }

  @inline(__always)
  private func id(of text: [UInt8], _ start: Int, _ end: Int, isFirst: Bool, isLast: Bool) -> Int32 {
    let isTabulated = isByteLevel || end == start + 1
    if isTabulated && !isFirst && !isLast { return innerIDs[Int(text[start])] }
    let place: Place = isFirst ? (isLast ? .whole : .first) : (isLast ? .last : .inner)
    if isTabulated { return firstIDs[place]?[Int(text[start])] ?? Vocabulary.none }
    if prefix.isEmpty && suffix.isEmpty { return vocabulary.id(of: text, start, end) }
    return vocabulary.id(of: Self.affixed(Array(text[start..<end]), place, prefix, suffix))
  }

  private func appendFallback(_ text: [UInt8], _ start: Int, _ end: Int, _ symbols: inout [MergeBuffer.Symbol]) -> Bool
  {
    guard let byteFallback else { return false }
    let character = isByteLevel ? ByteLevel.utf8[Int(text[start])][...] : text[start..<end]
    guard character.allSatisfy({ byteFallback[Int($0)] >= 0 }) else { return false }
    for (offset, byte) in character.enumerated() {
      // In the byte alphabet a character of several bytes stands for one byte of the text, which the first one takes.
      symbols.append(MergeBuffer.Symbol(id: byteFallback[Int(byte)], length: isByteLevel && offset > 0 ? 0 : 1))
    }
    return true
  }

  /// Moves tokens to where they would stand if the text were written in the byte alphabet, in which the reference
  /// library counts: it matters after something was dropped.
  private func placeInBytes(
    _ text: [UInt8], _ start: Int, _ end: Int, _ tokens: inout [PieceToken], from mark: Int
  ) {
    let byteOfOffset = (start..<end).flatMap { repeatElement($0, count: ByteLevel.utf8[Int(text[$0])].count) }
    let kept = (start..<end).filter { id(of: text, $0, $0 + 1, isFirst: $0 == start, isLast: $0 + 1 == end) >= 0 }
    var (next, offset) = (0, 0)
    for index in mark..<tokens.count {
      let length = kept[next..<min(kept.count, next + Int(tokens[index].end - tokens[index].start))].reduce(0) {
        $0 + ByteLevel.utf8[Int(text[$1])].count
      }
      next += Int(tokens[index].end - tokens[index].start)
      tokens[index].start = Int32(truncatingIfNeeded: byteOfOffset[min(offset, byteOfOffset.count - 1)])
      offset += length
      tokens[index].end = Int32(truncatingIfNeeded: byteOfOffset[max(0, min(offset, byteOfOffset.count) - 1)] + 1)
    }
  }
}

extension BPEModel {
  /// Reads a `BPE` of a `tokenizer.json`.
  init(_ field: JSONField, isByteLevel: Bool) throws(InputError) {
    try field.allowOnly([
      "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
      "ignore_merges", "vocab", "merges",
    ])
    if let dropout = try field.optional("dropout"), try dropout.double() != 0 {
      throw dropout.error(.unsupported, "is set, which is not implemented")
    }
    let vocabulary = try Vocabulary(try field.required("vocab"))
    let merges = try field.required("merges")
    let list = try merges.array(atMost: Model.mergeLimit)
    self.init(
      vocabulary, expectedMerges: list.count, isByteLevel: isByteLevel,
      prefix: try field.optional("continuing_subword_prefix")?.text(0...512) ?? [],
      suffix: try field.optional("end_of_word_suffix")?.text(0...512) ?? [])
    var (text, ends) = ([UInt8](), [Int]())
    for merge in list {
      do throws(InputError) { try addMerge(merge, &text, &ends) } catch { throw error.inside(merge.path) }
    }
    fusesUnknown = try field.optional("fuse_unk")?.bool() ?? false
    ignoresMerges = try field.optional("ignore_merges")?.bool() ?? false
    if let unknown = try field.optional("unk_token") {
      unknownID = vocabulary.id(of: try unknown.jsonString().utf8)
      guard unknownID != Vocabulary.none else { throw unknown.error(.inconsistent, "is not in the vocabulary") }
    }
    if let fallback = try field.optional("byte_fallback"), try fallback.bool() {
      guard prefix.isEmpty && suffix.isEmpty else {
        throw fallback.error(.unsupported, "is set beside a prefix or a suffix of words, which is not implemented")
      }
      byteFallback = vocabulary.byteFallbackIDs
    }
  }

  /// A merge is `"a b"` or `["a", "b"]`; only the second form can hold tokens with spaces.
  ///
  /// - Parameters:
  ///   - text: Memory that serves for the texts of many of them.
  ///   - ends: Likewise for where they end.
  private mutating func addMerge(
    _ merge: JSONField, _ text: inout [UInt8], _ ends: inout [Int]
  ) throws(InputError) {
    text.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    switch merge.kind {
    case .string:
      try merge.append(to: &text)
      try addMerge(line: &text)
    case .array:
      guard merge.append(stringsTo: &text, &ends), ends.count == 2 else {
        throw InputError(.badValue, "must be two tokens")
      }
      try addMerge(text, 0..<ends[0], ends[0]..<text.count)
    default:
      throw InputError(.wrongType, "must be two tokens, as a string or an array")
    }
  }

  /// Takes the space out of a line and adds its merge.
  private mutating func addMerge(line: inout [UInt8]) throws(InputError) {
    let space = UInt8(ascii: " ")
    guard let end = line.firstIndex(of: space), end > 0, end + 1 < line.count, !line[(end + 1)...].contains(space)
    else {
      throw InputError(.badValue, "is \(quoted(line)), but must be two tokens with a space between")
    }
    line.remove(at: end)
    try addMerge(line, 0..<end, end..<line.count)
  }

  /// Reads `vocab.json` and `merges.txt`.
  init(vocabularyJSON: [UInt8], merges: [UInt8], isByteLevel: Bool) throws(InputError) {
    let vocabulary = try Vocabulary(JSONField(parsing: vocabularyJSON, at: "vocab.json"))
    if let bad = merges.firstIndex(of: 0) {
      throw InputError(.badValue, "holds a NUL", at: "merges.txt: byte \(bad)")
    }
    let lines = TextLines(merges), count = lines.count
    guard count <= Model.mergeLimit else {
      throw InputError(.tooLarge, "has more than \(Model.mergeLimit) lines", at: "merges.txt")
    }
    self.init(vocabulary, expectedMerges: count, isByteLevel: isByteLevel)
    var text: [UInt8] = []
    for (index, line) in lines.enumerated() {
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      if line.isEmpty || index == 0 && line.starts(with: "#version".utf8) { continue }
      text.removeAll(keepingCapacity: true)
      text.append(contentsOf: line)
      do throws(InputError) {
        try addMerge(line: &text)
      } catch {
        throw error.inside("merges.txt: line \(index + 1)")
      }
    }
  }

  /// Takes merges, each two tokens with a space between, in the order of their ranks.
  init(
    _ vocabulary: Vocabulary, merges: [[UInt8]], isByteLevel: Bool, ignoresMerges: Bool = false
  ) throws(InputError) {
    guard merges.count <= Model.mergeLimit else {
      throw InputError(.tooLarge, "There are more than \(Model.mergeLimit) merges", at: "merges")
    }
    self.init(vocabulary, expectedMerges: merges.count, isByteLevel: isByteLevel)
    self.ignoresMerges = ignoresMerges
    for (index, merge) in merges.enumerated() {
      var line = merge
      do throws(InputError) { try addMerge(line: &line) } catch { throw error.inside("merges[\(index)]") }
    }
  }
}

extension BPEModel {
  /// A model of a vocabulary and of merges, each two tokens with a space between.
  init(
    _ vocabulary: Vocabulary, merges: GGUFStrings, isByteLevel: Bool, ignoresMerges: Bool, place: String
  ) throws(InputError) {
    self.init(vocabulary, expectedMerges: merges.count, isByteLevel: isByteLevel)
    self.ignoresMerges = ignoresMerges
    for index in 0..<merges.count {
      var line = merges[index]
      do throws(InputError) { try addMerge(line: &line) } catch { throw error.inside("\(place)[\(index)]") }
    }
  }
}
