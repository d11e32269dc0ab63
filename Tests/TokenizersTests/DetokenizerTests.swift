import Formats
import Testing
import Tokenizers

@Suite struct DetokenizerTests {
  /// What each id adds to the text, and the rest.
  private func pieces(_ tokenizer: some Tokenizer, _ ids: [Int]) throws -> [String] {
    var detokenizer = tokenizer.makeDetokenizer()
    var pieces: [String] = []
    for id in ids { pieces.append(try detokenizer.append(id)) }
    return pieces + [detokenizer.finish()]
  }

  @Test func holdsBackOnlyOpenCharacters() throws {
    let tokenizer = try smallGPT2.tokenizer()
    #expect(try pieces(tokenizer, [97, 0xE2, 0x82, 0xAC, 98]) == ["a", "", "", "€", "b", ""])
    #expect(try pieces(tokenizer, [0xE2, 0x82, 97]) == ["", "", "\u{FFFD}a", ""])
    #expect(try pieces(tokenizer, [0xF0, 0x9F]) == ["", "", "\u{FFFD}"])
    #expect(try pieces(tokenizer, []) == [""])
  }

  @Test func stagesHoldBackOnlyWhatMayChange() throws {
    let letters: JSONValue = ["<pad>": 0, "|": 1, "H": 2, "E": 3, "O</w>": 4, "##s": 5, ".": 6]
    func decoding(_ decoder: JSONValue) throws -> PipelineTokenizer {
      let model: JSONValue = ["type": "WordLevel", "vocab": letters, "unk_token": "<pad>"]
      return try (["model": model, "decoder": decoder] as JSONValue).tokenizer()
    }
    let ctc = try decoding(
      ["type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": true])
    #expect(try pieces(ctc, [2, 2, 0, 2, 1, 1, 6, 0]) == ["H", "", "", "H", " ", "", ".", "", ""])
    let words = try decoding(["type": "WordPiece", "prefix": "##", "cleanup": true])
    #expect(try pieces(words, [5, 2, 5, 6, 3]) == ["##s", " H", "s", ".", " E", ""])
    let ends = try decoding(["type": "BPEDecoder", "suffix": "</w>"])
    #expect(try pieces(ends, [2, 4, 4]) == ["", "H", "O ", "O"])
    #expect(try pieces(ends, []) == [""])
  }

