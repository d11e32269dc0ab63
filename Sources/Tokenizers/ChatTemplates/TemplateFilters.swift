import Formats

/// The filters that are implemented.
enum TemplateFilters {
  /// What each takes besides its value, as Jinja names it; `tojson` is that of `transformers`.
  static let parameters: [String: TemplateParameters] = [
    "trim": ["chars"], "tojson": ["ensure_ascii", "indent", "separators", "sort_keys"], "length": [], "count": [],
    "join": ["d", "attribute"], "default": ["default_value", "boolean"], "d": ["default_value", "boolean"],
    "upper": [], "lower": [], "capitalize": [], "title": [], "items": [], "list": [], "first": [], "last": [],
    "replace": ["old", "new", "count"], "string": [], "int": ["default", "base"], "float": ["default"],
    "round": ["precision", "method"], "abs": [], "sum": ["attribute", "start"],
    "min": ["case_sensitive", "attribute"], "max": ["case_sensitive", "attribute"],
    "sort": ["reverse", "case_sensitive", "attribute"], "unique": ["case_sensitive", "attribute"], "reverse": [],
    "dictsort": ["case_sensitive", "by", "reverse"], "indent": ["width", "first", "blank"], "safe": [], "e": [],
    "escape": [], "attr": ["name"], "wordcount": [], "center": ["width"],
  ]
  /// Those that give what they take to other filters and tests.
  private static let passing: Set<String> = ["map", "select", "reject", "selectattr", "rejectattr"]

  static func isOne(_ name: String) -> Bool { parameters[name] != nil || passing.contains(name) }
}

extension TemplateInterpreter {
  private static func text(_ bytes: [UInt8]) -> TemplateValue { .string(JSONString(utf8: bytes)) }

  mutating func filter(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    if let parameters = TemplateFilters.parameters[name] { try arguments.requireOnly(parameters, of: name) }
    switch name {
    case "trim": return Self.text(TemplateBytes.strip(try text(of: value), try arguments.text(0, "chars")))
    case "tojson": return try json(value, arguments)
    case "length", "count": return .int(try length(of: value))
    case "join": return try joined(value, arguments)
    case "default", "d":
      let standard = arguments.value(0, "default_value") ?? .text("")
      let isBoolean = arguments.value(1, "boolean")?.isTrue ?? false
      if case .undefined = value { return standard }
      return isBoolean && !value.isTrue ? standard : value
    case "title": return .text(TemplateText.titled(JSONString(utf8: try text(of: value)).text, byWords: true))
    case "upper", "lower", "capitalize": return try method(name, of: Self.text(try text(of: value)), .init())
    case "string", "safe": return Self.text(try text(of: value))
    case "replace":
      let (old, new) = (try arguments.requiredText(0, "old"), try arguments.requiredText(1, "new"))
      return Self.text(try replaced(try text(of: value), old, new, try arguments.integer(2, "count")))
    case "center":
      let width = arguments.value(0, "width") ?? .int(80)
      return try method(name, of: Self.text(try text(of: value)), .init([width]))
    case "e", "escape": return Self.text(try escaped(try text(of: value)))
    case "indent": return Self.text(try indented(try text(of: value), arguments))
    case "wordcount": return .int(TemplateBytes.words(try text(of: value), most: .max, fromEnd: false).count)
    case "items":
      if case .undefined = value { return .list([]) }
      guard case .dictionary = value else {
        throw InputError(.badValue, "takes the items of \(value.kindName), which is no mapping")
      }
      return try method("items", of: value, .init())
    case "attr":
      let attribute = JSONString(utf8: try arguments.requiredText(0, "name")).text
      if case .dictionary = value { return .undefined(attribute) }
      return try self.attribute(attribute, of: value)
    case "int", "float", "round", "abs": return try number(name, value, arguments)
    default: return try listFilter(name, value, arguments)
    }
  }

  // MARK: Lists

  private mutating func listFilter(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    switch name {
    case "list": return .list(try elements(of: value))
    case "first": return try elements(of: value).first ?? .undefined("the first of nothing")
    case "last": return try elements(of: value).last ?? .undefined("the last of nothing")
    case "reverse":
      guard case .string(let text) = value else { return .list(try elements(of: value).reversed()) }
      return Self.text(TemplateBytes.bytes(text.text.unicodeScalars.reversed()))
    case "map": return try mapped(value, arguments)
    case "select", "reject", "selectattr", "rejectattr": return try selected(name, value, arguments)
    case "sum":
      var total = arguments.value(1, "start") ?? .int(0)
      for item in try members(of: value, arguments.value(0, "attribute")) { total = try compute(total, .add, item) }
      return total
    case "min", "max", "sort", "unique": return try ordered(name, value, arguments)
    case "dictsort":
      guard case .dictionary(let dictionary) = value else {
        throw InputError(.badValue, "sorts \(value.kindName) as a mapping")
      }
      try charge(value)
      let by = String(decoding: try arguments.text(1, "by") ?? Array("key".utf8), as: UTF8.self)
      guard by == "key" || by == "value" else { throw InputError(.badValue, "sorts by \(quoted(by.utf8))") }
      let entries = dictionary.entries
      var keys = entries.map { by == "key" ? $0.key.value : $0.value }
      if !(arguments.value(0, "case_sensitive")?.isTrue ?? false) { keys = keys.map(\.folded) }
      let order = try order(of: keys, reversed: arguments.value(2, "reverse")?.isTrue ?? false)
      return .list(order.map { .tuple([entries[$0].key.value, entries[$0].value]) })
    default: throw InputError(.unsupported, "uses the filter \(name), which is not implemented")
    }
  }

