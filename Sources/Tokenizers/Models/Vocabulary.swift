import Formats

/// The tokens of a tokenizer and their ids, keyed by raw bytes, flat in memory.
///
/// Bytes and not `String`s, because `String`s that are canonically equivalent are equal, and vocabularies hold both
/// spellings of a letter with an accent as two tokens.
struct Vocabulary: Sendable {
  /// What a lookup gives where there is no such token.
  static let none: Int32 = -1

  private var bytes: [UInt8] = []
  private var ends: [UInt32] = [0]
  private var slots: [Slot]
  /// Nil while every token's id is its place, as in most files: lists of both would take a third of the memory.
  private var order: Order?
  private let expectedCount: Int
  private let seed = UInt64.random(in: .min ... .max)

  /// An empty vocabulary.
  ///
  /// - Parameter expectedCount: About how many tokens will come. Ids far beyond it are refused, since they size a table.
  init(expectedCount: Int) {
    var capacity = 16
    while capacity * 3 < expectedCount * 4 { capacity *= 2 }
    slots = [Slot](repeating: Slot(), count: capacity)
    self.expectedCount = expectedCount
    ends.reserveCapacity(expectedCount + 1)
    bytes.reserveCapacity(expectedCount * 8)
  }

  private var idLimit: Int { min(Int(Int32.max), expectedCount * 2 + 1 << 20) }

  /// The number of tokens.
  var count: Int { ends.count - 1 }

  /// One more than the greatest id.
  var idBound: Int { order?.entries.count ?? count }

  /// Ids in another order than that of the tokens.
  private struct Order: Sendable {
    /// The id of each token.
    var ids: [Int32]
    /// The token of each id, or a negative number.
    var entries: [Int32]

    /// The order of the first `count` tokens.
    init(_ count: Int, expectedCount: Int) {
      (ids, entries) = ([], [])
      ids.reserveCapacity(expectedCount)
      entries.reserveCapacity(expectedCount)
      for id in 0..<count { append(id) }
    }

    mutating func append(_ id: Int) {
      if entries.count <= id { entries.append(contentsOf: repeatElement(-1, count: id + 1 - entries.count)) }
      entries[id] = Int32(truncatingIfNeeded: ids.count)
      ids.append(Int32(truncatingIfNeeded: id))
    }

    /// Makes the id of a token stand for it.
    mutating func prefer(_ entry: Int32) { entries[Int(ids[Int(entry)])] = entry }
  }

  private func id(ofEntry entry: Int) -> Int32 { order?.ids[entry] ?? Int32(truncatingIfNeeded: entry) }

  /// The token that stands for an id; nil where none does.
  private func entry(ofID id: Int) -> Int? {
    guard let order else { return 0..<count ~= id ? id : nil }
    guard order.entries.indices.contains(id), case let entry = Int(order.entries[id]), entry >= 0 else { return nil }
    return entry
  }

  /// Adds a token.
  ///
  /// - Parameter isShared: Whether another token may have the id, which then stands for the new one.
  /// - Throws: `badValue` for an empty token or an impossible id, `duplicate` where the token or the id is there.
  mutating func add(_ token: [UInt8], id: Int, isShared: Bool = false) throws(InputError) {
    guard token.count <= Int(UInt32.max) - bytes.count else {
      throw InputError(.tooLarge, "The tokens have more than \(UInt32.max) bytes together")
    }
    guard !token.isEmpty else { throw InputError(.badValue, "The token of id \(id) is empty") }
    guard id >= 0 && id < idLimit else {
      throw InputError(
        .badValue, "The token \(quoted(token)) has the id \(id)", advice: "Ids lie between 0 and \(idLimit - 1) here.")
    }
    if !isShared && entry(ofID: id) != nil {
      throw InputError(.duplicate, "The tokens \(quoted(self.token(of: id) ?? [])) and \(quoted(token)) share id \(id)")
    }
    if (count + 1) * 4 > slots.count * 3 { grow() }
    let hash = seededHash(of: token, 0, token.count, seed: seed)
    let slot = slotIndex(of: token, 0, token.count, hash)
    guard slots[slot].entry < 0 else { throw InputError(.duplicate, "The token \(quoted(token)) is there twice") }
    if order == nil && id != count { order = Order(count, expectedCount: expectedCount) }
    order?.append(id)
    slots[slot] = Slot(hash, count)
    bytes.append(contentsOf: token)
    ends.append(UInt32(truncatingIfNeeded: bytes.count))
  }

  /// Makes the id of a token that is there stand for it, if another shares it.
  mutating func prefer(_ token: [UInt8]) {
    let hash = seededHash(of: token, 0, token.count, seed: seed)
    let entry = slots[slotIndex(of: token, 0, token.count, hash)].entry
    if entry >= 0 { order?.prefer(entry) }
  }

  /// The id of a token, or `none`.
  func id(of token: [UInt8]) -> Int32 {
    id(of: token, 0, token.count)
  }

