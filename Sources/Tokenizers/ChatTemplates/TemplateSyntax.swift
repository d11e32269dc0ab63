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
    case macro(JSONString, [(name: JSONString, standard: TemplateExpression?)], [TemplateStatement])
    case filtered([TemplateExpression.Suffix], [TemplateStatement])
    case scope([(JSONString, TemplateExpression)], [TemplateStatement])
    case leave
    case next
  }

  var kind: Kind
  var line: Int
}
