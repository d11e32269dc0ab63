import Formats

extension TemplateValue {
  /// The value as it is written in a template's output: Python's `str`.
  var written: JSONString {
    switch self {
    case .undefined: JSONString("")
    case .string(let text): text
    default: JSONString(utf8: represented)
    }
  }

  /// Python's `repr`.
  var represented: [UInt8] {
    switch self {
    case .undefined: Array("Undefined".utf8)
    case .none: Array("None".utf8)
    case .bool(let value): Array((value ? "True" : "False").utf8)
    case .int(let value): Array(String(value).utf8)
    case .float(let value): Array(Self.written(value).utf8)
    case .string(let text): Self.quoted(text)
    case .list(let elements):
      Array("[".utf8) + elements.map(\.represented).joined(separator: Array(", ".utf8)) + Array("]".utf8)
    case .tuple(let elements):
      Array("(".utf8) + elements.map(\.represented).joined(separator: Array(", ".utf8))
        + Array((elements.count == 1 ? ",)" : ")").utf8)
    case .dictionary(let dictionary):
      Array("{".utf8)
        + dictionary.entries.map { $0.key.value.represented + Array(": ".utf8) + $0.value.represented }
        .joined(separator: Array(", ".utf8)) + Array("}".utf8)
    case .namespace: Array("<Namespace>".utf8)
    case .loop: Array("<LoopContext>".utf8)
    case .function(.macro(let macro)):
      Array("<Macro ".utf8) + (macro.name.map { TemplateValue.text($0).represented } ?? Array("anonymous".utf8))
        + Array(">".utf8)
    case .function: Array("<function>".utf8)
    }
  }

  private static func written(_ value: Double) -> String {
    value.isNaN ? "nan" : value.isInfinite ? (value < 0 ? "-inf" : "inf") : value.description
  }

  private static func quoted(_ text: JSONString) -> [UInt8] {
    let (single, double) = (UInt8(ascii: "'"), UInt8(ascii: "\""))
    let quote = text.utf8.contains(single) && !text.utf8.contains(double) ? double : single
    var out = [quote]
    for scalar in text.text.unicodeScalars {
      switch scalar {
      case Unicode.Scalar(quote), "\\": out += Array("\\\(scalar)".utf8)
      case "\n": out += Array("\\n".utf8)
      case "\r": out += Array("\\r".utf8)
      case "\t": out += Array("\\t".utf8)
      case _ where isPrintable(scalar): out += Array(String(scalar).utf8)
      default: out += Array(escaped(scalar).utf8)
      }
    }
    return out + [quote]
  }

  /// Python writes other scalars by their numbers.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let (letter, count) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
    return "\\\(letter)\(String(repeating: "0", count: count - digits.count))\(digits)"
  }
}

/// JSON as Python's `json.dumps` writes it: a space after commas and colons, or lines with an indent.
struct TemplateJSON {
  /// What a line is indented by for each level; nil to write no lines.
  var indent: [UInt8]?
  /// How many bytes may be written.
  var room = Int.max
  var sortsKeys = false
  var escapesUnicode = false
  var itemSeparator = Array(", ".utf8)
  var keySeparator = Array(": ".utf8)
  /// Whether the separator stays as it is before a line end; the usual one loses its space there.
  var keepsItemSeparator = false
  private(set) var out: [UInt8] = []

  init() {}

  /// - Throws: `badValue` for what JSON has no form for, `budget` where lines take more than `room`.
  mutating func write(_ value: TemplateValue, depth: Int = 0) throws(InputError) {
    switch value {
    case .none: out += Array("null".utf8)
    case .bool(let value): out += Array((value ? "true" : "false").utf8)
    case .int, .float:
      let text = String(decoding: value.represented, as: UTF8.self)
      out += Array((["nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"][text] ?? text).utf8)
    case .string(let text): write(text)
    case .list(let elements), .tuple(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        try separate(index, depth)
        try write(element, depth: depth + 1)
      }
      try end(elements.isEmpty, depth)
      out.append(UInt8(ascii: "]"))
    case .dictionary(let dictionary):
      var entries = dictionary.entries
      if sortsKeys { entries.sort { TemplateValue.precedes($0.key.value, $1.key.value) ?? false } }
      out.append(UInt8(ascii: "{"))
      for (index, entry) in entries.enumerated() {
        try separate(index, depth)
        switch entry.key {
        case .string(let text): write(text)
        case .int(let number): write(JSONString(String(number)))
        case .none: write("null")
        }
        out += keySeparator
        try write(entry.value, depth: depth + 1)
      }
      try end(entries.isEmpty, depth)
      out.append(UInt8(ascii: "}"))
    case .undefined, .namespace, .loop, .function:
      throw InputError(.badValue, "writes as JSON what is \(value.kindName)")
    }
  }

  private mutating func separate(_ index: Int, _ depth: Int) throws(InputError) {
    if index > 0 { out += indent == nil || keepsItemSeparator ? itemSeparator : [UInt8(ascii: ",")] }
    try newLine(depth + 1)
  }

  private mutating func end(_ isEmpty: Bool, _ depth: Int) throws(InputError) { if !isEmpty { try newLine(depth) } }

  private mutating func newLine(_ depth: Int) throws(InputError) {
    guard let indent else { return }
    let (count, overflows) = indent.count.multipliedReportingOverflow(by: depth)
    guard !overflows, count < room - out.count else { throw InputError(.budget, "makes more text than is allowed") }
    out.append(0x0A)
    for _ in 0..<depth { out += indent }
  }

  private mutating func write(_ text: JSONString) {
    out.append(UInt8(ascii: "\""))
    for scalar in text.text.unicodeScalars {
      switch scalar {
      case "\"": out += Array("\\\"".utf8)
      case "\\": out += Array("\\\\".utf8)
      case "\n": out += Array("\\n".utf8)
      case "\r": out += Array("\\r".utf8)
      case "\t": out += Array("\\t".utf8)
      case "\u{08}": out += Array("\\b".utf8)
      case "\u{0C}": out += Array("\\f".utf8)
      case _ where scalar.value < 0x20 || escapesUnicode && scalar.value >= 0x7F:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          out += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
        }
      default: append(scalar.value, to: &out)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
