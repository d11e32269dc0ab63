import Formats

/// Byte-pair encoding within one piece of text: a vocabulary, the merges, and what to do with unknown characters.
struct BPEModel: Sendable {
  private(set) var vocabulary: Vocabulary
  private var merger: BytePairMerger
  private var unknownID: Int32?
  private var fusesUnknown = false
  private var byteFallback: [Int32]?
  private var ignoresMerges = false
  // The id of each byte's character, in the byte alphabet if pieces are written so, else of ASCII.
  private var firstIDs: [Int32]
  private let isByteLevel: Bool

  /// The most tokens, and the most merges, that a file may hold. Known vocabularies have up to 300,000.
  static let sizeLimit = 1 << 21

  /// A model whose merges are still to come.
  init(_ vocabulary: Vocabulary, expectedMerges: Int, isByteLevel: Bool) {
    (self.vocabulary, self.isByteLevel) = (vocabulary, isByteLevel)
    merger = BytePairMerger(expectedCount: expectedMerges)
    firstIDs = (0...255).map { (byte: UInt8) in
      if isByteLevel { return vocabulary.id(of: ByteLevel.utf8[Int(byte)]) }
      return byte < 0x80 ? vocabulary.id(of: [byte]) : Vocabulary.none
    }
  }

  /// Adds the merge of the next rank, whose two tokens stand at `left` and `right` of `text`.
  mutating func addMerge(_ text: [UInt8], _ left: Range<Int>, _ right: Range<Int>) throws(InputError) {
    let leftID = vocabulary.id(of: text, left.lowerBound, left.upperBound)
    let rightID = vocabulary.id(of: text, right.lowerBound, right.upperBound)
    let merged = vocabulary.id(of: Array(text[left]) + text[right])
    guard leftID >= 0, rightID >= 0, merged >= 0 else {
      let unknown = leftID < 0 ? Array(text[left]) : rightID < 0 ? Array(text[right]) : Array(text[left]) + text[right]
      throw InputError(.inconsistent, "names \(quoted(unknown)), which is not in the vocabulary")
    }
    guard merger.add(leftID, rightID, into: merged) else {
      throw InputError(.duplicate, "merges \(quoted(text[left])) and \(quoted(text[right])) for a second time")
    }
  }

  /// Appends the ids of the piece at `start..<end` of `text`.
  func appendIDs(
    of text: [UInt8], _ start: Int, _ end: Int, _ buffer: inout MergeBuffer, to ids: inout [Int]
  ) throws(InputError) {
    guard end - start <= Int(Int32.max) else { throw InputError(.tooLarge, "The text is longer than 2 GiB") }
    if ignoresMerges, case let id = wholeID(of: text, start, end), id >= 0 {
      ids.append(Int(id))
      return
    }
    buffer.ids.removeAll(keepingCapacity: true)
    try split(text, start, end, &buffer.ids)
    merger.merge(&buffer)
    for id in buffer.ids { ids.append(Int(id)) }
  }

  private func wholeID(of text: [UInt8], _ start: Int, _ end: Int) -> Int32 {
    isByteLevel
      ? vocabulary.id(of: text[start..<end].flatMap { ByteLevel.utf8[Int($0)] }) : vocabulary.id(of: text, start, end)
  }

  /// The ids of the characters of a piece, before any merge.
  private func split(_ text: [UInt8], _ start: Int, _ end: Int, _ ids: inout [Int32]) throws(InputError) {
    // An unknown character's id is appended when the next known or unknown one comes, or the end: after the bytes of
    // characters between that fall back to bytes. This is what `tokenizers` does.
    var (index, isUnknownPending) = (start, false)
    while index < end {
      let first = text[index]
      let next = isByteLevel ? index + 1 : scalar(in: text, at: index, before: end).next
      let id = isByteLevel || next == index + 1 ? firstIDs[Int(first)] : vocabulary.id(of: text, index, next)
      if id >= 0 {
        if isUnknownPending, let unknownID { ids.append(unknownID) }
        ids.append(id)
        isUnknownPending = false
      } else if !appendFallback(isByteLevel ? ByteLevel.utf8[Int(first)] : Array(text[index..<next]), &ids) {
        guard let unknownID else { throw unknownCharacter(text, index, next) }
        if isUnknownPending && !fusesUnknown { ids.append(unknownID) }
        isUnknownPending = true
      }
      index = next
    }
    if isUnknownPending, let unknownID { ids.append(unknownID) }
  }

  private func appendFallback(_ character: [UInt8], _ ids: inout [Int32]) -> Bool {
    guard let byteFallback, character.allSatisfy({ byteFallback[Int($0)] >= 0 }) else { return false }
    for byte in character { ids.append(byteFallback[Int(byte)]) }
    return true
  }

