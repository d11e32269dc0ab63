import Formats
import Foundation

// The filters of numbers, as Jinja and Python have them.
extension TemplateInterpreter {
  func number(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(InputError) -> TemplateValue {
    if case .undefined(let name) = value {
      throw InputError(.badValue, "takes a number of \(quoted(name.utf8)), which is undefined")
    }
    switch name {
    case "int": return try whole(value, arguments)
    case "float":
      if let number = value.number { return .float(number) }
      if case .string(let text) = value, let number = TemplateNumbers.decimal(text.utf8) { return .float(number) }
      return arguments.value(0, "default") ?? .float(0)
    case "abs":
      if case .float(let number) = value { return .float(number.magnitude) }
      guard let integer = value.integer, integer != .min else {
        throw InputError(.badValue, "takes abs of \(value.kindName)")
      }
      return .int(abs(integer))
    default: return try rounded(value, arguments)
    }
  }

  private func whole(_ value: TemplateValue, _ arguments: TemplateArguments) throws(InputError) -> TemplateValue {
    let standard = arguments.value(0, "default") ?? .int(0)
    if let integer = value.integer { return .int(integer) }
    if case .float(let number) = value { return number.isNaN ? standard : .int(try TemplateNumbers.whole(number)) }
    guard case .string(let text) = value else { return standard }
    // What is no base leaves the text to be read as a number with a point.
    let base = arguments.value(1, "base") ?? .int(10)
    switch base.integer {
    case 10?: if let integer = try TemplateNumbers.integer(text.utf8) { return .int(integer) }
    case let base? where base == 0 || (2...36).contains(base):
      throw InputError(.unsupported, "reads a number of base \(base), of which only 10 is implemented")
    default: break
    }
    guard let number = TemplateNumbers.decimal(text.utf8), number.isFinite else { return standard }
    return .int(try TemplateNumbers.whole(number))
  }

  private func rounded(_ value: TemplateValue, _ arguments: TemplateArguments) throws(InputError) -> TemplateValue {
    guard let number = value.number else { throw InputError(.badValue, "rounds \(value.kindName)") }
    let method = arguments.value(1, "method") ?? .text("common")
    guard case .string(let name) = method, ["common", "ceil", "floor"].contains(name.text) else {
      throw InputError(.badValue, "rounds by \(method.kindName) that is not common, ceil or floor")
    }
    let isCommon = name.text == "common"
    let precision = arguments.value(0, "precision") ?? .int(0)
    if isCommon, case .none = precision {
      if let integer = value.integer { return .int(integer) }
      return .int(try TemplateNumbers.whole(number.rounded(.toNearestOrEven)))
    }
    guard let places = precision.integer else {
      throw InputError(.badValue, "rounds to \(precision.kindName) places, which must be a whole number")
    }
    guard isCommon else {
      return .float(try TemplateNumbers.rounded(value, number, places, name.text == "ceil" ? .up : .down))
    }
    guard let integer = value.integer else { return .float(try TemplateNumbers.rounded(number, places)) }
    guard places < 0 else { return .int(integer) }
    let magnitude = TemplateNumbers.rounded(UInt64(integer.magnitude), hasRest: false, zeros: places.magnitude)
    guard let result = Int(exactly: magnitude) else {
      throw InputError(.overflow, "rounds \(integer) to what is beyond 64 bits")
    }
    return .int(integer < 0 ? -result : result)
  }
}

/// Reading and rounding numbers as Python does.
enum TemplateNumbers {
  /// The number without what follows its point.
  static func whole(_ number: Double) throws(InputError) -> Int {
    guard number.isFinite else { throw InputError(.badValue, "makes a whole number of \(number)") }
    guard let integer = Int(exactly: number.rounded(.towardZero)) else {
      throw InputError(.overflow, "makes a whole number of \(number), which is beyond 64 bits")
    }
    return integer
  }

