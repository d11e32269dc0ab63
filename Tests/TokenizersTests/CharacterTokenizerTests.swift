import Formats
import Foundation
import Testing
import Tokenizers

@Suite struct CharacterTokenizerTests {
  private func loading(_ text: String) -> InputError.Kind? {
    kind { () throws(InputError) in _ = try CharacterTokenizer(fileContents: Array(text.utf8)) }
  }

  @Test func charactersAreSortedScalars() throws {
    let tokenizer = try CharacterTokenizer(charactersOf: "hello\r\né e\u{301}")
    #expect(tokenizer.vocabularySize == 9)
    #expect((0..<9).map { tokenizer.token(of: $0) } == ["\n", "\r", " ", "e", "h", "l", "o", "\u{E9}", "\u{301}"])
    #expect(try tokenizer.encode("ho\r\n\u{E9}e\u{301}") == [4, 6, 1, 0, 7, 3, 8])
    #expect(try tokenizer.encode("h", addingSpecialTokens: true) == [4])
    #expect(tokenizer.id(of: "\u{E9}") == 7)
    #expect(tokenizer.id(of: "e\u{301}") == nil)
    #expect(tokenizer.id(of: "") == nil)
    #expect(try tokenizer.decode([4, 3, 8]).utf8.elementsEqual("he\u{301}".utf8))
    #expect(kind { () throws(InputError) in _ = try tokenizer.decode([9]) } == .badValue)
  }

  @Test func unknownCharactersAreNamed() throws {
    let tokenizer = try CharacterTokenizer(charactersOf: "ab")
    do {
      _ = try tokenizer.encode("abÄ")
      Issue.record("no error")
    } catch {
      #expect(error.kind == .badValue)
      #expect(error.description.contains("Ä"))
      #expect(error.place == "byte 2")
    }
    #expect(kind { () throws(InputError) in _ = try CharacterTokenizer(charactersOf: "") } == .badValue)
  }

  @Test func savingAndLoading() throws {
    let text = "\u{0}\n\"\\ az\u{7F}é\u{301}\u{1F600}\u{10FFFF}"
    let tokenizer = try CharacterTokenizer(charactersOf: text)
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("characters-\(UUID().uuidString).json")
      .path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try tokenizer.save(to: path)
    let loaded = try CharacterTokenizer(path: path)
    #expect(try loaded.encode(text) == (try tokenizer.encode(text)))
    #expect(try loaded.fileContents == (try tokenizer.fileContents))
    #expect(kind { () throws(InputError) in _ = try CharacterTokenizer(path: path + ".absent") } == .notFound)
    #expect(kind { () throws(InputError) in try tokenizer.save(to: "/nonexistent/folder/x") } == .notFound)
  }

  @Test func brokenFiles() {
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 1, "characters": "ab"}"#) == nil)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 2, "characters": "ab"}"#) == .badVersion)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": "1", "characters": "ab"}"#) == .wrongType)
    #expect(loading(#"{"type": "BPE", "version": 1, "characters": "ab"}"#) == .unsupported)
    #expect(loading(#"{"version": 1, "characters": "ab"}"#) == .missing)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 1}"#) == .missing)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 1, "characters": ""}"#) == .badValue)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 1, "characters": "ba"}"#) == .badValue)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 1, "characters": "aa"}"#) == .badValue)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 1, "characters": ["a"]}"#) == .wrongType)
    #expect(loading(#"{"type": "CharacterTokenizer", "version": 1, "characters": "ab", "x": 1}"#) == .unsupported)
    #expect(loading("") == .badJSON)
  }
}
