import Formats

/// What SentencePiece does to a text before it is cut: the map of characters, then spaces.
struct SentencePieceNormalizer: Sendable {
  private let map: CharsMap?
  private let settings: SentencePieceModel.Normalization
  /// Pieces that are kept as they stand.
  private let kept: ByteTrie?

  init(_ model: SentencePieceModel) throws(InputError) {
    settings = model.normalization
    if settings.charactersMap.isEmpty {
      map = nil
    } else {
      do throws(InputError) {
        map = try CharsMap(settings.charactersMap)
      } catch {
        throw error.inside("precompiled_charsmap")
      }
    }
    kept = model.trieOfUserDefinedPieces()
  }

  /// Text that is being written, with the place that each byte stands for.
  private struct Output {
    var bytes: [UInt8] = []
    var sources: [Int] = []

    mutating func append(_ text: some Collection<UInt8>, for source: Int) {
      bytes.append(contentsOf: text)
      sources.append(contentsOf: repeatElement(source, count: text.count))
    }
  }

  private static let mark: [UInt8] = [0xE2, 0x96, 0x81]

  /// Changes a text that is not empty.
  func apply(to text: inout AlignedText) {
    let old = text.bytes
    let space = settings.escapesSpaces ? Self.mark : [UInt8(ascii: " ")]
    var (index, output) = (0, Output())
    if settings.removesExtraSpaces {
      while index < old.count, case let (chunk, next) = chunk(of: old, at: index), chunk == [UInt8(ascii: " ")] {
        index = next
      }
    }
    if index < old.count {
      output.bytes.reserveCapacity(old.count + 16)
      if settings.addsDummySpace && !settings.writesSpacesAsSuffixes { output.append(space, for: index) }
      var followsSpace = settings.removesExtraSpaces
      while index < old.count {
        let (chunk, next) = chunk(of: old, at: index)
        let content = followsSpace ? chunk.drop { $0 == UInt8(ascii: " ") } : chunk
        for byte in content {
          if byte == UInt8(ascii: " ") { output.append(space, for: index) } else { output.append([byte], for: index) }
        }
        if let last = content.last { followsSpace = last == UInt8(ascii: " ") && settings.removesExtraSpaces }
        if !settings.removesExtraSpaces { followsSpace = false }
        index = next
      }
      while settings.removesExtraSpaces && output.bytes.suffix(space.count) == space[...] {
        output.bytes.removeLast(space.count)
        output.sources.removeLast(space.count)
      }
      if settings.addsDummySpace && settings.writesSpacesAsSuffixes { output.append(space, for: old.count - 1) }
    }
    text.rewrite { _, new in
      for (byte, source) in zip(output.bytes, output.sources) { new.write(CollectionOfOne(byte), for: source) }
    }
  }

  /// What the text's next characters become: a piece that is kept, a replacement, or the next character itself.
  private func chunk(of text: [UInt8], at start: Int) -> (ArraySlice<UInt8>, next: Int) {
    if let kept, let end = kept.longestEnd(in: text, from: start) { return (text[start..<end], end) }
    if let (replacement, end) = map?.longestReplacement(in: text, from: start) { return (replacement, end) }
    let next = scalar(in: text, at: start, before: text.count).next
    return (text[start..<next], next)
  }
}

extension SentencePieceModel {
  /// The pieces that are kept whole, each with its id; nil if there are none.
  func trieOfUserDefinedPieces() -> ByteTrie? {
    var trie: ByteTrie?
    for (id, piece) in pieces.enumerated() where piece.kind == .userDefined {
      trie = trie ?? ByteTrie(expectedCount: 64)
      trie?.add(piece.content, id: Int32(truncatingIfNeeded: id))
    }
    return trie
  }
}

extension ByteTrie {
  /// The end of the longest token that stands at `start`.
  func longestEnd(in text: [UInt8], from start: Int) -> Int? {
    var (node, index, best) = (Self.root, start, Int?.none)
    while index < text.count, let child = child(of: node, text[index]) {
      (node, index) = (child, index + 1)
      if id(at: node) >= 0 { best = index }
    }
    return best
  }
}
