import Formats

/// Evaluates a template, with bounds on the work, the output and the depth: no template runs for ever.
struct TemplateInterpreter {
  /// What a statement asks of the loop around it.
  private enum Flow { case on, leave, next }

  private var output: [UInt8] = []
  private var line = 1
  private var depth = 0
  private var stepsLeft: Int
  private var bytesLeft = 256 << 20
  private var loops = 0
  /// Scopes that macros refer to; the two refer to each other, and are parted at the end.
  private var macroScopes: [TemplateScope] = []
  let clock: TemplateClock

  /// How deep expressions, blocks and macros may be within each other; each takes stack.
  private static let depthLimit = 160
  private static let loopLimit = 24

  private init(steps: Int, _ clock: TemplateClock) { (stepsLeft, self.clock) = (steps, clock) }

  /// The text that statements give.
  ///
  /// - Parameter steps: How many values may be computed.
  /// - Throws: `badValue` for what does not go together, or what the template itself raises; `budget` for too much work. The
  ///   place is the line.
  static func text(
    of statements: [TemplateStatement], _ variables: TemplateDictionary, steps: Int, clock: TemplateClock
  ) throws(InputError) -> [UInt8] {
    var interpreter = TemplateInterpreter(steps: steps, clock)
    let scope = TemplateScope(within: nil)
    for entry in variables.entries { if case .string(let name) = entry.key { scope.values[name] = entry.value } }
    defer { for scope in interpreter.macroScopes { scope.values = [:] } }
    do throws(InputError) {
      _ = try interpreter.run(statements, scope)
    } catch {
      throw error.inside("line \(interpreter.line)")
    }
    return interpreter.output
  }

  // MARK: Bounds

  private func error(_ what: String, _ kind: InputError.Kind = .badValue) -> InputError { InputError(kind, what) }

  private mutating func step() throws(InputError) {
    stepsLeft -= 1
    guard stepsLeft > 0 else { throw error("computes more values than are allowed", .budget) }
  }

  /// Accounts for text or elements that are made.
  mutating func spend(_ count: Int) throws(InputError) {
    bytesLeft -= min(max(count, 0), bytesLeft + 1)
    stepsLeft -= min(max(count, 0) / 64, stepsLeft)
    guard bytesLeft > 0, stepsLeft > 0 else { throw error("makes more text than is allowed", .budget) }
  }

  /// Accounts for all that a value holds, before something goes through it. What holds too deep is refused: going through it
  /// takes stack.
  mutating func charge(_ value: TemplateValue, depth: Int = 0) throws(InputError) {
    guard depth < 100 else { throw error("nests values too deep", .budget) }
    switch value {
    case .string(let text): try spend(text.utf8.count + 8)
    case .list(let elements), .tuple(let elements):
      try spend(8)
      for element in elements { try charge(element, depth: depth + 1) }
    case .dictionary(let dictionary):
      try spend(8)
      for entry in dictionary.entries {
        try charge(entry.key.value, depth: depth + 1)
        try charge(entry.value, depth: depth + 1)
      }
    case .undefined, .none, .bool, .int, .float, .namespace, .loop, .function: try spend(8)
    }
  }

  /// A value's text.
  mutating func text(of value: TemplateValue) throws(InputError) -> [UInt8] {
    try charge(value)
    return value.written.utf8
  }

