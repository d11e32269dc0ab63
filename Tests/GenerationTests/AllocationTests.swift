import Generation
import Models
import Tensor
import Testing

@Suite(.serialized) struct AllocationTests {
  private static let samplings: [Sampling] = {
    let all: [Sampling?] = [
      .greedy, try? Sampling(), try? Sampling(topK: 9), try? Sampling(topP: 0.8), try? Sampling(topK: 30, topP: 0.8),
    ]
    return all.compactMap { $0 }
  }()

  /// A stream that has given its first tokens.
  private func warmStream(_ model: any LanguageModel, _ sampling: Sampling) throws -> TokenStream {
    var stream = try TokenStream(model, after: [1, 2, 3], sampling: sampling, maxTokens: 200)
    for _ in 0..<4 { _ = try stream.next() }
    return stream
  }

  private static let models: [any LanguageModel] = [
    tinyGPT2(context: 256), tinyLlama(context: 256), tinyLlama(context: 256).kept(as: .bfloat16),
    tinyGPT2(context: 256).kept(as: .float16),
  ]

  @Test(arguments: models.indices, samplings)
  func decodingTakesNoBlocksFromTheSystem(_ model: Int, _ sampling: Sampling) throws {
    // Other tests run meanwhile and take blocks too: it is enough that one stretch of many took none.
    let tookNone = try (0..<50).contains { _ in
      var stream = try warmStream(Self.models[model], sampling)
      let before = Memory.systemAllocationCount
      for _ in 0..<10 { _ = try stream.next() }
      return Memory.systemAllocationCount == before
    }
    #expect(tookNone)
  }
}
