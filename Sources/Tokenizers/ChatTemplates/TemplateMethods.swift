import Formats

/// The methods of values.
enum TemplateMethods {
  /// What those of texts take, as Python names it and as far as it is implemented.
  fileprivate static let ofText: [String: TemplateParameters] = [
    "strip": .placed("chars"), "lstrip": .placed("chars"), "rstrip": .placed("chars"), "split": ["sep", "maxsplit"],
    "rsplit": ["sep", "maxsplit"], "splitlines": ["keepends"], "startswith": .placed("prefix", "start", "end"),
    "endswith": .placed("suffix", "start", "end"),
    "replace": .placed("old", "new", named: ["count"]), "upper": [], "lower": [], "title": [], "capitalize": [],
    "find": .placed("sub", "start", "end"), "rfind": .placed("sub", "start", "end"),
    "count": .placed("sub", "start", "end"), "join": .placed("iterable"),
    "isdigit": [], "isalpha": [], "isalnum": [], "isspace": [], "isupper": [], "islower": [],
    "removeprefix": .placed("prefix"), "removesuffix": .placed("suffix"), "zfill": .placed("width"),
    "ljust": .placed("width", "fillchar"), "rjust": .placed("width", "fillchar"),
    "center": .placed("width", "fillchar"), "partition": .placed("sep"), "rpartition": .placed("sep"),
  ]
  fileprivate static let ofMappings: [String: TemplateParameters] = [
    "items": [], "keys": [], "values": [], "get": .placed("key", "default"), "copy": [],
  ]
  fileprivate static let ofLists: [String: TemplateParameters] = [
    "index": .placed("value", "start", "stop"), "count": .placed("value"), "copy": [],
  ]
  // What would change a value; Hugging Face's environment refuses it too.
  private static let changing: Set<String> = [
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault", "popitem",
  ]

  /// Whether a value has a method, also one that is refused.
  static func isOne(_ name: String, of value: TemplateValue) -> Bool {
    switch value {
    case .string: ofText[name] != nil
    case .dictionary:
      ofMappings[name] != nil || ["pop", "clear", "update", "setdefault", "popitem"].contains(name)
    case .list: ofLists[name] != nil || changing.contains(name)
    case .tuple: name == "index" || name == "count"
    case .loop: name == "cycle" || name == "changed"
    default: false
    }
  }
}

extension TemplateInterpreter {
  mutating func method(
    _ name: String, of receiver: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    switch receiver {
    case .string(let text): return try method(name, of: text.utf8, arguments)
    case .dictionary(let dictionary):
      if let parameters = TemplateMethods.ofMappings[name] { try arguments.requireOnly(parameters, of: name) }
      switch name {
      case "items":
        try spend(dictionary.entries.count * 32)
        return .list(dictionary.entries.map { .tuple([$0.key.value, $0.value]) })
      case "keys": return .list(dictionary.entries.map(\.key.value))
      case "values": return .list(dictionary.entries.map(\.value))
      case "get":
        guard let key = arguments.value(0, "key") else { throw InputError(.badValue, "calls get without a key") }
        let found = TemplateDictionary.Key(key).flatMap { dictionary[$0] }
        return found ?? arguments.value(1, "default") ?? .none
      case "copy": return receiver
      default: break
      }
    case .list(let elements), .tuple(let elements):
      if let parameters = TemplateMethods.ofLists[name] { try arguments.requireOnly(parameters, of: name) }
      switch name {
      case "count", "index":
        guard let part = arguments.positional.first else {
          throw InputError(.badValue, "calls \(name) without a value")
        }
        try charge(receiver)
        if name == "count" { return .int(elements.count { TemplateValue.areEqual($0, part) }) }
        let places = try arguments.bounds(of: elements.count, takingNone: false)
        guard let place = places?.first(where: { TemplateValue.areEqual(elements[$0], part) }) else {
          throw InputError(.badValue, "looks for what is not in the list")
        }
        return .int(place)
      case "copy": return receiver
      default: break
      }
    case .loop(let loop):
      guard arguments.named.isEmpty else { throw InputError(.badValue, "gives \(name) arguments by name") }
      guard name == "cycle" else {
        let isSame = loop.lastChecked.map { TemplateValue.areEqual($0, .list(arguments.positional)) } ?? false
        guard !arguments.positional.contains(where: Self.holdsNamespace) else { break }
        loop.lastChecked = .list(arguments.positional)
        return .bool(!isSame)
      }
      guard !arguments.positional.isEmpty else { throw InputError(.badValue, "calls cycle without values") }
      return arguments.positional[loop.index % arguments.positional.count]
    default: break
    }
    throw InputError(.unsupported, "calls \(name) of \(receiver.kindName), which would change it or is not implemented")
  }