  private mutating func nested<Result>(
    _ body: (inout TemplateInterpreter) throws(InputError) -> Result
  ) throws(InputError) -> Result {
    guard depth < Self.depthLimit else { throw error("nests deeper than \(Self.depthLimit)", .budget) }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  // MARK: Statements

  private mutating func run(_ statements: [TemplateStatement], _ scope: TemplateScope) throws(InputError) -> Flow {
    guard depth < Self.depthLimit else { throw error("nests deeper than \(Self.depthLimit)", .budget) }
    depth += 1
    defer { depth -= 1 }
    for statement in statements {
      try step()
      line = statement.line
      let flow = try run(statement, scope)
      if flow != .on { return flow }
    }
    return .on
  }

  private mutating func run(_ statement: TemplateStatement, _ scope: TemplateScope) throws(InputError) -> Flow {
    switch statement.kind {
    case .text(let text): try write(text)
    case .output(let expression): try write(try text(of: try value(expression, scope)))
    case .choice(let choices, let otherwise):
      for choice in choices where try value(choice.test, scope).isTrue { return try run(choice.body, scope) }
      return try run(otherwise, scope)
    case .loop(let target, let items, let filter, let body, let otherwise):
      try loop(target, items, filter, body, otherwise, scope)
    case .assignment(let target, let expression): try assign(try value(expression, scope), to: target, scope)
    case .capture(let target, let filters, let body):
      let text = try captured(body, TemplateScope(within: scope))
      try assign(try apply(filters, to: .string(text), scope), to: target, scope)
    case .macro(let name, let parameters, let body):
      macroScopes.append(scope)
      scope.values[name] = .function(.macro(TemplateMacro(name.text, parameters, body, scope)))
    case .filtered(let filters, let body):
      let text = try captured(body, TemplateScope(within: scope))
      try write(try self.text(of: try apply(filters, to: .string(text), scope)))
    case .scope(let values, let body):
      let inner = TemplateScope(within: scope)
      for (name, expression) in values { inner.values[name] = try value(expression, scope) }
      return try run(body, inner)
    case .leave: return .leave
    case .next: return .next
    }
    return .on
  }

  private mutating func write(_ text: [UInt8]) throws(InputError) {
    try spend(text.count)
    output += text
  }

  private mutating func captured(
    _ body: [TemplateStatement], _ scope: TemplateScope
  ) throws(InputError) -> JSONString {
    let outer = output
    output = []
    _ = try run(body, scope)
    defer { output = outer }
    return JSONString(utf8: output)
  }

  private mutating func loop(
    _ target: TemplateStatement.Target, _ source: TemplateExpression, _ filter: TemplateExpression?,
    _ body: [TemplateStatement], _ otherwise: [TemplateStatement], _ scope: TemplateScope
  ) throws(InputError) {
    var items = try elements(of: try value(source, scope))
    guard loops < Self.loopLimit else { throw error("nests loops deeper than \(Self.loopLimit)", .budget) }
    loops += 1
    defer { loops -= 1 }
    if let filter {
      var kept: [TemplateValue] = []
      for item in items {
        let inner = TemplateScope(within: scope)
        try assign(item, to: target, inner)
        if try value(filter, inner).isTrue { kept.append(item) }
      }
      items = kept
    }
    guard !items.isEmpty else {
      _ = try run(otherwise, scope)
      return
    }
    let state = TemplateLoop(items, depth: loops)
    for index in items.indices {
      try step()
      state.index = index
      let inner = TemplateScope(within: scope)
      inner.values["loop"] = .loop(state)
      try assign(items[index], to: target, inner)
      if try run(body, inner) == .leave { break }
    }
  }

  private mutating func assign(
    _ value: TemplateValue, to target: TemplateStatement.Target, _ scope: TemplateScope
  ) throws(InputError) {
    switch target {
    case .name(let name): scope.values[name] = value
    case .member(let name, let member):
      guard case .namespace(let namespace)? = scope[name] else {
        throw error("sets a member of \(name.text), which is no namespace")
      }
      // A namespace that held itself could never be let go.
      guard !Self.holdsNamespace(value) else {
        throw error("keeps a namespace or a macro in a namespace, which is not implemented", .unsupported)
      }
      namespace.members[member] = value
    case .tuple(let targets):
      let parts = try elements(of: value)
      guard parts.count == targets.count else {
        throw error("unpacks \(parts.count) values into \(targets.count) names")
      }
      for (part, target) in zip(parts, targets) { try assign(part, to: target, scope) }
    }
  }

  static func holdsNamespace(_ value: TemplateValue) -> Bool {
    switch value {
    case .namespace, .function, .loop: true
    case .list(let elements), .tuple(let elements): elements.contains { holdsNamespace($0) }
    case .dictionary(let dictionary): dictionary.entries.contains { holdsNamespace($0.value) }
    case .undefined, .none, .bool, .int, .float, .string: false
    }
  }

  /// What a loop over a value goes through.
  mutating func elements(of value: TemplateValue) throws(InputError) -> [TemplateValue] {
    switch value {
    case .list(let elements), .tuple(let elements):
      try spend(elements.count)
      return elements
    case .dictionary(let dictionary): return dictionary.entries.map(\.key.value)
    case .string(let text):
      try spend(text.utf8.count * 16)
      return text.text.unicodeScalars.map { .text(String($0)) }
    case .undefined: return []
    default: throw error("goes through \(value.kindName), which has no elements")
    }
  }

  // MARK: Expressions

  private mutating func value(
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

  private mutating func apply(
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

  private mutating func arguments(
    _ arguments: TemplateExpression.Arguments, _ scope: TemplateScope
  ) throws(InputError) -> TemplateArguments {
    var named: [(name: JSONString, value: TemplateValue)] = []
    for (name, expression) in arguments.named {
      guard !named.contains(where: { $0.name == name }) else { throw error("gives the argument \(name.text) twice") }
      named.append((name, try value(expression, scope)))
    }
    return TemplateArguments(try values(arguments.positional, scope), named)
  }

  // MARK: Members

  /// A member by its name: for mappings a method, then an entry.
  mutating func attribute(_ name: String, of value: TemplateValue) throws(InputError) -> TemplateValue {
    if case .undefined(let missing) = value {
      throw error("asks \(quoted(missing.utf8)), which is undefined, for its \(quoted(name.utf8))")
    }
    if TemplateMethods.names(of: value).contains(name) { return .function(.method(value, name)) }
    switch value {
    case .dictionary(let dictionary): return dictionary[name] ?? .undefined(name)
    case .namespace(let namespace): return namespace.members[JSONString(name)] ?? .undefined(name)
    case .loop(let loop): return loop.member(name) ?? .undefined(name)
    default: return .undefined(name)
    }
  }

  /// An element by its place or key, or else a member.
  private mutating func item(_ key: TemplateValue, of value: TemplateValue) throws(InputError) -> TemplateValue {
    switch value {
    case .undefined(let missing): throw error("takes an element of \(quoted(missing.utf8)), which is undefined")
    case .dictionary(let dictionary):
      if let key = TemplateDictionary.Key(key), let value = dictionary[key] { return value }
    case .list(let elements), .tuple(let elements):
      if let place = Self.place(key, elements.count) { return elements[place] }
    case .string(let text):
      if let place = key.integer {
        try spend(text.utf8.count)
        let scalars = text.text.unicodeScalars.map { $0 }
        if let place = Self.place(.int(place), scalars.count) { return .text(String(scalars[place])) }
      }
    default: break
    }
    guard case .string(let name) = key else { return .undefined("\(key.written.text)") }
    if case .dictionary = value, !TemplateMethods.names(of: value).contains(name.text) { return .undefined(name.text) }
    return try attribute(name.text, of: value)
  }

  /// A place in a list, counted from the end if it is negative.
  private static func place(_ key: TemplateValue, _ count: Int) -> Int? {
    guard let place = key.integer, place >= -count, place < count else { return nil }
    return place < 0 ? place + count : place
  }

  private mutating func slice(
    _ value: TemplateValue, _ start: Int?, _ end: Int?, _ stride: Int
  ) throws(InputError) -> TemplateValue {
    func part<Element>(_ elements: [Element]) -> [Element] {
      let count = elements.count
      func clamped(_ place: Int, _ range: ClosedRange<Int>) -> Int {
        min(max(place < 0 ? max(place, -count - 1) + count : min(place, count), range.lowerBound), range.upperBound)
      }
      if stride > 0 {
        let first = clamped(start ?? 0, 0...count)
        let last = clamped(end ?? count, 0...count)
        guard first < last else { return [] }
        return Swift.stride(from: first, to: last, by: min(stride, count)).map { elements[$0] }
      }
      let first = start.map { clamped($0, -1...(count - 1)) } ?? count - 1
      let last = end.map { clamped($0, -1...(count - 1)) } ?? -1
      guard first > last else { return [] }
      return Swift.stride(from: first, to: last, by: max(stride, -count)).map { elements[$0] }
    }
    guard stride != 0 else { throw error("slices by steps of 0") }
    switch value {
    case .list(let elements):
      try spend(elements.count)
      return .list(elements.isEmpty ? [] : part(elements))
    case .tuple(let elements): return .tuple(elements.isEmpty ? [] : part(elements))
    case .string(let text):
      try spend(text.utf8.count)
      let scalars = Array(text.text.unicodeScalars)
      var out: [UInt8] = []
      for scalar in scalars.isEmpty ? [] : part(scalars) { Tokenizers.append(scalar.value, to: &out) }
      return .string(JSONString(utf8: out))
    default: throw error("slices \(value.kindName)")
    }
  }

  // MARK: Calls

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

extension TemplateLoop {
  func member(_ name: String) -> TemplateValue? {
    switch name {
    case "index": .int(index + 1)
    case "index0": .int(index)
    case "revindex": .int(items.count - index)
    case "revindex0": .int(items.count - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(index == items.count - 1)
    case "length": .int(items.count)
    case "depth": .int(depth)
    case "depth0": .int(depth - 1)
    case "previtem": index > 0 ? items[index - 1] : .undefined("previtem")
    case "nextitem": index + 1 < items.count ? items[index + 1] : .undefined("nextitem")
    default: nil
    }
  }
}