  /// The text in ASCII, in lower case, without white space at its ends and without underscores, which may stand singly
  /// between digits; nil where another character is in it. Digits may be those of any script.
  private static func plain(_ text: [UInt8]) -> [UInt8]? {
    func digit(_ scalar: Unicode.Scalar) -> UInt8? {
      guard scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue else { return nil }
      return UInt8(exactly: value).map { $0 + 0x30 }
    }
    let scalars = Array(String(decoding: TemplateBytes.strip(text, nil), as: UTF8.self).unicodeScalars)
    var out: [UInt8] = []
    for (index, scalar) in scalars.enumerated() {
      if let digit = digit(scalar) {
        out.append(digit)
      } else if scalar == "_" {
        guard index > 0, digit(scalars[index - 1]) != nil, index + 1 < scalars.count, digit(scalars[index + 1]) != nil
        else { return nil }
      } else {
        guard scalar.isASCII else { return nil }
        out += Array(String(scalar).lowercased().utf8)
      }
    }
    return out
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// The sign, if there is one, which is taken off.
  private static func sign(_ text: inout ArraySlice<UInt8>) -> String {
    guard let first = text.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") else { return "" }
    text.removeFirst()
    return first == UInt8(ascii: "-") ? "-" : ""
  }

  /// The digits that a text begins with, which are taken off.
  private static func digits(_ text: inout ArraySlice<UInt8>) -> String {
    let digits = text.prefix(while: isDigit)
    text.removeFirst(digits.count)
    return String(decoding: digits, as: UTF8.self)
  }

  /// A whole number of base 10; nil where the text is none.
  static func integer(_ text: [UInt8]) throws(InputError) -> Int? {
    guard var rest = plain(text)?[...] else { return nil }
    let (sign, digits) = (sign(&rest), digits(&rest))
    guard rest.isEmpty, !digits.isEmpty else { return nil }
    guard let integer = Int(sign + digits) else {
      throw InputError(.overflow, "reads a whole number that is beyond 64 bits")
    }
    return integer
  }

  /// A number with or without a point and an exponent, an infinity or NaN; nil where the text is none.
  static func decimal(_ text: [UInt8]) -> Double? {
    guard var rest = plain(text)?[...] else { return nil }
    let sign = sign(&rest)
    switch String(decoding: rest, as: UTF8.self) {
    case "inf", "infinity": return sign.isEmpty ? .infinity : -.infinity
    case "nan": return .nan
    default: break
    }
    let whole = digits(&rest)
    var (fraction, exponent) = ("", "0")
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      fraction = digits(&rest)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return nil }
    if rest.first == UInt8(ascii: "e") {
      rest.removeFirst()
      let sign = self.sign(&rest)
      let digits = digits(&rest)
      guard !digits.isEmpty else { return nil }
      exponent = sign + digits
    }
    return rest.isEmpty ? Double("\(sign)0\(whole).\(fraction)0e\(exponent)") : nil
  }

  /// The closest multiple of the power of 10 with so many zeros, of two the even one.
  static func rounded(_ magnitude: UInt64, hasRest: Bool, zeros: UInt) -> UInt64 {
    // What is below half of 10^20.
    guard zeros < 20 else { return 0 }
    let unit = (0..<zeros).reduce(1 as UInt64) { unit, _ in unit * 10 }
    let (count, below) = magnitude.quotientAndRemainder(dividingBy: unit)
    let isUp = below > unit - below || below == unit - below && (hasRest || !count.isMultiple(of: 2))
    return isUp ? magnitude - below + unit : magnitude - below
  }

  /// The closest number of so many decimal places, going by what the number is and not by a product that rounds.
  static func rounded(_ number: Double, _ places: Int) throws(InputError) -> Double {
    // More places than a number has.
    guard number.isFinite, places <= 323 else { return number }
    guard places < 0 else { return Double(String(format: "%.\(places)f", number)) ?? number }
    guard number.magnitude < 0x1p63 else {
      throw InputError(.unsupported, "rounds \(number) before its point, which is implemented below 2^63")
    }
    let whole = number.magnitude.rounded(.towardZero)
    let result = Double(rounded(UInt64(whole), hasRest: whole != number.magnitude, zeros: places.magnitude))
    return number.sign == .minus ? -result : result
  }

  /// The number, multiplied by a power of 10, rounded up or down and divided again.
  static func rounded(
    _ value: TemplateValue, _ number: Double, _ places: Int, _ rule: FloatingPointRoundingRule
  ) throws(InputError) -> Double {
    // Up to here powers of 10 are exact.
    guard (-22...22).contains(places) else {
      throw InputError(.unsupported, "rounds up or down to \(places) places, which is implemented for -22 to 22")
    }
    if value.integer != nil && places >= 0 { return number }
    let power = (0..<places.magnitude).reduce(1.0) { power, _ in power * 10 }
    let scale = places < 0 ? 1 / power : power
    let scaled = (number * scale).rounded(rule)
    guard scaled.isFinite else { throw InputError(.badValue, "rounds what is not finite up or down") }
    // Python's whole number in between has no negative 0.
    return (scaled + 0) / scale
  }
}
