/// Takes spaces out of decoded text, before punctuation and in English contractions, as `transformers` (5.23) does with
/// `clean_up_tokenization_spaces`: one replacement in the whole text after the other. The text comes in parts.
struct SpaceCleanUp: Sendable {
  private var replacements = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"),
    (" 've", "'ve"), (" 're", "'re"),
  ].map { Replacement(Array($0.0.utf8), with: Array($0.1.utf8)) }

  /// Takes the next part, and returns what is certain now.
  mutating func take(_ text: [UInt8]) -> [UInt8] {
    var text = text
    for index in replacements.indices { text = replacements[index].take(text) }
    return text
  }

  /// Ends the text: returns what was held back.
  mutating func finish() -> [UInt8] {
    var text: [UInt8] = []
    for index in replacements.indices { text = replacements[index].take(text) + replacements[index].finish() }
    return text
  }
}

/// The replacement of a string in a text that comes in parts.
private struct Replacement: Sendable {
  /// No part of it is its beginning again, so that what does not go on is over.
  private let old: [UInt8]
  private let new: [UInt8]
  /// How much of it the text ends with.
  private var heldCount = 0

  init(_ old: [UInt8], with new: [UInt8]) { (self.old, self.new) = (old, new) }

  mutating func take(_ text: [UInt8]) -> [UInt8] {
    if heldCount == 0 && !text.contains(old[0]) { return text }
    var output: [UInt8] = []
    output.reserveCapacity(text.count + heldCount)
    for byte in text {
      if byte != old[heldCount] {
        output += old[..<heldCount]
        heldCount = 0
      }
      guard byte == old[heldCount] else {
        output.append(byte)
        continue
      }
      heldCount += 1
      if heldCount == old.count {
        output += new
        heldCount = 0
      }
    }
    return output
  }

  mutating func finish() -> [UInt8] {
    defer { heldCount = 0 }
    return Array(old[..<heldCount])
  }
}