  private mutating func method(
    _ name: String, of text: [UInt8], _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    func value(_ bytes: [UInt8]) -> TemplateValue { .string(JSONString(utf8: bytes)) }
    try spend(text.count)
    if let parameters = TemplateMethods.ofText[name] { try arguments.requireOnly(parameters, of: name) }
    switch name {
    case "strip", "lstrip", "rstrip":
      let set = try arguments.text(0, "chars")
      return value(TemplateBytes.strip(text, set, left: name != "rstrip", right: name != "lstrip"))
    case "split", "rsplit":
      let separator = try arguments.text(0, "sep")
      let most = try arguments.integer(1, "maxsplit").map { $0 < 0 ? Int.max : $0 } ?? .max
      let parts: [[UInt8]]
      if let separator {
        guard !separator.isEmpty else { throw InputError(.badValue, "splits at an empty text") }
        try spend(text.count * 16)
        parts =
          name == "split"
          ? TemplateBytes.split(text, at: separator, most: most)
          : TemplateBytes.splitFromEnd(text, at: separator, most: most)
      } else {
        try spend(text.count * 16)
        parts = TemplateBytes.words(text, most: most, fromEnd: name == "rsplit")
      }
      return .list(parts.map(value))
    case "splitlines":
      try spend(text.count * 16)
      let keepsEnds = arguments.value(0, "keepends") ?? .bool(false)
      guard keepsEnds.integer != nil else {
        throw InputError(.badValue, "gives \(keepsEnds.kindName) for keepends, which must be true or false")
      }
      return .list(TemplateBytes.lines(text, keepingEnds: keepsEnds.isTrue).map(value))
    case "startswith", "endswith":
      return .bool(try hasEnd(text, arguments, first: name == "startswith"))
    case "replace":
      let (old, new) = (try arguments.requiredText(0, "old"), try arguments.requiredText(1, "new"))
      return value(try replaced(text, old, new, try arguments.integer(2, "count")))
    case "removeprefix":
      let part = try arguments.requiredText(0, "prefix")
      return value(text.starts(with: part) ? Array(text.dropFirst(part.count)) : text)
    case "removesuffix":
      let part = try arguments.requiredText(0, "suffix")
      return value(text.suffix(part.count) == part[...] && !part.isEmpty ? Array(text.dropLast(part.count)) : text)
    case "find", "rfind", "count":
      return .int(try search(name, text, arguments))
    case "partition", "rpartition":
      let part = try arguments.requiredText(0, "sep")
      guard !part.isEmpty else { throw InputError(.badValue, "splits at an empty text") }
      let isFirst = name == "partition"
      let parts =
        isFirst ? TemplateBytes.split(text, at: part, most: 1) : TemplateBytes.splitFromEnd(text, at: part, most: 1)
      guard parts.count == 2 else {
        return .tuple(isFirst ? [value(text), value([]), value([])] : [value([]), value([]), value(text)])
      }
      return .tuple([value(parts[0]), value(part), value(parts[1])])
    case "join":
      guard let items = arguments.positional.first else { throw InputError(.badValue, "joins nothing") }
      var (out, isFirst) = ([UInt8](), true)
      for item in try elements(of: items) {
        guard case .string(let part) = item else {
          throw InputError(.badValue, "joins \(item.kindName), which is no text")
        }
        try spend(part.utf8.count + text.count)
        if !isFirst { out += text }
        isFirst = false
        out += part.utf8
      }
      return value(out)
    case "zfill", "ljust", "rjust", "center":
      guard let width = try arguments.integer(0, "width") else { throw InputError(.badValue, "does not give a width") }
      let count = max(0, max(0, width) - scalarCount(of: text[...]))
      let standard = UInt8(ascii: name == "zfill" ? "0" : " ")
      let fill = arguments.positional.count > 1 ? try arguments.requiredText(1, "fillchar") : [standard]
      guard scalarCount(of: fill[...]) == 1 else {
        throw InputError(.badValue, "fills up with what is not one character")
      }
      let (total, overflows) = count.multipliedReportingOverflow(by: fill.count)
      try spend(overflows ? .max : total)
      func padding(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in fill } }
      switch name {
      case "ljust": return value(text + padding(count))
      case "center":
        // Python's halves: what cannot be shared goes to the left of an odd width.
        let left = count / 2 + (count & width & 1)
        return value(padding(left) + text + padding(count - left))
      default:
        let isSigned = name == "zfill" && (text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+"))
        return value(isSigned ? Array(text.prefix(1)) + padding(count) + text.dropFirst() : padding(count) + text)
      }
    default: return try lettersMethod(name, String(decoding: text, as: UTF8.self))
    }
  }