  // Python's `bytes.decode("utf-8", "replace")`.
  @Test(arguments: [
    ([0xE2, 0x82], "\u{FFFD}"), ([0xF0, 0x90, 0x8D, 0x41], "\u{FFFD}A"), ([0xC0, 0xAF], "\u{FFFD}\u{FFFD}"),
    ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xE2, 0x28, 0xA1], "\u{FFFD}(\u{FFFD}"), ([0x61, 0x80, 0x80, 0x62], "a\u{FFFD}\u{FFFD}b"),
    ([0xF0, 0x9F, 0x98, 0x80, 0xF0, 0x9F, 0x98], "😀\u{FFFD}"), ([0xE0, 0x9F, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xC3, 0xC3, 0xA9], "\u{FFFD}é"),
  ])
  func bytesThatAreNotText(_ ids: [Int], _ text: String) throws {
    #expect(try smallGPT2.tokenizer().decode(ids) == text)
  }

  @Test func randomBytesBecomeWhatTheStandardLibraryMakesOfThem() throws {
    let tokenizer = try smallGPT2.tokenizer()
    var random = FixedRandom()
    let interesting: [UInt8] = [
      0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xF0, 0xF3, 0xF4, 0xF5,
    ]
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0..<12, using: &random)).map { _ in interesting.randomElement(using: &random)! }
      let text = try tokenizer.decode(bytes.map(Int.init))
      #expect(text.utf8.elementsEqual(String(decoding: bytes, as: UTF8.self).utf8))
    }
  }

  /// Llama's decoder as its description reads, on the whole of the tokens.
  private func llamaText(_ tokens: [String]) -> String {
    var (text, run) = ("", [UInt8]())
    func endRun() {
      text += String(validating: run, as: UTF8.self) ?? String(repeating: "\u{FFFD}", count: run.count)
      run = []
    }
    for token in tokens {
      if token.hasPrefix("<0x"), let byte = UInt8(token.dropFirst(3).dropLast(), radix: 16) {
        run.append(byte)
      } else {
        endRun()
        text += token.replacing("▁", with: " ")
      }
    }
    endRun()
    return text.hasPrefix(" ") ? String(text.dropFirst()) : text
  }

  @Test func byteTokensAreTextOnlyAllTogether() throws {
    let tokenizer = try smallLlama.tokenizer()
    var random = FixedRandom()
    let bytes = [0x41, 0x80, 0xA9, 0xC3, 0xE2, 0x82, 0xAC, 0xF0].map { $0 + 3 }
    for _ in 0..<3000 {
      let ids = (0..<Int.random(in: 0..<10, using: &random)).map { _ in
        Bool.random(using: &random) ? bytes.randomElement(using: &random)! : Int.random(in: 259..<266, using: &random)
      }
      let expected = llamaText(ids.map { tokenizer.token(of: $0)! })
      #expect(try pieces(tokenizer, ids).joined().utf8.elementsEqual(expected.utf8))
    }
    // The byte that spoils the run makes the text of all its bytes certain.
    #expect(
      try pieces(tokenizer, [260, 3 + 0xC3, 3 + 0x41, 3 + 0x41, 261]) == [
        "a", "", "\u{FFFD}\u{FFFD}", "\u{FFFD}", "b", "",
      ])
  }

  @Test func aLeadingSpaceIsStrippedOnce() throws {
    let tokenizer = try smallLlama.tokenizer()
    #expect(try pieces(tokenizer, [263, 263]) == ["a", " a", ""])
    #expect(try pieces(tokenizer, [259, 259, 260]) == ["", " ", "a", ""])
    #expect(try tokenizer.decode([1, 263], skippingSpecialTokens: false) == "<s> a")
    #expect(try tokenizer.decode([1, 263], skippingSpecialTokens: true) == "a")
  }

  @Test func stripsAtTheEndAndOnSingleTokens() throws {
    let steps: JSONValue = [
      ["type": "Strip", "content": "▁", "start": 1, "stop": 0], ["type": "Fuse"],
      ["type": "Strip", "content": "a", "start": 1, "stop": 2],
    ]
    let tokenizer = try smallLlama.setting(["decoder", "decoders"], to: steps).tokenizer()
    // Each "▁a" becomes "a"; of the text, one "a" is stripped at the start and two at the end.
    #expect(try pieces(tokenizer, [263, 263, 261, 260, 260, 260]) == ["", "", "ab", "", "", "a", ""])
    #expect(try tokenizer.decode([260, 260, 260, 260]) == "a")
    #expect(try tokenizer.decode([260]) == "")
  }

  @Test func withoutADecoderTokensAreSeparatedBySpaces() throws {
    let tokenizer = try smallLlama.setting(["decoder"], to: nil).tokenizer()
    #expect(try tokenizer.decode([263, 1, 261]) == "▁a <s> b")
    #expect(try tokenizer.decode([263, 1, 261], skippingSpecialTokens: true) == "▁a b")
  }

  @Test func finishingStartsAnew() throws {
    let tokenizer = try smallLlama.tokenizer()
    var detokenizer = tokenizer.makeDetokenizer()
    for _ in 0..<2 {
      #expect(try detokenizer.append(263) == "a")
      #expect(try detokenizer.append(3 + 0xC3) == "")
      #expect(detokenizer.finish() == "\u{FFFD}")
    }
  }

  @Test(arguments: [-1, 266, Int(Int32.max), Int.max, Int.min])
  func idsWithoutATokenAreRefused(_ id: Int) throws {
    let tokenizer = try smallLlama.tokenizer()
    #expect(kind { () throws(InputError) in _ = try tokenizer.decode([id]) } == .badValue)
    var detokenizer = tokenizer.makeDetokenizer()
    _ = try detokenizer.append(260)
    #expect(kind { () throws(InputError) in _ = try detokenizer.append(id) } == .badValue)
    #expect(try detokenizer.append(261) == "b")
  }
}