  private func unknownCharacter(_ text: [UInt8], _ start: Int, _ end: Int) -> InputError {
    InputError(
      .badValue, "The character \(quoted(text[start..<end])) has no token, and there is no token for unknown characters"
    )
  }
}

extension BPEModel {
  /// Reads a `model` of a `tokenizer.json`.
  init(_ field: JSONField, isByteLevel: Bool) throws(InputError) {
    let type = try field.typeName()
    guard type == "BPE" else { throw field.unsupportedType(type) }
    try field.allowOnly([
      "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
      "ignore_merges", "vocab", "merges",
    ])
    if let dropout = try field.optional("dropout"), try dropout.double() != 0 {
      throw dropout.error(.unsupported, "is set, which is not implemented")
    }
    for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = try field.optional(name), try !affix.jsonString().utf8.isEmpty {
        throw affix.error(.unsupported, "is \(quoted(try affix.jsonString().utf8)), which is not implemented")
      }
    }
    let vocabulary = try Vocabulary(try field.required("vocab"))
    let merges = try field.required("merges")
    guard case .array(let list) = merges.value else { throw merges.error(.wrongType, "must be an array") }
    guard list.count <= Self.sizeLimit else {
      throw merges.error(.tooLarge, "has \(list.count) entries, but may have at most \(Self.sizeLimit)")
    }
    self.init(vocabulary, expectedMerges: list.count, isByteLevel: isByteLevel)
    for (index, merge) in list.enumerated() {
      do throws(InputError) {
        try addMerge(merge)
      } catch {
        throw error.inside("\(merges.path)[\(index)]")
      }
    }
    fusesUnknown = try field.optional("fuse_unk")?.bool() ?? false
    ignoresMerges = try field.optional("ignore_merges")?.bool() ?? false
    if let unknown = try field.optional("unk_token") {
      unknownID = vocabulary.id(of: try unknown.jsonString().utf8)
      guard unknownID != Vocabulary.none else { throw unknown.error(.inconsistent, "is not in the vocabulary") }
    }
    if try field.optional("byte_fallback")?.bool() ?? false {
      byteFallback = (0...255).map { (byte: UInt8) in
        let digits = String(byte, radix: 16, uppercase: true)
        return vocabulary.id(of: Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8))
      }
    }
  }

  /// A merge is `"a b"` or `["a", "b"]`; only the second form can hold tokens with spaces.
  private mutating func addMerge(_ merge: JSONValue) throws(InputError) {
    switch merge {
    case .string(let line):
      try addMerge(line: line.utf8)
    case .array(let parts):
      guard parts.count == 2, case .string(let left) = parts[0], case .string(let right) = parts[1] else {
        throw InputError(.badValue, "must be two tokens")
      }
      let text = left.utf8 + right.utf8
      try addMerge(text, 0..<left.utf8.count, left.utf8.count..<text.count)
    default:
      throw InputError(.wrongType, "must be two tokens, as a string or an array")
    }
  }

  private mutating func addMerge(line: [UInt8]) throws(InputError) {
    guard let space = line.firstIndex(of: UInt8(ascii: " ")),
      !line[(space + 1)...].contains(UInt8(ascii: " ")), space > 0, space + 1 < line.count
    else { throw InputError(.badValue, "is \(quoted(line)), but must be two tokens with a space between") }
    try addMerge(line, 0..<space, space + 1..<line.count)
  }

  /// Reads `vocab.json` and `merges.txt`.
  init(vocabularyJSON: [UInt8], merges: [UInt8], isByteLevel: Bool) throws(InputError) {
    let vocabulary = try Vocabulary(JSONField(try JSONValue(parsing: vocabularyJSON), at: "vocab.json"))
    if let bad = merges.firstIndex(of: 0) {
      throw InputError(.badValue, "holds a NUL", at: "merges.txt: byte \(bad)")
    }
    let lines = merges.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard lines.count <= Self.sizeLimit else {
      throw InputError(.tooLarge, "has more than \(Self.sizeLimit) lines", at: "merges.txt")
    }
    self.init(vocabulary, expectedMerges: lines.count, isByteLevel: isByteLevel)
    for (index, line) in lines.enumerated() {
      let line = Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
      if line.isEmpty || index == 0 && line.starts(with: "#version".utf8) { continue }
      do throws(InputError) {
        try addMerge(line: line)
      } catch {
        throw error.inside("merges.txt: line \(index + 1)")
      }
    }
  }
}

extension Vocabulary {
  /// Reads an object of tokens and their ids.
  init(_ field: JSONField) throws(InputError) {
    guard case .object(let members) = field.value else { throw field.error(.wrongType, "must be an object") }
    guard members.count <= BPEModel.sizeLimit else {
      throw field.error(.tooLarge, "has \(members.count) entries, but may have at most \(BPEModel.sizeLimit)")
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
