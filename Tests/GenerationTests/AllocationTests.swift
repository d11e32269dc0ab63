import Foundation
import Generation
import Models
import Synchronization
import Tensor
import TestSupport
import Testing

/// Counts the objects that one thread allocates, through the hooks that Swift's runtime has for instruments.
///
/// Objects are all that Swift allocates by itself: instances, arrays, escaping closures, boxes.
private enum ObjectCounter {
  private typealias Allocate = @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?
  private static let thread = Atomic<UInt>(0)
  private static let count = Atomic<Int>(0)
  private nonisolated(unsafe) static var original: Allocate = { _, _, _ in nil }

  /// Whether the runtime's hooks are there.
  static let isPresent: Bool = {
    #if os(Linux)
      guard let hook = dlsym(nil, "_swift_allocObject"),
        let flag = dlsym(nil, "_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly")
      else { return false }
      original = hook.load(as: Allocate.self)
      _ = (thread.load(ordering: .relaxed), count.load(ordering: .relaxed))  // initialised before the hook needs them
      let counting: Allocate = { type, size, alignment in
        if ObjectCounter.thread.load(ordering: .relaxed) == UInt(pthread_self()) {
          ObjectCounter.count.add(1, ordering: .relaxed)
        }
        return ObjectCounter.original(type, size, alignment)
      }
      hook.storeBytes(of: counting, as: Allocate.self)
      flag.storeBytes(of: true, as: Bool.self)
      return true
    #else
      return false
    #endif
  }()

  static func objects(in body: () throws -> Void) rethrows -> Int {
    #if os(Linux)
      thread.store(UInt(pthread_self()), ordering: .relaxed)
      defer { thread.store(0, ordering: .relaxed) }
    #endif
    let before = count.load(ordering: .relaxed)
    try body()
    return count.load(ordering: .relaxed) - before
  }
}

/// Optimisation decides what is allocated, so objects are counted in release builds only.
private let isOptimised: Bool = {
  #if DEBUG
    false
  #else
    true
  #endif
}()

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
    let taken = try (0..<50).map { _ in
      var stream = try warmStream(Self.models[model], sampling)
      let before = Memory.systemAllocationCount
      for _ in 0..<10 { _ = try stream.next() }
      return Memory.systemAllocationCount - before
    }
    #expect(taken.contains(0), "blocks taken by ten tokens: \(taken)")
  }

  @Test(.enabled(if: isOptimised && ObjectCounter.isPresent, "counts objects of release builds on Linux"))
  func decodingAllocatesNoObjects() throws {
    for model in Self.models {
      for sampling in Self.samplings {
        var stream = try warmStream(model, sampling)
        let objects = try ObjectCounter.objects { for _ in 0..<100 { _ = try stream.next() } }
        #expect(objects == 0, "\(type(of: model)), \(sampling): \(objects) objects for 100 tokens")
      }
    }
    // The counter does count.
    var kept: [[Int]] = []
    #expect(ObjectCounter.objects { for i in 0..<10 { kept.append(Array(repeating: i, count: 3)) } } >= 10)
  }
}
