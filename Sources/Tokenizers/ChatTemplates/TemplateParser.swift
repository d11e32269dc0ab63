import Formats

/// Reads a template: its tokens and, here, its statements.
struct TemplateParser {
  private(set) var tokens: [(token: TemplateLexer.Token, line: Int)]
  var index = 0
  private var depth = 0
  private var loopDepth = 0
  /// For each macro and block around this place, what its statements ask for, and what they may still ask for.
  private var extras: [(used: Set<TemplateCallable.Extra>, left: Set<TemplateCallable.Extra>)] = []

  /// How deep brackets and blocks may nest; each takes stack when it is read and when it is evaluated.
  private static let depthLimit = 48

  /// - Throws: `badValue` with the line for what is no template, `unsupported` for what is not implemented.
  static func statements(of text: [UInt8]) throws(InputError) -> [TemplateStatement] {
    var parser = TemplateParser(tokens: try TemplateLexer(text).tokens)
    return try parser.body(until: []).statements
  }

  private init(tokens: [(token: TemplateLexer.Token, line: Int)]) { self.tokens = tokens }

  // MARK: Tokens

  var token: TemplateLexer.Token? { index < tokens.count ? tokens[index].token : nil }
  private var line: Int { tokens.isEmpty ? 1 : tokens[min(index, tokens.count - 1)].line }

  func error(_ what: String, _ kind: InputError.Kind = .badValue) -> InputError {
    InputError(kind, what, at: "line \(line)")
  }

  func unexpected(_ expected: String) -> InputError {
    let found =
      switch token {
      case nil: "the end"
      case .text?: "text"
      case .blockStart?, .outputStart?: "a tag"
      case .blockEnd?, .outputEnd?: "the end of the tag"
      case .name(let name)?: quoted(name.utf8)
      case .string(let text)?: "the string \(quoted(text.utf8))"
      case .int(let value)?: "\(value)"
      case .float(let value)?: "\(value)"
      case .symbol(let symbol)?: quoted(symbol.utf8)
      }
    return error("has \(found) where \(expected) is expected")
  }

  mutating func take(_ symbol: String) -> Bool {
    guard token == .symbol(symbol) else { return false }
    index += 1
    return true
  }

  mutating func take(name: String) -> Bool {
    guard token == .name(name) else { return false }
    index += 1
    return true
  }

  mutating func expect(_ symbol: String) throws(InputError) {
    guard take(symbol) else { throw unexpected(quoted(symbol.utf8)) }
  }

  mutating func expectName() throws(InputError) -> String {
    guard case .name(let name)? = token else { throw unexpected("a name") }
    index += 1
    return name
  }

  private mutating func expectBlockEnd() throws(InputError) {
    guard token == .blockEnd else { throw unexpected("the end of the tag") }
    index += 1
  }

