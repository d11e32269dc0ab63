import Formats
import Foundation
import Testing
import Tokenizers

/// Small tokenizers of each family against what the reference library made of awkward texts.
///
/// Scripts/tokenizer_fixtures.py wrote both, with the version that it names.
@Suite struct ReferenceTests {
  /// The contents of a fixture.
  static func fixture(_ name: String) throws -> JSONValue {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = folder.appending(path: "Fixtures/Tokenizers/\(name).json")
    return try JSONValue(parsing: Array(try Data(contentsOf: file)))
  }

  // None has special tokens that are matched in normalized text: `PipelineTokenizer` says what is different there.
  @Test(arguments: ["bert", "roberta", "llama", "t5", "words", "clip", "added", "o200k"])
  func families(_ name: String) throws {
    let whole = try Self.fixture(name).tokenizer()
    var plain = whole
    (plain.truncation, plain.padding) = (nil, nil)
    let cases = try JSONField(try Self.fixture(name + ".expected"), at: name).array()
    #expect(cases.count >= 40)
    for golden in cases {
      let tokenizer = try golden.optional("settings") == nil ? plain : whole
      let (text, pair) = (try golden.required("text").string(), try golden.optional("pair")?.string())
      let addsSpecial = try golden.optional("plain") == nil
      if try golden.optional("fails") != nil {
        #expect(kind { () throws(InputError) in _ = try tokenizer.encoding(of: text, pair: pair) } == .inconsistent)
        continue
      }
      let encoding = try tokenizer.encoding(of: text, pair: pair, addingSpecialTokens: addsSpecial)
      try check(encoding, golden, "\(name): \(text.debugDescription)")
      if pair == nil {
        let ids = try plain.encode(text, addingSpecialTokens: addsSpecial)
        let uncut = try plain.encoding(of: text, addingSpecialTokens: addsSpecial)
        #expect(ids == uncut.ids)
      }
      for (member, skips) in [("decoded", true), ("whole", false)] {
        let decoded = try tokenizer.decode(encoding.ids, skippingSpecialTokens: skips)
        let expected = try golden.required(member).string()
        #expect(decoded.utf8.elementsEqual(expected.utf8), "\(name): \(decoded.debugDescription)")
      }
    }
  }

  @Test func otherStages() throws {
    let base = try Self.fixture("llama")
    let groups = try JSONField(try Self.fixture("stages.expected"), at: "stages").array()
    #expect(groups.count >= 40)
    for group in groups {
      var file = base
      for stage in ["normalizer", "pre_tokenizer"] {
        file = file.setting([JSONString(stage)], to: try group.required(stage).value())
      }
      let tokenizer = try file.tokenizer()
      for golden in try group.required("cases").array() {
        let text = try golden.required("text").string()
        let encoding = try tokenizer.encoding(of: text, addingSpecialTokens: false)
        let stages = String(decoding: try group.value().encoded().prefix(200), as: UTF8.self) + text.debugDescription
        #expect(encoding.ids == (try integers(golden.required("ids"))), "\(stages)")
        #expect(bounds(encoding) == (try integers(golden.required("offsets"))), "\(stages)")
        #expect(try tokenizer.encode(text, addingSpecialTokens: false) == encoding.ids, "\(stages)")
      }
    }
  }

  @Test func otherDecodersGiveTheReferencesText() throws {
    let base = try Self.fixture("llama")
    let groups = try JSONField(try Self.fixture("decoders.expected"), at: "decoders").array()
    #expect(groups.count >= 15)
    for group in groups {
      let tokenizer = try base.setting(["decoder"], to: group.required("decoder").value()).tokenizer()
      for golden in try group.required("cases").array() {
        let ids = try integers(golden.required("ids"))
        let text = try golden.required("text").jsonString().utf8
        let decoder = String(decoding: try group.required("decoder").value().encoded(), as: UTF8.self)
        #expect(try Array(tokenizer.decode(ids).utf8) == text, "\(decoder) of \(ids)")
        var (detokenizer, pieces) = (tokenizer.makeDetokenizer(), "")
        for id in ids { pieces += try detokenizer.append(id) }
        pieces += detokenizer.finish()
        #expect(Array(pieces.utf8) == text, "\(decoder) of \(ids), one at a time")
      }
    }
  }

