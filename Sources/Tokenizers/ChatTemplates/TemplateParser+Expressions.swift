import Formats

// Expressions, from those that bind least to those that bind most.
extension TemplateParser {
  /// An expression or several with commas between.
  mutating func tuple(allowingChoice: Bool = true) throws(InputError) -> TemplateExpression {
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

  mutating func expression() throws(InputError) -> TemplateExpression {
    try nested { (parser) throws(InputError) in
      let value = try parser.or()
      guard parser.take(name: "if") else { return value }
      let test = try parser.or()
      return .choice(value, if: test, otherwise: parser.take(name: "else") ? try parser.expression() : nil)
    }
  }

  mutating func or() throws(InputError) -> TemplateExpression {
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
      default:
        uses(name)
        return .name(JSONString(name))
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

  mutating func suffixes(
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
    guard TemplateFilters.isOne(name) else {
      throw error("uses the filter \(quoted(name.utf8)), which is not implemented", .unsupported)
    }
    return .filter(name, take("(") ? try arguments() : TemplateExpression.Arguments())
  }

  private mutating func test() throws(InputError) -> TemplateExpression.Suffix {
    let isNegated = take(name: "not")
    let name = try testName()
    guard TemplateTests.parameters[name] != nil else {
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
      if take("*") {
        guard arguments.spread == nil, arguments.namedSpread == nil else { throw error("spreads arguments twice") }
        arguments.spread = try expression()
      } else if take("**") {
        guard arguments.namedSpread == nil else { throw error("spreads arguments with names twice") }
        arguments.namedSpread = try expression()
      } else if case .name(let name)? = token, index + 1 < tokens.count, tokens[index + 1].token == .symbol("=") {
        guard arguments.namedSpread == nil else { throw error("has an argument after those that it spreads") }
        index += 2
        arguments.named.append((JSONString(name), try expression()))
      } else {
        guard arguments.named.isEmpty, arguments.spread == nil, arguments.namedSpread == nil else {
          throw error("has an argument without a name after one with a name, or after those that it spreads")
        }
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
