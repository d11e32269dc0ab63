import Formats
import Foundation
import Generation
import Layers
import Models
import Tensor
import TestSupport
import Testing
import Tokenizers

/// Continuations by Hugging Face's transformers, in Float32.
private struct Expected: Decodable {
  struct Case: Decodable {
    let prompt: String
    let prompt_ids: [Int]
    let greedy_ids: [Int]
    let text: String
    let first_step_top5: [[Double]]
  }
  let cases: [Case]

  static func read() throws -> Expected {
    let path = TestData.path("models/tinystories-656k/expected.json")
    return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

@Suite(.serialized, .enabled(if: TestData.isPresent, "ATTENTION_TEST_DATA names no folder"))
struct RealModelTests {
  @Test(arguments: ["tinystories-656k", "tinystories-656k-bf16"], Runtime.availableKernels)
  func continuesAsTransformersDoes(_ name: String, _ kernels: KernelSet) throws {
    let folder = TestData.path("models/" + name)
    let model = try PretrainedModel.load(from: folder), tokenizer = try loadTokenizer(in: folder)
    for threads in [1, 2] {
      for expected in try Expected.read().cases {
        let ids = try tokenizer.encode(expected.prompt)
        #expect(ids == expected.prompt_ids)
        let (logits, found) = try RuntimeSettings.with(kernels, threads: threads) {
          var pass = Pass()
          let logits = model.nextLogits(TokenBatch(ids), &pass).scalars
          return (logits, try model.generate(after: ids, maxTokens: expected.greedy_ids.count).ids)
        }
        for pair in expected.first_step_top5 { #expect(abs(Double(logits[Int(pair[0])]) - pair[1]) < 1e-4) }
        #expect(found == expected.greedy_ids, "\(threads) threads, \(expected.prompt)")
        #expect(try tokenizer.decode(ids + found) == expected.text)
      }
    }
  }

  @Test func streamedTextContinuesThePrompt() async throws {
    let folder = TestData.path("models/tinystories-656k")
    let model = try PretrainedModel.load(from: folder), tokenizer = try loadTokenizer(in: folder)
    for expected in try Expected.read().cases {
      let beginning = try tokenizer.decode(tokenizer.encode(expected.prompt))
      let sampling = try Sampling(temperature: 1.2, seed: 8)
      for options in [(Sampling.greedy, 120), (sampling, 60)] {
        var text = ""
        for try await piece in try model.stream(
          expected.prompt, tokenizer: tokenizer, sampling: options.0, maxTokens: options.1)
        { text += piece }
        let whole = try model.generate(
          after: expected.prompt, tokenizer: tokenizer, sampling: options.0, maxTokens: options.1)
        #expect(text == whole.text)
        #expect(try beginning + text == tokenizer.decode(tokenizer.encode(expected.prompt) + whole.tokens.ids))
        if options.0.isGreedy { #expect(beginning + text == expected.text) }
      }
    }
  }

  @Test func threadsChangeNoToken() throws {
    let model = try PretrainedModel.load(from: TestData.path("models/tinystories-656k"))
    let texts = try [1, 2, 3].map { threads in
      try RuntimeSettings.with(threads: threads) {
        try model.generate(after: [1, 80, 147], sampling: Sampling(topP: 0.95, seed: 3), maxTokens: 200).ids
      }
    }
    #expect(texts[0] == texts[1] && texts[0] == texts[2])
  }
}