  mutating func nested<Result>(
    _ body: (inout TemplateParser) throws(InputError) -> Result
  ) throws(InputError) -> Result {
    guard depth < Self.depthLimit else { throw error("nests deeper than \(Self.depthLimit)", .tooLarge) }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  // MARK: Statements

  /// Statements up to a block tag of one of these names, which is read up to its name.
  private mutating func body(
    until ends: [String]
  ) throws(InputError) -> (statements: [TemplateStatement], end: String) {
    try nested { (parser) throws(InputError) in
      var statements: [TemplateStatement] = []
      let startLine = parser.tokens.isEmpty ? 1 : parser.tokens[max(0, parser.index - 1)].line
      while let token = parser.token {
        let line = parser.line
        parser.index += 1
        switch token {
        case .text(let text): statements.append(TemplateStatement(kind: .text(text), line: line))
        case .outputStart:
          let value = try parser.tuple()
          guard parser.token == .outputEnd else { throw parser.unexpected("the end of the tag") }
          parser.index += 1
          statements.append(TemplateStatement(kind: .output(value), line: line))
        case .blockStart:
          let name = try parser.expectName()
          if ends.contains(name) { return (statements, name) }
          if let kind = try parser.statement(name) {
            statements.append(contentsOf: kind.map { .init(kind: $0, line: line) })
          }
        default: throw parser.unexpected("text or a tag")
        }
      }
      guard ends.isEmpty else {
        throw InputError(.badValue, "has no \(ends.joined(separator: ", ")) for the block", at: "line \(startLine)")
      }
      return (statements, "")
    }
  }

  private mutating func block(_ end: String) throws(InputError) -> [TemplateStatement] {
    try expectBlockEnd()
    let body = try body(until: [end]).statements
    if end == "endmacro" || end == "endset", case .name? = token { index += 1 }
    try expectBlockEnd()
    return body
  }

  private mutating func statement(_ name: String) throws(InputError) -> [TemplateStatement.Kind]? {
    switch name {
    case "if": return [try choice()]
    case "for": return [try loop()]
    case "set": return [try assignment()]
    case "macro": return [try macro()]
    case "call": return [try call()]
    case "filter":
      guard case .name? = token else { throw unexpected("a filter") }
      let filters = try suffixes(filtersOnly: true, startingWithFilter: true)
      return [.filtered(filters, try block("endfilter"))]
    case "with":
      var values: [(JSONString, TemplateExpression)] = []
      while case .name(let name)? = token {
        index += 1
        try expect("=")
        assigns(name)
        values.append((JSONString(name), try expression()))
        guard take(",") else { break }
      }
      return [.scope(values, try block("endwith"))]
    case "generation":
      // It marks what an assistant wrote, for training; the text is the same.
      try expectBlockEnd()
      let body = try body(until: ["endgeneration"]).statements
      try expectBlockEnd()
      return [.scope([], body)]
    case "break", "continue":
      guard loopDepth > 0 else { throw error("has a \(name) outside of a loop") }
      try expectBlockEnd()
      return [name == "break" ? .leave : .next]
    case let name where name.hasPrefix("end") || ["else", "elif"].contains(name):
      throw error("has a \(name) without its block")
    default:
      throw error("has a block \(quoted(name.utf8)), which is not implemented", .unsupported)
    }
  }

  private mutating func choice() throws(InputError) -> TemplateStatement.Kind {
    var choices: [(test: TemplateExpression, body: [TemplateStatement])] = []
    while true {
      let test = try tuple()
      try expectBlockEnd()
      let (statements, end) = try body(until: ["elif", "else", "endif"])
      choices.append((test, statements))
      if end == "elif" { continue }
      var otherwise: [TemplateStatement] = []
      if end == "else" {
        try expectBlockEnd()
        otherwise = try body(until: ["endif"]).statements
      }
      try expectBlockEnd()
      return .choice(choices, otherwise: otherwise)
    }
  }

  private mutating func loop() throws(InputError) -> TemplateStatement.Kind {
    let target = try target()
    guard take(name: "in") else { throw unexpected("in") }
    let items = try tuple(allowingChoice: false)
    let filter = take(name: "if") ? try expression() : nil
    guard token != .name("recursive") else {
      throw error("has a recursive loop, which is not implemented", .unsupported)
    }
    try expectBlockEnd()
    loopDepth += 1
    let (statements, end) = try body(until: ["else", "endfor"])
    loopDepth -= 1
    var otherwise: [TemplateStatement] = []
    if end == "else" {
      try expectBlockEnd()
      otherwise = try body(until: ["endfor"]).statements
    }
    try expectBlockEnd()
    return .loop(target, items, where: filter, statements, otherwise: otherwise)
  }

  private mutating func target() throws(InputError) -> TemplateStatement.Target {
    func single(_ parser: inout TemplateParser) throws(InputError) -> TemplateStatement.Target {
      if parser.take("(") {
        let inner = try parser.nested { (parser) throws(InputError) in try parser.target() }
        try parser.expect(")")
        return inner
      }
      let name = try parser.expectName()
      guard !["true", "false", "none", "True", "False", "None", "loop"].contains(name) || name == "loop" else {
        throw parser.error("assigns to \(name)")
      }
      parser.assigns(name)
      return .name(JSONString(name))
    }
    var targets = [try single(&self)]
    var isTuple = false
    while take(",") {
      isTuple = true
      guard token != .name("in"), token != .symbol("=") else { break }
      targets.append(try single(&self))
    }
    return isTuple ? .tuple(targets) : targets[0]
  }

  private mutating func assignment() throws(InputError) -> TemplateStatement.Kind {
    var target: TemplateStatement.Target
    if case .name(let name)? = token, index + 1 < tokens.count, tokens[index + 1].token == .symbol(".") {
      index += 2
      target = .member(JSONString(name), JSONString(try expectName()))
    } else {
      target = try self.target()
    }
    if take("=") {
      let value = try tuple()
      try expectBlockEnd()
      return .assignment(target, value)
    }
    let filters = try suffixes(filtersOnly: true)
    return .capture(target, filters, try block("endset"))
  }

  private mutating func macro() throws(InputError) -> TemplateStatement.Kind {
    let name = try expectName()
    return .macro(JSONString(name), try callable(try signature(), "endmacro"))
  }

  private mutating func call() throws(InputError) -> TemplateStatement.Kind {
    let parameters = token == .symbol("(") ? try signature() : []
    guard case .suffixed(let base, let suffixes) = try expression(), case .call(let arguments)? = suffixes.last else {
      throw error("has a block call of what is no call")
    }
    guard !arguments.named.contains(where: { $0.name == "caller" }) else {
      throw error("gives the argument caller twice")
    }
    let callee = suffixes.count == 1 ? base : .suffixed(base, suffixes.dropLast())
    return .call(callee, arguments, try callable(parameters, "endcall"))
  }

  /// Parameters in parentheses.
  private mutating func signature() throws(InputError) -> [(name: JSONString, standard: TemplateExpression?)] {
    try expect("(")
    var parameters: [(name: JSONString, standard: TemplateExpression?)] = []
    while !take(")") {
      if !parameters.isEmpty { try expect(",") }
      let name = try expectName()
      guard !parameters.contains(where: { $0.name == JSONString(name) }) else {
        throw error("has two parameters \(name)")
      }
      assigns(name)
      let standard = take("=") ? try expression() : nil
      guard standard != nil || parameters.last?.standard == nil else {
        throw error("has the parameter \(name) without a value after one with a value")
      }
      parameters.append((JSONString(name), standard))
    }
    return parameters
  }

  /// What a macro or a block of a call consists of, up to its end.
  private mutating func callable(
    _ parameters: [(name: JSONString, standard: TemplateExpression?)], _ end: String
  ) throws(InputError) -> TemplateCallable {
    let outerLoops = loopDepth
    loopDepth = 0
    defer { loopDepth = outerLoops }
    extras.append(([], Set(TemplateCallable.Extra.allCases)))
    let body = try block(end)
    var used = extras.popLast()?.used ?? []
    for parameter in parameters {
      guard let extra = TemplateCallable.Extra(rawValue: parameter.name.text), used.contains(extra) else { continue }
      guard extra != .caller || parameter.standard != nil else {
        throw error("has the parameter caller without a value for where there is none")
      }
      used.remove(extra)
    }
    return TemplateCallable(parameters: parameters, body: body, extras: used)
  }

  /// Learns that a name is asked for.
  mutating func uses(_ name: String) {
    guard !extras.isEmpty, let extra = TemplateCallable.Extra(rawValue: name) else { return }
    for index in extras.indices where extras[index].left.contains(extra) { extras[index].used.insert(extra) }
  }

  /// Learns that a name is given a value.
  private mutating func assigns(_ name: String) {
    guard !extras.isEmpty, let extra = TemplateCallable.Extra(rawValue: name) else { return }
    for index in extras.indices { extras[index].left.remove(extra) }
  }
}
