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

  private func scores(_ model: JSONField) throws -> [String: Double] {
    var scores: [String: Double] = [:]
    for entry in try model.required("vocab").array() {
      let entry = try entry.array()
      scores[try entry[0].string()] = try entry[1].double()
    }
    return scores
  }

  /// Where no piece has to be dropped: the first pieces and what two rounds make of their scores. Characters that are too
  /// rare for a score have the least one, in no fixed order in the reference.
  @Test func firstUnigramsAreTheReferences() throws {
    var trainer = try TokenizerTrainer(.unigram, vocabularySize: 8000)
    let lines = try String(contentsOfFile: Self.text, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    try trainer.add(lines.prefix(40).map { $0 + "\n" }.joined())
    let mine = try scores(try JSONField(try JSONValue(parsing: try trainer.tokenizerJSON())).required("model"))
    let reference = try scores(try fixture("unigram-few"))
    #expect(Set(mine.keys) == Set(reference.keys))
    for (piece, score) in reference { #expect(abs(try #require(mine[piece]) - score) < 2e-3, "\(piece)") }
  }

  /// Where pieces are dropped, most of those that stay are the same, and the text is as likely.
  @Test func unigramsAreNearlyTheReferences() throws {
    let (model, tokenizer) = try learned(.unigram, 500, ["<unk>", "<pad>"])
    let (mine, reference) = (try scores(model), try scores(try fixture("unigram")))
    #expect(mine.count == reference.count)
    #expect(Set(mine.keys).intersection(reference.keys).count >= 480)
    let text = try String(contentsOfFile: Self.text, encoding: .utf8)
    func logarithm(_ tokenizer: PipelineTokenizer, _ scores: [String: Double]) throws -> Double {
      try tokenizer.encoding(of: text, addingSpecialTokens: false).tokens.reduce(0) { $0 + (scores[$1] ?? -30) }
    }
    let (own, other) = (try logarithm(tokenizer, mine), try logarithm(try referenceTokenizer(), reference))
    #expect(abs(own / other - 1) < 0.01, "\(own) and \(other)")
  }

  /// A learned tokenizer with the reference's pieces instead of its own.
  private func referenceTokenizer() throws -> PipelineTokenizer {
    var trainer = try TokenizerTrainer(.unigram, vocabularySize: 500, specialTokens: ["<unk>", "<pad>"])
    try trainer.add(fileAt: Self.text)
    guard case .object(var members) = try JSONValue(parsing: try trainer.tokenizerJSON()),
      let index = members.firstIndex(where: { $0.key == "model" })
    else { throw InputError(.badValue, "is no object", at: "tokenizer.json") }
    members[index].value = ["type": "Unigram", "unk_id": 0, "vocab": try fixture("unigram").required("vocab").value()]
    return try PipelineTokenizer(tokenizerJSON: try JSONValue.object(members).encoded())
  }

  /// A text without spaces, whose pairs would become longer tokens than a file may have.
  @Test(arguments: TokenizerTrainer.Algorithm.allCases)
  func whatIsLearnedCanBeLoaded(_ algorithm: TokenizerTrainer.Algorithm) throws {
    var trainer = try TokenizerTrainer(algorithm, vocabularySize: 400, minimumCount: 0)
    try trainer.add(String(repeating: "ab", count: 20_000))
    let tokenizer = try PipelineTokenizer(tokenizerJSON: try trainer.tokenizerJSON())
    #expect(try tokenizer.decode(tokenizer.encode("abab"), skippingSpecialTokens: true) == "abab")
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
    let long = String(repeating: "x", count: 513)
    #expect(
      kind { () throws(InputError) in
        _ = try TokenizerTrainer(.bytePairs, vocabularySize: 300, specialTokens: [long])
      } == .tooLarge)
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
