import Formats

/// A value of a template: what Python has for it, as far as templates can tell.
enum TemplateValue: Sendable {
  /// What is not there, and what it would have been called. It counts as false and empty; anything else is an error.
  case undefined(String)
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(JSONString)
  case list([TemplateValue])
  case tuple([TemplateValue])
  case dictionary(TemplateDictionary)
  case namespace(TemplateNamespace)
  case loop(TemplateLoop)
  case function(TemplateFunction)

  static func text(_ text: String) -> TemplateValue { .string(JSONString(text)) }

  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .int(value)
    case .number(let value): self = .float(value)
    case .string(let value): self = .string(value)
    case .array(let elements): self = .list(elements.map { TemplateValue($0) })
    case .object(let members):
      var dictionary = TemplateDictionary()
      for member in members { dictionary[.string(member.key)] = TemplateValue(member.value) }
      self = .dictionary(dictionary)
    }
  }

  /// Whether it counts as true.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .float(let value): value != 0
    case .string(let value): !value.utf8.isEmpty
    case .list(let elements), .tuple(let elements): !elements.isEmpty
    case .dictionary(let dictionary): !dictionary.entries.isEmpty
    case .namespace, .loop, .function: true
    }
  }

  var isNone: Bool { if case .none = self { true } else { false } }

  /// What kind of value it is, for messages.
  var kindName: String {
    switch self {
    case .undefined: "undefined"
    case .none: "None"
    case .bool: "a Boolean"
    case .int: "a whole number"
    case .float: "a number"
    case .string: "a string"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a mapping"
    case .namespace: "a namespace"
    case .loop: "a loop"
    case .function: "a function"
    }
  }

  /// A number; Booleans are 0 and 1.
  var number: Double? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .int(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }

  /// A whole number; Booleans are 0 and 1.
  var integer: Int? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .int(let value): value
    default: nil
    }
  }
}

/// A mapping that keeps the order in which keys came.
struct TemplateDictionary: Sendable {
  enum Key: Hashable, Sendable {
    case string(JSONString)
    case int(Int)
    case none

    var value: TemplateValue {
      switch self {
      case .string(let text): .string(text)
      case .int(let number): .int(number)
      case .none: .none
      }
    }
  }

  private(set) var entries: [(key: Key, value: TemplateValue)] = []
  private var indices: [Key: Int] = [:]

  subscript(_ key: Key) -> TemplateValue? {
    get { indices[key].map { entries[$0].value } }
    set {
      guard let newValue else { return }
      if let index = indices[key] {
        entries[index].value = newValue
      } else {
        indices[key] = entries.count
        entries.append((key, newValue))
      }
    }
  }

  subscript(_ name: String) -> TemplateValue? { self[.string(JSONString(name))] }
}

extension TemplateDictionary.Key {
  /// A value as a key; nil for those that are none.
  init?(_ value: TemplateValue) {
    switch value {
    case .string(let text): self = .string(text)
    case .int(let number): self = .int(number)
    case .bool(let value): self = .int(value ? 1 : 0)
    case .none: self = .none
    default: return nil
    }
  }
}

/// The one kind of value that a template can change. It is used by one rendering, on one thread.
final class TemplateNamespace: @unchecked Sendable {
  var members: [JSONString: TemplateValue] = [:]
}

/// What a loop's body knows of the loop.
final class TemplateLoop: @unchecked Sendable {
  let items: [TemplateValue]
  let depth: Int
  var index = 0
  var lastChecked: TemplateValue?

  init(_ items: [TemplateValue], depth: Int) { (self.items, self.depth) = (items, depth) }

  /// A member by its name; nil where there is none.
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

/// What can be called: a function of the environment, a method bound to its value, a macro.
enum TemplateFunction: Sendable {
  case global(String)
  indirect case method(TemplateValue, String)
  case macro(TemplateMacro)
}

/// A macro, with the scope that it was defined in.
final class TemplateMacro: @unchecked Sendable {
  /// Its name; nil for the block of a call.
  let name: String?
  let callable: TemplateCallable
  let scope: TemplateScope

  init(_ name: String?, _ callable: TemplateCallable, _ scope: TemplateScope) {
    (self.name, self.callable, self.scope) = (name, callable, scope)
  }
}

/// Names and their values, within those of another scope.
final class TemplateScope: @unchecked Sendable {
  private let parent: TemplateScope?
  var values: [JSONString: TemplateValue] = [:]

  init(within parent: TemplateScope?) { self.parent = parent }

  subscript(_ name: JSONString) -> TemplateValue? {
    var scope: TemplateScope? = self
    while let current = scope {
      if let value = current.values[name] { return value }
      scope = current.parent
    }
    return nil
  }
}

extension TemplateValue {
  /// Whether two values are equal, as Python has it. Values nest no deeper than what they were made of.
  static func areEqual(_ a: TemplateValue, _ b: TemplateValue) -> Bool {
    if case .int(let a) = a, case .int(let b) = b { return a == b }
    if let a = a.number, let b = b.number { return a == b }
    switch (a, b) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let a), .string(let b)): return a == b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      return a.count == b.count && zip(a, b).allSatisfy { areEqual($0, $1) }
    case (.dictionary(let a), .dictionary(let b)):
      return a.entries.count == b.entries.count
        && a.entries.allSatisfy { entry in b[entry.key].map { areEqual($0, entry.value) } ?? false }
    case (.namespace(let a), .namespace(let b)): return a === b
    case (.loop(let a), .loop(let b)): return a === b
    default: return false
    }
  }

  /// Whether one value comes before another; nil where they have no order.
  static func precedes(_ a: TemplateValue, _ b: TemplateValue) -> Bool? {
    if case .int(let a) = a, case .int(let b) = b { return a < b }
    if let a = a.number, let b = b.number { return a < b }
    switch (a, b) {
    case (.string(let a), .string(let b)): return a < b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      for (x, y) in zip(a, b) where !areEqual(x, y) { return precedes(x, y) }
      return a.count < b.count
    default: return nil
    }
  }
}
