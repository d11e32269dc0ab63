import Formats

/// What SentencePiece does to a text before it is cut: the map of characters, then spaces.
struct SentencePieceNormalizer: Sendable {
  private let map: CharsMap?
  private let settings: SentencePieceModel.Normalization
  /// Pieces that are kept as they stand.
  private let kept: LongestMatcher?

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
    kept = model.matcherOfUserDefinedPieces()
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
    let keptLengths = kept?.lengths(in: old, 0, old.count)
    var (index, output) = (0, Output())
    if settings.removesExtraSpaces {
      while index < old.count, case let (chunk, next) = chunk(of: old, at: index, keptLengths),
        chunk == [UInt8(ascii: " ")]
      {
        index = next
      }
    }
    if index < old.count {
      output.bytes.reserveCapacity(old.count + 16)
      if settings.addsDummySpace && !settings.writesSpacesAsSuffixes { output.append(space, for: index) }
      var followsSpace = settings.removesExtraSpaces
      while index < old.count {
        let (chunk, next) = chunk(of: old, at: index, keptLengths)
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
  private func chunk(
    of text: [UInt8], at start: Int, _ keptLengths: [Int32]?
  ) -> (ArraySlice<UInt8>, next: Int) {
    if let keptLengths, case let length = Int(keptLengths[start]), length > 0 {
      return (text[start..<start + length], start + length)
    }
    if let (replacement, end) = map?.longestReplacement(in: text, from: start) { return (replacement, end) }
    let next = scalar(in: text, at: start, before: text.count).next
    return (text[start..<next], next)
  }
}

extension SentencePieceModel {
  /// What finds the pieces that are kept whole; nil if there are none.
  func matcherOfUserDefinedPieces() -> LongestMatcher? {
    let kept = pieces.filter { $0.kind == .userDefined }.map(\.content)
    return kept.isEmpty ? nil : LongestMatcher(kept)
  }
}
