import Formats
import Testing

@testable import Tokenizers

@Suite struct VocabularyTests {
  @Test func canonicallyEquivalentTokensAreTwo() throws {
    var vocabulary = Vocabulary(expectedCount: 0)
    try vocabulary.add(Array("à".utf8), id: 0)
    try vocabulary.add(Array("a\u{300}".utf8), id: 1)
    #expect(vocabulary.id(of: Array("à".utf8)) == 0)
    #expect(vocabulary.id(of: Array("a\u{300}".utf8)) == 1)
    #expect(vocabulary.id(of: Array("a".utf8)) == Vocabulary.none)
  }

  @Test func growsBeyondWhatWasExpectedAndKeepsHoles() throws {
    var vocabulary = Vocabulary(expectedCount: 1)
    for id in 0..<1000 { try vocabulary.add(Array("token \(id)".utf8), id: id * 3) }
    #expect(vocabulary.count == 1000)
    #expect(vocabulary.idBound == 2998)
    for id in 0..<1000 {
      #expect(vocabulary.id(of: Array("token \(id)".utf8)) == Int32(id * 3))
      #expect(vocabulary.token(of: id * 3) == Array("token \(id)".utf8))
    }
    #expect(vocabulary.token(of: 1) == nil)
    #expect(vocabulary.token(of: -1) == nil)
    #expect(vocabulary.token(of: 2998) == nil)
  }

  @Test func pairsGrowToo() {
    var pairs = PairTable()
    for value in 0..<1000 as Range<UInt32> {
      let old = pairs.insert(value, for: value % 7, value)
      #expect(old == nil)
    }
    for value in 0..<1000 as Range<UInt32> {
      #expect(pairs.value(for: value % 7, value) == value)
      let old = pairs.insert(5, for: value % 7, value)
      #expect(old == value)
      #expect(pairs.value(for: value % 7 + 7, value) == PairTable.none)
    }
  }

  @Test func theByteAlphabetIsGPT2s() {
    for byte in 0..<256 { #expect(String(ByteLevel.scalars[byte]) == byteAlphabet[byte]) }
    var bytes: [UInt8] = [1]
    let token = Array("xĠa\u{10A}ÿ".utf8)
    ByteLevel.appendDecoded(token, 1..<token.count, to: &bytes)
    #expect(bytes == [1, 32, 97, 10, 255])
    let plain = Array("Ġ a".utf8)
    ByteLevel.appendDecoded(plain, plain.indices, to: &bytes)
    #expect(bytes == [1, 32, 97, 10, 255] + Array("Ġ a".utf8))
  }
}
