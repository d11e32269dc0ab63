/// How SentencePiece joins pieces to text: marks become spaces, those at the start vanish, bytes become what they spell.
struct SentencePieceJoint: Sendable {
  /// Whether a text loses the space that it starts with.
  let dropsSpace: Bool
  /// Whether so do further pieces, until there is text.
  let dropsAllSpaces: Bool
  /// Whether pieces stand for bytes.
  let hasBytes: Bool

  init(dropsSpace: Bool, dropsAllSpaces: Bool, hasBytes: Bool) {
    (self.dropsSpace, self.dropsAllSpaces, self.hasBytes) = (dropsSpace, dropsAllSpaces, hasBytes)
  }

  private static let mark: [UInt8] = [0xE2, 0x96, 0x81]
  private var isAtStart = true
  private var openBytes: [UInt8] = []
  private var recognizer = UTF8Recognizer()

  /// Takes the next piece, which stands at a place of some bytes, and appends what text it adds.
  mutating func take(_ bytes: [UInt8], _ piece: Range<Int>, to text: inout [UInt8]) {
    if hasBytes, let byte = fallbackByte(bytes, piece) { return take(byte, to: &text) }
    if !openBytes.isEmpty {
      endBytes(to: &text)
      isAtStart = false
    }
    var index = piece.lowerBound
    if isAtStart && dropsSpace && bytes.holds(Self.mark, at: index, before: piece.upperBound) {
      index += Self.mark.count
      if !dropsAllSpaces { isAtStart = false }
    }
    while index < piece.upperBound {
      isAtStart = false
      if bytes[index] == Self.mark[0], bytes.holds(Self.mark, at: index, before: piece.upperBound) {
        text.append(UInt8(ascii: " "))
        index += Self.mark.count
      } else {
        text.append(bytes[index])
        index += 1
      }
    }
  }

  private mutating func take(_ byte: UInt8, to text: inout [UInt8]) {
    isAtStart = false
    switch recognizer.accept(byte) {
    case .partial:
      openBytes.append(byte)
    case .complete:
      text.append(contentsOf: openBytes)
      text.append(byte)
      openBytes.removeAll(keepingCapacity: true)
    case .invalid:
      guard !openBytes.isEmpty else { return text.append(contentsOf: replacementCharacter) }
      endBytes(to: &text)
      take(byte, to: &text)
    }
  }

  /// Ends a run of bytes: those that are no whole character become U+FFFD each.
  mutating func endBytes(to text: inout [UInt8]) {
    for _ in openBytes { text.append(contentsOf: replacementCharacter) }
    openBytes.removeAll(keepingCapacity: true)
    recognizer = UTF8Recognizer()
  }
}
