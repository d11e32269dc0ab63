import Formats
import Foundation
import Generation
import Models
import Synchronization
import Testing
import Tokenizers

/// A tokenizer with a token for each byte, in GPT-2's byte alphabet; a token's id is its byte.
private func byteTokenizer() throws -> PipelineTokenizer {
  var next: UInt32 = 256
  let members = (0..<256).map { byte -> JSONMember in
    let isPrintable = 33...126 ~= byte || 161...172 ~= byte || 174...255 ~= byte
    let scalar = Unicode.Scalar(isPrintable ? UInt32(byte) : next) ?? " "
    next += isPrintable ? 0 : 1
    return JSONMember(JSONString(String(scalar)), .integer(byte))
  }
  return try PipelineTokenizer(
    vocabularyJSON: try JSONValue.object(members).encoded(), merges: Array("#version: 0.2\n".utf8), layout: .gpt2)
}

/// A model that says `bytes` after a prompt of one token, over and over.
private func speaker(_ bytes: [UInt8], context: Int = 512) -> ScriptedModel {
  ScriptedModel(vocabularySize: 256, contextLength: context) { position in
    var scores = [Float](repeating: 0, count: 256)
    scores[Int(bytes[position % bytes.count])] = 1
    return scores
  }
}

@Suite struct TextStreamTests {
  @Test func piecesAreWholeAndTogetherTheDecodedText() async throws {
    let said = "Größe: 🎈, 한국어 é.", tokenizer = try byteTokenizer()
    let model = speaker(Array(said.utf8))
    var pieces: [String] = []
    for try await piece in try model.stream("a", tokenizer: tokenizer, maxTokens: said.utf8.count) {
      pieces.append(piece)
    }
    #expect(pieces.joined() == said)
    #expect(pieces == said.unicodeScalars.map { String($0) })
    let whole = try model.generate(after: "a", tokenizer: tokenizer, maxTokens: said.utf8.count)
    #expect(whole.text == said && whole.tokens.ids == said.utf8.map { Int($0) })
  }

  @Test func aTextThatEndsWithinACharacterIsDecodedTheSame() async throws {
    let tokenizer = try byteTokenizer()
    for count in 1...7 {
      let model = speaker(Array("x🎈é".utf8))
      var text = ""
      for try await piece in try model.stream("a", tokenizer: tokenizer, maxTokens: count) {
        #expect(!piece.isEmpty)
        text += piece
      }
      #expect(try text == tokenizer.decode(model.generate(after: [97], maxTokens: count).ids))
    }
  }

  @Test func randomModelsStreamWhatTheyGenerate() async throws {
    let tokenizer = try byteTokenizer()
    for seed: UInt64 in 0..<5 {
      let model = tinyLlama(context: 64, vocabulary: 256, seed: seed)
      let sampling = try Sampling(temperature: 1.5, topP: 0.98, seed: seed)
      var text = ""
      for try await piece in try model.stream("ab", tokenizer: tokenizer, sampling: sampling, maxTokens: 60) {
        text += piece
      }
      #expect(
        try text == model.generate(after: "ab", tokenizer: tokenizer, sampling: sampling, maxTokens: 60).text)
    }
  }

  @Test func aSpaceAfterThePromptStays() throws {
    // As Llama's vocabularies have it: the decoder drops the space before the text's first word.
    let json = """
      {"added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
       "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
         {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
       "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
         "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
         "vocab": {"▁": 0, "a": 1, "b": 2}, "merges": []}}
      """
    let tokenizer = try PipelineTokenizer(tokenizerJSON: Array(json.utf8))
    let model = ScriptedModel(vocabularySize: 3) { $0 % 2 == 0 ? [1, 0, 0] : [0, 0, 1] }
    #expect(try model.generate(after: "a", tokenizer: tokenizer, maxTokens: 4).text == " b b")
    #expect(try tokenizer.decode([0, 2, 0, 2]) == "b b")
  }

  @Test func leavingTheLoopStopsComputing() async throws {
    let model = speaker(Array("abc".utf8))
    for try await piece in try model.stream("a", tokenizer: byteTokenizer(), maxTokens: 500) where piece == "c" {
      break
    }
    #expect(model.runs.count.withLock { $0 } <= 4)
  }

  @Test func cancellationThrowsAtTheNextToken() async throws {
    let model = speaker(Array("abc".utf8)), tokenizer = try byteTokenizer()
    let task = Task {
      var count = 0
      for try await _ in try model.stream("a", tokenizer: tokenizer, maxTokens: 500) {
        count += 1
        if count == 3 { withUnsafeCurrentTask { $0?.cancel() } }
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(model.runs.count.withLock { $0 } == 3)
  }

  @Test func cancellationFromOutsideStopsALongGeneration() async throws {
    // Bytes that begin no character give no piece, so the loop's own body never runs.
    let model = speaker([0xf0, 0x9f, 0x8e], context: 1_000_000), tokenizer = try byteTokenizer()
    model.runs.body.withLock { $0 = { usleep(1000) } }
    let task = Task {
      for try await _ in try model.stream("a", tokenizer: tokenizer, maxTokens: 900_000) {}
    }
    while model.runs.count.withLock({ $0 }) < 5 { try await Task.sleep(for: .milliseconds(1)) }
    task.cancel()
    let runs = model.runs.count.withLock { $0 }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(model.runs.count.withLock { $0 } < runs + 1000)
  }

  @Test @MainActor func computesOffTheCallersActor() async throws {
    let model = speaker(Array("abc".utf8))
    let counter = Counter()
    model.runs.body.withLock { $0 = { if Thread.isMainThread { counter.add() } } }
    for try await _ in try model.stream("a", tokenizer: byteTokenizer(), maxTokens: 20) { MainActor.assertIsolated() }
    #expect(model.runs.count.withLock { $0 } == 20)
    #expect(counter.value == 0)
  }

  @Test func wrongInputIsAnError() throws {
    let model = tinyGPT2(), tokenizer = try byteTokenizer()
    #expect(kind { _ = try model.stream("", tokenizer: tokenizer, maxTokens: 5) } == .badValue)
    #expect(kind { _ = try model.stream("a", tokenizer: tokenizer, maxTokens: 5) } == .badValue)  // id 97 of 61
    #expect(kind { _ = try model.stream("\u{1}", tokenizer: tokenizer, maxTokens: 0) } == .badValue)
  }

  // As models have it whose number of scores was rounded up.
  @Test func idsWithoutATokenAddNothing() async throws {
    let model = ScriptedModel(vocabularySize: 301) { position in
      var scores = [Float](repeating: 0, count: 301)
      scores[position % 2 == 0 ? 300 : 98] = 1
      return scores
    }
    let tokenizer = try byteTokenizer()
    var pieces: [String] = []
    for try await piece in try model.stream("a", tokenizer: tokenizer, maxTokens: 5) { pieces.append(piece) }
    #expect(pieces == ["b", "b"])
    let whole = try model.generate(after: "a", tokenizer: tokenizer, maxTokens: 5)
    #expect(whole.text == "bb" && whole.tokens.ids == [300, 98, 300, 98, 300])
    var detokenizer = tokenizer.makeDetokenizer(after: [97, 300, -1, .max])
    #expect(detokenizer.appendIfKnown(98) + detokenizer.finish() == "b")
  }
}

private final class Counter: Sendable {
  private let count = Mutex(0)
  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
