import Formats

/// Reads a template's statements.
struct TemplateParser {
  private var tokens: [(token: TemplateLexer.Token, line: Int)]
  private var index = 0
  private var depth = 0
  private var loopDepth = 0

  /// How deep brackets and blocks may nest; each takes stack when it is read and when it is evaluated.
  private static let depthLimit = 48

  /// - Throws: `badValue` with the line for what is no template, `unsupported` for what is not implemented.
  static func statements(of text: [UInt8]) throws(InputError) -> [TemplateStatement] {
    var parser = TemplateParser(tokens: try TemplateLexer(text).tokens)
    return try parser.body(until: []).statements
  }

  private init(tokens: [(token: TemplateLexer.Token, line: Int)]) { self.tokens = tokens }

  // MARK: Tokens

  private var token: TemplateLexer.Token? { index < tokens.count ? tokens[index].token : nil }
  private var line: Int { tokens.isEmpty ? 1 : tokens[min(index, tokens.count - 1)].line }

  private func error(_ what: String, _ kind: InputError.Kind = .badValue) -> InputError {
    InputError(kind, what, at: "line \(line)")
  }

  private func unexpected(_ expected: String) -> InputError {
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

  private mutating func take(_ symbol: String) -> Bool {
    guard token == .symbol(symbol) else { return false }
    index += 1
    return true
  }

  private mutating func take(name: String) -> Bool {
    guard token == .name(name) else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ symbol: String) throws(InputError) {
    guard take(symbol) else { throw unexpected(quoted(symbol.utf8)) }
  }

  private mutating func expectName() throws(InputError) -> String {
    guard case .name(let name)? = token else { throw unexpected("a name") }
    index += 1
    return name
  }

  private mutating func expectBlockEnd() throws(InputError) {
    guard token == .blockEnd else { throw unexpected("the end of the tag") }
    index += 1
  }

  private mutating func nested<Result>(
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
    case "filter":
      guard case .name? = token else { throw unexpected("a filter") }
      let filters = try suffixes(filtersOnly: true, startingWithFilter: true)
      return [.filtered(filters, try block("endfilter"))]
    case "with":
      var values: [(JSONString, TemplateExpression)] = []
      while case .name(let name)? = token {
        index += 1
        try expect("=")
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
    try expect("(")
    var parameters: [(name: JSONString, standard: TemplateExpression?)] = []
    while !take(")") {
      let parameter = JSONString(try expectName())
      parameters.append((parameter, take("=") ? try expression() : nil))
      if !take(",") {
        try expect(")")
        break
      }
    }
    let outerLoops = loopDepth
    loopDepth = 0
    defer { loopDepth = outerLoops }
    return .macro(JSONString(name), parameters, try block("endmacro"))
  }

  // MARK: Expressions

  /// An expression or several with commas between.
  private mutating func tuple(allowingChoice: Bool = true) throws(InputError) -> TemplateExpression {
    var elements = [allowingChoice ? try expression() : try or()]
    var isTuple = false
    while take(",") {
      isTuple = true
      switch token {
      case .blockEnd?, .outputEnd?, .symbol(")")?, nil: break
      default:
        elements.append(allowingChoice ? try expression() : try or())
        continue
      }
      break
    }
    return isTuple ? .tuple(elements) : elements[0]
  }

  private mutating func expression() throws(InputError) -> TemplateExpression {
    try nested { (parser) throws(InputError) in
      let value = try parser.or()
      guard parser.take(name: "if") else { return value }
      let test = try parser.or()
      return .choice(value, if: test, otherwise: parser.take(name: "else") ? try parser.expression() : nil)
    }
  }

  private mutating func or() throws(InputError) -> TemplateExpression {
    var operands = [try and()]
    while take(name: "or") { operands.append(try and()) }
    return operands.count == 1 ? operands[0] : .or(operands)
  }

  private mutating func and() throws(InputError) -> TemplateExpression {
    var operands = [try not()]
    while take(name: "and") { operands.append(try not()) }
    return operands.count == 1 ? operands[0] : .and(operands)
  }

  private mutating func not() throws(InputError) -> TemplateExpression {
    var isNegated = false, hasNot = false
    while take(name: "not") { (isNegated, hasNot) = (!isNegated, true) }
    let value = try comparison()
    guard hasNot else { return value }
    return isNegated ? .not(value) : .not(.not(value))
  }

  private mutating func comparison() throws(InputError) -> TemplateExpression {
    let first = try sum()
    var rest: [(TemplateExpression.Comparison, TemplateExpression)] = []
    while true {
      if case .symbol(let symbol)? = token, let comparison = TemplateExpression.Comparison(rawValue: symbol) {
        index += 1
        rest.append((comparison, try sum()))
      } else if take(name: "in") {
        rest.append((.within, try sum()))
      } else if token == .name("not"), index + 1 < tokens.count, tokens[index + 1].token == .name("in") {
        index += 2
        rest.append((.notWithin, try sum()))
      } else {
        return rest.isEmpty ? first : .comparison(first, rest)
      }
    }
  }

  private mutating func sum() throws(InputError) -> TemplateExpression {
    try chain(["+", "-"]) { (parser) throws(InputError) in try parser.concatenation() }
  }

  private mutating func concatenation() throws(InputError) -> TemplateExpression {
    var operands = [try product()]
    while take("~") { operands.append(try product()) }
    return operands.count == 1 ? operands[0] : .concatenation(operands)
  }

  private mutating func product() throws(InputError) -> TemplateExpression {
    try chain(["*", "/", "//", "%"]) { (parser) throws(InputError) in
      try parser.chain(["**"]) { (parser) throws(InputError) in try parser.unary(withFilters: true) }
    }
  }

  private mutating func chain(
    _ symbols: Set<String>, _ operand: (inout TemplateParser) throws(InputError) -> TemplateExpression
  ) throws(InputError) -> TemplateExpression {
    let first = try operand(&self)
    var rest: [(TemplateExpression.Arithmetic, TemplateExpression)] = []
    while case .symbol(let symbol)? = token, symbols.contains(symbol),
      let operation = TemplateExpression.Arithmetic(rawValue: symbol)
    {
      index += 1
      rest.append((operation, try operand(&self)))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func unary(withFilters: Bool) throws(InputError) -> TemplateExpression {
    let value: TemplateExpression
    if token == .symbol("-") || token == .symbol("+") {
      let isNegative = token == .symbol("-")
      index += 1
      let operand = try nested { (parser) throws(InputError) in try parser.unary(withFilters: false) }
      value = isNegative ? .negative(operand) : .positive(operand)
    } else {
      value = try primary()
    }
    let suffixes = try suffixes(filtersOnly: false, withFilters: withFilters)
    return suffixes.isEmpty ? value : .suffixed(value, suffixes)
  }

  private mutating func primary() throws(InputError) -> TemplateExpression {
    switch token {
    case .name(let name)?:
      index += 1
      switch name {
      case "true", "True": return .literal(.bool(true))
      case "false", "False": return .literal(.bool(false))
      case "none", "None": return .literal(.none)
      default: return .name(JSONString(name))
      }
    case .string(let text)?:
      var whole = text.utf8
      index += 1
      while case .string(let more)? = token {
        whole += more.utf8
        index += 1
      }
      return .literal(.string(JSONString(utf8: whole)))
    case .int(let value)?:
      index += 1
      return .literal(.int(value))
    case .float(let value)?:
      index += 1
      return .literal(.float(value))
    case .symbol("(")?:
      index += 1
      if take(")") { return .tuple([]) }
      let inner = try tuple()
      try expect(")")
      return inner
    case .symbol("[")?:
      index += 1
      return .list(try elements(until: "]"))
    case .symbol("{")?:
      index += 1
      var entries: [(key: TemplateExpression, value: TemplateExpression)] = []
      while !take("}") {
        let key = try expression()
        try expect(":")
        entries.append((key, try expression()))
        if !take(",") {
          try expect("}")
          break
        }
      }
      return .dictionary(entries)
    default: throw unexpected("a value")
    }
  }

  private mutating func elements(until end: String) throws(InputError) -> [TemplateExpression] {
    var elements: [TemplateExpression] = []
    while !take(end) {
      elements.append(try expression())
      if !take(",") {
        try expect(end)
        break
      }
    }
    return elements
  }

  private mutating func suffixes(
    filtersOnly: Bool, withFilters: Bool = true, startingWithFilter: Bool = false
  ) throws(InputError) -> [TemplateExpression.Suffix] {
    var suffixes: [TemplateExpression.Suffix] = []
    if startingWithFilter { suffixes.append(try filter()) }
    var hasFilter = startingWithFilter
    while true {
      switch token {
      case .symbol("|")? where withFilters:
        index += 1
        suffixes.append(try filter())
        hasFilter = true
      case .name("is")? where withFilters && !filtersOnly:
        index += 1
        suffixes.append(try test())
        hasFilter = true
      case .symbol(".")? where !filtersOnly && !hasFilter:
        index += 1
        if case .int(let position)? = token {
          index += 1
          suffixes.append(.item(.literal(.int(position))))
        } else {
          suffixes.append(.attribute(JSONString(try expectName())))
        }
      case .symbol("[")? where !filtersOnly && !hasFilter:
        index += 1
        suffixes.append(try item())
      case .symbol("(")? where !filtersOnly:
        index += 1
        suffixes.append(.call(try arguments()))
      default: return suffixes
      }
    }
  }

  private mutating func dottedName() throws(InputError) -> String {
    var name = try expectName()
    while take(".") { name += "." + (try expectName()) }
    return name
  }

  private mutating func filter() throws(InputError) -> TemplateExpression.Suffix {
    let name = try dottedName()
    guard TemplateFilters.names.contains(name) else {
      throw error("uses the filter \(quoted(name.utf8)), which is not implemented", .unsupported)
    }
    return .filter(name, take("(") ? try arguments() : TemplateExpression.Arguments())
  }

  private mutating func test() throws(InputError) -> TemplateExpression.Suffix {
    let isNegated = take(name: "not")
    let name = try testName()
    guard TemplateTests.names.contains(name) else {
      throw error("uses the test \(quoted(name.utf8)), which is not implemented", .unsupported)
    }
    var arguments = TemplateExpression.Arguments()
    switch token {
    case .symbol("(")?:
      index += 1
      arguments = try self.arguments()
    case .name(let name)? where !["else", "or", "and", "is", "if", "in", "not", "recursive"].contains(name):
      arguments.positional = [try testOperand()]
    case .string?, .int?, .float?, .symbol("[")?, .symbol("{")?: arguments.positional = [try testOperand()]
    default: break
    }
    return .test(name, arguments, isNegated: isNegated)
  }

  private mutating func testName() throws(InputError) -> String {
    if take("==") { return "==" }
    return try dottedName()
  }

  private mutating func testOperand() throws(InputError) -> TemplateExpression {
    try nested { (parser) throws(InputError) in
      let value = try parser.primary()
      let suffixes = try parser.suffixes(filtersOnly: false, withFilters: false)
      return suffixes.isEmpty ? value : .suffixed(value, suffixes)
    }
  }

  private mutating func item() throws(InputError) -> TemplateExpression.Suffix {
    var parts: [TemplateExpression?] = [nil]
    while true {
      if take(":") {
        parts.append(nil)
        guard parts.count <= 3 else { throw error("has a slice of more than three parts") }
      } else if take("]") {
        break
      } else {
        guard parts[parts.count - 1] == nil else { throw unexpected("\"]\"") }
        parts[parts.count - 1] = try expression()
      }
    }
    guard parts.count == 1 else { return .slice(from: parts[0], to: parts[1], by: parts.count == 3 ? parts[2] : nil) }
    guard let item = parts[0] else { throw error("has an empty subscript") }
    return .item(item)
  }

  private mutating func arguments() throws(InputError) -> TemplateExpression.Arguments {
    var arguments = TemplateExpression.Arguments()
    while !take(")") {
      if token == .symbol("*") || token == .symbol("**") {
        throw error("spreads arguments, which is not implemented", .unsupported)
      }
      if case .name(let name)? = token, index + 1 < tokens.count, tokens[index + 1].token == .symbol("=") {
        index += 2
        arguments.named.append((JSONString(name), try expression()))
      } else {
        guard arguments.named.isEmpty else { throw error("has an argument without a name after one with a name") }
        arguments.positional.append(try expression())
      }
      if !take(",") {
        try expect(")")
        break
      }
    }
    return arguments
  }
}