  /// Whether the text, or the part of it that is named, begins or ends with another, or with one of a tuple.
  private func hasEnd(
    _ text: [UInt8], _ arguments: TemplateArguments, first isFirst: Bool
  ) throws(InputError) -> Bool {
    guard let wanted = arguments.positional.first else {
      throw InputError(.badValue, "does not give a text to look for")
    }
    let places = try arguments.bounds(of: scalarCount(of: text[...]), takingNone: true)
    let text = places.map { TemplateBytes.part(text, $0) }
    var parts = [wanted]
    if case .tuple(let several) = wanted { parts = several }
    for part in parts {
      guard case .string(let part) = part else {
        throw InputError(.badValue, "asks whether text begins or ends with \(part.kindName)")
      }
      guard let text else { continue }
      if isFirst ? text.starts(with: part.utf8) : text.suffix(part.utf8.count) == part.utf8[...] { return true }
    }
    return false
  }

  /// Where a text stands in the text, or in the part of it that is named, or how often.
  private func search(_ name: String, _ text: [UInt8], _ arguments: TemplateArguments) throws(InputError) -> Int {
    let part = try arguments.requiredText(0, "sub")
    let places = try arguments.bounds(of: scalarCount(of: text[...]), takingNone: true)
    guard let places else { return name == "count" ? 0 : -1 }
    let text = TemplateBytes.part(text, places)
    switch name {
    case "count": return part.isEmpty ? places.count + 1 : TemplateBytes.places(of: part, in: text).count
    case "find":
      return TemplateBytes.find(part, in: text).map { places.lowerBound + scalarCount(of: text[..<$0]) } ?? -1
    default:
      let fromEnd = TemplateBytes.find(part.reversed(), in: text.reversed())
      return fromEnd.map { places.lowerBound + scalarCount(of: text[..<(text.count - $0 - part.count)]) } ?? -1
    }
  }

  private func lettersMethod(_ name: String, _ text: String) throws(InputError) -> TemplateValue {
    let scalars = text.unicodeScalars
    func all(_ belongs: (Unicode.Scalar) -> Bool) -> TemplateValue {
      .bool(!scalars.isEmpty && scalars.allSatisfy(belongs))
    }
    switch name {
    case "upper": return .text(text.uppercased())
    case "lower": return .text(text.lowercased())
    case "capitalize": return .text(TemplateText.capitalized(text))
    case "title": return .text(TemplateText.titled(text))
    case "isdigit": return all { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
    case "isalpha": return all(TemplateText.isLetter)
    case "isalnum": return all { TemplateText.isLetter($0) || $0.properties.numericType != nil }
    case "isspace": return all(TemplateBytes.isSpace)
    case "isupper":
      return .bool(scalars.contains { $0.properties.isUppercase } && !scalars.contains { $0.properties.isLowercase })
    case "islower":
      return .bool(scalars.contains { $0.properties.isLowercase } && !scalars.contains { $0.properties.isUppercase })
    default: throw InputError(.unsupported, "calls \(name) of a text, which is not implemented")
    }
  }

  mutating func replaced(
    _ text: [UInt8], _ old: [UInt8], _ new: [UInt8], _ count: Int?
  ) throws(InputError) -> [UInt8] {
    let most = count.map { $0 < 0 ? Int.max : $0 } ?? .max
    try spend(TemplateBytes.replacedCount(text, old, new, most: most))
    return TemplateBytes.replace(text, old, new, most: most)
  }
}

/// What templates do to letters.
enum TemplateText {
  static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first else { return text }
    return first.properties.titlecaseMapping + String(text.unicodeScalars.dropFirst()).lowercased()
  }

  /// Each letter that begins a word in upper case, others in lower case. Words are what stands between white space, dashes
  /// and opening brackets or, as the method has it, runs of letters.
  static func titled(_ text: String, byWords: Bool = false) -> String {
    var (out, follows) = ("", false)
    for scalar in text.unicodeScalars {
      out += follows ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
      follows =
        byWords
        ? !(TemplateBytes.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)) : scalar.properties.isCased
    }
    return out
  }
}
