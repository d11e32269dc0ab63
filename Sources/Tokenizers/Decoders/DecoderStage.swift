/// A step on tokens at work on tokens that come a few at a time.
struct DecoderStage: Sendable {
  private let step: Decoder.TokenStep
  private var isFirst = true
  private var held: [UInt8]?
  private var byteRun = ByteRun()

  init(_ step: Decoder.TokenStep) { self.step = step }

  /// Takes the next tokens, and passes on what is certain now.
  mutating func take(_ tokens: TokenList, _ passed: inout TokenList) {
    switch step {
    case .wordEnd(let mark): takeWordEnds(tokens, mark, &passed)
    case .ctc(let padding, let delimiter, let cleansUp): takeCTC(tokens, padding, delimiter, cleansUp, &passed)
    default: for index in 0..<tokens.count { take(tokens.bytes, tokens[index], &passed) }
    }
  }

  private mutating func takeWordEnds(_ tokens: TokenList, _ mark: [UInt8], _ passed: inout TokenList) {
    guard tokens.count > 0 else { return }
    if let held {
      passed.bytes.append(held, held.indices, replacing: .literal(mark), with: Self.space)
      passed.endToken()
    }
    for index in 0..<tokens.count - 1 {
      passed.bytes.append(tokens.bytes, tokens[index], replacing: .literal(mark), with: Self.space)
      passed.endToken()
    }
    hold(tokens.bytes[tokens[tokens.count - 1]])
  }

  private mutating func takeCTC(
    _ tokens: TokenList, _ padding: [UInt8], _ delimiter: [UInt8], _ cleansUp: Bool, _ passed: inout TokenList
  ) {
    for index in 0..<tokens.count {
      let token = tokens.bytes[tokens[index]]
      let isRepeated = index > 0 ? token == tokens.bytes[tokens[index - 1]] : held.map { $0[...] == token } ?? false
      if isRepeated { continue }
      passed.bytes.append(tokens.bytes, tokens[index], replacing: .literal(padding), with: [])
      if cleansUp {
        passed.bytes.cleanUp(from: passed.openStart)
        passed.bytes.shrink(from: passed.openStart, replacing: delimiter, with: Self.space)
      }
      if passed.bytes.count > passed.openStart { passed.endToken() }
    }
    if tokens.count > 0 { hold(tokens.bytes[tokens[tokens.count - 1]]) }
  }

  private mutating func take(_ bytes: [UInt8], _ token: Range<Int>, _ passed: inout TokenList) {
    switch step {
    case .replace(let pattern, let replacement):
      passed.bytes.append(bytes, token, replacing: pattern, with: replacement)
      passed.endToken()
    case .strip(let rule):
      passed.append(bytes[rule.rest(of: bytes, token)])
    case .metaspace(let replacement, let dropsInFirst):
      let space = isFirst && dropsInFirst ? [] : Self.space
      passed.bytes.append(bytes, token, replacing: .literal(replacement), with: space)
      passed.endToken()
    case .wordPiece(let prefix, let cleansUp):
      var start = token.lowerBound
      if !isFirst {
        if bytes.holds(prefix, at: start, before: token.upperBound) {
          start += prefix.count
        } else {
          passed.bytes.append(UInt8(ascii: " "))
        }
      }
      passed.bytes.append(contentsOf: bytes[start..<token.upperBound])
      if cleansUp { passed.bytes.cleanUp(from: passed.openStart) }
      passed.endToken()
    case .byteFallback:
      if let byte = fallbackByte(bytes, token) {
        byteRun.append(byte, &passed)
      } else {
        byteRun.end(&passed)
        passed.append(bytes[token])
      }
    case .wordEnd, .ctc: break  // They look at several tokens.
    }
    isFirst = false
  }

  private static let space = [UInt8(ascii: " ")]

  private mutating func hold(_ token: ArraySlice<UInt8>) {
    var held = self.held ?? []
    self.held = nil
    held.removeAll(keepingCapacity: true)
    held.append(contentsOf: token)
    self.held = held
  }

