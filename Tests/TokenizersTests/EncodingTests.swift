import Formats
import Testing
import Tokenizers

@Suite struct EncodingTests {
  @Test func byteLevel() throws {
    let tokenizer = try smallGPT2.tokenizer()
    #expect(tokenizer.vocabularySize == 263)
    #expect(try tokenizer.encode("the ll") == [116, 257, 32, 259])
    #expect(try tokenizer.encode(" the the") == [258, 258])
    // "abc": of the two merges that fit, the one that is listed first wins.
    #expect(try tokenizer.encode("abc") == [260, 99])
    #expect(try tokenizer.encode("é\r\n") == [0xC3, 0xA9, 13, 10])
    #expect(try tokenizer.encode("") == [])
    #expect(try tokenizer.encode("a<|end|>b") == [97, 262, 98])
    #expect(tokenizer.id(of: "Ġthe") == 258)
    #expect(tokenizer.token(of: 258) == "Ġthe")
    #expect(tokenizer.id(of: " the") == nil)
    #expect(tokenizer.token(of: 263) == nil)
    #expect(tokenizer.token(of: -1) == nil)
  }

  @Test func llama() throws {
    let tokenizer = try smallLlama.tokenizer()
    #expect(try tokenizer.encode("abc") == [1, 265])
    #expect(try tokenizer.encode("abc", addingSpecialTokens: false) == [265])
    #expect(try tokenizer.encode("") == [1])
    #expect(try tokenizer.encode(" a", addingSpecialTokens: false) == [259, 263])
    // Unknown characters become bytes.
    #expect(try tokenizer.encode("é", addingSpecialTokens: false) == [259, 3 + 0xC3, 3 + 0xA9])
    // What follows a token that is not normalized gets a prefix of its own.
    #expect(try tokenizer.encode("a</s>a", addingSpecialTokens: false) == [263, 2, 263])
  }

  @Test func normalizedAddedTokensAreFoundInNormalizedText() throws {
    let tokenizer = try smallLlama.setting(
      ["added_tokens"], to: [addedToken(0, "<unk>"), addedToken(2, "</s>", normalized: true)]
    ).tokenizer()
    #expect(try tokenizer.encode("</s> </s>a", addingSpecialTokens: false) == [2, 2, 260])
    #expect(try tokenizer.encode("a</s>", addingSpecialTokens: false).contains(2) == false)
  }

  @Test func unknownCharacters() throws {
    let noBytes = smallLlama.setting(["model", "byte_fallback"], to: false)
    #expect(try noBytes.tokenizer().encode("xya", addingSpecialTokens: false) == [259, 0, 260])
    let notFused = noBytes.setting(["model", "fuse_unk"], to: false)
    #expect(try notFused.tokenizer().encode("xya", addingSpecialTokens: false) == [259, 0, 0, 260])
    let noUnknown = try noBytes.setting(["model", "unk_token"], to: nil).tokenizer()
    // As in the reference library, what no token stands for is dropped then.
    #expect(try noUnknown.encode("xa", addingSpecialTokens: false) == [263])
    #expect(try noUnknown.encode("a", addingSpecialTokens: false) == [263])
  }

  @Test func ignoringMergesTakesWholePieces() throws {
    let plain = smallGPT2.setting(["model", "merges"], to: ["h e"])
    #expect(try plain.tokenizer().encode(" the") == [32, 116, 257])
    let whole = try plain.setting(["model", "ignore_merges"], to: true).tokenizer()
    #expect(try whole.encode(" the the.") == [258, 258, 46])
  }

  @Test func addedTokensTakeTheLongestAndRespectTheirFlags() throws {
    let tokenizer = try smallGPT2.setting(
      ["added_tokens"],
      to: [
        addedToken(262, "<s>"), addedToken(263, "<s><s>"), addedToken(260, "ab", singleWord: true),
        addedToken(264, "<l>", lstrip: true), addedToken(265, "<r>", rstrip: true, special: false),
      ]
    ).tokenizer()
    #expect(try tokenizer.encode("<s><s><s>") == [263, 262])
    #expect(try tokenizer.encode("ab-ab") == [260, 45, 260])
    #expect(try tokenizer.encode("abé") == [260, 0xC3, 0xA9])
    #expect(try tokenizer.encode("-b ab") == [45, 98, 32, 260])
    #expect(try tokenizer.encode("éab") == [0xC3, 0xA9, 260])
    #expect(try tokenizer.encode("a \t<l> a") == [97, 264, 32, 97])
    #expect(try tokenizer.encode("a <r>\u{3000} a") == [97, 32, 265, 97])
    #expect(try tokenizer.decode([97, 264, 265], skippingSpecialTokens: true) == "a<r>")
    #expect(tokenizer.vocabularySize == 266)
  }

