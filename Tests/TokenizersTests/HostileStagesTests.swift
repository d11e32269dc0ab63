import Formats
import Foundation
import Testing

@testable import Tokenizers

/// Models, patterns, maps and settings that are broken or cost too much.
@Suite struct HostileStagesTests {
  private func loading(model: JSONValue) -> InputError.Kind? {
    kind { () throws(InputError) in _ = try (["model": model] as JSONValue).tokenizer() }
  }

  @Test func unigrams() {
    func loading(_ vocabulary: JSONValue, unknown: JSONValue = 0) -> InputError.Kind? {
      self.loading(model: ["type": "Unigram", "vocab": vocabulary, "unk_id": unknown])
    }
    #expect(loading([["a", -1.5], ["b", 0]]) == nil)
    #expect(loading([["a", 0.0]], unknown: .null) == nil)
    #expect(loading([]) == .badValue)
    #expect(loading([:]) == .wrongType)
    #expect(loading([["a", "x"]]) == .wrongType)
    #expect(loading([["a"]]) == .badValue)
    #expect(loading([["", 0.0]]) == .badValue)
    #expect(loading([["a", 0.0], ["a", 1.0]]) == .duplicate)
    #expect(loading([["a", 0.0]], unknown: -1) == .badValue)
    #expect(loading([["a", 0.0]], unknown: 1) == .tooLarge)
    #expect(loading([[.string(JSONString(String(repeating: "a", count: 1 << 20))), 0.0]]) == .tooLarge)
  }

  @Test func unknownTextWithoutAToken() throws {
    let unigram: JSONValue = ["model": ["type": "Unigram", "vocab": [["a", 0.0]], "unk_id": .null]]
    let pieces: JSONValue = [
      "model": [
        "type": "WordPiece", "vocab": ["a": 0], "unk_token": "[UNK]", "continuing_subword_prefix": "",
        "max_input_chars_per_word": 3,
      ]
    ]
    let words: JSONValue = ["model": ["type": "WordLevel", "vocab": ["a": 0], "unk_token": "?"]]
    for file in [unigram, pieces, words] {
      let tokenizer = try file.tokenizer()
      #expect(try tokenizer.encode("a") == [0])
      #expect(kind { () throws(InputError) in _ = try tokenizer.encode("é") } == .badValue)
      #expect(kind { () throws(InputError) in _ = try tokenizer.encoding(of: "a", pair: "é") } == .badValue)
    }
    #expect(kind { () throws(InputError) in _ = try pieces.tokenizer().encode("aaaa") } == .badValue)
  }

