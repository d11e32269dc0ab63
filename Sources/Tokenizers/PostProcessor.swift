import Formats

/// What is put around the ids of a text.
struct PostProcessor: Sendable {
  enum Part: Sendable, Equatable {
    /// The text's ids.
    case text
    /// Special tokens.
    case special([Int])
  }

  var template: [Part] = [.text]

  func process(_ ids: [Int]) -> [Int] {
    if template == [.text] { return ids }
    return template.flatMap { part in
      switch part {
      case .text: ids
      case .special(let special): special
      }
    }
  }
}

extension PostProcessor {
  /// Reads a `post_processor` of a `tokenizer.json`.
  mutating func add(_ field: JSONField, _ vocabulary: Vocabulary) throws(InputError) {
    switch try field.typeName() {
    case "Sequence":
      try field.allowOnly(["type", "processors"])
      for step in try field.required("processors").array() { try add(step, vocabulary) }
    case "ByteLevel":
      // It only changes offsets, which are not given here.
      try field.allowOnly(["type", "add_prefix_space", "trim_offsets", "use_regex"])
    case "RobertaProcessing", "BertProcessing":
      try field.allowOnly(["type", "sep", "cls", "trim_offsets", "add_prefix_space"])
      let first = try Self.pair(try field.required("cls"), vocabulary)
      let last = try Self.pair(try field.required("sep"), vocabulary)
      try wrap(in: [.special([first]), .text, .special([last])], field)
    case "TemplateProcessing":
      try field.allowOnly(["type", "single", "pair", "special_tokens"])
      let tokens = try Self.specialTokens(try field.required("special_tokens"), vocabulary)
      // The template for pairs is checked like the other, though pairs of texts are not encoded.
      _ = try Self.template(try field.required("pair"), tokens, sequences: ["A", "B"])
      try wrap(in: try Self.template(try field.required("single"), tokens, sequences: ["A"]), field)
    case let name:
      throw field.unsupportedType(name)
    }
  }

  private mutating func wrap(in template: [Part], _ field: JSONField) throws(InputError) {
    guard self.template == [.text] else {
      throw field.error(.unsupported, "is a second step that adds tokens, which is not implemented")
    }
    self.template = template
  }

  private static func pair(_ field: JSONField, _ vocabulary: Vocabulary) throws(InputError) -> Int {
    let parts = try field.array()
    guard parts.count == 2 else { throw field.error(.badValue, "must be a token and its id") }
    return try parts[1].id(of: try parts[0].jsonString(), vocabulary)
  }

  private static func specialTokens(
    _ field: JSONField, _ vocabulary: Vocabulary
  ) throws(InputError) -> [JSONString: [Int]] {
    var tokens: [JSONString: [Int]] = [:]
    for (key, token) in try field.object() {
      try token.allowOnly(["id", "ids", "tokens"])
      let ids = try token.required("ids").array()
      let names = try token.required("tokens").array()
      guard ids.count == names.count else { throw token.error(.inconsistent, "has not as many ids as tokens") }
      var known: [Int] = []
      for (id, name) in zip(ids, names) { known.append(try id.id(of: try name.jsonString(), vocabulary)) }
      tokens[key] = known
    }
    return tokens
  }

  private static func template(
    _ field: JSONField, _ tokens: [JSONString: [Int]], sequences: [String]
  ) throws(InputError) -> [Part] {
    var parts: [Part] = []
    for part in try field.array(atMost: 64) {
      try part.allowOnly(["SpecialToken", "Sequence"])
      if let special = try part.optional("SpecialToken") {
        let name = try special.required("id").jsonString()
        _ = try special.required("type_id").int(in: 0...Int(UInt32.max))
        guard let ids = tokens[name] else {
          throw special.error(.inconsistent, "names \(quoted(name.utf8)), which is not among the special_tokens")
        }
        parts.append(.special(ids))
      } else {
        let sequence = try part.required("Sequence")
        _ = try sequence.required("type_id").int(in: 0...Int(UInt32.max))
        guard sequences.contains(try sequence.required("id").string()) else {
          throw sequence.error(.badValue, "must have the id \(sequences.joined(separator: " or "))")
        }
        parts.append(.text)
      }
    }
    guard parts.contains(.text) else { throw field.error(.badValue, "must hold the Sequence A") }
    return parts
  }
}

extension JSONField {
  /// This id, which must be that of the token.
  fileprivate func id(of token: JSONString, _ vocabulary: Vocabulary) throws(InputError) -> Int {
    let id = try int(in: 0...Int(Int32.max))
    guard Int(vocabulary.id(of: token.utf8)) == id else {
      throw error(.inconsistent, "is \(id), which is not the id of \(quoted(token.utf8)) in the vocabulary")
    }
    return id
  }
}
