import Dispatch
import Formats
import Foundation
import Synchronization
import Tensor
import Testing

/// Counts how often each task ran, and keeps the highest worker number.
private struct Counting: ParallelWork {
  let counts: UnsafeMutablePointer<Int32>
  let highest: Highest
  var inner = 0
  /// Microseconds that a task takes, so that other workers come along.
  var pause: UInt32 = 0

  final class Highest: Sendable { let worker = Atomic<Int>(0) }

  func run(task: Int, worker: Int) {
    counts[task] += 1
    highest.worker.max(worker, ordering: .relaxed)
    if pause > 0 { usleep(pause) }
    if inner > 0 { expectEach(inner, of: 1, threads: 3) }
  }
}

/// Runs a region and checks that every task ran once, on workers below the limit.
private func expectEach(_ tasks: Int, of times: Int32, threads: Int, inner: Int = 0, pause: UInt32 = 0) {
  let counts = UnsafeMutablePointer<Int32>.allocate(capacity: tasks)
  counts.initialize(repeating: 0, count: tasks)
  defer { counts.deallocate() }
  let highest = Counting.Highest()
  runInParallel(Counting(counts: counts, highest: highest, inner: inner, pause: pause), tasks: tasks, threads: threads)
  var wrong = 0
  for task in 0..<tasks where counts[task] != times { wrong += 1 }
  if wrong > 0 || highest.worker.load(ordering: .relaxed) >= threads {
    Issue.record("\(tasks) tasks, \(threads) threads: \(wrong) ran another number of times")
  }
}

/// Each in a process of its own, since the crew is the process's.
@Suite struct CrewTests {
  @Test func manySmallRegions() async {
    await #expect(processExitsWith: .success) {
      Runtime.threadCount = 4
      for round in 0..<10_000 { expectEach(2 + round % 7, of: 1, threads: 4) }
    }
  }

  @Test func threadCountsChangeBetweenRegions() async {
    await #expect(processExitsWith: .success) {
      for round in 0..<2000 {
        // More workers are awake from before than the next region has room for.
        let threads = [8, 2, 5, 1, 3][round % 5]
        Runtime.threadCount = threads
        expectEach(40, of: 1, threads: threads)
      }
      // The setting is larger than what a region has scratch memory for, as when it changes meanwhile.
      Runtime.threadCount = 8
      for _ in 0..<20 {
        expectEach(16, of: 1, threads: 8, pause: 50)
        expectEach(16, of: 1, threads: 2, pause: 50)
      }
      Runtime.threadCount = 0
      #expect(Runtime.threadCount == 1)
      Runtime.threadCount = 100_000
      #expect(Runtime.threadCount == 256)
      expectEach(1000, of: 1, threads: 256)
    }
  }

  @Test func regionsWithinRegions() async {
    await #expect(processExitsWith: .success) {
      Runtime.threadCount = 3
      for _ in 0..<50 { expectEach(20, of: 1, threads: 3, inner: 5) }
    }
  }

  @Test func moreTasksThanATicketCounts() async {
    await #expect(processExitsWith: .success) {
      Runtime.threadCount = 2
      for tasks in [0, 1, 1 << 20 - 1, 1 << 20, 1 << 20 + 1, 2_500_000] {
        if tasks > 0 { expectEach(tasks, of: 1, threads: 2) }
      }
      let tall = Tensor.ones([1 << 20 + 3, 1, 2]).sum(axis: 1)
      #expect(tall.shape == [1 << 20 + 3, 2] && tall.sum().scalar == 2 * Float(1 << 20 + 3))
    }
  }

  @Test func callersAtOnceGetTheirOwnResults() async {
    await #expect(processExitsWith: .success) {
      Runtime.threadCount = 3
      let inputs = (0..<8).map { fineTensor([130, 129], seed: $0) }
      let expected = inputs.map { matmul($0, $0, transposingRight: true).softmax() }
      let wrong = Atomic<Int>(0)
      DispatchQueue.concurrentPerform(iterations: 8) { caller in
        for round in 0..<25 {
          let which = (caller + round) % 8
          let found = matmul(inputs[which], inputs[which], transposingRight: true).softmax()
          if !sameBits(found, expected[which]) { wrong.add(1, ordering: .relaxed) }
        }
      }
      await withTaskGroup(of: Bool.self) { group in
        for caller in 0..<16 {
          group.addTask {
            let found = matmul(inputs[caller % 8], inputs[caller % 8], transposingRight: true).softmax()
            return sameBits(found, expected[caller % 8])
          }
        }
        for await isRight in group where !isRight { wrong.add(1, ordering: .relaxed) }
      }
      #expect(wrong.load(ordering: .relaxed) == 0)
    }
  }

  @Test func anIdleProcessUsesNoProcessorTime() async {
    await #expect(processExitsWith: .success) {
      Runtime.threadCount = 8
      let a = fineTensor([300, 300], seed: 1)
      for _ in 0..<20 { _ = matmul(a, a) }
      usleep(20_000)
      // The workers need processors to come to rest, and a busy machine may have none for them yet.
      var used: [Double] = []
      repeat {
        let before = processorTime()
        usleep(400_000)
        used.append(processorTime() - before)
      } while used.last ?? 0 >= 0.02 && used.count < 20
      #expect(used.last ?? 1 < 0.02, "seconds of processor time in 0.4 s without work: \(used)")
    }
  }

  @Test func settingsOutOfTheEnvironment() async {
    await #expect(processExitsWith: .success) {
      setenv("ATTENTION_KERNELS", "baseline", 1)
      setenv("ATTENTION_THREADS", "3", 1)
      try Runtime.start()
      #expect(Runtime.kernelSet == .baseline && Runtime.threadCount == 3)
    }
    for (name, value) in [("ATTENTION_KERNELS", "sse9"), ("ATTENTION_THREADS", "0"), ("ATTENTION_THREADS", "many")] {
      await #expect(processExitsWith: .success) { [name = name as String, value = value as String] in
        setenv(name, value, 1)
        do throws(InputError) {
          try Runtime.start()
          Issue.record("\(name)=\(value) was taken")
        } catch {
          #expect(error.kind == .badValue && error.place == name && error.what.contains(value))
        }
      }
    }
  }
}

/// Seconds of processor time that this process has used.
private func processorTime() -> Double {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
  #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  #endif
  func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
  return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
