import Formats

/// What is put around the tokens of a text or of two, and how their offsets are trimmed.
struct PostProcessor: Sendable {
  enum Part: Sendable, Equatable {
    /// The tokens of the first text (0) or the second (1); none where its type is the one that it has.
    case text(Int, typeID: Int?)
    case special([SpecialToken], typeID: Int)
  }

  struct SpecialToken: Sendable, Equatable {
    var id: Int
    var token: [UInt8]
  }

  enum Step: Sendable {
    /// Leaves white space at tokens' ends out of their offsets, but keeps a single one at the start that was added.
    case trimOffsets(keepsAddedSpace: Bool)
    /// Puts tokens around one text and around two. What was cut off gets the type of the parts if `typesOverflow` says so.
    case wrap(single: [Part], pair: [Part], typesOverflow: Bool)
  }

  var steps: [Step] = []

  /// How many tokens are put around one text, or two.
  func addedTokens(isPair: Bool) -> Int {
    var count = 0
    for case .wrap(let single, let pair, _) in steps {
      for case .special(let tokens, _) in isPair ? pair : single { count += tokens.count }
    }
    return count
  }

  /// The ids of one text with what is put around them.
  func wrap(_ ids: [Int]) -> [Int] {
    for case .wrap(let single, _, _) in steps {
      return single.flatMap { part in
        switch part {
        case .text: ids
        case .special(let tokens, _): tokens.map(\.id)
        }
      }
    }
    return ids
  }

  /// One encoding of one or two.
  func process(_ encodings: [Encoding], addingSpecialTokens: Bool) throws(InputError) -> Encoding {
    var parts = encodings
    for step in steps {
      switch step {
      case .trimOffsets(let keepsAddedSpace):
        for index in parts.indices { parts[index].trimOffsets(keepsAddedSpace: keepsAddedSpace) }
      case .wrap(let single, let pair, let typesOverflow):
        parts = (parts.count == 2 ? pair : single).compactMap { part in
          switch part {
          case .text(let index, let typeID):
            parts[index].typed(typeID, overflow: typesOverflow && addingSpecialTokens)
          case .special(let tokens, let typeID): addingSpecialTokens ? Encoding(tokens, typeID: typeID) : nil
          }
        }
      }
    }
    guard var whole = parts.first else { return Encoding() }
    for part in parts.dropFirst() { try whole.append(part) }
    return whole
  }
}

extension Encoding {
  fileprivate init(_ tokens: [PostProcessor.SpecialToken], typeID: Int) {
    for token in tokens {
      append(token.id, String(decoding: token.token, as: UTF8.self), 0..<0, typeID: typeID, isSpecial: true)
    }
  }

  fileprivate func typed(_ typeID: Int?, overflow includesOverflow: Bool) -> Encoding {
    guard let typeID else { return self }
    var typed = self
    typed.typeIDs = [Int](repeating: typeID, count: count)
    if includesOverflow { typed.overflow = overflow.map { $0.typed(typeID, overflow: false) } }
    return typed
  }

  fileprivate mutating func trimOffsets(keepsAddedSpace: Bool) {
    for index in ids.indices {
      let leading = Self.spaceCount(tokens[index].unicodeScalars)
      let trailing = Self.spaceCount(tokens[index].unicodeScalars.reversed())
      var (start, end) = (offsets[index].lowerBound, offsets[index].upperBound)
      let isFirst = index == 0 || start == 0
      if !(isFirst && keepsAddedSpace && leading == 1) { start = min(start + leading, end) }
      if end >= trailing { end = max(end - trailing, start) }
      offsets[index] = start..<end
    }
    for index in overflow.indices { overflow[index].trimOffsets(keepsAddedSpace: keepsAddedSpace) }
  }

  private static func spaceCount(_ scalars: some Sequence<Unicode.Scalar>) -> Int {
    var count = 0
    for scalar in scalars {
      guard scalar == "Ġ" || UnicodeData.whitespace.contains(scalar.value) else { break }
      count += 1
    }
    return count
  }
}

