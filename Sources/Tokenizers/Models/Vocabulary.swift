import Formats

/// The tokens of a tokenizer and their ids, keyed by raw bytes, flat in memory.
///
/// Bytes and not `String`s, because `String`s that are canonically equivalent are equal, and vocabularies hold both
/// spellings of a letter with an accent as two tokens.
struct Vocabulary: Sendable {
  /// What a lookup gives where there is no such token.
  static let none: Int32 = -1

  private var bytes: [UInt8] = []
  private var ends: [Int] = [0]
  private var ids: [Int32] = []
  private var slots: [Int32]
  private var entryOfID: [Int32] = []
  private let idLimit: Int
  private let seed = UInt64.random(in: .min ... .max)

  /// An empty vocabulary.
  ///
  /// - Parameter expectedCount: About how many tokens will come. Ids far beyond it are refused, since they size a table.
  init(expectedCount: Int) {
    var capacity = 16
    while capacity < expectedCount * 2 { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
    idLimit = min(Int(Int32.max), expectedCount * 16 + 1 << 20)
    ids.reserveCapacity(expectedCount)
    ends.reserveCapacity(expectedCount + 1)
    entryOfID.reserveCapacity(expectedCount)
    bytes.reserveCapacity(expectedCount * 8)
  }

  /// The number of tokens.
  var count: Int { ids.count }

  /// One more than the greatest id.
  var idBound: Int { entryOfID.count }

  /// Adds a token.
  ///
  /// - Parameter isShared: Whether another token may have the id, which then stands for the new one.
  /// - Throws: `badValue` for an empty token or an impossible id, `duplicate` where the token or the id is there.
  mutating func add(_ token: [UInt8], id: Int, isShared: Bool = false) throws(InputError) {
    guard !token.isEmpty else { throw InputError(.badValue, "The token of id \(id) is empty") }
    guard id >= 0 && id < idLimit else {
      throw InputError(
        .badValue, "The token \(quoted(token)) has the id \(id)", advice: "Ids lie between 0 and \(idLimit - 1) here.")
    }
    if !isShared && id < entryOfID.count && entryOfID[id] >= 0 {
      throw InputError(.duplicate, "The tokens \(quoted(self.token(of: id) ?? [])) and \(quoted(token)) share id \(id)")
    }
    if (ids.count + 1) * 2 > slots.count { grow() }
    let slot = slotIndex(of: token, 0, token.count)
    guard slots[slot] < 0 else { throw InputError(.duplicate, "The token \(quoted(token)) is there twice") }
    while entryOfID.count <= id { entryOfID.append(-1) }
    entryOfID[id] = Int32(ids.count)
    slots[slot] = Int32(ids.count)
    ids.append(Int32(id))
    bytes.append(contentsOf: token)
    ends.append(bytes.count)
  }

  /// Makes the id of a token that is there stand for it, if another shares it.
  mutating func prefer(_ token: [UInt8]) {
    let entry = slots[slotIndex(of: token, 0, token.count)]
    if entry >= 0 { entryOfID[Int(ids[Int(entry)])] = entry }
  }

  /// The id of a token, or `none`.
  func id(of token: [UInt8]) -> Int32 {
    id(of: token, 0, token.count)
  }

  /// The id of the token that is written at `start..<end` of `text`, or `none`.
  func id(of text: [UInt8], _ start: Int, _ end: Int) -> Int32 {
    let entry = slots[slotIndex(of: text, start, end)]
    return entry < 0 ? Self.none : ids[Int(entry)]
  }

  /// The token of an id.
  func token(of id: Int) -> [UInt8]? {
    guard entryOfID.indices.contains(id), case let entry = Int(entryOfID[id]), entry >= 0 else { return nil }
    return Array(bytes[ends[entry]..<ends[entry + 1]])
  }

  /// Appends the token of an id to a list. Returns whether there is one.
  func appendToken(of id: Int, to list: inout TokenList) -> Bool {
    guard entryOfID.indices.contains(id), case let entry = Int(entryOfID[id]), entry >= 0 else { return false }
    list.append(bytes[ends[entry]..<ends[entry + 1]])
    return true
  }

  /// Calls `body` with each token, which stands at `start..<end` of `bytes`, and its id.
  func forEachToken(_ body: (_ id: Int, _ bytes: [UInt8], _ start: Int, _ end: Int) -> Void) {
    for entry in ids.indices { body(Int(ids[entry]), bytes, ends[entry], ends[entry + 1]) }
  }

  /// The ids of the tokens `<0x00>` to `<0xFF>`, which stand for bytes; `none` for those that are not there.
  var byteFallbackIDs: [Int32] {
    (0...255).map { (byte: UInt8) in
      let digits = String(byte, radix: 16, uppercase: true)
      return id(of: Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8))
    }
  }

  /// All tokens in a trie.
  ///
  /// - Throws: `tooLarge` where a token has more than `limit` bytes.
  func trie(ofTokensUpTo limit: Int) throws(InputError) -> ByteTrie {
    var trie = ByteTrie(expectedCount: bytes.count / 2)
    for entry in ids.indices {
      let token = bytes[ends[entry]..<ends[entry + 1]]
      guard token.count <= limit else {
        throw InputError(.tooLarge, "The token \(quoted(token)) is longer than \(limit) bytes")
      }
      trie.add(token, id: ids[entry])
    }
    return trie
  }

  private func slotIndex(of text: [UInt8], _ start: Int, _ end: Int) -> Int {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: hash(of: text, start, end)) & mask
    while slots[index] >= 0 && !isEntry(Int(slots[index]), text, start, end) {
      index = (index + 1) & mask
    }
    return index
  }

  private func isEntry(_ entry: Int, _ text: [UInt8], _ start: Int, _ end: Int) -> Bool {
    let first = ends[entry]
    guard ends[entry + 1] - first == end - start else { return false }
    for offset in 0..<(end - start) where bytes[first + offset] != text[start + offset] { return false }
    return true
  }

  private func hash(of text: [UInt8], _ start: Int, _ end: Int) -> UInt64 {
    var hash = seed ^ UInt64(truncatingIfNeeded: end - start)
    var word: UInt64 = 0
    for index in start..<end {
      word = word << 8 | UInt64(text[index])
      if (index - start) & 7 == 7 {
        hash = foldedProduct(hash ^ word, 0x9E37_79B9_7F4A_7C15)
        word = 0
      }
    }
    return foldedProduct(hash ^ word, 0xD6E8_FEB8_6659_FD93)
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    for entry in ids.indices {
      slots[slotIndex(of: bytes, ends[entry], ends[entry + 1])] = Int32(entry)
    }
  }
}

extension Vocabulary {
  /// Reads an object of tokens and their ids.
  init(_ field: JSONField) throws(InputError) {
    guard case .object(let members) = field.value else { throw field.error(.wrongType, "must be an object") }
    guard members.count <= Model.sizeLimit else {
      throw field.error(.tooLarge, "has \(members.count) entries, but may have at most \(Model.sizeLimit)")
    }
    guard !members.isEmpty else { throw field.error(.badValue, "is empty") }
    self.init(expectedCount: members.count)
    for member in members {
      do throws(InputError) {
        switch member.value {
        case .integer(let id): try add(member.key.utf8, id: id)
        case .number: throw InputError(.badValue, "The id of \(quoted(member.key.utf8)) is no whole number")
        default: throw InputError(.wrongType, "The id of \(quoted(member.key.utf8)) must be a number")
        }
      } catch {
        throw error.inside(field.path)
      }
    }
  }
}
