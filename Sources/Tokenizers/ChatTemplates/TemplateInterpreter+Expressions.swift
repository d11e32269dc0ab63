import Formats

// The values of expressions.
extension TemplateInterpreter {
  mutating func value(
    _ expression: TemplateExpression, _ scope: TemplateScope
  ) throws(InputError) -> TemplateValue {
    try step()
    guard depth < Self.depthLimit else { throw error("nests deeper than \(Self.depthLimit)", .budget) }
    depth += 1
    defer { depth -= 1 }
    switch expression {
    case .literal(let value): return value
    case .name(let name):
      if let value = scope[name] { return value }
      return TemplateGlobals.names.contains(name.text) ? .function(.global(name.text)) : .undefined(name.text)
    case .list(let elements):
      let list = TemplateValue.list(try values(elements, scope))
      try charge(list)
      return list
    case .tuple(let elements):
      let tuple = TemplateValue.tuple(try values(elements, scope))
      try charge(tuple)
      return tuple
    case .dictionary(let entries):
      var dictionary = TemplateDictionary()
      for entry in entries {
        guard let key = TemplateDictionary.Key(try value(entry.key, scope)) else {
          throw error("has a key of a mapping that is neither text nor number")
        }
        dictionary[key] = try value(entry.value, scope)
      }
      try charge(.dictionary(dictionary))
      return .dictionary(dictionary)
    case .choice(let first, let test, let otherwise):
      if try value(test, scope).isTrue { return try value(first, scope) }
      return try otherwise.map { (other) throws(InputError) in try value(other, scope) } ?? .undefined("")
    case .or(let operands):
      for operand in operands.dropLast() {
        let result = try value(operand, scope)
        if result.isTrue { return result }
      }
      return try value(operands[operands.count - 1], scope)
    case .and(let operands):
      for operand in operands.dropLast() {
        let result = try value(operand, scope)
        if !result.isTrue { return result }
      }
      return try value(operands[operands.count - 1], scope)
    case .not(let operand): return .bool(!(try value(operand, scope).isTrue))
    case .comparison(let first, let rest):
      var left = try value(first, scope)
      for (comparison, operand) in rest {
        let right = try value(operand, scope)
        guard try compare(left, comparison, right) else { return .bool(false) }
        left = right
      }
      return .bool(true)
    case .arithmetic(let first, let rest):
      var result = try value(first, scope)
      for (operation, operand) in rest { result = try compute(result, operation, try value(operand, scope)) }
      return result
    case .concatenation(let operands):
      var text: [UInt8] = []
      for operand in operands { text += try self.text(of: try value(operand, scope)) }
      return .string(JSONString(utf8: text))
    case .negative(let operand):
      switch try value(operand, scope) {
      case .float(let value): return .float(-value)
      case let value:
        guard let integer = value.integer, integer != .min else { throw error("negates \(value.kindName)") }
        return .int(-integer)
      }
    case .positive(let operand):
      let value = try value(operand, scope)
      guard value.number != nil else { throw error("puts a plus before \(value.kindName)") }
      return value
    case .suffixed(let base, let suffixes): return try apply(suffixes, to: try value(base, scope), scope)
    }
  }

  private mutating func values(
    _ expressions: [TemplateExpression], _ scope: TemplateScope
  ) throws(InputError) -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try value(expression, scope)) }
    return values
  }

  mutating func apply(
    _ suffixes: [TemplateExpression.Suffix], to base: TemplateValue, _ scope: TemplateScope
  ) throws(InputError) -> TemplateValue {
    var result = base
    for suffix in suffixes {
      try step()
      switch suffix {
      case .attribute(let name): result = try attribute(name.text, of: result)
      case .item(let key): result = try item(try value(key, scope), of: result)
      case .slice(let from, let to, let by):
        func bound(_ expression: TemplateExpression?, _ interpreter: inout Self) throws(InputError) -> Int? {
          guard let expression, case let value = try interpreter.value(expression, scope) else { return nil }
          if case .none = value { return nil }
          guard let integer = value.integer else { throw interpreter.error("slices by \(value.kindName)") }
          return integer
        }
        let (start, end, stride) = (try bound(from, &self), try bound(to, &self), try bound(by, &self))
        result = try slice(result, start, end, stride ?? 1)
      case .call(let arguments): result = try call(result, try self.arguments(arguments, scope))
      case .filter(let name, let arguments):
        result = try filter(name, result, try self.arguments(arguments, scope))
      case .test(let name, let arguments, let isNegated):
        result = .bool(try test(name, result, try self.arguments(arguments, scope)) != isNegated)
      }
    }
    return result
  }

  mutating func arguments(
    _ arguments: TemplateExpression.Arguments, _ scope: TemplateScope
  ) throws(InputError) -> TemplateArguments {
    var positional = try values(arguments.positional, scope)
    if let spread = arguments.spread {
      let more = try elements(of: try value(spread, scope))
      try spend(more.count * 16)
      positional += more
    }
    var named: [(name: JSONString, value: TemplateValue)] = []
    for (name, expression) in arguments.named {
      guard !named.contains(where: { $0.name == name }) else { throw error("gives the argument \(name.text) twice") }
      named.append((name, try value(expression, scope)))
    }
    guard let spread = arguments.namedSpread else { return TemplateArguments(positional, named) }
    guard case .dictionary(let dictionary) = try value(spread, scope) else {
      throw error("spreads as arguments with names what is no mapping")
    }
    let given = Set(named.map(\.name))
    try spend(dictionary.entries.count * 64)
    for entry in dictionary.entries {
      guard case .string(let name) = entry.key else { throw error("spreads an argument whose name is no text") }
      guard !given.contains(name) else { throw error("gives the argument \(name.text) twice") }
      named.append((name, entry.value))
    }
    return TemplateArguments(positional, named)
  }
}