  /// The id of the token that is written at `start..<end` of `text`, or `none`.
  func id(of text: [UInt8], _ start: Int, _ end: Int) -> Int32 {
    let entry = slots[slotIndex(of: text, start, end, seededHash(of: text, start, end, seed: seed))].entry
    return entry < 0 ? Self.none : id(ofEntry: Int(entry))
  }

  /// The token of an id.
  func token(of id: Int) -> [UInt8]? {
    entry(ofID: id).map { Array(bytes[range(of: $0)]) }
  }

  /// Appends the token of an id to a list. Returns whether there is one.
  func appendToken(of id: Int, to list: inout TokenList) -> Bool {
    guard let entry = entry(ofID: id) else { return false }
    list.append(bytes[range(of: entry)])
    return true
  }

  /// Calls `body` with each token, which stands at `start..<end` of `bytes`, and its id.
  func forEachToken(_ body: (_ id: Int, _ bytes: [UInt8], _ start: Int, _ end: Int) -> Void) {
    for entry in 0..<count { body(Int(id(ofEntry: entry)), bytes, Int(ends[entry]), Int(ends[entry + 1])) }
  }

  /// The first scalar of the token of an id, which is there.
  func firstScalar(of id: Int32) -> UInt32 {
    let range = range(ofID: id)
    return scalar(in: bytes, at: range.lowerBound, before: range.upperBound).value
  }

  /// The last scalar of the token of an id, which is there.
  func lastScalar(of id: Int32) -> UInt32 {
    let range = range(ofID: id)
    let last = scalarStart(in: bytes, endingAt: range.upperBound, notBefore: range.lowerBound)
    return scalar(in: bytes, at: last, before: range.upperBound).value
  }

  private func range(ofID id: Int32) -> Range<Int> { entry(ofID: Int(id)).map(range(of:)) ?? 0..<0 }

  private func range(of entry: Int) -> Range<Int> { Int(ends[entry])..<Int(ends[entry + 1]) }

  /// The ids of the tokens `<0x00>` to `<0xFF>`, which stand for bytes; `none` for those that are not there.
  var byteFallbackIDs: [Int32] {
    (0...255).map { (byte: UInt8) in
      let digits = String(byte, radix: 16, uppercase: true)
      return id(of: Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8))
    }
  }

  /// All tokens in a trie.
  ///
  /// - Throws: `tooLarge` where a token has more than `limit` bytes, or all together have too many.
  func trie(ofTokensUpTo limit: Int) throws(InputError) -> ByteTrie {
    var trie = ByteTrie(expectedCount: count)
    for entry in 0..<count {
      let token = bytes[range(of: entry)]
      guard token.count <= limit else {
        throw InputError(.tooLarge, "The token \(quoted(token)) is longer than \(limit) bytes")
      }
      trie.add(token, id: id(ofEntry: entry))
      try trie.checkSize(tokenCount: entry + 1)
    }
    return trie
  }

  /// An entry, with a part of its token's hash: those of others are told apart without a look at their bytes.
  private struct Slot {
    var tag: UInt32 = 0
    var entry: Int32 = -1

    init() {}

    init(_ hash: UInt64, _ entry: Int) {
      (tag, self.entry) = (UInt32(truncatingIfNeeded: hash >> 32), Int32(truncatingIfNeeded: entry))
    }
  }

  private func slotIndex(of text: [UInt8], _ start: Int, _ end: Int, _ hash: UInt64) -> Int {
    let (mask, tag) = (slots.count - 1, UInt32(truncatingIfNeeded: hash >> 32))
    var index = Int(truncatingIfNeeded: hash) & mask
    while slots[index].entry >= 0 {
      if slots[index].tag == tag, isEntry(Int(slots[index].entry), text, start, end) { break }
      index = (index + 1) & mask
    }
    return index
  }

  private func isEntry(_ entry: Int, _ text: [UInt8], _ start: Int, _ end: Int) -> Bool {
    let first = Int(ends[entry])
    guard Int(ends[entry + 1]) - first == end - start else { return false }
    for offset in 0..<(end - start) where bytes[first + offset] != text[start + offset] { return false }
    return true
  }

  private mutating func grow() {
    slots = [Slot](repeating: Slot(), count: slots.count * 2)
    for entry in 0..<count {
      let (start, end) = (Int(ends[entry]), Int(ends[entry + 1]))
      let hash = seededHash(of: bytes, start, end, seed: seed)
      slots[slotIndex(of: bytes, start, end, hash)] = Slot(hash, entry)
    }
  }
}

extension Vocabulary {
  /// Reads an object of tokens and their ids.
  init(_ field: JSONField) throws(InputError) {
    let entries = try field.object(atMost: Model.sizeLimit)
    self.init(expectedCount: entries.count)
    var (members, token) = (entries.makeIterator(), [UInt8]())
    while let id = members.next(key: &token) {
      do throws(InputError) {
        guard let id = id.integer else {
          throw id.kind == .number
            ? InputError(.badValue, "The id of \(quoted(token)) is no whole number")
            : InputError(.wrongType, "The id of \(quoted(token)) must be a number")
        }
        try add(token, id: id)
      } catch {
        throw error.inside(field.path)
      }
    }
    guard count > 0 else { throw field.error(.badValue, "is empty") }
  }
}