  @Test func prefixSpace() throws {
    let tokenizer = try smallGPT2.setting(["pre_tokenizer", "add_prefix_space"], to: true).tokenizer()
    #expect(try tokenizer.encode("the") == [258])
    #expect(try tokenizer.encode(" the") == [258])
    #expect(try tokenizer.encode("the<|end|>the") == [258, 262, 258])
  }

  @Test func preTokenizersInSequence() throws {
    let tokenizer = try smallGPT2.setting(
      ["pre_tokenizer"],
      to: [
        "type": "Sequence",
        "pretokenizers": [
          ["type": "Digits", "individual_digits": true],
          ["type": "Split", "pattern": ["String": "b"], "behavior": "Isolated", "invert": false],
          ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
        ],
      ]
    ).tokenizer()
    // "ab" and "bc" would be merged if they were not cut.
    #expect(try tokenizer.encode("abc12") == [97, 98, 99, 49, 50])
  }

  @Test(arguments: [
    ("always", [263, 259, 263], [263, 2, 263]), ("first", [263, 259, 263], [263, 2, 260]),
    ("never", [260, 259, 263], [260, 2, 260]),
  ])
  func metaspace(_ scheme: String, _ spaced: [Int], _ afterToken: [Int]) throws {
    let tokenizer = try smallLlama.setting(["normalizer"], to: nil).setting(
      ["pre_tokenizer"],
      to: ["type": "Metaspace", "replacement": "▁", "prepend_scheme": .string(JSONString(scheme)), "split": true]
    ).tokenizer()
    #expect(try tokenizer.encode("a  a", addingSpecialTokens: false) == spaced)
    #expect(try tokenizer.encode("a</s>a", addingSpecialTokens: false) == afterToken)
  }

  @Test func onlyTheFirstPieceGetsAMetaspaceOfTheFirst() throws {
    let steps: JSONValue = [
      ["type": "Split", "pattern": ["String": "b"], "behavior": "Isolated", "invert": false],
      ["type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true],
    ]
    let tokenizer = try smallLlama.setting(["normalizer"], to: .null).setting(
      ["pre_tokenizer"], to: ["type": "Sequence", "pretokenizers": steps]
    ).tokenizer()
    #expect(try tokenizer.encode("aba", addingSpecialTokens: false) == [263, 261, 260])
  }

  @Test func normalizationFormC() throws {
    let tokenizer = try smallGPT2.setting(["normalizer"], to: ["type": "NFC"]).tokenizer()
    #expect(try tokenizer.encode("e\u{301}") == [0xC3, 0xA9])
    #expect(try tokenizer.encode("q\u{323}\u{307}") == (try tokenizer.encode("q\u{307}\u{323}")))
    // Long texts are composed in parts, which must not fall between what combines, wherever that stands.
    let long = String(repeating: "\u{1112}\u{1161}\u{11AB}e\u{301}\u{9C7}\u{9BE}", count: 100)
    for shift in 0..<18 {
      let ids = try tokenizer.encode(String(repeating: "x", count: shift) + long)
      #expect(ids.count == shift + 100 * (3 + 2 + 3))
    }
  }

  @Test func templates() throws {
    let tokenizer = try smallGPT2.setting(
      ["post_processor"],
      to: [
        "type": "RobertaProcessing", "sep": ["b", 98], "cls": ["a", 97], "trim_offsets": true,
        "add_prefix_space": false,
      ]
    ).tokenizer()
    #expect(try tokenizer.encode("c") == [97, 99, 98])
    #expect(try tokenizer.encode("c", addingSpecialTokens: false) == [99])
  }

  @Test(.timeLimit(.minutes(1))) func longRunsTakeLinearTime() throws {
    // Quadratic work on this many bytes takes minutes; the time limit stops it.
    #if DEBUG
      let size = 16 << 10
    #else
      let size = 1 << 20
    #endif
    let tokenizers = [try smallGPT2.tokenizer(), try smallLlama.tokenizer()]
    for unit in ["a", "^", " ", "\0", "\u{301}", "l", "<|end|", "\n", "👩‍👩‍👧", "\u{FFFE}"] {
      let text = String(repeating: unit, count: size / unit.utf8.count)
      for tokenizer in tokenizers {
        let ids = try tokenizer.encode(text)
        #expect(try tokenizer.decode(ids, skippingSpecialTokens: true).utf8.elementsEqual(text.utf8))
      }
    }
  }
}