extension PostProcessor {
  /// Reads a `post_processor` of a `tokenizer.json`.
  mutating func add(_ field: JSONField, _ vocabulary: Vocabulary) throws(InputError) {
    switch try field.typeName() {
    case "Sequence":
      try field.allowOnly(["type", "processors"])
      for step in try field.required("processors").array(atMost: 64) { try add(step, vocabulary) }
    case "ByteLevel":
      try field.allowOnly(["type", "add_prefix_space", "trim_offsets", "use_regex"])
      try addTrimming(field)
    case "BertProcessing":
      try field.allowOnly(["type", "sep", "cls"])
      let (first, last) = (try field.required("cls").token(vocabulary), try field.required("sep").token(vocabulary))
      let single: [Part] = [.special([first], typeID: 0), .text(0, typeID: nil), .special([last], typeID: 0)]
      let pair = single + [.text(1, typeID: nil), .special([last], typeID: 1)]
      try addWrapping(field, .wrap(single: single, pair: pair, typesOverflow: false))
    case "RobertaProcessing":
      try field.allowOnly(["type", "sep", "cls", "trim_offsets", "add_prefix_space"])
      let (first, last) = (try field.required("cls").token(vocabulary), try field.required("sep").token(vocabulary))
      try addTrimming(field)
      let single: [Part] = [.special([first], typeID: 0), .text(0, typeID: 0), .special([last], typeID: 0)]
      let pair = single + [.special([last], typeID: 0), .text(1, typeID: 0), .special([last], typeID: 0)]
      try addWrapping(field, .wrap(single: single, pair: pair, typesOverflow: true))
    case "TemplateProcessing":
      try field.allowOnly(["type", "single", "pair", "special_tokens"])
      let tokens = try Self.specialTokens(try field.required("special_tokens"), vocabulary)
      let single = try Self.template(try field.required("single"), tokens, texts: ["A"])
      let pair = try Self.template(try field.required("pair"), tokens, texts: ["A", "B"])
      try addWrapping(field, .wrap(single: single, pair: pair, typesOverflow: false))
    case let name:
      throw field.unsupportedType(name)
    }
    try field.checkLength(steps.count)
  }

  private mutating func addTrimming(_ field: JSONField) throws(InputError) {
    guard try field.required("trim_offsets").bool() else { return }
    steps.append(.trimOffsets(keepsAddedSpace: try field.required("add_prefix_space").bool()))
  }

  private mutating func addWrapping(_ field: JSONField, _ step: Step) throws(InputError) {
    for case .wrap in steps {
      throw field.error(.unsupported, "is a second step that adds tokens, which is not implemented")
    }
    steps.append(step)
  }

  private static func specialTokens(
    _ field: JSONField, _ vocabulary: Vocabulary
  ) throws(InputError) -> [JSONString: [SpecialToken]] {
    var tokens: [JSONString: [SpecialToken]] = [:]
    for (key, token) in try field.object() {
      try token.allowOnly(["id", "ids", "tokens"])
      let ids = try token.required("ids").array()
      let names = try token.required("tokens").array()
      guard ids.count == names.count else { throw token.error(.inconsistent, "has not as many ids as tokens") }
      var known: [SpecialToken] = []
      for (id, name) in zip(ids, names) { known.append(try id.token(named: try name.jsonString(), vocabulary)) }
      tokens[key] = known
    }
    return tokens
  }

  private static func template(
    _ field: JSONField, _ tokens: [JSONString: [SpecialToken]], texts: [String]
  ) throws(InputError) -> [Part] {
    var (parts, used) = ([Part](), Set<Int>())
    for part in try field.array(atMost: 64) {
      try part.allowOnly(["SpecialToken", "Sequence"])
      if let special = try part.optional("SpecialToken") {
        let name = try special.required("id").jsonString()
        guard let known = tokens[name] else {
          throw special.error(.inconsistent, "names \(quoted(name.utf8)), which is not among the special_tokens")
        }
        parts.append(.special(known, typeID: try special.required("type_id").int(in: 0...Int(UInt32.max))))
      } else {
        let sequence = try part.required("Sequence")
        guard let index = texts.firstIndex(of: try sequence.required("id").string()) else {
          throw sequence.error(.badValue, "must have the id \(texts.joined(separator: " or "))")
        }
        used.insert(index)
        parts.append(.text(index, typeID: try sequence.required("type_id").int(in: 0...Int(UInt32.max))))
      }
    }
    guard !used.isEmpty else { throw field.error(.badValue, "must hold the Sequence A") }
    return parts
  }
}

extension JSONField {
  /// A special token that is written as an array of itself and its id.
  fileprivate func token(_ vocabulary: Vocabulary) throws(InputError) -> PostProcessor.SpecialToken {
    let parts = try array()
    guard parts.count == 2 else { throw error(.badValue, "must be a token and its id") }
    return try parts[1].token(named: try parts[0].jsonString(), vocabulary)
  }

  /// The special token of this id, which must be that of the name.
  fileprivate func token(
    named name: JSONString, _ vocabulary: Vocabulary
  ) throws(InputError) -> PostProcessor.SpecialToken {
    let id = try int(in: 0...Int(Int32.max))
    guard Int(vocabulary.id(of: name.utf8)) == id else {
      throw error(.inconsistent, "is \(id), which is not the id of \(quoted(name.utf8)) in the vocabulary")
    }
    return PostProcessor.SpecialToken(id: id, token: name.utf8)
  }
}
