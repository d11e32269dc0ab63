import Testing

@testable import Tokenizers

@Suite struct WordPatternTests {
  private func words(_ text: String, _ pattern: WordPattern) -> [String] {
    let bytes = Array(text.utf8)
    var (words, start) = ([String](), 0)
    while start < bytes.count {
      let end = pattern.wordEnd(in: bytes, from: start, before: bytes.count)
      #expect(end > start)
      guard end > start else { break }
      words.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end
    }
    return words
  }

  // Strings that are canonically equivalent are equal, so scalars are compared.
  private func scalars(_ words: [String]) -> [[Unicode.Scalar]] { words.map { Array($0.unicodeScalars) } }

  @Test(arguments: wordPatternGolden)
  func cutsAsTheRegularExpressionDoes(_ golden: (text: String, gpt2: [String], qwen2: [String], llama3: [String])) {
    #expect(scalars(words(golden.text, .gpt2)) == scalars(golden.gpt2))
    #expect(scalars(words(golden.text, .cl100k(digitsPerGroup: 1))) == scalars(golden.qwen2))
    #expect(scalars(words(golden.text, .cl100k(digitsPerGroup: 3))) == scalars(golden.llama3))
  }

  @Test func knowsPatternsByTheirText() {
    let rest = #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    #expect(WordPattern(regularExpression: "(?i:'s|'t|'re|'ve|'m|'ll|'d)" + rest) == .cl100k(digitsPerGroup: 3))
    #expect(WordPattern(regularExpression: "'(?i:[sdmt]|ll|ve|re)" + rest) == .cl100k(digitsPerGroup: 3))
    #expect(WordPattern(regularExpression: "(?i:'s|'t|'re|'ve|'m|'ll|'d)" + rest + " ") == nil)
    #expect(WordPattern(regularExpression: "") == nil)
  }
}
