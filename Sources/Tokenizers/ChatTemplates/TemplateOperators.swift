import Formats

extension TemplateInterpreter {
  private func mismatch(_ a: TemplateValue, _ operation: String, _ b: TemplateValue) -> InputError {
    for case .undefined(let name) in [a, b] where !name.isEmpty {
      return InputError(.badValue, "uses \(quoted(name.utf8)), which is undefined")
    }
    return InputError(.badValue, "has \(a.kindName) \(operation) \(b.kindName), which do not go together")
  }

  mutating func compare(
    _ a: TemplateValue, _ comparison: TemplateExpression.Comparison, _ b: TemplateValue
  ) throws(InputError) -> Bool {
    switch comparison {
    case .equal, .unequal:
      try charge(a)
      return TemplateValue.areEqual(a, b) == (comparison == .equal)
    case .within: return try contains(b, a)
    case .notWithin: return !(try contains(b, a))
    case .less, .greaterOrEqual, .greater, .lessOrEqual:
      try charge(a)
      let isSwapped = comparison == .greater || comparison == .lessOrEqual
      guard let precedes = isSwapped ? TemplateValue.precedes(b, a) : TemplateValue.precedes(a, b) else {
        throw mismatch(a, comparison.rawValue, b)
      }
      return (comparison == .less || comparison == .greater) == precedes
    }
  }

  private mutating func contains(_ whole: TemplateValue, _ part: TemplateValue) throws(InputError) -> Bool {
    switch whole {
    case .list(let elements), .tuple(let elements):
      try charge(whole)
      return elements.contains { TemplateValue.areEqual($0, part) }
    case .dictionary(let dictionary): return TemplateDictionary.Key(part).map { dictionary[$0] != nil } ?? false
    case .namespace: throw mismatch(part, "in", whole)
    case .string(let text):
      guard case .string(let piece) = part else { throw mismatch(part, "in", whole) }
      try spend(text.utf8.count)
      return TemplateBytes.find(piece.utf8, in: text.utf8) != nil
    case .undefined: return false
    default: throw mismatch(part, "in", whole)
    }
  }

  mutating func compute(
    _ a: TemplateValue, _ operation: TemplateExpression.Arithmetic, _ b: TemplateValue
  ) throws(InputError) -> TemplateValue {
    if let a = a.integer, let b = b.integer, operation != .divide { return try compute(a, operation, b) }
    if let a = a.number, let b = b.number { return .float(try compute(a, operation, b)) }
    switch (operation, a, b) {
    case (.add, .string(let a), .string(let b)):
      try spend(a.utf8.count + b.utf8.count)
      return .string(JSONString(utf8: a.utf8 + b.utf8))
    case (.add, .list(let a), .list(let b)):
      try spend((a.count + b.count) * 8)
      return .list(a + b)
    case (.add, .tuple(let a), .tuple(let b)):
      try spend((a.count + b.count) * 8)
      return .tuple(a + b)
    case (.multiply, .string(let text), let factor), (.multiply, let factor, .string(let text)):
      guard let count = factor.integer else { throw mismatch(a, "*", b) }
      let (total, overflows) = max(count, 0).multipliedReportingOverflow(by: text.utf8.count)
      try spend(overflows ? .max : total)
      return .string(JSONString(utf8: (0..<max(count, 0)).flatMap { _ in text.utf8 }))
    case (.multiply, .list(let elements), let factor), (.multiply, let factor, .list(let elements)):
      guard let count = factor.integer else { throw mismatch(a, "*", b) }
      let (total, overflows) = max(count, 0).multipliedReportingOverflow(by: elements.count * 16)
      try spend(overflows ? .max : total)
      return .list((0..<(elements.isEmpty ? 0 : max(count, 0))).flatMap { _ in elements })
    default: throw mismatch(a, operation.rawValue, b)
    }
  }