  /// The trie of a map may lead anywhere.
  @Test func damagedMapsNeverTrap() throws {
    func loading(_ blob: [UInt8]) -> InputError.Kind? { kind { () throws(InputError) in _ = try CharsMap(blob) } }
    for bytes in 0..<4 { #expect(loading([UInt8](repeating: 1, count: bytes)) == .badValue) }
    for size: UInt32 in [0, 1, 4, 512, 1025, 1024, 2048, .max] {
      let head = (0..<4).map { UInt8(truncatingIfNeeded: size >> UInt32(8 * $0)) }
      #expect(loading(head + [UInt8](repeating: 0, count: 1024)) == .badValue)
    }
    let empty = [0, 4, 0, 0] + [UInt8](repeating: 0, count: 1024)
    #expect(loading(empty + [0]) == nil)
    #expect(loading(empty + [0x61]) == .badValue)
    #expect(loading(empty + [0xFF, 0]) == .badUTF8)
    #expect(loading(empty + [UInt8](repeating: 0x61, count: 300) + [0]) == .tooLarge)
    // A root that is none; a value beyond the replacements; a unit that leads back to itself.
    func trie(_ units: [Int: UInt32]) -> [UInt8] {
      [0, 4, 0, 0]
        + (0..<256).flatMap { unit in (0..<4).map { UInt8(truncatingIfNeeded: (units[unit] ?? 0) >> UInt32(8 * $0)) } }
        + [0x78, 0]
    }
    #expect(loading(trie([0: 0x8000_0000 | 1 << 10])) == .badValue)
    let leaf: UInt32 = 0x61 | 0x100 | 2 << 10
    #expect(loading(trie([0: 1 << 10, 0x60: leaf, 0x62: 0x8000_0000])) == nil)
    #expect(loading(trie([0: 1 << 10, 0x60: leaf, 0x62: 0x7FFF_FFFF])) == .badValue)
    #expect(loading(trie([0: 1 << 10, 0x60: 0x61 | 0x60 << 10, 0x01: 0])) == nil)
    #expect(loading(trie([0: 1 << 10, 0x60: 0x61 | 0x61 << 10])) == .badValue)
    var accepted = 0
    var random = FixedRandom()
    let text = Array("aé\u{301}\r\n\u{600}a \u{1F600}".utf8)
    for _ in 0..<2000 {
      var blob: [UInt8] = [0, 4, 0, 0]
      for _ in 0..<256 {
        // Units that follow their byte, mostly, with small offsets and values.
        let unit = UInt32.random(in: 0..<256, using: &random) | UInt32.random(in: 0..<512, using: &random) << 8
        let any = UInt32.random(in: 0 ... .max, using: &random)
        withUnsafeBytes(of: (Bool.random(using: &random) ? unit : any).littleEndian) { blob += $0 }
      }
      blob += Array("x\0é\0abc\0".utf8)
      guard let map = try? CharsMap(blob) else { continue }
      accepted += 1
      var aligned = AlignedText(text, 0, text.count, isTracked: true)
      map.apply(to: &aligned)
      if !aligned.bytes.isEmpty { _ = aligned.span(0, aligned.bytes.count) }
      for start in text.indices { _ = map.longestReplacement(in: text, from: start) }
    }
    #expect(accepted > 20)
  }

  @Test(arguments: [
    ("a+", "xaab", ["aa"]), ("a+?b|c{2}", "aabccc", ["aab", "cc"]), ("(?:ab|a)c?", "abcac", ["abc", "ac"]),
    (#"\s+(?!\S)|\s+"#, "a   b ", ["  ", " ", " "]),
    ("[^a-c\\]]+", "ab]xyc-", ["xy", "-"]), ("(?i:'s|k)", "'S\u{17F}K\u{212A}'ſ", ["'S", "K", "\u{212A}", "'ſ"]),
    (#"\p{Lu}\p{Ll}++"#, "Abc ABc", ["Abc", "Bc"]),
    (#"x$|^y"#, "x\nyx", ["x", "y", "x"]), ("a(?=b)", "abac", ["a"]), ("[ab[c-e]]{2,3}", "xabcde", ["abc", "de"]),
    ("(?:ab){2}", "ababab", ["abab"]), (".+", "a\nbc", ["a", "bc"]), (#"\w+"#, "a²_é-", ["a²_é"]),
    (#"[\w]+"#, "a²b", ["a", "b"]), (#"\P{L}{1,2}+"#, "a1234b", ["1234"]),
    ("ab+|a", "abbba", ["abbb", "a"]), ("[ab]+b", "aabab", ["aabab"]), ("(?:a+|b)c", "aaca", ["aac"]),
    ("é+|x", "aéé漢éx", ["éé", "é", "x"]), ("[^a]+", "aéxa漢", ["éx", "漢"]), (#"(?!a)\w+"#, "aab1", ["b1"]),
    (#"$\n+|a"#, "a\n\n", ["a", "\n\n"]), ("a{2,3}", "aaaaa", ["aaa", "aa"]),
    ("(?i:[sd]|ll)", "xS\u{17F}LlD", ["S", "\u{17F}", "Ll", "D"]),
  ])
  func expressionsFindWhatOnigurumaFinds(_ expression: String, _ text: String, _ expected: [String]) throws {
    let expression = try #require(RegularExpression(expression))
    let bytes = Array(text.utf8)
    var found: [[UInt8]] = []
    expression.forEachMatch(in: bytes, 0, bytes.count) { found.append(Array(bytes[$0..<$1])) }
    #expect(found == expected.map { Array($0.utf8) })
  }

  @Test(arguments: [
    "", "a*", "(a+)+", "(a|b)*c", "(?=ab)c", "(?<=a)b", "(?<x>a)", "\\1", "a**", "a{3}?", "[a", "[]", "a)", "[b-a]",
    "[[:alpha:]]", "[a&&b]", "\\p{Greek}", "\\x41", "\\b", "(?i:[a-z])", "(?i:é)", "(?i:ss)",
    "(?i:oFFer)", "(?m:a)", "{2}", "+a",
    String(repeating: "(", count: 40) + "a" + String(repeating: ")", count: 40),
    "((a{100}){100}){100}",
  ])
  func expressionsThatAreNotImplementedAreNotRead(_ expression: String) {
    #expect(RegularExpression(expression) == nil)
  }

  @Test(.timeLimit(.minutes(1))) func expressionsTakeLinearTime() throws {
    #if DEBUG
      let size = 1 << 12
    #else
      let size = 1 << 18
    #endif
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: size)
    for pattern in ["a*b", "a+a+a+a+c", "a*?a*?a*?b|x", "(?:aa)+b"] {
      var count = 0
      try #require(RegularExpression(pattern)).forEachMatch(in: text, 0, text.count) { _, _ in count += 1 }
      #expect(count == 0)
    }
  }

  @Test func settings() throws {
    func truncating(_ truncation: JSONValue) -> InputError.Kind? {
      kind { () throws(InputError) in _ = try smallLlama.setting(["truncation"], to: truncation).tokenizer() }
    }
    let fine: JSONValue = ["max_length": 4, "stride": 1, "strategy": "LongestFirst", "direction": "Right"]
    #expect(truncating(fine) == nil)
    #expect(truncating(fine.setting(["stride"], to: 4)) == .inconsistent)
    #expect(truncating(fine.setting(["max_length"], to: 0)) == .badValue)
    #expect(truncating(fine.setting(["stride"], to: -1)) == .badValue)
    #expect(truncating(fine.setting(["strategy"], to: "Evil")) == .badValue)
    #expect(truncating(fine.setting(["direction"], to: 1)) == .wrongType)
    #expect(truncating(fine.setting(["max_length"], to: .number(1e30))) == .overflow)
    func padding(_ padding: JSONValue) -> InputError.Kind? {
      kind { () throws(InputError) in _ = try smallLlama.setting(["padding"], to: padding).tokenizer() }
    }
    let pads: JSONValue = [
      "strategy": ["Fixed": 8], "direction": "Left", "pad_to_multiple_of": .null, "pad_id": 2, "pad_type_id": 0,
      "pad_token": "</s>",
    ]
    #expect(padding(pads) == nil)
    #expect(padding(pads.setting(["strategy"], to: "Evil")) == .badValue)
    #expect(padding(pads.setting(["strategy", "Fixed"], to: 1_099_511_627_776)) == .tooLarge)
    #expect(padding(pads.setting(["pad_to_multiple_of"], to: 1_099_511_627_776)) == .tooLarge)
    #expect(padding(pads.setting(["pad_id"], to: -1)) == .badValue)
  }

  @Test func truncationThatLeavesNoRoomOrTakesTooMuch() throws {
    var tokenizer = try smallLlama.tokenizer()
    let text = String(repeating: "a", count: 30_000)
    tokenizer.truncation = Truncation(maxLength: 1)
    #expect(try tokenizer.encoding(of: "a").ids == [1])
    #expect(try tokenizer.encoding(of: "a", addingSpecialTokens: false).ids == [263])
    tokenizer.truncation = Truncation(maxLength: 4, stride: 3)
    #expect(kind { () throws(InputError) in _ = try tokenizer.encoding(of: text) } == .inconsistent)
    tokenizer.truncation = Truncation(maxLength: 10_001, stride: 9_999)
    #expect(kind { () throws(InputError) in _ = try tokenizer.encoding(of: text) } == .budget)
    tokenizer.truncation = Truncation(maxLength: 4)
    #expect(kind { () throws(InputError) in _ = try tokenizer.encoding(of: text, pair: text) } == .budget)
    tokenizer.truncation = Truncation(maxLength: 4, strategy: .onlySecond)
    #expect(kind { () throws(InputError) in _ = try tokenizer.encoding(of: text) } == .inconsistent)
  }

  @Test func textsAreFilledUpTogether() throws {
    var tokenizer = try smallLlama.tokenizer()
    tokenizer.padding = Padding(direction: .left, id: 2, token: "</s>")
    let encodings = try tokenizer.encodings(of: [("a", nil), ("a a a", nil)])
    #expect(encodings.map(\.count) == [4, 4])
    #expect(encodings[0].ids == [2, 2, 1, 263])
    #expect(encodings[0].attentionMask == [0, 0, 1, 1])
    tokenizer.padding?.multiple = 4
    #expect(try tokenizer.encoding(of: "a").count == 4)
  }
}
