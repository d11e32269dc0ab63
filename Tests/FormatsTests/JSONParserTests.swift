import Formats
import Testing

func parse(_ text: String, depthLimit: Int = 64) throws(InputError) -> JSONValue {
  try JSONValue(parsing: Array(text.utf8), depthLimit: depthLimit)
}

@Suite struct JSONParsing {
  @Test func `numbers keep what they are`() throws {
    #expect(try parse("0") == .integer(0))
    #expect(try parse("-0") == .integer(0))
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("-9223372036854775808") == .integer(.min))
    #expect(try parse("9223372036854775808") == .number(0x1p63))
    #expect(try parse("-9223372036854775809") == .number(-0x1p63))
    #expect(try parse("1.0") == .number(1))
    #expect(try parse("1e3") == .number(1000))
    #expect(try parse("-1.5E-2") == .number(-0.015))
    #expect(try parse("1e-400") == .number(0))
    #expect(try parse("2.2250738585072011e-308") == .number(Double(bitPattern: 0xF_FFFF_FFFF_FFFF)))
    #expect(try parse("1" + String(repeating: "0", count: 300)) == .number(1e300))
  }

  @Test(arguments: ["1e400", "-1e400", "1" + String(repeating: "0", count: 400)])
  func `numbers beyond the finite doubles are refused`(text: String) {
    #expect(errorKind { () throws(InputError) in try parse(text) } == .overflow)
  }

  @Test func `members keep their order, and bytes tell keys apart`() throws {
    let value = try parse(#"{"b":1,"a":[true,false,null],"\u00e9":"x","e\u0301":"\ud83d\ude00\n\/"}"#)
    #expect(
      value
        == .object([
          JSONMember("b", 1), JSONMember("a", [true, false, .null]), JSONMember("\u{e9}", "x"),
          JSONMember("e\u{301}", "😀\n/"),
        ]))
    #expect(value["\u{e9}"] == "x")
    #expect(value["e\u{301}"] == "😀\n/")
    #expect(value["c"] == nil)
    #expect(JSONString("\u{e9}") != JSONString("e\u{301}"))
  }

  @Test(arguments: [
    "", " ", "{", "}", "[", "[1", "[1,", "[1,]", "[,1]", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{a:1}"#, "{}{}",
    "{}x", "1 2", "+1", "01", "-", "-x", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "nul", "True",
    "'a'", #"""#, #""\"#, #""\x41""#, #""\u12""#, #""\u12g4""#, "\"\n\"", "\"\u{0}\"", "// c\n1", "/* c */1", "1 // c",
    "{}\u{0}", "\u{FEFF}{}", #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800x""#, #""\udc00\ud800""#,
    "\u{A0}1",
    "\u{B}1",
  ])
  func `malformed text is refused`(text: String) {
    #expect(errorKind { () throws(InputError) in try parse(text) } == .badJSON)
  }

  @Test(
    arguments: [
      [0xFF], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xF0, 0x8F, 0xBF, 0xBF, 0x22], [0x22, 0xE0, 0x9F, 0xBF, 0x22],
      [0x22, 0xF8, 0x88, 0x80, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82], [0x22, 0xF0, 0x9F, 0x98],
    ] as [[UInt8]])
  func `bytes that are no UTF-8 are refused`(bytes: [UInt8]) {
    #expect(errorKind { () throws(InputError) in try JSONValue(parsing: bytes) } == .badUTF8)
  }

  @Test func `the UTF-8 check agrees with the standard library on every sequence of two bytes in context`() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        for rest in [[], [0x80], [0x80, 0x80], [0xBF, 0x41], [0x41]] as [[UInt8]] {
          let bytes = [0x41, first, second] + rest
          let isValid = String(validating: bytes, as: UTF8.self) != nil
          if (firstInvalidUTF8(bytes) == nil) != isValid { Issue.record("disagree on \(bytes)") }
        }
      }
    }
  }

  @Test func `the UTF-8 check finds a byte in a long run of others`() {
    for count in [0, 1, 31, 32, 33, 64, 100] {
      let text = Array(repeating: UInt8(0x41), count: count)
      #expect(firstInvalidUTF8(text) == nil)
      for place in 0..<count {
        var bytes = text
        bytes[place] = 0x80
        if firstInvalidUTF8(bytes) != place { Issue.record("not found at \(place) of \(count)") }
      }
      #expect(firstInvalidUTF8(text + Array("é".utf8) + text + [0xFF]) == 2 * count + 2)
    }
  }

  @Test(arguments: ["\u{FEFF}{}", "UTF-16 LE", "UTF-16 BE"])
  func `byte order marks are refused by name`(text: String) throws {
    let bytes: [UInt8] =
      switch text {
      case "UTF-16 LE": [0xFF, 0xFE, 0x7B, 0, 0x7D, 0]
      case "UTF-16 BE": [0xFE, 0xFF, 0, 0x7B, 0, 0x7D]
      default: Array(text.utf8)
      }
    let error = try #require(throws: InputError.self) { try JSONValue(parsing: bytes) }
    #expect(error.kind == .badJSON && error.what.contains("byte order mark"))
  }

  @Test(arguments: [
    #"{"a":1,"a":1}"#, #"{"w":1,"\u0077":2}"#, #"[{"x":{"k":[],"k":[]}}]"#,
    "{" + (0..<100).map { "\"k\($0)\":0," }.joined() + "\"k7\":0}",
    "{" + (0..<100).map { "\"k\($0)\":0," }.joined() + "\"k99\":0}",
  ])
  func `duplicate keys are refused`(text: String) {
    #expect(errorKind { () throws(InputError) in try parse(text) } == .duplicate)
  }

  @Test func `of repeated keys the last counts where they are allowed`() throws {
    func parsed(_ text: String) throws -> JSONValue {
      try JSONValue(parsing: Array(text.utf8), repeatedKeys: .lastCounts)
    }
    #expect(try parsed(#"{"a":1,"b":2,"\u0061":{"x":3,"x":4}}"#) == ["a": ["x": 4], "b": 2])
    let many = (0..<100).map { "\"k\($0 % 10)\":\($0)," }.joined()
    #expect(
      try parsed("{\(many)\"k\":0}")
        == .object((0..<10).map { JSONMember(JSONString("k\($0)"), .integer(90 + $0)) } + [JSONMember("k", 0)]))
    #expect(
      errorKind { () throws(InputError) in try JSONValue(parsing: Array("{\"a\":1,}".utf8), repeatedKeys: .lastCounts) }
        == .badJSON)
  }

  @Test func `the depth limit is exact and names the byte`() throws {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    #expect(throws: Never.self) { try parse(nested(64)) }
    let error = try #require(throws: InputError.self) { try parse(nested(65)) }
    #expect(error.kind == .badJSON && error.place == "byte 64")
    #expect(errorKind { () throws(InputError) in try parse(nested(100_000), depthLimit: .max) } == .badJSON)
    #expect(
      errorKind { () throws(InputError) in try parse(String(repeating: "{\"a\":", count: 100_000)) } == .badJSON)
    #expect(errorKind { () throws(InputError) in try parse("[]", depthLimit: 0) } == .badJSON)
  }

  @Test func `an error names the byte`() throws {
    let error = try #require(throws: InputError.self) { try parse("[1, 2, x]") }
    #expect(error.place == "byte 7")
  }
}
