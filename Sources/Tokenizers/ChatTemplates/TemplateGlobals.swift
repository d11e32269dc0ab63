import Formats
import Foundation

/// The functions that every template has.
enum TemplateGlobals {
  static let names: Set<String> = Set(parameters.keys).union(["dict", "namespace"])
  /// What each takes; those that are not here take members by any names.
  fileprivate static let parameters: [String: TemplateParameters] = [
    "range": .placed("start", "stop", "step"), "raise_exception": ["message"], "strftime_now": ["format"],
  ]
}

/// What `strftime_now` shows.
struct TemplateClock: Sendable {
  let date: Date
  let timeZone: TimeZone

  /// The time in the form that C's `strftime` gives, in English.
  func text(_ format: String) throws(InputError) -> String {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = timeZone
    let parts = calendar.dateComponents(
      [.year, .month, .day, .hour, .minute, .second, .weekday, .dayOfYear], from: date)
    let (hour, weekday) = (parts.hour ?? 0, max(0, (parts.weekday ?? 1) - 1) % 7)
    let month = max(0, (parts.month ?? 1) - 1) % 12
    func padded(_ number: Int?, _ width: Int = 2, _ fill: Character = "0") -> String {
      let digits = String(number ?? 0)
      return String(repeating: fill, count: max(0, width - digits.count)) + digits
    }
    func field(_ directive: Character) -> String? {
      switch directive {
      case "Y": padded(parts.year, 4)
      case "y": padded((parts.year ?? 0) % 100)
      case "m": padded(parts.month)
      case "d": padded(parts.day)
      case "e": padded(parts.day, 2, " ")
      case "H": padded(hour)
      case "I": padded((hour + 11) % 12 + 1)
      case "M": padded(parts.minute)
      case "S": padded(parts.second)
      case "p": hour < 12 ? "AM" : "PM"
      case "j": padded(parts.dayOfYear, 3)
      case "B": Self.months[month]
      case "b", "h": String(Self.months[month].prefix(3))
      case "A": Self.weekdays[weekday]
      case "a": String(Self.weekdays[weekday].prefix(3))
      case "w": String(weekday)
      case "u": String(weekday == 0 ? 7 : weekday)
      case "%": "%"
      case "n": "\n"
      case "t": "\t"
      default: nil
      }
    }
    var (out, rest) = ("", Array(format)[...])
    while let character = rest.popFirst() {
      guard character == "%", var directive = rest.popFirst() else {
        out.append(character)
        continue
      }
      let isPlain = directive == "-"
      if isPlain, let next = rest.popFirst() { directive = next }
      switch directive {
      case "F": out += try text("%Y-%m-%d")
      case "T": out += try text("%H:%M:%S")
      case "D": out += try text("%m/%d/%y")
      default:
        guard let field = field(directive) else {
          throw InputError(.unsupported, "asks strftime_now for %\(directive), which is not implemented")
        }
        let trimmed = field.drop { $0 == "0" || $0 == " " }
        out += isPlain ? (trimmed.isEmpty ? "0" : String(trimmed)) : field
      }
    }
    return out
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]
  private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
}

extension TemplateInterpreter {
  mutating func global(_ name: String, _ arguments: TemplateArguments) throws(InputError) -> TemplateValue {
    if let parameters = TemplateGlobals.parameters[name] { try arguments.requireOnly(parameters, of: name) }
    switch name {
    case "range":
      var bounds: [Int] = []
      for value in arguments.positional {
        guard let bound = value.integer else { throw InputError(.badValue, "calls range with \(value.kindName)") }
        bounds.append(bound)
      }
      guard !bounds.isEmpty else { throw InputError(.badValue, "calls range without values") }
      let (start, end) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
      let step = bounds.count == 3 ? bounds[2] : 1
      guard step != 0 else { throw InputError(.badValue, "calls range with steps of 0") }
      guard bounds.allSatisfy({ $0.magnitude < 1 << 40 }), (end - start) / step <= 100_000 else {
        throw InputError(.budget, "calls range for more than 100000 numbers")
      }
      return .list(stride(from: start, to: end, by: step).map { .int($0) })
    case "dict", "namespace":
      var dictionary = TemplateDictionary()
      guard arguments.positional.count <= 1 else {
        throw InputError(.badValue, "calls \(name) with \(arguments.positional.count) values")
      }
      switch arguments.positional.first {
      case nil: break
      case .dictionary(let given)?: dictionary = given
      case let other? where other.number != nil || other.isNone:
        throw InputError(.badValue, "calls \(name) with \(other.kindName), which has no entries")
      case let other?:
        throw InputError(.unsupported, "calls \(name) with \(other.kindName), which is implemented for mappings only")
      }
      for (key, value) in arguments.named { dictionary[.string(key)] = value }
      try charge(.dictionary(dictionary))
      guard name == "namespace" else { return .dictionary(dictionary) }
      let namespace = TemplateNamespace()
      for entry in dictionary.entries {
        guard case .string(let key) = entry.key, !Self.holdsNamespace(entry.value) else {
          throw InputError(.unsupported, "keeps a namespace or a macro in a namespace, which is not implemented")
        }
        namespace.members[key] = entry.value
      }
      return .namespace(namespace)
    case "raise_exception":
      throw InputError(
        .badValue, "The chat template refuses the messages: \(arguments.value(0, "message")?.written.text ?? "")")
    default:
      return .text(try clock.text(JSONString(utf8: try arguments.requiredText(0, "format")).text))
    }
  }
}
