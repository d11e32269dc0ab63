import Formats

// What the readers of the pipeline's parts have in common. A setting that is not implemented is refused by its name:
// ignoring it would give other tokens than those that the model was trained with.
extension JSONField {
  /// Refuses members other than those named.
  func allowOnly(_ names: Set<String>) throws(InputError) {
    for (key, field) in try object() where !names.contains(key.text) {
      throw field.error(.unsupported, "is a setting that is not implemented")
    }
  }

  /// The member `type`.
  func typeName() throws(InputError) -> String {
    guard let type = try optional("type") else {
      throw error(.unsupported, "has no type", advice: "Save the tokenizer again with a recent release of `tokenizers`")
    }
    return try type.string()
  }

  func unsupportedType(_ name: String) -> InputError {
    error(.unsupported, "is of type \(quoted(name.utf8)), which is not implemented")
  }

  /// A string as bytes, of a length within bounds.
  func text(_ length: ClosedRange<Int>) throws(InputError) -> [UInt8] {
    let text = try jsonString().utf8
    guard length.contains(text.count) else {
      throw error(.badValue, "has \(text.count) bytes, but must have \(length.lowerBound) to \(length.upperBound)")
    }
    return text
  }

  /// A string of exactly one scalar.
  func character() throws(InputError) -> [UInt8] {
    let text = try jsonString()
    guard text.text.unicodeScalars.count == 1 else { throw error(.badValue, "must be one character") }
    return text.utf8
  }

  /// A pattern: a string, which is not empty, or a regular expression.
  func pattern() throws(InputError) -> TextPattern {
    try allowOnly(["String", "Regex"])
    guard let expression = try optional("Regex") else { return .literal(try required("String").text(1...512)) }
    let text = try expression.string()
    if let words = WordPattern(regularExpression: text) { return .words(words) }
    if let known = RegularExpression(text) { return .expression(known) }
    throw expression.error(
      .unsupported, "is the regular expression \(quoted(text.utf8)), which is not implemented",
      advice: "References to groups, longer assertions, and expressions that match nothing or in many ways are not")
  }

  /// The pattern and the content of a `Replace`.
  func replacement() throws(InputError) -> (pattern: TextPattern, replacement: [UInt8]) {
    try allowOnly(["type", "pattern", "content"])
    return (try required("pattern").pattern(), try required("content").text(0...512))
  }

  /// Refuses pipelines of absurd length: each step costs time for each text, and stack where steps call each other.
  func checkLength(_ stepCount: Int) throws(InputError) {
    guard stepCount <= 64 else { throw error(.tooLarge, "is the step number \(stepCount), but 64 is the most") }
  }

  /// Refuses steps that together could make a text more than 64 times as long: they exhaust memory.
  ///
  /// - Parameter steps: For each step that writes more than it reads, the bytes that become bytes; nil for others.
  func checkGrowth(_ steps: [(old: Int, new: Int)?]) throws(InputError) {
    var growth = 1
    for case (let old, let new)? in steps {
      growth *= max(1, (new + old - 1) / old)
      guard growth <= 64 else { throw error(.badValue, "makes a text more than 64 times as long") }
    }
  }

  /// The scheme of a `Metaspace`, in its present or its older form.
  func prependScheme() throws(InputError) -> PreTokenizer.PrependScheme {
    let addsPrefix = try optional("add_prefix_space")?.bool() ?? true
    guard let field = try optional("prepend_scheme") else { return addsPrefix ? .always : .never }
    guard let scheme = PreTokenizer.PrependScheme(rawValue: try field.string()) else {
      throw field.error(.badValue, "must be always, first or never")
    }
    guard addsPrefix || scheme == .never else {
      throw field.error(.inconsistent, "contradicts add_prefix_space, which is false")
    }
    return scheme
  }
}
