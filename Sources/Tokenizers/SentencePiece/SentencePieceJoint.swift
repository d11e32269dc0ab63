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

  /// Takes the next piece, and returns what text it adds.
  mutating func take(_ piece: [UInt8]) -> [UInt8] {
    if hasBytes, let byte = fallbackByte(piece) { return take(byte) }
    var text = endBytes()
    if !text.isEmpty { isAtStart = false }
    var index = 0
    if isAtStart && dropsSpace && piece.starts(with: Self.mark) {
      index = Self.mark.count
      if !dropsAllSpaces { isAtStart = false }
    }
    while index < piece.count {
      isAtStart = false
      if piece.holds(Self.mark, at: index, before: piece.count) {
        text.append(UInt8(ascii: " "))
        index += Self.mark.count
      } else {
        text.append(piece[index])
        index += 1
      }
    }
    return text
  }

  private mutating func take(_ byte: UInt8) -> [UInt8] {
    isAtStart = false
    switch recognizer.accept(byte) {
    case .partial:
      openBytes.append(byte)
      return []
    case .complete:
      defer { openBytes = [] }
      return openBytes + [byte]
    case .invalid:
      guard !openBytes.isEmpty else { return replacementCharacter }
      let broken = endBytes()
      return broken + take(byte)
    }
  }

  /// Ends a run of bytes: those that are no whole character become U+FFFD each.
  mutating func endBytes() -> [UInt8] {
    defer { (openBytes, recognizer) = ([], UTF8Recognizer()) }
    return openBytes.flatMap { _ in replacementCharacter }
  }
}
