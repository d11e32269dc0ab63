import Foundation
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

  private static let models: [any LanguageModel] = [
    tinyGPT2(context: 256), tinyLlama(context: 256), tinyLlama(context: 256).kept(as: .bfloat16),
    tinyGPT2(context: 256).kept(as: .float16),
  ]

  /// What the pool takes from the system: the memory of tensors, and of nothing else.
  @Test func decodingTakesNoBlocksFromTheSystem() async {
    await #expect(processExitsWith: .success) {
      // Of two threads it is chance when both first need memory of their own at once.
      Runtime.threadCount = 1
      for model in Self.models {
        for sampling in Self.samplings {
          var stream = try TokenStream(model, after: [1, 2, 3], sampling: sampling, maxTokens: 200)
          for _ in 0..<4 { _ = try stream.next() }
          let before = Memory.systemAllocationCount
          for _ in 0..<150 { _ = try stream.next() }
          let taken = Memory.systemAllocationCount - before
          #expect(taken == 0, "\(taken) blocks in 150 tokens of \(type(of: model)), \(sampling)")
        }
      }
    }
  }

  #if canImport(Glibc)
    /// What the allocator has given out: a token may take small objects for a while, but keeps none.
    @Test func decodingKeepsNothingOfATokenOnTheHeap() async {
      await #expect(processExitsWith: .success) {
        for model in Self.models {
          for sampling in Self.samplings {
            var stream = try TokenStream(model, after: [1, 2, 3], sampling: sampling, maxTokens: 200)
            for _ in 0..<20 { _ = try stream.next() }
            // What is kept of each token is kept in every stretch; the caches of the allocator fill in some.
            var least = Int.max
            for _ in 0..<8 {
              let before = try heapBytesInUse()
              for _ in 0..<20 { _ = try stream.next() }
              least = min(least, try heapBytesInUse() - before)
            }
            // The smallest object takes 32 bytes.
            #expect(least < 20 * 32, "\(least) bytes more after 20 tokens of \(type(of: model)), \(sampling)")
          }
        }
      }
    }
  #endif
}

#if canImport(Glibc)
  /// The bytes that the C library's allocator has given out, of all its arenas, by its own account.
  private func heapBytesInUse() throws -> Int {
    var text: UnsafeMutablePointer<CChar>?
    var count = 0
    let file = try #require(open_memstream(&text, &count))
    typealias MallocInfo = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
    let function = try #require(dlsym(nil, "malloc_info"))
    let status = unsafeBitCast(function, to: MallocInfo.self)(0, file)
    fclose(file)
    defer { free(text) }
    #expect(status == 0)
    let account = String(cString: try #require(text))
    // The totals of all arenas stand at the end.
    func bytes(_ element: String) -> Int? {
      guard let start = account.range(of: "<" + element, options: .backwards)?.upperBound,
        let size = account.range(of: "size=\"", range: start..<account.endIndex)?.upperBound
      else { return nil }
      return Int(account[size...].prefix { $0.isNumber })
    }
    let parts = [
      bytes("system type=\"current\""), bytes("total type=\"mmap\""), bytes("total type=\"fast\"").map { -$0 },
      bytes("total type=\"rest\"").map { -$0 },
    ]
    #expect(!parts.contains(nil), "malloc_info says something else: \(account)")
    return parts.reduce(0) { $0 + ($1 ?? 0) }
  }
#endif
