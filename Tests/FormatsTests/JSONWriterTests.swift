import Formats
import TestSupport
import Testing

func text(_ value: JSONValue, pretty: Bool = false) throws -> String {
  String(decoding: try value.encoded(pretty: pretty), as: UTF8.self)
}

@Suite struct JSONWriting {
  @Test func `compact text has no white space`() throws {
    let value: JSONValue = ["b": 1, "a": [true, .null, -2.5, "x"], "e": [], "o": [:]]
    #expect(try text(value) == #"{"b":1,"a":[true,null,-2.5,"x"],"e":[],"o":{}}"#)
  }

  @Test func `pretty text has one item per line`() throws {
    let value: JSONValue = ["b": [1, 2], "e": [], "o": ["k": false]]
    #expect(
      try text(value, pretty: true) == """
        {
          "b": [
            1,
            2
          ],
          "e": [],
          "o": {
            "k": false
          }
        }
        """)
  }

  @Test func `strings are escaped where the standard asks for it`() throws {
    #expect(try text("a\"\\/\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}é😀") == #""a\"\\/\n\r\t\b\f\u0000\u001f"# + "\u{7f}é😀\"")
  }

  @Test func `doubles have the fewest digits and come back as doubles`() throws {
    #expect(try text(0.1) == "0.1")
    #expect(try text(.number(5)) == "5.0")
    #expect(try text(.number(1e300)) == "1e+300")
    #expect(try text(.number(.leastNonzeroMagnitude)) == "5e-324")
    #expect(try text(.integer(.min)) == "-9223372036854775808")
    let negativeZero = try parse(try text(.number(-0.0)))
    guard case .number(let zero) = negativeZero else {
      Issue.record("-0.0 came back as \(negativeZero)")
      return
    }
    #expect(zero.sign == .minus)
  }

  @Test func `what the parser refuses is not written`() {
    #expect(errorKind { () throws(InputError) in try JSONValue.number(.nan).encoded() } == .nonFinite)
    #expect(errorKind { () throws(InputError) in try JSONValue.number(-.infinity).encoded() } == .nonFinite)
    #expect(
      errorKind { () throws(InputError) in try JSONValue.string(JSONString(utf8: [0xFF])).encoded() } == .badUTF8)
    #expect(errorKind { () throws(InputError) in try (["a": 1, "a": 2] as JSONValue).encoded() } == .duplicate)
    var deep: JSONValue = []
    for _ in 0..<64 { deep = [deep] }
    #expect(errorKind { () throws(InputError) in try deep.encoded() } == .badJSON)
  }

  @Test func `an error names the path`() throws {
    let value: JSONValue = ["a": [0, ["b": .number(.nan)]]]
    let error = try #require(throws: InputError.self) { try value.encoded() }
    #expect(error.place == #""a": [1]: "b""#)
  }

  @Test(arguments: [false, true])
  func `random documents come back equal`(pretty: Bool) throws {
    for seed in 0..<1000 {
      var generator = SeededGenerator(seed)
      let value = randomValue(&generator, depth: 5)
      #expect(try JSONValue(parsing: try value.encoded(pretty: pretty)) == value, "seed \(seed)")
    }
  }
}

func randomValue(_ generator: inout SeededGenerator, depth: Int) -> JSONValue {
  switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &generator) {
  case 0: return .null
  case 1: return .bool(Bool.random(using: &generator))
  case 2: return .integer(Int(truncatingIfNeeded: generator.next() >> UInt64.random(in: 0..<64, using: &generator)))
  case 3:
    let number = Double(bitPattern: generator.next())
    return .number(number.isFinite ? number : 0.5)
  case 4: return .string(randomString(&generator))
  case 5, 6:
    return .array((0..<Int.random(in: 0..<6, using: &generator)).map { _ in randomValue(&generator, depth: depth - 1) })
  default:
    let keys = Set((0..<Int.random(in: 0..<20, using: &generator)).map { _ in randomString(&generator) })
    return .object(keys.sorted().map { JSONMember($0, randomValue(&generator, depth: depth - 1)) })
  }
}

func randomString(_ generator: inout SeededGenerator) -> JSONString {
  var text = ""
  for _ in 0..<Int.random(in: 0..<12, using: &generator) {
    let limit: UInt32 = [0x80, 0x800, 0x11_0000].randomElement(using: &generator) ?? 0x80
    text.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) ?? "\u{301}")
  }
  return JSONString(text)
}
