import Formats
import Foundation
import Testing
import Tokenizers

/// Tokenizers that are learned from a text, against those that the reference library's trainers learn from it.
///
/// Scripts/training_fixtures.py wrote the fixtures, with the version that it names.
@Suite struct TrainingTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let text = root.appending(path: "Examples/Quickstart/Harbor.swift").path

  private func fixture(_ name: String) throws -> JSONField {
    let file = Self.root.appending(path: "Tests/Fixtures/Training/\(name).json")
    return JSONField(try JSONValue(parsing: Array(try Data(contentsOf: file))), at: name)
  }

  private func learned(
    _ algorithm: TokenizerTrainer.Algorithm, _ size: Int, _ special: [String]
  ) throws -> (model: JSONField, tokenizer: PipelineTokenizer) {
    var trainer = try TokenizerTrainer(algorithm, vocabularySize: size, specialTokens: special)
    try trainer.add(fileAt: Self.text)
    let bytes = try trainer.tokenizerJSON()
    return (try JSONField(try JSONValue(parsing: bytes)).required("model"), try PipelineTokenizer(tokenizerJSON: bytes))
  }

  private func roundTrips(_ tokenizer: PipelineTokenizer, _ text: String) throws -> Bool {
    try tokenizer.decode(tokenizer.encode(text), skippingSpecialTokens: true) == text
  }

  @Test func bytePairsAreTheReferences() throws {
    let (model, tokenizer) = try learned(.bytePairs, 900, ["<|endoftext|>"])
    let reference = try fixture("bpe")
    let tokens = try reference.required("vocab").object().map { ($0.0, try $0.1.int()) }.sorted { $0.1 < $1.1 }
    #expect(try model.required("vocab").object().map(\.0) == tokens.map(\.0))
    #expect(try model.required("merges").value() == reference.required("merges").value())
    #expect(try roundTrips(tokenizer, "Mara é漢\u{301}\0 \n\t<x>"))
    #expect(try tokenizer.encode("<|endoftext|>") == [0])
  }

  /// Its characters within words have no fixed order in the reference, which decides between pairs that occur equally often.
  @Test func wordPiecesAreTheReferencesButForTies() throws {
    let (model, tokenizer) = try learned(.wordPiece, 600, ["[UNK]", "[CLS]", "[SEP]"])
    let mine = Set(try model.required("vocab").object().map(\.0))
    let reference = Set(try fixture("wordpiece").required("vocab").object().map(\.0))
    #expect(mine.count == reference.count && mine.subtracting(reference).count <= 12)
    let ids = try tokenizer.encode("the harbor")
    #expect(ids.first == 1 && ids.last == 2)
    #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == "the harbor")
  }

  @Test func unigramsLearnWhatOccurs() throws {
    let (model, tokenizer) = try learned(.unigram, 500, ["<pad>"])
    let pieces = try model.required("vocab").array()
    #expect(pieces.count == 500)
    let scores = try pieces.dropFirst(2).map { try $0.array()[1].double() }
    #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 >= $1 } && scores.allSatisfy { $0 < 0 })
    #expect(try tokenizer.encode("<pad>the harbor").first == 1)
    #expect(try tokenizer.encode("the").count == 1 && tokenizer.encode("harbor").count <= 2)
    #expect(try roundTrips(tokenizer, "the harbor and the bay"))
  }

  /// Neither the order of the lines nor their division changes what is learned, for each algorithm.
  @Test(arguments: TokenizerTrainer.Algorithm.allCases)
  func theTextAloneCounts(_ algorithm: TokenizerTrainer.Algorithm) throws {
    let lines = try String(contentsOfFile: Self.text, encoding: .utf8).split(separator: "\n").prefix(300).map {
      $0 + "\n"
    }
    var trainers: [TokenizerTrainer] = []
    for _ in 0..<2 { trainers.append(try TokenizerTrainer(algorithm, vocabularySize: 450)) }
    try trainers[0].add(lines.joined())
    for line in lines.reversed() { try trainers[1].add(String(line)) }
    #expect(try trainers[0].tokenizerJSON() == trainers[1].tokenizerJSON())
  }

  @Test func whatCannotBeLearnedIsRefused() throws {
    #expect(kind { () throws(InputError) in _ = try TokenizerTrainer(.bytePairs, vocabularySize: 0) } == .badValue)
    for special in [["a", "a"], [""]] {
      #expect(
        kind { () throws(InputError) in
          _ = try TokenizerTrainer(.unigram, vocabularySize: 9, specialTokens: special)
        } == .badValue)
    }
    for algorithm in TokenizerTrainer.Algorithm.allCases {
      var trainer = try TokenizerTrainer(algorithm, vocabularySize: 3)
      #expect(kind { () throws(InputError) in _ = try trainer.tokenizerJSON() } == .badValue)
      try trainer.add("abcdef")
      #expect(kind { () throws(InputError) in _ = try trainer.tokenizerJSON() } == .badValue)
      #expect(kind { () throws(InputError) in try trainer.add(fileAt: "/nowhere") } == .notFound)
    }
    let path = FileManager.default.temporaryDirectory.appending(path: "text-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: path) }
    try Data([0x61, 0x0A, 0xFF]).write(to: path)
    var trainer = try TokenizerTrainer(.bytePairs, vocabularySize: 300)
    #expect(kind { () throws(InputError) in try trainer.add(fileAt: path.path) } == .badUTF8)
  }
}
