import Formats

/// The tests that are implemented.
enum TemplateTests {
  /// What each takes besides its value, as Jinja names it.
  static let parameters: [String: TemplateParameters] = {
    var parameters: [String: TemplateParameters] = ["divisibleby": ["num"], "in": ["seq"], "sameas": ["other"]]
    for name in ["eq", "equalto", "==", "ne", "lt", "lessthan", "gt", "greaterthan", "le", "ge"] {
      parameters[name] = .placed("other")
    }
    for name in [
      "defined", "undefined", "none", "string", "number", "integer", "float", "mapping", "sequence", "iterable",
      "boolean", "true", "false", "callable", "odd", "even", "lower", "upper",
    ] { parameters[name] = [] }
    return parameters
  }()
}

extension TemplateInterpreter {
  mutating func test(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> Bool {
    let parameters = TemplateTests.parameters[name] ?? []
    try arguments.requireOnly(parameters, of: name)
    func operand() throws(InputError) -> TemplateValue {
      guard let operand = parameters.names.first.flatMap({ arguments.value(0, $0) }) else {
        throw InputError(.badValue, "uses the test \(quoted(name.utf8)) without a value")
      }
      return operand
    }
    switch name {
    case "defined": if case .undefined = value { return false } else { return true }
    case "undefined": if case .undefined = value { return true } else { return false }
    case "none": if case .none = value { return true } else { return false }
    case "string": if case .string = value { return true } else { return false }
    case "number": return value.number != nil
    case "integer": if case .int = value { return true } else { return false }
    case "float": if case .float = value { return true } else { return false }
    case "mapping": if case .dictionary = value { return true } else { return false }
    case "boolean": if case .bool = value { return true } else { return false }
    case "true": if case .bool(true) = value { return true } else { return false }
    case "false": if case .bool(false) = value { return true } else { return false }
    case "callable": if case .function = value { return true } else { return false }
    case "sequence", "iterable":
      switch value {
      case .string, .list, .tuple, .dictionary, .undefined: return true
      default: return false
      }
    case "odd", "even", "divisibleby":
      guard let integer = value.integer else { throw InputError(.badValue, "divides \(value.kindName)") }
      guard name == "divisibleby" else { return (integer % 2 != 0) == (name == "odd") }
      guard let divisor = try operand().integer, divisor != 0 else {
        throw InputError(.badValue, "divides by 0 or no number")
      }
      return divisor == -1 || integer % divisor == 0
    case "eq", "equalto", "==": return try compare(value, .equal, try operand())
    case "ne": return try compare(value, .unequal, try operand())
    case "lt", "lessthan": return try compare(value, .less, try operand())
    case "gt", "greaterthan": return try compare(value, .greater, try operand())
    case "le": return try compare(value, .lessOrEqual, try operand())
    case "ge": return try compare(value, .greaterOrEqual, try operand())
    case "in": return try compare(value, .within, try operand())
    case "sameas":
      let other = try operand()
      switch (value, other) {
      case (.bool(let a), .bool(let b)): return a == b
      case (.bool, _), (_, .bool): return false
      default: return try compare(value, .equal, other)
      }
    case "lower", "upper":
      return try method("is" + name, of: .string(value.written), .init()).isTrue
    default: throw InputError(.unsupported, "uses the test \(name), which is not implemented")
    }
  }
}
