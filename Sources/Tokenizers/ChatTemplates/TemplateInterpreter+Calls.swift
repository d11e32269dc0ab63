import Formats

// Calls of functions, methods and macros.
extension TemplateInterpreter {
  mutating func call(_ callee: TemplateValue, _ arguments: TemplateArguments) throws(InputError) -> TemplateValue {
    guard case .function(let function) = callee else {
      if case .undefined(let name) = callee { throw error("calls \(quoted(name.utf8)), which is undefined") }
      throw error("calls \(callee.kindName)")
    }
    switch function {
    case .global(let name): return try global(name, arguments)
    case .method(let receiver, let name): return try method(name, of: receiver, arguments)
    case .macro(let macro):
      return try nested { (interpreter) throws(InputError) in try interpreter.call(macro, arguments) }
    }
  }

  private mutating func call(_ macro: TemplateMacro, _ given: TemplateArguments) throws(InputError) -> TemplateValue {
    guard given.positional.count <= macro.parameters.count else {
      throw error("gives the macro \(macro.name) \(given.positional.count) arguments of \(macro.parameters.count)")
    }
    let scope = TemplateScope(within: macro.scope)
    var named = given.named
    for (index, parameter) in macro.parameters.enumerated() {
      if index < given.positional.count {
        scope.values[parameter.name] = given.positional[index]
      } else if let place = named.firstIndex(where: { $0.name == parameter.name }) {
        scope.values[parameter.name] = named.remove(at: place).value
      } else if let standard = parameter.standard {
        scope.values[parameter.name] = try value(standard, scope)
      } else {
        scope.values[parameter.name] = .undefined(parameter.name.text)
      }
    }
    if let name = named.first?.name { throw error("gives the macro \(macro.name) an argument \(name.text)") }
    let callLine = line
    let text = try captured(macro.body, scope)
    line = callLine
    return .string(text)
  }
}

/// What a function, a method, a filter or a test is called with.
struct TemplateArguments {
  var positional: [TemplateValue]
  var named: [(name: JSONString, value: TemplateValue)]

  init(_ positional: [TemplateValue] = [], _ named: [(name: JSONString, value: TemplateValue)] = []) {
    (self.positional, self.named) = (positional, named)
  }

  /// The argument at a place or of a name; nil if it is not given.
  func value(_ place: Int, _ name: String) -> TemplateValue? {
    place < positional.count ? positional[place] : named.first { $0.name == JSONString(name) }?.value
  }

  /// A whole number, or nothing for none.
  func integer(_ place: Int, _ name: String) throws(InputError) -> Int? {
    guard let value = value(place, name) else { return nil }
    if case .none = value { return nil }
    guard let integer = value.integer else {
      throw InputError(.badValue, "gives \(value.kindName) for \(name), which must be a whole number")
    }
    return integer
  }

  /// A text.
  func text(_ place: Int, _ name: String) throws(InputError) -> [UInt8]? {
    guard let value = value(place, name) else { return nil }
    if case .none = value { return nil }
    guard case .string(let text) = value else {
      throw InputError(.badValue, "gives \(value.kindName) for \(name), which must be text")
    }
    return text.utf8
  }

  func requiredText(_ place: Int, _ name: String) throws(InputError) -> [UInt8] {
    guard let text = try text(place, name) else { throw InputError(.badValue, "does not give \(name)") }
    return text
  }
}