  @Test func addedTokensMayTakeTheIDsOfOthersWhereIDsHaveHoles() throws {
    for golden in try JSONField(try Self.fixture("holes.expected"), at: "holes").array() {
      let tokenizer = try golden.required("file").value().tokenizer()
      let (ids, known) = (try integers(golden.required("ids")), try integers(golden.required("known")))
      let file = String(decoding: try golden.required("file").value().encoded(), as: UTF8.self)
      #expect(try tokenizer.encode(golden.required("text").string()) == ids, "\(file)")
      #expect(try tokenizer.decode(known) == golden.required("decoded").string(), "\(file)")
      #expect(try tokenizer.decode(known, skippingSpecialTokens: true) == golden.required("kept").string(), "\(file)")
      #expect((0..<12).filter { tokenizer.token(of: $0) != nil } == known, "\(file)")
      for (token, id) in try golden.required("tokens").object() {
        #expect(try tokenizer.id(of: token.text) == id.int(), "\(file): \(token)")
      }
    }
  }

  // The reference library gives an added token that the model lacks the next id, whatever the file says.
  @Test func addedTokensAreNumberedInTheirOrder() throws {
    func ids(_ written: [Int], _ contents: [JSONValue] = ["<|end|>", "x y", "<|z|>"]) throws -> [Int] {
      let tokens = zip(written, contents).map { addedToken(.integer($0), $1) }
      return try smallGPT2.setting(["added_tokens"], to: .array(tokens)).tokenizer().encode("<|z|>x y<|end|>")
    }
    for written in [[262, 263, 264], [263, 264, 265], [262, 264, 263], [900, 265, 300]] {
      #expect(try ids(written) == [264, 263, 262], "\(written)")
    }
    let known: [JSONValue] = ["<|end|>", .string(JSONString(byteAlphabet[72])), "<|z|>"]
    #expect(try ids([300, 72, 301], known) == [263, 120, 32, 121, 262])
    // An id that another token has is a contradiction.
    #expect(
      kind { () throws(InputError) in
        _ = try smallGPT2.setting(["added_tokens"], to: [addedToken(72, "x y")]).tokenizer()
      } == .duplicate)
  }

  // The reference library finds such a token between all bytes, and fails at the first character that has several.
  @Test func anAddedTokenThatIsNothingOnceNormalizedIsRefused() throws {
    let strip: JSONValue = ["type": "Strip", "strip_left": true, "strip_right": true]
    for isNormalized in [false, true] {
      let token = addedToken(262, "\n", normalized: isNormalized)
      let file = smallGPT2.setting(["added_tokens"], to: [token]).setting(["normalizer"], to: strip)
      #expect(kind { () throws(InputError) in _ = try file.tokenizer() } == (isNormalized ? .unsupported : nil))
    }
  }

  private func integers(_ field: JSONField) throws -> [Int] { try field.array().map { try $0.int() } }

  private func bounds(_ encoding: Encoding) -> [Int] { encoding.offsets.flatMap { [$0.lowerBound, $0.upperBound] } }

  private func check(_ encoding: Encoding, _ golden: JSONField, _ name: String) throws {
    #expect(encoding.ids == (try integers(golden.required("ids"))), "\(name)")
    let tokens = try golden.required("tokens").array().map { try $0.jsonString().utf8 }
    #expect(encoding.tokens.map { Array($0.utf8) } == tokens, "\(name)")
    #expect(bounds(encoding) == (try integers(golden.required("offsets"))), "\(name)")
    for (member, values, usual) in [
      ("type_ids", encoding.typeIDs, 0), ("special", encoding.specialTokensMask, 0),
      ("attention", encoding.attentionMask, 1),
    ] {
      let expected = try golden.optional(member).map { try integers($0) }
      #expect(values == expected ?? [Int](repeating: usual, count: encoding.count), "\(name): \(member)")
    }
    let parts = Array(try golden.optional("overflow")?.array() ?? JSONField([]).array())
    #expect(encoding.overflow.count == parts.count, "\(name)")
    for (part, expected) in zip(encoding.overflow, parts) { try check(part, expected, name + ", cut off") }
  }
}
