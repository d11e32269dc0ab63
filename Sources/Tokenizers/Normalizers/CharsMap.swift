import Formats

/// The map of characters that SentencePiece models carry, made for its own normalization forms.
///
/// The blob is the size of a trie in bytes, the trie as a double array of 32-bit units, and the replacements, each ended
/// by a NUL. A unit's bits: 0-7 and 31 are its label, 8 says that a value hangs below it, 9 shifts the offset (10-30) by
/// eight; a value unit has bit 31 set, and its other bits say where the replacement starts.
struct CharsMap: Sendable {
  private var units: [UInt32] = []
  private var replacements: [UInt8] = []
  /// For each ASCII character, whether it has a replacement.
  private var isMappedASCII = [Bool](repeating: false, count: 128)

  /// The longest replacement, in bytes. That of Unicode's form NFKC has 33.
  private static let longestReplacement = 256

  /// Reads the blob, little-endian.
  ///
  /// - Throws: `badValue` for a trie or replacements that are not wholly there, or a trie that leads out of itself or round in
  ///   circles; `badUTF8` for replacements that are none.
  init(_ blob: [UInt8]) throws(InputError) {
    guard blob.count >= 4 else { throw InputError(.badValue, "is shorter than a size") }
    func unit(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(blob[offset + $1]) << UInt32(8 * $1) }
    }
    let size = Int(unit(0))
    // A trie begins with a block of 256 units.
    guard size % 4 == 0, size >= 1024 else { throw InputError(.badValue, "has a trie of \(size) bytes") }
    guard size < blob.count - 4, blob.last == 0 else {
      throw InputError(.badValue, "ends within its trie of \(size) bytes or its replacements")
    }
    units = stride(from: 4, to: 4 + size, by: 4).map(unit)
    replacements = Array(blob[(4 + size)...])
    if let bad = firstInvalidUTF8(replacements) {
      throw InputError(.badUTF8, "has replacements that are not UTF-8", at: "byte \(4 + size + bad)")
    }
    guard replacements.split(separator: 0).allSatisfy({ $0.count <= Self.longestReplacement }) else {
      throw InputError(.tooLarge, "has a replacement of more than \(Self.longestReplacement) bytes")
    }
    try checkTrie()
    for byte in UInt8(0)..<0x80 { isMappedASCII[Int(byte)] = replacement(of: [byte], 0, 1) != nil }
  }

  /// The replacement of a text's shortest start that has one.
  private func replacement(of text: [UInt8], _ start: Int, _ end: Int) -> Range<Int>? {
    guard let root = units.first else { return nil }
    var position = Self.offset(root)
    for index in start..<end {
      let byte = Int(text[index])
      if byte == 0 { return nil }
      position ^= byte
      // A damaged trie may lead anywhere.
      guard position < units.count, case let unit = units[position], unit & 0x8000_00FF == UInt32(byte) else {
        return nil
      }
      position ^= Self.offset(unit)
      if unit >> 8 & 1 == 1 {
        guard position < units.count, case let first = Int(units[position] & 0x7FFF_FFFF), first <= replacements.count
        else { return nil }
        return first..<(replacements[first...].firstIndex(of: 0) ?? replacements.count)
      }
    }
    return nil
  }

  /// The replacement of a text's longest start that has one, and where that ends.
  func longestReplacement(in text: [UInt8], from start: Int) -> (ArraySlice<UInt8>, end: Int)? {
    guard let root = units.first else { return nil }
    var (position, best) = (Self.offset(root), (Int, end: Int)?.none)
    for index in start..<text.count {
      let byte = Int(text[index])
      guard byte != 0, case let next = position ^ byte, next < units.count, case let unit = units[next],
        unit & 0x8000_00FF == UInt32(byte)
      else { break }
      position = next ^ Self.offset(unit)
      if unit >> 8 & 1 == 1 { best = (Int(units[position] & 0x7FFF_FFFF), index + 1) }
    }
    guard let (first, end) = best else { return nil }
    return (replacements[first..<(replacements[first...].firstIndex(of: 0) ?? replacements.count)], end)
  }

  /// The longest text that has a replacement, in bytes. It bounds the time that a text takes.
  private static let longestKey = 256

  /// Walks through all of the trie that a text can lead to.
  private func checkTrie() throws(InputError) {
    guard let root = units.first else { return }
    // How many bytes at most lead to the end from a unit, once that is known; parts of the trie are shared.
    var heights = [Int16](repeating: -1, count: units.count)
    var (isOpen, path) = ([Bool](repeating: false, count: units.count), [(position: Int, unit: Int, byte: Int)]())
    guard root >> 31 == 0 else { throw InputError(.badValue, "has a trie whose root is none") }
    isOpen[0] = true
    path.append((Self.offset(root), 0, 1))
    while let (position, unit, firstByte) = path.last {
      var byte = firstByte
      while byte < 256, case let child = position ^ byte,
        child >= units.count || units[child] & 0x8000_00FF != UInt32(byte) || heights[child] >= 0 && !isOpen[child]
      {
        if child < units.count, units[child] & 0x8000_00FF == UInt32(byte) {
          heights[unit] = max(heights[unit], heights[child] + 1)
        }
        byte += 1
      }
      guard byte < 256 else {
        heights[unit] = max(heights[unit], 0)
        isOpen[unit] = false
        path.removeLast()
        continue
      }
      path[path.count - 1].byte = byte
      let child = position ^ byte
      guard !isOpen[child] else { throw InputError(.badValue, "has a trie that leads round in circles") }
      guard path.count <= Self.longestKey else {
        throw InputError(.tooLarge, "maps a text of more than \(Self.longestKey) bytes")
      }
      let next = child ^ Self.offset(units[child])
      if units[child] >> 8 & 1 == 1 {
        guard next < units.count, Int(units[next] & 0x7FFF_FFFF) < replacements.count else {
          throw InputError(.badValue, "has a trie that leads out of itself")
        }
      }
      isOpen[child] = true
      path.append((next, child, 1))
    }
    guard Int(heights[0]) <= Self.longestKey else {
      throw InputError(.tooLarge, "maps a text of more than \(Self.longestKey) bytes")
    }
  }

  private static func offset(_ unit: UInt32) -> Int {
    Int(unit >> 10) << Int((unit & 0x200) >> 6)
  }

  /// Replaces what is mapped: clusters of less than six bytes as a whole, others scalar by scalar.
  func apply(to text: inout AlignedText) {
    let bytes = text.bytes
    if bytes.allSatisfy({ $0 < 0x80 && $0 != 0x0D && !isMappedASCII[Int($0)] }) { return }
    var (output, isModified) = ([RewrittenScalar](), false)
    output.reserveCapacity(bytes.count)
    forEachCluster(in: bytes) { start, end in
      if end - start < 6, let new = replacement(of: bytes, start, end) {
        write(new, for: bytes, start, end, &output)
        isModified = true
        return
      }
      var index = start
      while index < end {
        let (value, next) = scalar(in: bytes, at: index, before: end)
        if let new = replacement(of: bytes, index, next) {
          write(new, for: bytes, index, next, &output)
          isModified = true
        } else {
          output.append(RewrittenScalar(value: value, change: 0))
        }
        index = next
      }
    }
    if isModified { text.replace(with: output) }
  }

  private func write(
    _ new: Range<Int>, for text: [UInt8], _ start: Int, _ end: Int, _ output: inout [RewrittenScalar]
  ) {
    var oldCount = 0
    for index in start..<end where text[index] & 0xC0 != 0x80 { oldCount += 1 }
    let values = scalars(of: replacements[new])
    for (index, value) in values.enumerated() {
      output.append(RewrittenScalar(value: value, change: index < oldCount ? 0 : 1))
    }
    // What was dropped goes to the scalar before; at the start of a text there is none, and later ones shift.
    if values.count < oldCount, !output.isEmpty {
      output[output.count - 1].change -= Int32(truncatingIfNeeded: oldCount - values.count)
    }
  }

  /// Calls `body` with the grapheme clusters of a text, in order.
  private func forEachCluster(in text: [UInt8], _ body: (_ start: Int, _ end: Int) -> Void) {
    var index = 0
    while index < text.count {
      // ASCII before ASCII stands alone, except that CR and LF belong together.
      var end = index + 1
      if text[index] < 0x80 && (end == text.count || text[end] < 0x80) {
        if text[index] == 0x0D && end < text.count && text[end] == 0x0A { end += 1 }
        body(index, end)
        index = end
        continue
      }
      while end < text.count && (text[end] >= 0x80 || end + 1 < text.count && text[end + 1] >= 0x80) { end += 1 }
      // The run's last scalar may bind what follows, unless that is a control.
      if end < text.count && text[end] >= 0x20 { end += 1 }
      for character in String(decoding: text[index..<end], as: UTF8.self) {
        let next = index + character.utf8.count
        body(index, next)
        index = next
      }
    }
  }
}

extension CharsMap {
  /// Reads a `Precompiled` of a `tokenizer.json`.
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["type", "precompiled_charsmap"])
    let text = try field.required("precompiled_charsmap")
    guard let blob = base64(try text.jsonString().utf8[...]) else {
      throw text.error(.badValue, "is not Base64")
    }
    do throws(InputError) {
      try self.init(blob)
    } catch {
      throw error.inside(text.path)
    }
  }
}