  private func compute(
    _ a: Int, _ operation: TemplateExpression.Arithmetic, _ b: Int
  ) throws(InputError) -> TemplateValue {
    func exact(_ result: (partialValue: Int, overflow: Bool)) throws(InputError) -> TemplateValue {
      guard !result.overflow else {
        throw InputError(.overflow, "computes \(a) \(operation.rawValue) \(b), which is beyond 64 bits")
      }
      return .int(result.partialValue)
    }
    switch operation {
    case .add: return try exact(a.addingReportingOverflow(b))
    case .subtract: return try exact(a.subtractingReportingOverflow(b))
    case .multiply: return try exact(a.multipliedReportingOverflow(by: b))
    case .floor, .modulo:
      guard b != 0 else { throw InputError(.badValue, "divides by 0") }
      guard !(a == .min && b == -1) else { return try exact((0, operation == .floor)) }
      let remainder = a % b
      let isShifted = remainder != 0 && (remainder < 0) != (b < 0)
      return .int(operation == .floor ? a / b - (isShifted ? 1 : 0) : remainder + (isShifted ? b : 0))
    case .power:
      guard b >= 0 else { return .float(try compute(Double(a), .power, Double(b))) }
      var (result, overflows) = (1, false)
      if a.magnitude > 1 {
        for _ in 0..<min(b, 64) where !overflows { (result, overflows) = result.multipliedReportingOverflow(by: a) }
        if b > 64 { overflows = true }
      } else {
        result = b == 0 ? 1 : a == -1 && b % 2 == 0 ? 1 : a
      }
      return try exact((result, overflows))
    case .divide: return .float(try compute(Double(a), .divide, Double(b)))
    }
  }

  private func compute(
    _ a: Double, _ operation: TemplateExpression.Arithmetic, _ b: Double
  ) throws(InputError) -> Double {
    switch operation {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .divide, .floor, .modulo:
      guard b != 0 else { throw InputError(.badValue, "divides by 0") }
      if operation == .divide { return a / b }
      let floor = (a / b).rounded(.down)
      return operation == .floor ? floor : a - b * floor
    case .power:
      guard b == b.rounded(), b.magnitude <= 1024 else {
        throw InputError(.unsupported, "raises to the power of \(b), which is not implemented")
      }
      var result = 1.0
      for _ in 0..<Int(b.magnitude) { result *= a }
      return b < 0 ? 1 / result : result
    }
  }
}

/// Searching and cutting bytes that are text.
enum TemplateBytes {
  /// Where `part`, which is not empty, stands in a text, without overlaps. Takes time in proportion to both (Knuth, Morris
  /// and Pratt).
  static func places(of part: [UInt8], in text: [UInt8], most: Int = .max) -> [Int] {
    guard !part.isEmpty, part.count <= text.count, most > 0 else { return [] }
    // For each length of a start that fits, the longest shorter one that then fits too.
    var (shorter, length) = ([0, 0], 0)
    for index in part.indices.dropFirst() {
      while length > 0 && part[index] != part[length] { length = shorter[length] }
      if part[index] == part[length] { length += 1 }
      shorter.append(length)
    }
    var places: [Int] = []
    length = 0
    for (index, byte) in text.enumerated() {
      while length > 0 && byte != part[length] { length = shorter[length] }
      if byte == part[length] { length += 1 }
      guard length == part.count else { continue }
      places.append(index + 1 - length)
      if places.count == most { break }
      length = 0
    }
    return places
  }

  /// Where `part` first stands.
  static func find(_ part: [UInt8], in text: [UInt8]) -> Int? {
    part.isEmpty ? 0 : places(of: part, in: text, most: 1).first
  }

  static func split(_ text: [UInt8], at separator: [UInt8], most: Int) -> [[UInt8]] {
    var (parts, start) = ([[UInt8]](), 0)
    for place in places(of: separator, in: text, most: most) {
      parts.append(Array(text[start..<place]))
      start = place + separator.count
    }
    return parts + [Array(text[start...])]
  }

