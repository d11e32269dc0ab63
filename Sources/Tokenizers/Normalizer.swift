import Formats

/// The steps that change a text before tokens are looked for.
struct Normalizer: Sendable {
  enum Step: Sendable {
    /// Puts something before each text that is not empty.
    case prepend([UInt8])
    /// Replaces each occurrence of a string.
    case replace([UInt8], with: [UInt8])
    /// Unicode's normalization form C.
    case composed
  }

  var steps: [Step] = []

  func normalize(_ text: [UInt8]) -> [UInt8] {
    var text = text
    for step in steps where !text.isEmpty {
      switch step {
      case .prepend(let prefix): text = prefix + text
      case .replace(let pattern, let replacement): text = replacing(pattern, with: replacement, in: text)
      case .composed: text = canonicallyComposed(text)
      }
    }
    return text
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
      steps.append(.prepend(try field.required("prepend").text(0...512)))
    case "Replace":
      let (pattern, replacement) = try field.replacement()
      steps.append(.replace(pattern, with: replacement))
      try field.checkGrowth(steps.map { if case .replace(let old, let new) = $0 { (old, new) } else { nil } })
    case "NFC":
      try field.allowOnly(["type"])
      steps.append(.composed)
    case let name:
      throw field.unsupportedType(name)
    }
    try field.checkLength(steps.count)
  }
}

/// The text with each occurrence of a string, which is not empty, replaced.
func replacing(_ pattern: [UInt8], with replacement: [UInt8], in text: [UInt8]) -> [UInt8] {
  var output: [UInt8] = []
  output.reserveCapacity(text.count)
  var index = 0
  while index < text.count {
    if text.holds(pattern, at: index, before: text.count) {
      output.append(contentsOf: replacement)
      index += pattern.count
    } else {
      output.append(text[index])
      index += 1
    }
  }
  return output
}
