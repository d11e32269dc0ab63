import Foundation

/// Unicode's normalization form C of a text, as UTF-8.
func canonicallyComposed(_ text: [UInt8]) -> [UInt8] {
  // Scalars below U+0300, the first combining mark, are their own form C, and combine with nothing.
  guard text.contains(where: { $0 >= 0xCC }) else { return text }
  // Foundation's time grows with the square of the length, so it is given a part at a time.
  var (output, start, index) = ([UInt8](), 0, 0)
  output.reserveCapacity(text.count)
  while index < text.count {
    let (value, next) = scalar(in: text, at: index, before: text.count)
    if index - start >= 1024 && startsAnew(value) {
      output.append(contentsOf: composedPart(text[start..<index]))
      start = index
    }
    index = next
  }
  output.append(contentsOf: composedPart(text[start...]))
  return output
}

private func composedPart(_ text: ArraySlice<UInt8>) -> [UInt8] {
  Array(String(decoding: text, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
}

/// Whether no scalar before it can combine with it.
private func startsAnew(_ value: UInt32) -> Bool {
  switch value {
  case 0..<0x300: return true
  // The vowels and finals of Hangul and the vowels of Kirat Rai are letters that combine with what is before them.
  case 0x1160...0x11FF, 0x16D40...0x16D7F: return false
  default:
    switch Unicode.Scalar(value)?.properties.generalCategory {
    case nil, .nonspacingMark, .spacingMark, .enclosingMark, .unassigned: return false
    default: return true
    }
  }
}
