import Formats

/// What BERT does to a text: cleans it, sets Chinese characters apart, drops accents, lowers case.
struct BertNormalizer: Sendable {
  var cleansText: Bool
  var separatesChinese: Bool
  var stripsAccents: Bool
  var lowercases: Bool

  func apply(to text: inout AlignedText) {
    if cleansText || separatesChinese {
      text.rewriteScalars { value, start, new in
        if cleansText {
          // U+0085 is both, and dropped.
          if UnicodeData.controls.contains(value) { return false }
          if UnicodeData.whitespace.contains(value) {
            new.write(0x20, for: start)
            return false
          }
        }
        guard separatesChinese && Self.isChinese(value) else { return true }
        for part in [0x20, value, 0x20] { new.write(part, for: start) }
        return false
      }
    }
    if stripsAccents {
      if let scalars = NormalizationForm.decomposed.normalize(text.bytes) { text.replace(with: scalars) }
      text.drop(UnicodeData.nonspacingMarks)
    }
    if lowercases { text.lowercase() }
  }

  // As the reference library has them: the last but two blocks begin later than those that they are named for.
  private static func isChinese(_ value: UInt32) -> Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF,
      0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}

extension BertNormalizer {
  /// Reads a `BertNormalizer` of a `tokenizer.json`.
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"])
    cleansText = try field.required("clean_text").bool()
    separatesChinese = try field.required("handle_chinese_chars").bool()
    lowercases = try field.required("lowercase").bool()
    stripsAccents = try field.optional("strip_accents")?.bool() ?? lowercases
  }
}
