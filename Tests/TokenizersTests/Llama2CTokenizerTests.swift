import Formats
import Foundation
import TestSupport
import Testing
import Tokenizers

@Suite struct Llama2CTokenizerTests {
  /// A file of these pieces.
  private func file(_ pieces: [(String, Float)], longest: Int32 = 12) -> [UInt8] {
    GGUFBuilder.bytes(longest)
      + pieces.flatMap { text, score in
        GGUFBuilder.bytes(score.bitPattern) + GGUFBuilder.bytes(Int32(text.utf8.count)) + Array(text.utf8)
      }
  }

  private func tokenizer(_ bytes: [UInt8]) throws -> PipelineTokenizer {
    let path = FileManager.default.temporaryDirectory.appending(path: "tokenizers-\(UUID().uuidString).bin")
    defer { try? FileManager.default.removeItem(at: path) }
    try Data(bytes).write(to: path)
    return try PipelineTokenizer(llama2C: path.path)
  }

  private static let pieces: [(String, Float)] = {
    let bytes = (0..<256).map { ("<0x" + (String($0 + 256, radix: 16, uppercase: true).dropFirst()) + ">", Float(0)) }
    let words: [(String, Float)] = [(" ", -5), ("a", -6), ("b", -7), ("ab", -2), (" a", -3), ("ba", -1)]
    return [("<unk>", 0), ("\n<s>\n", 0), ("\n</s>\n", 0)] + bytes + words
  }()

  @Test func piecesAreJoinedByTheirScores() throws {
    let found = try tokenizer(file(Self.pieces))
    #expect(try found.encode("ab") == [1, 259, 262])
    #expect(try found.encode("abab") == [1, 263, 264, 261])
    #expect(try found.encode("\u{E9}", addingSpecialTokens: false) == [259, 3 + 0xC3, 3 + 0xA9])
    #expect(try found.decode([263, 264, 3 + 0xC3, 3 + 0xA9]) == "aba\u{E9}")
  }

  @Test func damagedFilesAreRefused() throws {
    func kind(_ bytes: [UInt8]) throws -> InputError.Kind? {
      do { _ = try tokenizer(bytes) } catch let error as InputError { return error.kind }
      return nil
    }
    let whole = file(Self.pieces)
    for end in [0, 3, 4, 5, 11, 12, 14, whole.count - 1] {
      #expect(try kind(Array(whole.prefix(end))) != nil, "\(end)")
    }
    for longest in [0, -1] as [Int32] { #expect(try kind(file(Self.pieces, longest: longest)) == .badValue) }
    #expect(try kind(file(Self.pieces, longest: 5)) == .badValue)
    #expect(try kind(file(Self.pieces + [("c", .nan)])) == .nonFinite)
  }
}
