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
    let (callable, scope) = (macro.callable, TemplateScope(within: macro.scope))
    var (named, values) = (given.named, [TemplateValue?]())
    for (index, parameter) in callable.parameters.enumerated() {
      if index < given.positional.count {
        values.append(given.positional[index])
      } else {
        try spend(named.count * 8)
        values.append(named.firstIndex { $0.name == parameter.name }.map { named.remove(at: $0).value })
      }
    }
    if callable.extras.contains(.caller) {
      let caller = named.firstIndex { $0.name == "caller" }.map { named.remove(at: $0).value }
      scope.values["caller"] = caller ?? .undefined("caller")
    }
    if callable.extras.contains(.named) {
      var dictionary = TemplateDictionary()
      for (name, value) in named { dictionary[.string(name)] = value }
      scope.values["kwargs"] = .dictionary(dictionary)
    } else if let name = named.first?.name {
      throw error("gives \(macro.name ?? "caller") an argument \(name.text)")
    }
    let rest = given.positional.dropFirst(callable.parameters.count)
    if callable.extras.contains(.positional) {
      scope.values["varargs"] = .tuple(Array(rest))
    } else if !rest.isEmpty {
      throw error(
        "gives \(macro.name ?? "caller") \(given.positional.count) arguments of \(callable.parameters.count)")
    }
    for (parameter, value) in zip(callable.parameters, values) {
      if let value {
        scope.values[parameter.name] = value
      } else if let standard = parameter.standard {
        scope.values[parameter.name] = try self.value(standard, scope)
      } else {
        scope.values[parameter.name] = .undefined(parameter.name.text)
      }
    }
    let callLine = line
    let text = try captured(callable.body, scope)
    line = callLine
    return .string(text)
  }

  /// The text of a call with a block.
  mutating func text(
    ofCalling callee: TemplateExpression, _ arguments: TemplateExpression.Arguments, with block: TemplateCallable,
    _ scope: TemplateScope
  ) throws(InputError) -> [UInt8] {
    // What else can be called takes no block, or gives no text then.
    guard case .function(.macro(let macro)) = try value(callee, scope) else {
      throw error("calls with a block what is no macro")
    }
    var given = try self.arguments(arguments, scope)
    guard !given.named.contains(where: { $0.name == "caller" }) else { throw error("gives the argument caller twice") }
    given.named.append(("caller", .function(.macro(TemplateMacro(nil, block, scope)))))
    let function = TemplateValue.function(.macro(macro))
    return try text(of: try call(function, given))
  }
}

/// What a function, a method, a filter or a test may be called with.
struct TemplateParameters: ExpressibleByArrayLiteral {
  /// The names, in the order of their places.
  let names: [String]
  /// How many of them, from the first on, cannot be given by name.
  let placedCount: Int

  /// Those that may all be given by name.
  init(arrayLiteral names: String...) { (self.names, placedCount) = (names, 0) }

  /// Those that cannot be given by name, and those that can.
  static func placed(_ placed: String..., named: [String] = []) -> TemplateParameters {
    TemplateParameters(names: placed + named, placedCount: placed.count)
  }

  private init(names: [String], placedCount: Int) { (self.names, self.placedCount) = (names, placedCount) }
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

  /// Checks that no argument is given but these, in their order or by name, and none twice.
  func requireOnly(_ parameters: TemplateParameters, of function: String) throws(InputError) {
    let names = parameters.names
    guard positional.count <= names.count else {
      throw InputError(.badValue, "gives \(function) \(positional.count) arguments, of which it takes \(names.count)")
    }
    guard !named.isEmpty else { return }
    let known = names.dropFirst(parameters.placedCount).map { JSONString($0) }
    var given = Set(names.prefix(positional.count).map { JSONString($0) })
    for (name, _) in named {
      guard known.contains(name) else {
        throw InputError(.badValue, "gives \(function) the argument \(name.quoted), which it does not take by name")
      }
      guard given.insert(name).inserted else { throw InputError(.badValue, "gives \(function) \(name.quoted) twice") }
    }
  }

  /// Where a search in so many places begins and ends, as the second and third argument say; negative ones count from the
  /// end. Nil where the begin lies behind the end.
  func bounds(of count: Int, takingNone: Bool) throws(InputError) -> Range<Int>? {
    func place(_ index: Int, _ standard: Int) throws(InputError) -> Int {
      guard index < positional.count, !(takingNone && positional[index].isNone) else { return standard }
      guard let place = positional[index].integer else {
        throw InputError(.badValue, "searches from or to \(positional[index].kindName), which must be a whole number")
      }
      return place >= 0 ? place : place < -count ? 0 : place + count
    }
    let (start, end) = (try place(1, 0), min(try place(2, count), count))
    return start <= end ? start..<end : nil
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