  private func length(of value: TemplateValue) throws(InputError) -> Int {
    switch value {
    case .string(let text): return scalarCount(of: text.utf8[...])
    case .list(let elements), .tuple(let elements): return elements.count
    case .dictionary(let dictionary): return dictionary.entries.count
    case .undefined: return 0
    case .loop(let loop): return loop.items.count
    default: throw InputError(.badValue, "takes the length of \(value.kindName)")
    }
  }

  /// The elements, or of each the member that a name with dots leads to.
  private mutating func members(
    of value: TemplateValue, _ name: TemplateValue?
  ) throws(InputError) -> [TemplateValue] {
    let items = try elements(of: value)
    guard let name else { return items }
    if case .none = name { return items }
    var found: [TemplateValue] = []
    for item in items { found.append(try member(name, of: item)) }
    return found
  }

  private mutating func member(_ path: TemplateValue, of value: TemplateValue) throws(InputError) -> TemplateValue {
    if let place = path.integer {
      if case .list(let elements) = value, elements.indices.contains(place) { return elements[place] }
      if case .tuple(let elements) = value, elements.indices.contains(place) { return elements[place] }
      return .undefined("element \(place)")
    }
    guard case .string(let name) = path else { throw InputError(.badValue, "names a member by \(path.kindName)") }
    var result = value
    for part in TemplateBytes.split(name.utf8, at: [UInt8(ascii: ".")], most: 16) {
      // Unlike a name after a dot, this one finds entries before methods.
      let key = JSONString(utf8: part)
      if case .dictionary(let dictionary) = result {
        result = dictionary[.string(key)] ?? .undefined(key.text)
      } else if let place = Int(key.text) {
        result = try member(.int(place), of: result)
      } else {
        result = try attribute(key.text, of: result)
      }
    }
    return result
  }

  private mutating func mapped(
    _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    var mapped: [TemplateValue] = []
    guard value.isTrue else { return .list([]) }
    // Beside a filter's name, they are what that filter takes.
    if arguments.positional.isEmpty, let name = arguments.value(0, "attribute") {
      try TemplateArguments([], arguments.named).requireOnly(["attribute", "default"], of: "map")
      var standard = arguments.value(1, "default")
      if case .none? = standard { standard = nil }
      for item in try members(of: value, name) {
        if case .undefined = item, let standard { mapped.append(standard) } else { mapped.append(item) }
      }
      return .list(mapped)
    }
    guard let first = arguments.positional.first else {
      throw InputError(.badValue, "maps with neither a filter nor an attribute")
    }
    guard case .string(let name) = first, TemplateFilters.isOne(name.text) else {
      throw InputError(.unsupported, "maps with a filter that is not implemented")
    }
    guard name != "map" else { throw InputError(.unsupported, "maps with map, which is not implemented") }
    let rest = TemplateArguments(Array(arguments.positional.dropFirst()), arguments.named)
    for item in try elements(of: value) {
      try spend(64)
      mapped.append(try filter(name.text, item, rest))
    }
    return .list(mapped)
  }

  private mutating func selected(
    _ filter: String, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    var rest = arguments.positional[...]
    let isByMember = filter.hasSuffix("attr")
    let path = isByMember ? rest.popFirst() : nil
    guard !isByMember || path != nil else { throw InputError(.badValue, "uses \(filter) without a name") }
    var name: String?
    if let test = rest.popFirst() {
      guard case .string(let text) = test, TemplateTests.parameters[text.text] != nil else {
        throw InputError(.unsupported, "uses \(filter) with a test that is not implemented")
      }
      name = text.text
    }
    var kept: [TemplateValue] = []
    for item in value.isTrue ? try elements(of: value) : [] {
      try spend(64)
      let subject = try path.map { (path) throws(InputError) in try member(path, of: item) } ?? item
      let fits =
        try name.map { (name) throws(InputError) in
          try test(name, subject, TemplateArguments(Array(rest), arguments.named))
        } ?? subject.isTrue
      if fits == filter.hasPrefix("select") { kept.append(item) }
    }
    return .list(kept)
  }

