import Foundation

/// Unicode's normalization form C of a text, as UTF-8.
func canonicallyComposed(_ text: [UInt8]) -> [UInt8] {
  // Scalars below U+0300, the first combining mark, are their own form C, and combine with nothing.
  guard text.contains(where: { $0 >= 0xCC }) else { return text }
  return Array(String(decoding: text, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
}
