import Formats
import TestSupport
import Testing

@Suite struct JSONDocuments {
  @Test(arguments: [false, true])
  func `fields of random documents are those of the tree`(pretty: Bool) throws {
    for seed in 0..<300 {
      var generator = SeededGenerator(seed)
      // Beside one another, so that some arrays and objects are long and others are not.
      let value = JSONValue.array((0..<seed % 40).map { _ in randomValue(&generator, depth: 5) })
      let field = try JSONField(parsing: try value.encoded(pretty: pretty))
      #expect(try walked(field) == value, "seed \(seed)")
      #expect(try field.value(atMost: .max) == value, "seed \(seed)")
      #expect(try field.array().count == seed % 40)
    }
  }

  @Test func `escapes and white space are read alike`() throws {
    let text = #" { "\u0061\n" : [ 1 , -0 , 1E2 ] , "\"\\" : "\ud83d\ude00x" , "e" : [ ] , "o" : { } } "#
    let field = try JSONField(parsing: Array(text.utf8))
    #expect(try walked(field) == ["a\n": [1, 0, 100.0], "\"\\": "😀x", "e": [], "o": [:]])
    #expect(try field.required("a\n").array().count == 3)
    #expect(try field.required("\"\\").string() == "😀x")
    for absent in ["a", "a\nb", "\"", "\\u0061\\n", "", "oo"] { #expect(try !field.has(absent), "\(absent)") }
  }

  @Test func `paths are found from the place`() throws {
    let row = "[" + (0..<500).map { "{\"k\":[\($0)]}" }.joined(separator: ", ") + "]"
    let field = try JSONField(parsing: Array("{\"a\":\(row),\"b c\":[\(row),\(row)]}".utf8), at: "f")
    for (index, one) in try field.required("b c").array()[1].array().enumerated() {
      #expect(one.path == #"f: "b c"[1][\#(index)]"#)
      #expect(try one.required("k").array()[0].path == #"f: "b c"[1][\#(index)].k[0]"#)
    }
    #expect(try field.required("a").array()[499].required("k").path == "f: a[499].k")
    let error = try #require(throws: InputError.self) { try JSONField(parsing: Array("[1,]".utf8), at: "f") }
    #expect(error.place == "f: byte 3")
  }

  // A short list, a table, and one in parts; the second key of each pair is the first in other letters.
  @Test(arguments: [2, 16, 17, 18, 1000, 20_000, 100_000])
  func `repeated keys are found among any number`(count: Int) throws {
    let keys = (0..<count).map { "\"k\($0)\":0" }
    #expect(throws: Never.self) { try parse("{\(keys.joined(separator: ","))}") }
    for again in [0, count / 2, count - 1] {
      for key in ["k\(again)", "\\u006b\(again)"] {
        let text = "{\(keys.joined(separator: ",")),\"\(key)\":0,"
        let error = try #require(throws: InputError.self) { try parse(text) }
        #expect(error.kind == .duplicate && error.place == "byte \(text.utf8.count - key.utf8.count - 5)")
      }
    }
    let escaped = (0..<count).map { "\"\\u006b\($0)\":0" }
    #expect(throws: Never.self) { try parse("{\(escaped.joined(separator: ","))}") }
    #expect(throws: InputError.self) { try parse("{\(escaped.joined(separator: ",")),\"k\(count / 2)\":0}") }
  }

  @Test func `nested objects have their own keys`() throws {
    let keys = (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",")
    let text = "{\(keys),\"x\":[{\(keys)},{\(keys),\"y\":{\(keys)}}],\"z\":0}"
    #expect(throws: Never.self) { try parse(text) }
    #expect(errorKind { () throws(InputError) in try parse(text.dropLast() + ",\"k39\":0}") } == .duplicate)
    #expect(errorKind { () throws(InputError) in try parse(text.dropLast() + ",\"z\":0}") } == .duplicate)
  }

  @Test func `big objects are gone over, and not looked into by name`() throws {
    let members = (0...JSONField.lookupLimit).map { "\"k\($0)\":0" }
    let most = try JSONField(parsing: Array("{\(members.dropFirst().joined(separator: ","))}".utf8))
    #expect(try most.required("k4096").int() == 0)
    let more = try JSONField(parsing: Array("{\(members.joined(separator: ","))}".utf8))
    #expect(errorKind { () throws(InputError) in try more.optional("k0") } == .tooLarge)
    #expect(try more.object().count == JSONField.lookupLimit + 1)
  }

  @Test func `big values are not made into trees`() throws {
    let field = try JSONField(parsing: Array("{\"a\":[\(String(repeating: "1,", count: 5000))1]}".utf8)).required("a")
    #expect(errorKind { () throws(InputError) in try field.value(atMost: 10_002) } == .tooLarge)
    #expect(try field.value(atMost: 10_003) == .array([JSONValue](repeating: 1, count: 5001)))
  }
}