  private mutating func ordered(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    try charge(value)
    let isSort = name == "sort"
    let items = try elements(of: value)
    let path = arguments.value(isSort ? 2 : 1, "attribute")
    let foldsCase = !(arguments.value(isSort ? 1 : 0, "case_sensitive")?.isTrue ?? false)
    var keys = try members(of: value, path)
    if foldsCase { keys = keys.map(\.folded) }
    if name == "unique" {
      var kept: [(key: TemplateValue, item: TemplateValue)] = []
      for (key, item) in zip(keys, items) {
        try spend(kept.count * 64)
        if !kept.contains(where: { TemplateValue.areEqual($0.key, key) }) { kept.append((key, item)) }
      }
      return .list(kept.map(\.item))
    }
    let order = try order(of: keys, reversed: isSort && arguments.value(0, "reverse")?.isTrue ?? false)
    switch name {
    case "sort": return .list(order.map { items[$0] })
    case "min": return order.first.map { items[$0] } ?? .undefined("the least of nothing")
    default:
      // Of equal ones the first.
      guard let last = order.last else { return .undefined("the greatest of nothing") }
      return order.first { TemplateValue.areEqual(keys[$0], keys[last]) }.map { items[$0] } ?? items[last]
    }
  }

  /// The places of values in rising or falling order; equal ones stay as they stand.
  private mutating func order(of keys: [TemplateValue], reversed: Bool) throws(InputError) -> [Int] {
    for key in keys.dropFirst() where TemplateValue.precedes(keys[0], key) == nil {
      throw InputError(.badValue, "orders \(keys[0].kindName) and \(key.kindName)")
    }
    try spend(keys.count * 64)
    return keys.indices.sorted { a, b in
      let (first, second) = reversed ? (keys[b], keys[a]) : (keys[a], keys[b])
      if TemplateValue.precedes(first, second) ?? false { return true }
      return TemplateValue.precedes(second, first) ?? false ? false : a < b
    }
  }

  // MARK: Text

  private mutating func json(
    _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    try charge(value)
    var writer = TemplateJSON()
    writer.escapesUnicode = arguments.value(0, "ensure_ascii")?.isTrue ?? false
    writer.room = bytesLeft
    if let width = arguments.value(1, "indent"), !width.isNone { writer.indent = try indentation(width) }
    if let separators = arguments.value(2, "separators"), !separators.isNone {
      let parts = try elements(of: separators)
      guard parts.count == 2, case .string(let item) = parts[0], case .string(let key) = parts[1] else {
        throw InputError(.badValue, "gives separators for JSON that are not two texts")
      }
      (writer.itemSeparator, writer.keySeparator, writer.keepsItemSeparator) = (item.utf8, key.utf8, true)
    }
    writer.sortsKeys = arguments.value(3, "sort_keys")?.isTrue ?? false
    try writer.write(value)
    try spend(writer.out.count)
    return Self.text(writer.out)
  }

  private mutating func joined(
    _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    let separator = try arguments.text(0, "d") ?? []
    var (out, isFirst) = ([UInt8](), true)
    for item in try members(of: value, arguments.value(1, "attribute")) {
      if !isFirst {
        try spend(separator.count)
        out += separator
      }
      isFirst = false
      out += try text(of: item)
    }
    return Self.text(out)
  }

  private mutating func escaped(_ text: [UInt8]) throws(InputError) -> [UInt8] {
    try spend(text.count * 5)
    var out: [UInt8] = []
    for byte in text {
      switch byte {
      case UInt8(ascii: "&"): out += Array("&amp;".utf8)
      case UInt8(ascii: "<"): out += Array("&lt;".utf8)
      case UInt8(ascii: ">"): out += Array("&gt;".utf8)
      case UInt8(ascii: "'"): out += Array("&#39;".utf8)
      case UInt8(ascii: "\""): out += Array("&#34;".utf8)
      default: out.append(byte)
      }
    }
    return out
  }

  /// What lines are indented by: a text, or so many spaces.
  private mutating func indentation(_ width: TemplateValue) throws(InputError) -> [UInt8] {
    if case .string(let text) = width { return text.utf8 }
    guard let count = width.integer else {
      throw InputError(.badValue, "indents by \(width.kindName), which must be text or a whole number")
    }
    try spend(count)
    return [UInt8](repeating: 0x20, count: max(count, 0))
  }

  private mutating func indented(_ text: [UInt8], _ arguments: TemplateArguments) throws(InputError) -> [UInt8] {
    let indent = try indentation(arguments.value(0, "width") ?? .int(4))
    let (first, blank) = (arguments.value(1, "first")?.isTrue ?? false, arguments.value(2, "blank")?.isTrue ?? false)
    try spend(text.count * 16)
    // The line end lets an empty last line count as one.
    let lines = TemplateBytes.lines(text + [0x0A], keepingEnds: false)
    let (total, overflows) = lines.count.multipliedReportingOverflow(by: indent.count)
    try spend(overflows ? .max : total)
    var out: [UInt8] = []
    for (index, line) in lines.enumerated() {
      if index > 0 { out.append(0x0A) }
      if index == 0 ? first : blank || !line.isEmpty { out += indent }
      out += line
    }
    return out
  }
}

extension TemplateValue {
  /// Text in lower case, for comparing; other values as they are.
  fileprivate var folded: TemplateValue {
    if case .string(let text) = self { .text(text.text.lowercased()) } else { self }
  }
}