  static func splitFromEnd(_ text: [UInt8], at separator: [UInt8], most: Int) -> [[UInt8]] {
    split(text.reversed(), at: separator.reversed(), most: most).reversed().map { $0.reversed() }
  }

  /// The words between white space; at most so many cuts, what is left comes whole.
  static func words(_ text: [UInt8], most: Int, fromEnd: Bool) -> [[UInt8]] {
    var scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
    if fromEnd { scalars.reverse() }
    var (words, index) = ([[Unicode.Scalar]](), 0)
    while index < scalars.count {
      guard !isSpace(scalars[index]) else {
        index += 1
        continue
      }
      var end = index
      if words.count == most {
        end = scalars.count
        while isSpace(scalars[end - 1]) { end -= 1 }
        words.append(Array(scalars[index..<end]))
        break
      }
      while end < scalars.count, !isSpace(scalars[end]) { end += 1 }
      words.append(Array(scalars[index..<end]))
      index = end
    }
    return (fromEnd ? words.reversed().map { $0.reversed() } : words).map { bytes($0) }
  }

  /// The scalars at some places.
  static func part(_ text: [UInt8], _ places: Range<Int>) -> [UInt8] {
    var place = -1
    return text.filter { byte in
      if byte & 0xC0 != 0x80 { place += 1 }
      return places.contains(place)
    }
  }

  /// The lines, which end as Python has it; nothing follows the last end.
  static func lines(_ text: [UInt8], keepingEnds: Bool) -> [[UInt8]] {
    let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
    var (lines, start, index) = ([[UInt8]](), 0, 0)
    while index < scalars.count {
      let end = index
      index += 1
      switch scalars[end].value {
      case 0x0D: if index < scalars.count, scalars[index].value == 0x0A { index += 1 }
      case 0x0A, 0x0B, 0x0C, 0x1C...0x1E, 0x85, 0x2028, 0x2029: break
      default: continue
      }
      lines.append(bytes(scalars[start..<(keepingEnds ? index : end)]))
      start = index
    }
    return start < scalars.count ? lines + [bytes(scalars[start...])] : lines
  }

  static func bytes(_ scalars: some Sequence<Unicode.Scalar>) -> [UInt8] {
    var out: [UInt8] = []
    for scalar in scalars { append(scalar.value, to: &out) }
    return out
  }

  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  /// The text without the scalars of a set at its ends; white space where there is no set.
  static func strip(_ text: [UInt8], _ set: [UInt8]?, left: Bool = true, right: Bool = true) -> [UInt8] {
    let members = set.map { Set(String(decoding: $0, as: UTF8.self).unicodeScalars) }
    var scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)[...]
    func goes(_ scalar: Unicode.Scalar) -> Bool { members?.contains(scalar) ?? isSpace(scalar) }
    if left { scalars = scalars.drop(while: goes) }
    while right, let last = scalars.last, goes(last) { scalars.removeLast() }
    return bytes(scalars)
  }

  /// How many bytes `replace` gives; `Int.max` where that is beyond all bounds.
  static func replacedCount(_ text: [UInt8], _ old: [UInt8], _ new: [UInt8], most: Int) -> Int {
    let count = old.isEmpty ? text.count + 1 : places(of: old, in: text, most: most).count
    let (added, overflows) = min(count, most).multipliedReportingOverflow(by: new.count)
    return overflows || added > 1 << 40 ? .max : text.count + added
  }

  static func replace(_ text: [UInt8], _ old: [UInt8], _ new: [UInt8], most: Int) -> [UInt8] {
    guard old.isEmpty else { return Array(split(text, at: old, most: most).joined(separator: new)) }
    // As in Python: the new text stands before each scalar, and at the end.
    var (out, count) = ([UInt8](), 0)
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if count < most { out += new }
      count += 1
      append(scalar.value, to: &out)
    }
    return count < most ? out + new : out
  }
}
