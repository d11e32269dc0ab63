import Formats

/// An expression. What stands in a row is a list, so that depth is that of brackets alone.
indirect enum TemplateExpression: Sendable {
  enum Arithmetic: String, Sendable {
    case add = "+", subtract = "-", multiply = "*", divide = "/", floor = "//", modulo = "%", power = "**"
  }
  enum Comparison: String, Sendable {
    case equal = "==", unequal = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">=", within =
      "in", notWithin = "not in"
  }

  struct Arguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: JSONString, value: TemplateExpression)] = []
    /// What further arguments without names are taken from.
    var spread: TemplateExpression?
    /// What further arguments with names are taken from.
    var namedSpread: TemplateExpression?
  }

  enum Suffix: Sendable {
    case attribute(JSONString)
    case item(TemplateExpression)
    case slice(from: TemplateExpression?, to: TemplateExpression?, by: TemplateExpression?)
    case call(Arguments)
    case filter(String, Arguments)
    case test(String, Arguments, isNegated: Bool)
  }

  case literal(TemplateValue)
  case name(JSONString)
  case list([TemplateExpression])
  case tuple([TemplateExpression])
  case dictionary([(key: TemplateExpression, value: TemplateExpression)])
  case choice(TemplateExpression, if: TemplateExpression, otherwise: TemplateExpression?)
  case or([TemplateExpression])
  case and([TemplateExpression])
  case not(TemplateExpression)
  case comparison(TemplateExpression, [(Comparison, TemplateExpression)])
  case arithmetic(TemplateExpression, [(Arithmetic, TemplateExpression)])
  case concatenation([TemplateExpression])
  case negative(TemplateExpression)
  case positive(TemplateExpression)
  case suffixed(TemplateExpression, [Suffix])
}

/// A statement, or a stretch of text.
struct TemplateStatement: Sendable {
  indirect enum Target: Sendable {
    case name(JSONString)
    case member(JSONString, JSONString)
    case tuple([Target])
  }

  indirect enum Kind: Sendable {
    case text([UInt8])
    case output(TemplateExpression)
    case choice([(test: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
    case loop(
      Target, TemplateExpression, where: TemplateExpression?, [TemplateStatement], otherwise: [TemplateStatement])
    case assignment(Target, TemplateExpression)
    case capture(Target, [TemplateExpression.Suffix], [TemplateStatement])
    case macro(JSONString, TemplateCallable)
    /// Calls something with a block of the template, which it knows as `caller`.
    case call(TemplateExpression, TemplateExpression.Arguments, TemplateCallable)
    case filtered([TemplateExpression.Suffix], [TemplateStatement])
    case scope([(JSONString, TemplateExpression)], [TemplateStatement])
    case leave
    case next
  }

  var kind: Kind
  var line: Int
}

/// What a macro is, or a block that is given to one: parameters and statements.
struct TemplateCallable: Sendable {
  /// What its statements may ask for although no parameter is called so.
  enum Extra: String, CaseIterable, Sendable {
    /// The block that it is called with.
    case caller
    /// Arguments with names that no parameter has.
    case named = "kwargs"
    /// Arguments beyond the parameters.
    case positional = "varargs"
  }

  var parameters: [(name: JSONString, standard: TemplateExpression?)]
  var body: [TemplateStatement]
  /// What its statements do ask for.
  var extras: Set<Extra>
}
