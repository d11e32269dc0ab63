/// A step on tokens at work on tokens that come one at a time.
struct DecoderStage: Sendable {
  private let step: Decoder.TokenStep
  private var isFirst = true
  private var held: [UInt8]?
  private var byteRun = ByteRun()

  init(_ step: Decoder.TokenStep) { self.step = step }

  /// Takes the next token, and passes on what is certain now.
  mutating func take(_ token: [UInt8], _ pass: (_ token: [UInt8]) -> Void) {
    defer { isFirst = false }
    switch step {
    case .replace(let pattern, let replacement):
      pass(token.replacing(pattern, with: replacement))
    case .strip(let rule):
      pass(rule.stripped(token))
    case .metaspace(let replacement, let dropsInFirst):
      pass(token.replacing(.literal(replacement), with: isFirst && dropsInFirst ? [] : [UInt8(ascii: " ")]))
    case .wordPiece(let prefix, let cleansUp):
      var word = token
      if !isFirst {
        word = token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [UInt8(ascii: " ")] + token
      }
      pass(cleansUp ? word.cleanedUp : word)
    case .wordEnd(let mark):
      if let held { pass(held.replacing(.literal(mark), with: [UInt8(ascii: " ")])) }
      held = token
    case .ctc(let padding, let delimiter, let cleansUp):
      guard token != held else { return }
      held = token
      var text = token.replacing(.literal(padding), with: [])
      if cleansUp { text = text.cleanedUp.replacing(.literal(delimiter), with: [UInt8(ascii: " ")]) }
      if !text.isEmpty { pass(text) }
    case .byteFallback:
      if let byte = fallbackByte(token) {
        byteRun.append(byte, pass)
      } else {
        byteRun.end(pass)
        pass(token)
      }
    }
  }

  /// Ends the tokens: passes on what was held back.
  mutating func finish(_ pass: (_ token: [UInt8]) -> Void) {
    switch step {
    case .byteFallback: byteRun.end(pass)
    case .wordEnd(let mark): if let held { pass(held.replacing(.literal(mark), with: [])) }
    default: break
    }
  }
}

/// Byte tokens in a row, whose text depends on all of them.
private struct ByteRun: Sendable {
  private var bytes: [UInt8] = []
  private var isInvalid = false
  private var recognizer = UTF8Recognizer()

  mutating func append(_ byte: UInt8, _ pass: ([UInt8]) -> Void) {
    guard !isInvalid else { return pass(replacementCharacter) }
    bytes.append(byte)
    guard recognizer.accept(byte) == .invalid else { return }
    // One byte spoils the whole run, so the text of all its bytes is certain now.
    isInvalid = true
    for _ in bytes { pass(replacementCharacter) }
    bytes = []
  }

  mutating func end(_ pass: ([UInt8]) -> Void) {
    let run = self
    self = ByteRun()
    guard !run.bytes.isEmpty else { return }
    if run.recognizer.isBetweenScalars {
      pass(run.bytes)
    } else {
      for _ in run.bytes { pass(replacementCharacter) }
    }
  }
}

/// The byte that a token such as `<0x0A>` stands for.
func fallbackByte(_ token: [UInt8]) -> UInt8? {
  guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">"),
    let high = hexDigit(token[3]), let low = hexDigit(token[4])
  else { return nil }
  return high << 4 | low
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  default: nil
  }
}

extension [UInt8] {
  /// The text with everything that a pattern finds replaced.
  fileprivate func replacing(_ pattern: TextPattern, with replacement: [UInt8]) -> [UInt8] {
    var (output, kept) = ([UInt8](), 0)
    output.reserveCapacity(count)
    pattern.forEachMatch(in: self, 0, count) { start, end in
      output.append(contentsOf: self[kept..<start])
      output.append(contentsOf: replacement)
      kept = end
    }
    output.append(contentsOf: self[kept...])
    return output
  }

  /// The text without the spaces that words were parted by, before punctuation and in English contractions.
  fileprivate var cleanedUp: [UInt8] {
    guard contains(UInt8(ascii: " ")) else { return self }
    return Self.cleanups.reduce(self) { $0.replacing(.literal($1.old), with: $1.new) }
  }

  private static let cleanups: [(old: [UInt8], new: [UInt8])] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (Array($0.0.utf8), Array($0.1.utf8)) }
}
