import Formats

/// The steps that change a text before tokens are looked for.
struct Normalizer: Sendable {
  enum Step: Sendable {
    /// Puts something before each text that is not empty.
    case prepend([UInt8])
    /// Replaces what a pattern finds.
    case replace(TextPattern, with: [UInt8])
    /// One of Unicode's normalization forms.
    case form(NormalizationForm)
    /// Each scalar in lower case.
    case lowercase
    /// Drops combining marks.
    case stripAccents
    /// Drops white space at the ends.
    case strip(left: Bool, right: Bool)
    case bert(BertNormalizer)
    /// SentencePiece's map of characters.
    case charsMap(CharsMap)
    /// SentencePiece's older rules for controls and white space.
    case nmt
    /// Writes bytes in the byte alphabet.
    case byteLevel
    /// All that a SentencePiece model does.
    case sentencePiece(SentencePieceNormalizer)
  }

  var steps: [Step] = []

  func normalize(_ text: inout AlignedText) {
    for step in steps where !text.bytes.isEmpty { step.apply(to: &text) }
  }

  func normalize(_ text: [UInt8]) -> [UInt8] {
    var aligned = AlignedText(text, 0, text.count, isTracked: false)
    normalize(&aligned)
    return aligned.bytes
  }
}

extension Normalizer.Step {
  /// Changes a text that is not empty.
  fileprivate func apply(to text: inout AlignedText) {
    switch self {
    case .prepend(let prefix): text.prepend(prefix)
    case .replace(let pattern, let replacement): text.replace(pattern, with: replacement)
    case .form(let form): if let scalars = form.normalize(text.bytes) { text.replace(with: scalars) }
    case .lowercase: text.lowercase()
    case .stripAccents: text.drop(UnicodeData.combiningMarks)
    case .strip(let left, let right): text.strip(left: left, right: right)
    case .bert(let normalizer): normalizer.apply(to: &text)
    case .charsMap(let map): map.apply(to: &text)
    case .nmt: text.rewriteScalars(Self.nmt)
    case .byteLevel: text.writeBytesAsCharacters()
    case .sentencePiece(let normalizer): normalizer.apply(to: &text)
    }
  }

  private static func nmt(_ value: UInt32, _ start: Int, _ new: inout AlignedText.Rewriting) -> Bool {
    switch value {
    case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: return false
    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
      new.write(0x20, for: start)
      return false
    default: return true
    }
  }
}

extension AlignedText {
  /// Puts something before the text, which is not empty; it stands for what the text's first scalar stands for.
  mutating func prepend(_ prefix: [UInt8]) {
    rewrite { old, new in
      new.write(prefix, for: 0)
      new.keep(0, old.count)
    }
  }

  /// Replaces what a pattern finds; the replacement stands for the last scalar of it.
  mutating func replace(_ pattern: TextPattern, with replacement: [UInt8]) {
    rewrite { old, new in
      var kept = 0
      pattern.forEachMatch(in: old, 0, old.count) { start, end in
        new.keep(kept, start)
        new.write(replacement, for: end - 1)
        kept = end
      }
      new.keep(kept, old.count)
    }
  }

  mutating func lowercase() {
    rewriteScalars { value, start, new in
      if value < 0x80 {
        guard UInt32(UInt8(ascii: "A"))...UInt32(UInt8(ascii: "Z")) ~= value else { return true }
        new.write(value | 0x20, for: start)
        return false
      }
      guard let lower = UnicodeData.lowercase[value] else { return true }
      for part in lower { new.write(part, for: start) }
      return false
    }
  }

  /// Drops the scalars of a set, which has no ASCII in it.
  mutating func drop(_ set: ScalarTable) {
    guard bytes.contains(where: { $0 >= 0x80 }) else { return }
    rewriteScalars { value, _, _ in !set.contains(value) }
  }

  fileprivate mutating func strip(left: Bool, right: Bool) {
    var (start, end) = (0, bytes.count)
    while left, start < end, case let (value, next) = scalar(in: bytes, at: start, before: end),
      ScalarClass(value).isSpace
    {
      start = next
    }
    while right, end > start, case let last = scalarStart(in: bytes, endingAt: end, notBefore: start),
      ScalarClass(scalar(in: bytes, at: last, before: end).value).isSpace
    {
      end = last
    }
    guard start > 0 || end < bytes.count else { return }
    rewrite { _, new in new.keep(start, end) }
  }

  /// Writes each byte as its character in the byte alphabet.
  mutating func writeBytesAsCharacters() {
    rewrite { old, new in
      for (index, byte) in old.enumerated() { new.write(ByteLevel.utf8[Int(byte)], for: index) }
    }
  }
}

extension Normalizer {
  /// Reads a `normalizer` of a `tokenizer.json`.
  mutating func add(_ field: JSONField) throws(InputError) {
    switch try field.typeName() {
    case "Sequence":
      try field.allowOnly(["type", "normalizers"])
      for step in try field.required("normalizers").array() { try add(step) }
    case "Prepend":
      try field.allowOnly(["type", "prepend"])
      steps.append(.prepend(try field.required("prepend").text(1...512)))
    case "Replace":
      let (pattern, replacement) = try field.replacement()
      steps.append(.replace(pattern, with: replacement))
      try field.checkGrowth(
        steps.map { if case .replace(let old, let new) = $0 { (old.leastLength, new.count) } else { nil } })
    case "Lowercase":
      try field.allowOnly(["type"])
      steps.append(.lowercase)
    case "StripAccents":
      try field.allowOnly(["type"])
      steps.append(.stripAccents)
    case "Strip":
      try field.allowOnly(["type", "strip_left", "strip_right"])
      steps.append(
        .strip(left: try field.required("strip_left").bool(), right: try field.required("strip_right").bool()))
    case "BertNormalizer":
      steps.append(.bert(try BertNormalizer(field)))
    case "Precompiled":
      steps.append(.charsMap(try CharsMap(field)))
    case "Nmt":
      try field.allowOnly(["type"])
      steps.append(.nmt)
    case "ByteLevel":
      try field.allowOnly(["type"])
      steps.append(.byteLevel)
    case let name:
      guard let form = NormalizationForm(rawValue: name) else { throw field.unsupportedType(name) }
      try field.allowOnly(["type"])
      steps.append(.form(form))
    }
    try field.checkLength(steps.count)
  }
}
