import Formats
import Testing

@Suite struct JSONFields {
  /// A configuration as it is read from a file, or as a tree in memory, which must be alike.
  private func config(inMemory isInMemory: Bool) throws -> JSONField {
    let text = """
      {"width": 768, "rate": 1e-5, "whole": 2.0, "name": "gpt2", "tied": true, "none": null, "ids": [1, [2]],
      "rope": {"factor": 8, "a.b": {"c": 1}, "": {"d": 1}}, "huge": 9223372036854775808}
      """
    return isInMemory
      ? JSONField(try parse(text), at: "config.json") : try JSONField(parsing: Array(text.utf8), at: "config.json")
  }

  private func error<T>(_ body: () throws -> T) throws -> String {
    let error = try #require(throws: InputError.self) { try body() }
    return "\(error.kind.rawValue) at \(error.place)"
  }

  @Test(arguments: [false, true]) func `typed values are read`(isInMemory: Bool) throws {
    let config = try config(inMemory: isInMemory)
    #expect(try config.required("width").int(in: 1...768) == 768)
    #expect(try config.required("width").double() == 768)
    #expect(try config.required("rate").double(in: 0...1) == 1e-5)
    #expect(try config.required("whole").double() == 2)
    #expect(try config.required("name").string() == "gpt2")
    #expect(try config.required("name").jsonString() == "gpt2")
    #expect(try config.required("tied").bool())
    #expect(try config.required("none").isNull)
    #expect(try config.optional("none")?.int() == nil)
    #expect(try config.optional("absent")?.int() == nil)
    #expect(try config.optional("width")?.int() == 768)
    #expect(try config.required("ids").array(atMost: 2)[0].int() == 1)
    #expect(try config.required("rope").object(atMost: 3).map(\.key) == ["factor", "a.b", ""])
    #expect(try config.has("none") && !config.has("absent"))
    #expect(try config.required("ids").array().count == 2 && config.object().count == 9)
    #expect(try config.required("rope").value() == ["factor": 8, "a.b": ["c": 1], "": ["d": 1]])
  }

  @Test(arguments: [false, true]) func `every complaint names the field`(isInMemory: Bool) throws {
    let config = try config(inMemory: isInMemory)
    #expect(try error { try config.required("absent") } == "missing at config.json: absent")
    #expect(try error { try config.required("width").int(in: 1...767) } == "tooLarge at config.json: width")
    #expect(try error { try config.required("width").int(in: 769...800) } == "badValue at config.json: width")
    #expect(try error { try config.required("huge").int() } == "overflow at config.json: huge")
    #expect(try error { try config.required("whole").int() } == "wrongType at config.json: whole")
    #expect(try error { try config.required("none").int() } == "wrongType at config.json: none")
    #expect(try error { try config.required("tied").int() } == "wrongType at config.json: tied")
    #expect(try error { try config.required("name").double() } == "wrongType at config.json: name")
    #expect(try error { try config.required("rate").double(in: 1...2) } == "badValue at config.json: rate")
    #expect(try error { try config.required("width").string() } == "wrongType at config.json: width")
    #expect(try error { try config.required("width").bool() } == "wrongType at config.json: width")
    #expect(try error { try config.required("width").array() } == "wrongType at config.json: width")
    #expect(try error { try config.required("width").object() } == "wrongType at config.json: width")
    #expect(try error { try config.required("width").required("x") } == "wrongType at config.json: width")
    #expect(try error { try config.required("width").optional("x") } == "wrongType at config.json: width")
    #expect(try error { try config.required("ids").array(atMost: 1) } == "tooLarge at config.json: ids")
    #expect(try error { try config.required("rope").object(atMost: 2) } == "tooLarge at config.json: rope")
    #expect(
      try error { try config.required("ids").array()[1].array()[0].bool() } == "wrongType at config.json: ids[1][0]")
    let rope = try config.required("rope")
    #expect(try error { try rope.required("factor").bool() } == "wrongType at config.json: rope.factor")
    #expect(try error { try rope.required("a.b").required("c").bool() } == #"wrongType at config.json: rope."a.b".c"#)
    #expect(try error { try rope.required("").bool() } == #"wrongType at config.json: rope."""#)
    #expect(try error { try JSONField(.number(.nan), at: "x").double() } == "nonFinite at x")
    #expect(try error { try JSONField(["a": 1]).required("b") } == "missing at b")
  }

  @Test func `keys from a hostile file cannot spoil a message`() throws {
    let key = JSONString("\u{1b}[2J\n\u{202e}" + String(repeating: "x", count: 70_000))
    let document = JSONValue.object([JSONMember(key, 1)])
    for root in [JSONField(document, at: "f"), try JSONField(parsing: try document.encoded(), at: "f")] {
      let field = try #require(try root.object().first { _ in true }).field
      #expect(field.path.utf8.count < 200)
      #expect(field.path.hasPrefix(#"f: "\u{1b}[2J\u{a}\u{202e}xxx"#))
    }
  }
}
