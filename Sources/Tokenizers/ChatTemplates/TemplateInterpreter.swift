import Formats

/// Evaluates a template, with bounds on the work, the output and the depth: no template runs for ever.
struct TemplateInterpreter {
  /// What a statement asks of the loop around it.
  private enum Flow { case on, leave, next }

  private var output: [UInt8] = []
  var line = 1
  var depth = 0
  private var stepsLeft: Int
  private(set) var bytesLeft = 256 << 20
  private var loops = 0
  /// Scopes that macros refer to; the two refer to each other, and are parted at the end.
  private var macroScopes: [TemplateScope] = []
  let clock: TemplateClock

  /// How deep expressions, blocks and macros may be within each other; each takes stack.
  static let depthLimit = 160
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

  func error(_ what: String, _ kind: InputError.Kind = .badValue) -> InputError { InputError(kind, what) }

  mutating func step() throws(InputError) {
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
    case .function(.macro(let macro)): try spend((macro.name?.utf8.count ?? 0) + 16)
    case .undefined, .none, .bool, .int, .float, .namespace, .loop, .function: try spend(8)
    }
  }

  /// A value's text.
  mutating func text(of value: TemplateValue) throws(InputError) -> [UInt8] {
    try charge(value)
    return value.written.utf8
  }

  mutating func nested<Result>(
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
    case .macro(let name, let callable):
      macroScopes.append(scope)
      scope.values[name] = .function(.macro(TemplateMacro(name.text, callable, scope)))
    case .call(let callee, let arguments, let block):
      try write(try text(ofCalling: callee, arguments, with: block, scope))
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

  mutating func captured(
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
}
