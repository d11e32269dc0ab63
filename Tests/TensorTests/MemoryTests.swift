import Dispatch
import Foundation
import Synchronization
import Tensor
import Testing

/// Each in a process of its own, since the pool is the process's.
@Suite struct MemoryTests {
  @Test func repeatedWorkTakesNothingNew() async {
    await #expect(processExitsWith: .success) {
      // Of two threads it is chance when both first need memory of their own at once.
      Runtime.threadCount = 1
      let weight = fineTensor([300, 200], seed: 1), x = fineTensor([70, 300], seed: 2)
      var counts: [Int] = []
      for _ in 0..<10 {
        let hidden = linear(x, weight, activation: .gelu)
        let heads = hidden.reshaped(1, 70, 4, 50)
        let mixed = scaledDotProductAttention(query: heads, key: heads, value: heads, mask: .causal)
        _ = (mixed.reshaped(70, 200) + hidden).layerNorm(weight: nil, bias: nil, epsilon: 1e-5).softmax().sum()
        counts.append(Memory.systemAllocationCount)
      }
      #expect(counts[0] > 0 && counts[2...].allSatisfy { $0 == counts[1] }, "\(counts)")
    }
  }

  @Test func theLimitIsHard() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Memory.limit = 1 << 22
      let small = Tensor.zeros([1 << 18])
      print(Tensor.zeros([1 << 20]).elementCount, small.elementCount)
    }
    #expect(text(result).contains("over Memory.limit, 4194304"), "\(text(result))")
  }

  @Test func unusedBlocksMakeRoom() async {
    await #expect(processExitsWith: .success) {
      Memory.limit = 1 << 24
      for step in 0..<12 {  // each of another class of sizes, none fits beside the one before
        let tensor = Tensor.zeros(Shape(1 << 21 + step << 17))
        #expect(tensor.scalars.count == 1 << 21 + step << 17)
      }
      #expect(Memory.reservedBytes <= 1 << 24 && Memory.peakBytes <= 1 << 24)
      #expect(Memory.hasRoom(for: 1 << 23) && !Memory.hasRoom(for: 1 << 24 + 1))
    }
  }

  @Test func trimGivesBackWhatNobodyUses() async {
    await #expect(processExitsWith: .success) {
      let kept = fineTensor([1000], seed: 1), values = kept.scalars
      var large: Tensor? = Tensor.zeros([1 << 20])
      let before = Memory.reservedBytes
      Memory.trim()
      #expect(Memory.reservedBytes > 4 << 20)
      large = nil
      #expect(Memory.reservedBytes <= before && large == nil)
      Memory.trim()
      #expect(Memory.reservedBytes < 1 << 20)
      #expect(Memory.peakBytes >= 4 << 20)
      #expect(kept.scalars == values)
      // A block is found again after the others have moved.
      let count = Memory.systemAllocationCount
      var copy = kept
      copy.withMutableScalars { $0[0] = 5 }
      #expect(Memory.systemAllocationCount == count + 1 && kept.scalars == values)
    }
  }

  @Test func peaksOfTheProcess() async {
    await #expect(processExitsWith: .success) {
      let before = Memory.processPeakBytes
      let large = Tensor.ones([1 << 25])
      #expect(Memory.processPeakBytes > before + 1 << 26 && large.elementCount == 1 << 25)
      #expect(Memory.limit > 1 << 28)
    }
  }

  /// Blocks move within the pool while other threads ask whether theirs are shared.
  @Test func blocksMoveWhileOthersAsk() async {
    await #expect(processExitsWith: .success) {
      Memory.trim()
      let before = Memory.reservedBytes
      let done = Atomic<Int>(0), wrong = Atomic<Int>(0)
      DispatchQueue.concurrentPerform(iterations: 4) { caller in
        if caller == 0 {
          var held: [Tensor] = []
          while done.load(ordering: .relaxed) < 3 {
            for _ in 0..<4 { held.append(.zeros([100])) }
            held.removeFirst(2)
            if held.count > 40 { held = [] }
            Memory.trim()
          }
          return
        }
        var tensors = (0..<20).map { Tensor(repeating: Float($0), shape: [100]) }
        for round in 0..<60_000 {
          tensors[round % 20].withMutableScalars { $0[1] += 1 }
          // A new place in the pool, behind blocks that will go.
          if round % 7 == 0 { tensors[round % 20] = Tensor(tensors[round % 20].scalars, shape: [100]) }
        }
        for (i, tensor) in tensors.enumerated()
        where tensor.scalars[0] != Float(i) || tensor.scalars[1] != Float(i) + 3000 {
          wrong.add(1, ordering: .relaxed)
        }
        done.add(1, ordering: .relaxed)
      }
      #expect(wrong.load(ordering: .relaxed) == 0)
      // A block that the pool lost, or has twice, is never given back.
      Memory.trim()
      #expect(Memory.reservedBytes == before)
    }
  }

  @Test func sharingAndTrimmingAtOnce() async {
    await #expect(processExitsWith: .success) {
      let wrong = Atomic<Int>(0)
      Memory.trim()
      let before = Memory.reservedBytes
      DispatchQueue.concurrentPerform(iterations: 6) { caller in
        var held: [Tensor] = []
        for round in 0..<1500 {
          let value = Float(caller * 10_000 + round)
          let original = Tensor(repeating: value, shape: Shape(100 + 60 * (round % 5)))
          var copy = original
          copy.withMutableScalars { $0[0] = -1 }
          if original.scalars != [Float](repeating: value, count: original.elementCount) || copy.scalars[1] != value {
            wrong.add(1, ordering: .relaxed)
          }
          held.append(copy)
          if held.count > 20 { held.removeFirst(round % 17) }
          if round % 4 == caller % 4 { Memory.trim() }
        }
        for tensor in held where tensor.scalars[0] != -1 { wrong.add(1, ordering: .relaxed) }
      }
      // A block that the pool lost, or has twice, is never given back.
      Memory.trim()
      #expect(Memory.reservedBytes == before)
      #expect(wrong.load(ordering: .relaxed) == 0)
    }
  }
}

/// What a process wrote before it stopped.
func text(_ result: ExitTest.Result?) -> String { String(decoding: result?.standardErrorContent ?? [], as: UTF8.self) }