  /// Ends the tokens: passes on what was held back.
  mutating func finish(_ passed: inout TokenList) {
    switch step {
    case .byteFallback: byteRun.end(&passed)
    case .wordEnd(let mark):
      guard let held else { return }
      passed.bytes.append(held, held.indices, replacing: .literal(mark), with: [])
      passed.endToken()
    default: break
    }
  }
}

/// Byte tokens in a row, whose text depends on all of them.
private struct ByteRun: Sendable {
  private var bytes: [UInt8] = []
  private var isInvalid = false
  private var recognizer = UTF8Recognizer()

  mutating func append(_ byte: UInt8, _ passed: inout TokenList) {
    guard !isInvalid else { return passed.append(replacementCharacter) }
    bytes.append(byte)
    guard recognizer.accept(byte) == .invalid else { return }
    // One byte spoils the whole run, so the text of all its bytes is certain now.
    isInvalid = true
    for _ in bytes { passed.append(replacementCharacter) }
    bytes.removeAll(keepingCapacity: true)
  }

  mutating func end(_ passed: inout TokenList) {
    if recognizer.isBetweenScalars {
      if !bytes.isEmpty { passed.append(bytes) }
    } else {
      for _ in bytes { passed.append(replacementCharacter) }
    }
    bytes.removeAll(keepingCapacity: true)
    (isInvalid, recognizer) = (false, UTF8Recognizer())
  }
}

/// The byte that a token such as `<0x0A>` stands for.
func fallbackByte(_ token: [UInt8]) -> UInt8? { fallbackByte(token, token.indices) }

/// The byte that the token at a place of some bytes stands for.
func fallbackByte(_ bytes: [UInt8], _ token: Range<Int>) -> UInt8? {
  guard token.count == 6, case let start = token.lowerBound, bytes[start] == UInt8(ascii: "<"),
    bytes[start + 1] == UInt8(ascii: "0"), bytes[start + 2] == UInt8(ascii: "x"), bytes[start + 5] == UInt8(ascii: ">"),
    let high = hexDigit(bytes[start + 3]), let low = hexDigit(bytes[start + 4])
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
  /// Appends a part of some bytes, with everything that a pattern finds in it replaced.
  fileprivate mutating func append(
    _ bytes: [UInt8], _ part: Range<Int>, replacing pattern: TextPattern, with replacement: [UInt8]
  ) {
    var kept = part.lowerBound
    pattern.forEachMatch(in: bytes, part.lowerBound, part.upperBound) { start, end in
      append(contentsOf: bytes[kept..<start])
      append(contentsOf: replacement)
      kept = end
    }
    append(contentsOf: bytes[kept..<part.upperBound])
  }

  /// Replaces a string from `start` on by one that is no longer.
  fileprivate mutating func shrink(from start: Int, replacing old: [UInt8], with new: [UInt8]) {
    var read = start
    while read < count, self[read] != old[0] || !holds(old, at: read, before: count) { read += 1 }
    guard read < count else { return }
    var written = read
    while read < count {
      if self[read] == old[0], holds(old, at: read, before: count) {
        for byte in new {
          self[written] = byte
          written += 1
        }
        read += old.count
      } else {
        self[written] = self[read]
        (read, written) = (read + 1, written + 1)
      }
    }
    removeLast(count - written)
  }

  /// Takes out the spaces that words were parted by from `start` on, before punctuation and in English contractions.
  fileprivate mutating func cleanUp(from start: Int) {
    for (old, new) in Self.cleanups {
      guard mayNeedCleaning(from: start) else { return }
      shrink(from: start, replacing: old, with: new)
    }
  }

  private func mayNeedCleaning(from start: Int) -> Bool {
    var index = start
    while index + 1 < count {
      if self[index] == UInt8(ascii: " ") && Self.cleanedStarts[Int(self[index + 1])] { return true }
      index += 1
    }
    return false
  }

  private static let cleanups: [(old: [UInt8], new: [UInt8])] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

  /// What follows the space in any of them.
  private static let cleanedStarts: [Bool] = {
    var starts = [Bool](repeating: false, count: 256)
    for (old, _) in cleanups { starts[Int(old[1])] = true }
    return starts
  }()
}
